"""The teams file: a table with the columns user and team, which is read again when it changes."""

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from exporter.config.table_file import RowMistake, in_words, read_table
from exporter.log import event
from exporter.model import UNASSIGNED

logger = logging.getLogger(__name__)

_COLUMNS = (("user", "email", "username", "login"), ("team",))


@dataclass(frozen=True)
class Teams:
    """The team of each user and the line in which it stands. Users are in lower case."""

    team_of: Mapping[str, str]
    lines: Mapping[str, int]

    @cached_property
    def members(self) -> Mapping[str, int]:
        """The number of users of each team, sorted by name."""
        return dict(sorted(Counter(self.team_of.values()).items()))


def parse_teams(content: bytes) -> Teams:
    """Parses a teams file; a user without a team is in `unassigned`.

    Raises ValueError, whose message has the line of each mistake and no person.
    """
    rows, mistakes = read_table(content, _COLUMNS)
    team_of: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, (name, team) in rows:
        user = name.lower()
        if not user:
            mistakes.append(RowMistake(line, "has no user"))
        elif team_of.setdefault(user, team or UNASSIGNED) != (team or UNASSIGNED):
            mistakes.append(RowMistake(line, f"has the user of line {lines[user]} in another team"))
        lines.setdefault(user, line)
    if mistakes:
        raise ValueError(in_words(mistakes))
    return Teams(team_of, lines)


def read_teams(path: Path) -> Teams:
    """The teams in a file as it is now; raises OSError, or ValueError for what cannot be right."""
    return parse_teams(path.read_bytes())


class TeamsFile:
    """A teams file that may change at any time. An invalid file keeps the teams as they were and is logged once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._version: tuple[int, int, int] | None = None
        self._complaint: str | None = None
        self._teams: Teams | None = None

    def teams(self) -> Teams | None:
        """The teams: the same object while they do not change, None where the file could never be read."""
        with self._lock:
            try:
                found = self.path.stat()
                version = found.st_mtime_ns, found.st_size, found.st_ino
                if version != self._version:
                    self._version = version
                    self._take(read_teams(self.path))
            except OSError as error:
                self._version = None
                self._refuse(f"cannot be read: {error.strerror}")
            except ValueError as error:
                self._refuse(str(error))
            return self._teams

    def _take(self, teams: Teams) -> None:
        if teams != self._teams:
            self._teams = teams
            numbers = {"users": len(teams.team_of), "teams": len(teams.members)}
            event(logger, logging.INFO, "teams file read", file=self.path, **numbers)
        self._complaint = None

    def _refuse(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            event(logger, logging.ERROR, "teams file refused, teams stay as they are", file=self.path, error=complaint)
