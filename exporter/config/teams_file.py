"""The teams file: a CSV file with the columns user and team, which is read again when it changes."""

import csv
import io
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.log import event
from exporter.model import UNASSIGNED

logger = logging.getLogger(__name__)

_COLUMNS = ("user", "team")


@dataclass(frozen=True)
class Teams:
    """The team of each user and the line in which it stands. Users are in lower case."""

    team_of: Mapping[str, str]
    lines: Mapping[str, int]


def parse_teams(text: str) -> Teams:
    """Parses a teams file: columns in any order, others and blank lines ignored; no team means `unassigned`.

    Raises ValueError, whose message has the line and no person.
    """
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    team_of: dict[str, str] = {}
    lines: dict[str, int] = {}
    header: list[str] = []
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if any("\0" in cell for cell in cells):
                raise ValueError(f"line {rows.line_num} holds a NUL character")
            if not header:
                header = _header(cells)
                continue
            if len(cells) != len(header):
                raise ValueError(f"line {rows.line_num} has {len(cells)} columns and the header {len(header)}")
            user, team = (cells[header.index(name)] for name in _COLUMNS)
            user, team = user.lower(), team or UNASSIGNED
            if not user:
                raise ValueError(f"line {rows.line_num} has no user")
            if team_of.setdefault(user, team) != team:
                raise ValueError(f"line {rows.line_num} has the user of line {lines[user]} in another team")
            lines.setdefault(user, rows.line_num)
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num} is no CSV: {error}") from None
    if not header:
        raise ValueError("is empty: it needs the columns user and team")
    return Teams(team_of, lines)


def read_teams(path: Path) -> Teams:
    """The teams in a file as it is now; raises OSError, or ValueError for what cannot be right."""
    try:
        # Decoded as it is: reading it as a text file would make a line feed of a carriage return in a team's name.
        return parse_teams(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None


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
            numbers = {"users": len(teams.team_of), "teams": len(set(teams.team_of.values()))}
            event(logger, logging.INFO, "teams file read", file=self.path, **numbers)
        self._complaint = None

    def _refuse(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            event(logger, logging.ERROR, "teams file refused, teams stay as they are", file=self.path, error=complaint)


def _header(cells: list[str]) -> list[str]:
    header = [cell.lower() for cell in cells]
    for name in _COLUMNS:
        if header.count(name) != 1:
            raise ValueError("must have the columns user and team in its first line, each once")
    return header
