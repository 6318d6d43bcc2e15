"""Watches the teams file: publishes anew when teams change, and reports how many users and people match."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from exporter.config.teams_file import Teams, TeamsFile
from exporter.log import event
from exporter.publish.publisher import Publisher
from exporter.publish.snapshot import ExpositionCache
from exporter.publish.team_match import team_match
from exporter.publish.team_members import MOST_TEAMS, publish_team_members
from exporter.state.database import StateError

logger = logging.getLogger(__name__)

_LINES_SHOWN = 20


class TeamWatch:
    """Remembers which contents of a teams file are published and reported.

    Create it before sources are published: it takes the current teams as published.
    """

    def __init__(self, file: TeamsFile, cache: ExpositionCache) -> None:
        self._file = file
        self._cache = cache
        self._published = file.content()
        self._reported: Teams | None = None
        self._waiting: list[Publisher] = []

    def look(self, publishers: Sequence[Publisher], *, tried: bool) -> None:
        """Publishes the teams and every source anew if they have changed, and reports matches once `tried` is true.

        `tried` is true once every source was polled or restored: before, users may not be known yet. While the state
        is unavailable, what needs it is left to a later call.
        """
        teams = self._file.content()
        if teams is None:
            return
        publish_team_members(self._cache, teams)
        if teams is not self._published:
            self._published, self._waiting = teams, list(publishers)
        self._waiting = [publisher for publisher in self._waiting if not _publish(publisher)]
        if tried and teams is not self._reported:
            with suppress(StateError):
                _report(teams, self._file, publishers)
                _report_matches(publishers)
                self._reported = teams


def _publish(publisher: Publisher) -> bool:
    """Republishes a source; False if the state is unavailable and the caller must try again."""
    try:
        publisher.publish_all()
    except StateError:
        # The next poll reports it.
        return False
    except Exception as error:
        source = publisher.sample_options.source
        event(logger, logging.ERROR, "a bug kept a source from following the teams file", source=source, exc_info=error)
    return True


def _report(teams: Teams, file: TeamsFile, publishers: Sequence[Publisher]) -> None:
    """Logs how many users are unknown and in which lines, without their names."""
    users = list(teams.team_of)
    known = set().union(*(publisher.sample_options.accounts.known(users) for publisher in publishers))
    lines = sorted(teams.lines[user] for user in users if user not in known)
    if lines:
        shown = ", ".join(map(str, lines[:_LINES_SHOWN])) + (", ..." if len(lines) > _LINES_SHOWN else "")
        event(
            logger,
            logging.WARNING,
            "users of the teams file match nobody",
            file=file.path,
            users=len(lines),
            lines=shown,
        )
    if len(teams.members) > MOST_TEAMS:
        told = {"file": file.path, "teams": len(teams.members), "published": MOST_TEAMS}
        event(logger, logging.WARNING, "the members of the smallest teams are not published", **told)


def _report_matches(publishers: Sequence[Publisher]) -> None:
    """Logs for each source how many of its people the teams file knows."""
    for publisher in publishers:
        options = publisher.sample_options
        found = team_match((made for _, made in publisher.state().values() if made is not None), options.min_group_size)
        if found is not None:
            known = "withheld" if found.known is None else found.known
            told = {"source": options.source, "people": found.people, "known": known}
            event(logger, logging.INFO, "people of the source that the teams file knows", **told)
