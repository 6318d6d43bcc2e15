"""The company by brute force: every person of every day, counted one by one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations

from exporter.metrics import Sample, sample
from tests.support.brute_persons import Account, BrutePersons

WINDOWS = {"1d": 1, "7d": 7, "28d": 28}
# The accounts of each day, by source and scope. None: the scope is not published.
Days = Mapping[str, Mapping[str, Mapping[date, Sequence[int]] | None]]


def brute_company(days: Days, persons: BrutePersons, least: int = 1, *, teams: bool = False) -> set[Sample]:
    """The samples of the company, of sources of which each scope knows some days."""
    scopes = [known for by_scope in days.values() for known in by_scope.values()]
    unknown = any(known is None for known in scopes) or not all(days.values())
    common = set() if unknown or len(days) < 2 else set.intersection(*(set(known or ()) for known in scopes))
    if not common:
        return set()
    last = max(common)
    start = datetime.combine(last, time(), UTC).timestamp()
    found = {sample("adoption_company_data_day_timestamp_seconds", start)}
    for window, length in WINDOWS.items():
        wanted = [last - timedelta(days=back) for back in range(length)]
        if not common.issuperset(wanted):
            continue
        used = {
            source: {
                persons.person((source, account)): (source, account)
                for known in by_scope.values()
                for day in wanted
                for account in (known or {})[day]
            }
            for source, by_scope in days.items()
        }
        everybody = {person: account for people in used.values() for person, account in people.items()}
        found.add(sample("adoption_company_active_users", len(everybody), window=window))
        tools = Counter(min(sum(person in people for people in used.values()), 5) for person in everybody)
        for number, people in _kept(tools, least).items():
            name = "5+" if number == 5 else str(number)
            found.add(sample("adoption_company_users_by_tools", people, window=window, tools=name))
        pairs = {pair: len(used[pair[0]].keys() & used[pair[1]]) for pair in combinations(sorted(used), 2)}
        for (one, other), people in _kept(pairs, least).items():
            labels = {"source": one, "other_source": other}
            found.add(sample("adoption_company_shared_users", people, window=window, **labels))
        if teams:
            of_teams = Counter(_team(persons, account) for account in everybody.values())
            for team, people in _kept(of_teams, least).items():
                found.add(sample("adoption_company_team_active_users", people, window=window, team=team))
        if window == "28d":
            for source, by_scope in days.items():
                active = {account for known in by_scope.values() for day in wanted for account in (known or {})[day]}
                number = sum(not persons.is_matched((source, account)) for account in active)
                found.add(sample("adoption_company_unmatched_accounts", number, source=source))
    return found


def _team(persons: BrutePersons, account: Account) -> str:
    return persons.team_of_person(account) or "unassigned"


def _kept(sizes: Mapping, least: int) -> dict:  # type: ignore[type-arg]
    """Without the groups below `least`, and without the next smallest where that is a single one."""
    with_people = {member: size for member, size in sizes.items() if size > 0}
    order = sorted(with_people, key=lambda member: (with_people[member], str(member)))
    small = sum(size < least for size in with_people.values())
    return {member: with_people[member] for member in order[2 if small == 1 else small :]}
