"""How many people of a source the teams file knows."""

from collections.abc import Iterable
from dataclasses import dataclass

from pyroaring import BitMap

from exporter.model import UNASSIGNED
from exporter.publish.publisher import Published


@dataclass(frozen=True)
class TeamMatch:
    """The people of a source in its last four weeks, and how many of them the teams file lists.

    `known` is None where it would give away the size of a group of fewer than `min_group_size` people.
    """

    people: int
    known: int | None


def team_match(scopes: Iterable[Published], least: int) -> TeamMatch | None:
    """The match over the scopes of a source; None without a teams file or where the vendor lists no people.

    `least` is `min_group_size`. Who is not known is in team `unassigned`: while that is withheld, so is the match.
    """
    found = [(scope.roster, scope.withheld_teams) for scope in scopes if scope.roster is not None]
    people = BitMap.union(*(roster.people for roster, _ in found)) if found else BitMap()
    known = BitMap.union(*(roster.listed for roster, _ in found)) if found else BitMap()
    if not people:
        return None
    telling = any(UNASSIGNED in withheld for _, withheld in found) or any(
        0 < number < least for number in (len(known), len(people) - len(known))
    )
    return TeamMatch(len(people), None if telling else len(known))
