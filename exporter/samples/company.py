"""The company: all sources that list people together, where one person who uses three tools is one person. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from itertools import combinations, pairwise

from pyroaring import BitMap

from exporter.metrics import Sample, sample
from exporter.model import UNASSIGNED, WINDOWS, window_days
from exporter.samples.filters import Member, short_label, too_small
from exporter.samples.persons import Group, Persons

# The last one stands for more, too.
_TOOLS = ("1", "2", "3", "4", "5+")
_UNMATCHED = "28d"

Groups = Mapping[str, Group]


def data_day(known: Collection[frozenset[date]]) -> date | None:
    """The newest day that every source knows; None where there is none, and for fewer than two sources."""
    return max(frozenset.intersection(*known), default=None) if len(known) > 1 else None


def known_windows(known: Collection[frozenset[date]], day: date) -> list[str]:
    """The windows that end with a day of which every source knows every day."""
    return [
        window for window, length in WINDOWS.items() if all(days.issuperset(window_days(day, length)) for days in known)
    ]


def company_samples(day: date, windows: Mapping[str, Groups], persons: Persons, least: int) -> list[Sample]:
    """The samples as of a data day, from the people of each source in each window; `least` is `min_group_size`."""
    start = datetime.combine(day, time(), UTC).timestamp()
    made = [sample("adoption_company_data_day_timestamp_seconds", start)]
    for window, groups in windows.items():
        everybody = BitMap.union(BitMap(), *(group.persons for group in groups.values()))
        number = len(everybody) + sum(len(group.alone) for group in groups.values())
        made.append(sample("adoption_company_active_users", number, window=window))
        for tools, people in _kept(_by_tools(groups), least):
            made.append(sample("adoption_company_users_by_tools", people, window=window, tools=tools))
        for (one, other), people in _kept(_shared(groups), least):
            made.append(sample("adoption_company_shared_users", people, window=window, source=one, other_source=other))
        if persons.files.teams is not None:
            for team, people in _kept(_by_team(groups, everybody, number, persons), least):
                made.append(sample("adoption_company_team_active_users", people, window=window, team=short_label(team)))
    for source, group in windows.get(_UNMATCHED, {}).items():
        made.append(sample("adoption_company_unmatched_accounts", group.unmatched, source=source))
    return made


def _by_tools(groups: Groups) -> Iterator[tuple[str, int]]:
    # The i-th set holds the persons of more than i sources.
    seen = [BitMap() for _ in _TOOLS]
    for group in groups.values():
        arriving = group.persons
        for level in seen:
            again = arriving & level
            level |= arriving
            arriving = again
    alone = sum(len(group.alone) for group in groups.values())
    numbers = [len(seen[0]) + alone, *map(len, seen[1:]), 0]
    for tools, (number, more) in zip(_TOOLS, pairwise(numbers), strict=True):
        yield tools, number - more


def _shared(groups: Groups) -> Iterator[tuple[tuple[str, str], int]]:
    for one, other in combinations(sorted(groups), 2):
        yield (one, other), groups[one].persons.intersection_cardinality(groups[other].persons)


def _by_team(groups: Groups, everybody: BitMap, number: int, persons: Persons) -> Iterator[tuple[str, int]]:
    counts = Counter({team: everybody.intersection_cardinality(members) for team, members in persons.teams.items()})
    for source, group in groups.items():
        counts.update(persons.teams_of_accounts(source, group.alone))
    counts[UNASSIGNED] += number - counts.total()
    yield from sorted(counts.items())


def _kept(counts: Iterator[tuple[Member, int]], least: int) -> Sequence[tuple[Member, int]]:
    """The groups that have people, without those that `min_group_size` withholds."""
    found = {member: people for member, people in counts if people > 0}
    withheld = too_small(found, least)
    return [(member, people) for member, people in found.items() if member not in withheld]
