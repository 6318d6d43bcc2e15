"""What must be published of known days, counted person by person, by the rules of docs/semantics.md."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time

from tests.reliability.script import DAY, Version
from tests.reliability.vendors import MEASURES

LENGTHS = {"1d": 1, "7d": 7, "28d": 28}
DEPTHS = {"1": (1, 1), "2-4": (2, 4), "5-9": (5, 9), "10-14": (10, 14), "15-28": (15, 28)}
# Vendors that count people and do not list them: they are asked for the longer windows.
COUNTING = {"gitlab"}
# Sources whose accounts have an e-mail, which makes one person of several accounts.
WITH_EMAILS = {"augment", "claude-code", "cursor", "sourcegraph"}

Known = Mapping[date, Version]
# Values by metric and the labels after the scope.
Frame = dict[tuple[str, tuple[str, ...]], float]


def window(last: date, length: int) -> list[date]:
    """The days of a window, newest first."""
    return [last - back * DAY for back in range(length)]


def midnight(day: date) -> float:
    """The start of a day in Unix seconds."""
    return datetime.combine(day, time(), UTC).timestamp()


def people_of(known: Known, days: Sequence[date]) -> frozenset[int]:
    """The people of known days, each once."""
    return frozenset().union(*(known[day].people for day in days))


def frame(source: str, known: Known, series: int) -> Frame:
    """The samples of a scope of which something is known, with those of its newest `series` days."""
    last = max(known)
    metric, labels, factor = MEASURES[source]
    found: Frame = {("adoption_data_day_timestamp_seconds", ()): midnight(last)}
    for name, length in LENGTHS.items():
        days = window(last, length)
        if not all(day in known for day in days):
            continue
        found[metric, (name, *labels)] = factor * sum(known[day].total for day in days)
        if name == "1d" or source not in COUNTING:
            found["adoption_active_users", (name,)] = len(people_of(known, days))
        if name == "28d" and source not in COUNTING:
            active = Counter(person for day in days for person in known[day].people)
            for band, (least, most) in DEPTHS.items():
                number = sum(least <= count <= most for count in active.values())
                found["adoption_active_users_depth", (name, band)] = number
    for day in window(last, series):
        for name, length in LENGTHS.items():
            if all(one in known for one in window(day, length)) and (name == "1d" or source not in COUNTING):
                people = people_of(known, window(day, length))
                found["adoption_day_active_users", (name, day.isoformat())] = len(people)
    return found


def company(known: Mapping[str, Mapping[str, Known]]) -> Frame:
    """The samples of the company, of sources that list people, by their scopes."""
    scopes = [days for by_scope in known.values() for days in by_scope.values()]
    # One source alone is no company.
    common = set(scopes[0]).intersection(*scopes[1:]) if len(known) > 1 and all(known.values()) else set()
    if not common:
        return {}
    last = max(common)
    found: Frame = {("adoption_company_data_day_timestamp_seconds", ()): midnight(last)}
    for name, length in LENGTHS.items():
        days = window(last, length)
        if common.issuperset(days):
            persons = {
                person if source in WITH_EMAILS else (source, person)
                for source, by_scope in known.items()
                for of_scope in by_scope.values()
                for person in people_of(of_scope, days)
            }
            found["adoption_company_active_users", (name,)] = len(persons)
    return found
