"""How many people of a source the teams file knows."""

from collections.abc import Iterable
from dataclasses import dataclass

from pyroaring import BitMap

from exporter.publish.publisher import Published


@dataclass(frozen=True)
class TeamMatch:
    """The people of a source in its last four weeks, and how many of them the teams file lists."""

    people: int
    known: int


def team_match(scopes: Iterable[Published]) -> TeamMatch | None:
    """The match over the scopes of a source; None without a teams file or where the vendor lists no people."""
    found = [scope.roster for scope in scopes if scope.roster is not None]
    people = BitMap.union(*(roster.people for roster in found)) if found else BitMap()
    known = BitMap.union(*(roster.listed for roster in found)) if found else BitMap()
    return TeamMatch(len(people), len(known)) if people else None
