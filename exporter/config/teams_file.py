"""The teams file: a table with the columns user and team, which is read again when it changes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from exporter.config.followed_file import FollowedFile
from exporter.config.table_file import RowMistake, in_words, read_table
from exporter.model import UNASSIGNED

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


TeamsFile = FollowedFile[Teams]


def teams_file(path: Path) -> TeamsFile:
    """The teams of a file that is followed."""
    return FollowedFile(
        path, "teams", read_teams, lambda teams: {"users": len(teams.team_of), "teams": len(teams.members)}
    )
