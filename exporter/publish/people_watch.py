"""Follows who is who: publishes the company, and anew the sources in which people have other teams; reports matches."""

import logging
from collections.abc import Callable, Sequence

from exporter.log import event
from exporter.publish.company import Company
from exporter.publish.people_reports import report_identities, report_matches, report_users
from exporter.publish.publisher import Publisher
from exporter.publish.snapshot import ExpositionCache
from exporter.publish.team_members import publish_team_members
from exporter.samples.directory import Directory
from exporter.samples.source_accounts import Files
from exporter.state.database import StateError

logger = logging.getLogger(__name__)


# The largest share of the time that it may take: while sources read their history, they publish every second.
_SHARE = 0.1


class PeopleWatch:
    """Remembers which publications of the sources it has looked at, and what it has reported."""

    def __init__(
        self, directory: Directory, cache: ExpositionCache, company: Company, monotonic: Callable[[], float]
    ) -> None:
        self._directory = directory
        self._cache = cache
        self._company = company
        self._monotonic = monotonic
        self._due = float("-inf")
        self._seen: dict[str, int] = {}
        self._files: Files | None = None
        self._reported: Files | None = None
        self._refused: Sequence[int] = ()
        self._broken: set[str] = set()

    def publish_members(self) -> None:
        """Publishes the members of each team as the teams file has them now."""
        publish_team_members(self._cache, self._directory.files.teams)

    def hurry(self) -> None:
        """Makes the next call of `look` not too soon."""
        self._due = float("-inf")

    def look(self, publishers: Sequence[Publisher], *, tried: bool, at_once: bool = False) -> None:
        """Publishes the teams, every source in which somebody has another team than is published, and the company.

        Unless `at_once`, a call that comes too soon after a costly one does nothing.

        Reports what the files match once `tried` is true, which it is once every source was polled or restored: before,
        users may not be known yet. While the state is unavailable, what needs it is left to a later call.
        """
        began = self._monotonic()
        if began < self._due and not at_once:
            return
        counts = {one.sample_options.source: one.publication for one in publishers}
        changed = [source for source, count in counts.items() if self._seen.get(source) != count]
        try:
            self._directory.follow(changed)
            files = self._directory.files
            if changed or files is not self._files:
                self.publish_members()
                self._broken = self._broken.difference(changed) if files is self._files else set()
                self._seen, self._files = counts, files
                for publisher in publishers:
                    source = publisher.sample_options.source
                    if source not in self._broken and not publisher.has_teams_of_now() and not _publish(publisher):
                        self._broken.add(source)
            self._publish_company(publishers)
            if tried:
                self._report(files, publishers)
        except StateError:
            # The next poll reports it.
            self._seen.clear()
        ended = self._monotonic()
        self._due = ended + (ended - began) / _SHARE

    def _publish_company(self, publishers: Sequence[Publisher]) -> None:
        try:
            self._company.publish(publishers, self._directory.persons())
        except StateError:
            raise
        except Exception as error:
            event(logger, logging.ERROR, "a bug kept the company from being published", exc_info=error)

    def _report(self, files: Files, publishers: Sequence[Publisher]) -> None:
        persons, directory = self._directory.persons(), self._directory
        if directory.identities is not None and persons.refused != self._refused:
            message = "identities that fit several accounts are refused: name the source"
            report_identities(message, directory.identities.path, persons.refused)
        self._refused = persons.refused
        if files is self._reported:
            return
        if directory.teams is not None and files.teams is not None:
            report_users(directory.teams.path, files.teams, persons)
            report_matches(publishers)
        if directory.identities is not None:
            report_identities("identities match nobody", directory.identities.path, persons.strangers)
        self._reported = files


def _publish(publisher: Publisher) -> bool:
    """Publishes a source anew; False if a bug prevents it. Raises StateError."""
    try:
        publisher.publish_all()
    except StateError:
        raise
    except Exception as error:
        source = publisher.sample_options.source
        event(logger, logging.ERROR, "a bug kept a source from following the teams file", source=source, exc_info=error)
        return False
    return True
