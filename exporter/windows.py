"""From facts to samples: people, usage and time over 1d, 7d and 28d, only from windows in which every day is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from statistics import median

from pyroaring import BitMap

from exporter.metrics import Sample, sample
from exporter.model import (
    EVERYBODY,
    WINDOWS,
    AmountKey,
    DayFacts,
    Measure,
    PeopleKey,
    WindowPeople,
    exact_sum,
    window_days,
)

BASELINE_DAYS = tuple(timedelta(days=7 * weeks) for weeks in (1, 2, 3, 4))

_PEOPLE_BY = {
    "activity": "adoption_activity_active_users",
    "client": "adoption_client_active_users",
    "language": "adoption_language_active_users",
}
_TOTALS = {
    "usage": "adoption_usage",
    "code_lines": "adoption_code_lines",
    "code_characters": "adoption_code_characters",
}
_USAGE_BY = {"client": "adoption_client_usage", "language": "adoption_language_usage"}


@dataclass(frozen=True)
class Scope:
    """One scope of a source as of a data day: everything that its samples are made from, and nothing else.

    `facts` holds the stored days of the newest four weeks and the same weekday of the four weeks before the data day.
    """

    source: str
    vendor: str
    name: str
    data_day: date
    facts: Mapping[date, DayFacts]
    windows: Mapping[str, WindowPeople] = field(default_factory=dict)
    seats: int | None = None
    workday: bool | None = None
    revised: int = 0

    def labels(self) -> dict[str, str]:
        """The labels of every adoption metric."""
        return {"source": self.source, "vendor": self.vendor, "scope": self.name}


@dataclass(frozen=True)
class Window:
    """A window with the facts of its days, newest first; `complete` says whether every day of it is known."""

    name: str
    facts: tuple[DayFacts, ...]
    complete: bool


def days_wanted(data_day: date) -> tuple[date, ...]:
    """The days whose facts `samples` reads: four weeks of windows and the baseline's weekdays."""
    return tuple(sorted({*window_days(data_day, WINDOWS["28d"]), *(data_day - back for back in BASELINE_DAYS)}))


def windows_of(scope: Scope) -> list[Window]:
    """The windows that end with the data day."""
    found = []
    for name, length in WINDOWS.items():
        facts = [scope.facts.get(day) for day in window_days(scope.data_day, length)]
        known = tuple(fact for fact in facts if fact is not None)
        found.append(Window(name, known, len(known) == length))
    return found


def samples(scope: Scope) -> list[Sample]:
    """Every sample of a scope but those of teams, of people's flow and of single users."""
    made = list(_about(scope))
    for window in windows_of(scope):
        labels = {**scope.labels(), "window": window.name}
        made.extend(_people(window, scope.windows.get(window.name), labels))
        if window.complete:
            made.extend(_people_by(window, labels))
            made.extend(_amounts(window, labels))
    return made


def missing_fields(window: Window) -> frozenset[tuple[Measure, str]]:
    """The fields that some row of the window lacked: no breakdown of them is known."""
    return frozenset().union(*(facts.missing for facts in window.facts))


def totals(window: Window) -> dict[AmountKey, int | Decimal]:
    """The totals that every day of the window knows, added up exactly."""
    return {
        key: exact_sum(facts.amounts[key] for facts in window.facts)
        for key in window.facts[0].amounts
        if not _is_part(key) and all(key in facts.amounts for facts in window.facts)
    }


def parts(window: Window) -> dict[AmountKey, int | Decimal]:
    """The amounts of breakdowns, added up exactly: a day that does not name a part has none of it."""
    unknown = missing_fields(window)
    values: dict[AmountKey, list[int | Decimal]] = {}
    for facts in window.facts:
        for key, value in facts.amounts.items():
            if _is_part(key) and (key.measure, key.activity) not in unknown:
                values.setdefault(key, []).append(value)
    return {key: exact_sum(found) for key, found in values.items()}


def active_people(window: Window) -> BitMap | None:
    """The people of a complete window; None where the vendor does not list them."""
    return _union(window, EVERYBODY) if all(EVERYBODY in facts.people for facts in window.facts) else None


def _about(scope: Scope) -> Iterator[Sample]:
    labels = scope.labels()
    start = datetime.combine(scope.data_day, time(), UTC).timestamp()
    yield sample("adoption_data_day_timestamp_seconds", start, **labels)
    yield sample("adoption_data_days_revised_total", scope.revised, **labels)
    if scope.workday is not None:
        yield sample("adoption_data_day_workday", float(scope.workday), **labels)
    if scope.seats is not None:
        yield sample("adoption_seats", scope.seats, **labels)
    before = [scope.facts[scope.data_day - back] for back in BASELINE_DAYS if scope.data_day - back in scope.facts]
    known = [people for people in (facts.people_total() for facts in before) if people is not None]
    if len(known) >= 2:
        yield sample("adoption_active_users_baseline", median(known), **labels)


def _people(window: Window, counted: WindowPeople | None, labels: Mapping[str, str]) -> Iterator[Sample]:
    """People of the window: from the stored days where all list people, else as the vendor counted them."""
    people: int | None = None
    service: int | None = None
    if window.complete and all(EVERYBODY in facts.people for facts in window.facts):
        people = len(_union(window, EVERYBODY))
        sets = [facts.service & facts.people[EVERYBODY] for facts in window.facts if facts.service is not None]
        service = len(BitMap.union(*sets)) if len(sets) == len(window.facts) else None
    elif counted is not None:
        people, service = counted.people, counted.service
    elif window.name == "1d" and window.complete:
        people = window.facts[0].head_count
    if people is not None:
        yield sample("adoption_active_users", people, **labels)
    if service is not None:
        yield sample("adoption_active_service_accounts", service, **labels)


def _people_by(window: Window, labels: Mapping[str, str]) -> Iterator[Sample]:
    unknown = missing_fields(window)
    keys = sorted({key for facts in window.facts for key in facts.people if key.dimension != "total"})
    for key in keys:
        if key.dimension == "activity" and ("usage", key.member) in unknown:
            continue
        people = len(_union(window, key))
        if people > 0:
            yield sample(_PEOPLE_BY[key.dimension], people, **labels, **{key.dimension: key.member})


def _amounts(window: Window, labels: Mapping[str, str]) -> Iterator[Sample]:
    for key, value in sorted(totals(window).items()):
        if key.measure == "active_time":
            yield sample("adoption_active_time_seconds", float(value), **labels)
        else:
            yield sample(_TOTALS[key.measure], float(value), **labels, activity=key.activity)
    for key, value in sorted(parts(window).items()):
        if value <= 0:
            continue
        if key.dimension == "total":
            yield sample("adoption_activity_active_time_seconds", float(value), **labels, activity=key.activity)
        elif key.measure == "usage":
            member = {key.dimension: key.member}
            yield sample(_USAGE_BY[key.dimension], float(value), **labels, activity=key.activity, **member)


def _is_part(key: AmountKey) -> bool:
    """Whether an amount is one of a breakdown: by client or language, or the time of one activity."""
    return key.dimension != "total" or (key.measure == "active_time" and key.activity != "")


def _union(window: Window, key: PeopleKey) -> BitMap:
    """The people of the window under one key: on each day without the service accounts of that day."""
    return BitMap.union(*(_people_under(facts, key) for facts in window.facts))


def _people_under(facts: DayFacts, key: PeopleKey) -> BitMap:
    accounts = facts.people.get(key)
    if accounts is None:
        return BitMap()
    return accounts - facts.service if facts.service is not None else accounts
