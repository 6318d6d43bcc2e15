"""Follows the teams file: publishes stored days anew when teams change, and tells of users whom no source knows."""

import logging
from collections.abc import Sequence

from exporter.log import event
from exporter.publisher import Publisher
from exporter.teams_file import Teams, TeamsFile

logger = logging.getLogger(__name__)

_LINES_SHOWN = 20


class TeamWatch:
    """Looks at a teams file every second, and knows which of its contents are published and reported."""

    def __init__(self) -> None:
        self._published: Teams | None = None
        self._reported: Teams | None = None

    def look(self, file: TeamsFile, publishers: Sequence[Publisher], *, tried: bool) -> None:
        """Publishes every source anew where the teams have changed. Who matches nobody is told once `tried` is true.

        `tried` says that every source was polled or restored: before, nobody may be known yet.
        """
        teams = file.teams()
        if teams is None:
            return
        if teams is not self._published:
            self._published = teams
            for publisher in publishers:
                publisher.publish_all()
        if tried and teams is not self._reported:
            self._reported = teams
            _report(teams, file, publishers)


def _report(teams: Teams, file: TeamsFile, publishers: Sequence[Publisher]) -> None:
    """How many users are unknown and in which lines; who they are is for nobody but the file's owner."""
    users = list(teams.team_of)
    known = set().union(*(publisher.recipe.accounts.known(users) for publisher in publishers))
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
