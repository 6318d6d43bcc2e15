"""GitHub's own teams of a day: who is in which.

API: https://docs.github.com/en/rest/copilot/copilot-usage-metrics (read 2026-11).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pyroaring import BitMap

from exporter.transport.json_object import JsonObject
from exporter.vendors.copilot.row import check_day, identifier

# The first day that has them. They leave out teams with fewer than five seats on the day (2026-11).
FIRST_DAY = date(2026, 5, 14)


@dataclass(frozen=True)
class Memberships:
    """The members of each team by user id, and the slugs of the teams, both by the team's id.

    Somebody may be in several teams. A slug changes when a team is renamed, its id does not.
    """

    members: Mapping[str, frozenset[str]]
    slugs: Mapping[str, str]

    def among(self, accounts: Mapping[str, int]) -> Mapping[str, BitMap]:
        """The accounts of each team, of those with these ids; teams list members who did nothing too."""
        return {
            team: BitMap(accounts[one] for one in members if one in accounts) for team, members in self.members.items()
        }


def memberships(rows: Iterable[JsonObject], day: date) -> Memberships | None:
    """The teams of a day; None without a row, which means that they are not there, or not yet."""
    members: dict[str, set[str]] = {}
    slugs: dict[str, str] = {}
    for row in rows:
        check_day(row, day)
        team, user_id = identifier(row, "team_id"), identifier(row, "user_id")
        if team:
            slugs[team] = row.text("slug")
            members.setdefault(team, set()).update({user_id} if user_id else ())
    if not slugs:
        return None
    return Memberships({team: frozenset(ids) for team, ids in members.items()}, slugs)
