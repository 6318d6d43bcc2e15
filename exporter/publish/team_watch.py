"""Follows the teams file: publishes stored days anew when teams change, and tells of users whom no source knows."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from exporter.config.teams_file import Teams, TeamsFile
from exporter.log import event
from exporter.publish.publisher import Publisher
from exporter.state.database import StateError

logger = logging.getLogger(__name__)

_LINES_SHOWN = 20


class TeamWatch:
    """Looks at a teams file every second, and knows which of its contents are published and reported.

    To be made before sources are published: what they show then is taken to go by the teams of that moment.
    """

    def __init__(self, file: TeamsFile) -> None:
        self._file = file
        self._published = file.teams()
        self._reported: Teams | None = None
        self._waiting: list[Publisher] = []

    def look(self, publishers: Sequence[Publisher], *, tried: bool) -> None:
        """Publishes every source anew where the teams have changed. Who matches nobody is told once `tried` is true.

        `tried` says that every source was polled or restored: before, nobody may be known yet. What needs the state
        while it cannot be reached is done by a later look.
        """
        teams = self._file.teams()
        if teams is None:
            return
        if teams is not self._published:
            self._published, self._waiting = teams, list(publishers)
        self._waiting = [publisher for publisher in self._waiting if not _publish(publisher)]
        if tried and teams is not self._reported:
            with suppress(StateError):
                _report(teams, self._file, publishers)
                self._reported = teams


def _publish(publisher: Publisher) -> bool:
    """Publishes a source anew; False where that is to be tried again because the state cannot be reached."""
    try:
        publisher.publish_all()
    except StateError:
        # The next poll says so.
        return False
    except Exception as error:
        source = publisher.sample_options.source
        event(logger, logging.ERROR, "a bug kept a source from following the teams file", source=source, exc_info=error)
    return True


def _report(teams: Teams, file: TeamsFile, publishers: Sequence[Publisher]) -> None:
    """How many users are unknown and in which lines; who they are is for nobody but the file's owner."""
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
