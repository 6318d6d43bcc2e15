"""Samples of people, usage and time over 1d, 7d and 28d, only of windows in which every day is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from statistics import median

from exporter.metrics import CATALOGUE, SCOPE, Sample, sample
from exporter.model import EVERYBODY, UNASSIGNED, WINDOWS, Amount, AmountKey, WindowPeople
from exporter.samples.aggregate import Aggregate

BASELINE_DAYS = tuple(timedelta(days=7 * weeks) for weeks in (1, 2, 3, 4))


def labelled(name: str, *labels: str) -> str:
    """The name of a metric; KeyError or ValueError where its row has other labels or another order of them."""
    if CATALOGUE[name].labels != labels:
        raise ValueError(f"{name} has labels {CATALOGUE[name].labels}, got {labels}")
    return name


# Checked once here, because each metric has many samples.
_WINDOW = (*SCOPE, "window")
_PEOPLE = labelled("adoption_active_users", *_WINDOW)
_SERVICE = labelled("adoption_active_service_accounts", *_WINDOW)
_PEOPLE_BY = {
    "activity": labelled("adoption_activity_active_users", *_WINDOW, "activity"),
    "client": labelled("adoption_client_active_users", *_WINDOW, "client"),
    "language": labelled("adoption_language_active_users", *_WINDOW, "language"),
    "team": labelled("adoption_team_active_users", *_WINDOW, "team"),
}
_TOTALS = {
    "usage": labelled("adoption_usage", *_WINDOW, "activity"),
    "code_lines": labelled("adoption_code_lines", *_WINDOW, "activity"),
    "code_characters": labelled("adoption_code_characters", *_WINDOW, "activity"),
}
_USAGE_BY = {
    "client": labelled("adoption_client_usage", *_WINDOW, "activity", "client"),
    "language": labelled("adoption_language_usage", *_WINDOW, "activity", "language"),
    "team": labelled("adoption_team_usage", *_WINDOW, "activity", "team"),
}
_TIME = labelled("adoption_active_time_seconds", *_WINDOW)
_ACTIVITY_TIME = labelled("adoption_activity_active_time_seconds", *_WINDOW, "activity")
_TEAM_TIME = labelled("adoption_team_active_time_seconds", *_WINDOW, "team")

# The values of _WINDOW.
_Labels = tuple[str, str, str, str]


@dataclass(frozen=True)
class Scope:
    """The facts of one scope of a source as of a data day.

    `aggregates` holds the windows of which every day is stored, `windows` those that the vendor counted, and `people`
    the people of each stored day, None where the vendor gave no number.
    """

    source: str
    vendor: str
    name: str
    data_day: date
    aggregates: Mapping[str, Aggregate]
    people: Mapping[date, int | None]
    windows: Mapping[str, WindowPeople] = field(default_factory=dict)
    seats: int | None = None
    workday: bool | None = None
    revised: int = 0

    def labels(self) -> dict[str, str]:
        """The labels of every adoption metric."""
        return {"source": self.source, "vendor": self.vendor, "scope": self.name}


@dataclass(frozen=True)
class Figures:
    """What is published of a scope as a whole; what is not known is None, or no entry of a window."""

    data_day: date
    people: Mapping[str, int]
    service_accounts: Mapping[str, int]
    baseline: float | None
    seats: int | None
    workday: bool | None
    revised: int


def figures(scope: Scope) -> Figures:
    """The figures of a scope as a whole."""
    counted = {window: _people(scope, window) for window in WINDOWS}
    return Figures(
        data_day=scope.data_day,
        people={window: people for window, (people, _) in counted.items() if people is not None},
        service_accounts={window: service for window, (_, service) in counted.items() if service is not None},
        baseline=baseline(scope.people, scope.data_day),
        seats=scope.seats,
        workday=scope.workday,
        revised=scope.revised,
    )


def samples(scope: Scope) -> list[Sample]:
    """Every sample of a scope but those of the lifecycle and of single users."""
    whole = figures(scope)
    made = list(_about(whole, scope.labels()))
    for window in WINDOWS:
        labels = (scope.source, scope.vendor, scope.name, window)
        if window in whole.people:
            made.append(Sample(_PEOPLE, labels, whole.people[window]))
        if window in whole.service_accounts:
            made.append(Sample(_SERVICE, labels, whole.service_accounts[window]))
        if window in scope.aggregates:
            made.extend(_people_by(scope.aggregates[window], labels))
            made.extend(_amounts(scope.aggregates[window], labels))
    return made


def baseline(people: Mapping[date, int | None], day: date) -> float | None:
    """The median people of the same weekday in the four weeks before a day; None where fewer than two are known."""
    before = (people.get(day - back) for back in BASELINE_DAYS)
    known = [number for number in before if number is not None]
    return median(known) if len(known) >= 2 else None


def _about(whole: Figures, labels: Mapping[str, str]) -> Iterator[Sample]:
    start = datetime.combine(whole.data_day, time(), UTC).timestamp()
    yield sample("adoption_data_day_timestamp_seconds", start, **labels)
    yield sample("adoption_data_revisions_total", whole.revised, **labels)
    if whole.workday is not None:
        yield sample("adoption_data_day_workday", float(whole.workday), **labels)
    if whole.seats is not None:
        yield sample("adoption_seats", whole.seats, **labels)
    if whole.baseline is not None:
        yield sample("adoption_active_users_baseline", whole.baseline, **labels)


def _people(scope: Scope, window: str) -> tuple[int | None, int | None]:
    """People and service accounts of a window: of the stored days where all list people, else as the vendor counted."""
    aggregate, counted = scope.aggregates.get(window), scope.windows.get(window)
    if aggregate is not None and EVERYBODY in aggregate.people:
        return len(aggregate.people[EVERYBODY]), None if aggregate.service is None else len(aggregate.service)
    if counted is not None:
        return counted.people, counted.service
    return scope.people.get(scope.data_day) if window == "1d" else None, None


def _people_by(aggregate: Aggregate, labels: _Labels) -> Iterator[Sample]:
    for key, accounts in sorted(aggregate.people.items()):
        unknown = key.dimension == "activity" and Amount("usage", key.member) in aggregate.missing
        if accounts and key != EVERYBODY and not unknown:
            yield Sample(_PEOPLE_BY[key.dimension], (*labels, key.member), len(accounts))


def _amounts(aggregate: Aggregate, labels: _Labels) -> Iterator[Sample]:
    """The totals, then their parts."""
    parts = []
    for (amount, dimension, member), value in sorted(aggregate.amounts.items()):
        measure, activity = amount
        if dimension == "total" and measure != "active_time":
            yield Sample(_TOTALS[measure], (*labels, activity), float(value))
        elif dimension == "total" and activity == "":
            yield Sample(_TIME, labels, float(value))
        elif value <= 0 or amount in aggregate.missing:
            continue
        elif dimension == "total":
            parts.append(Sample(_ACTIVITY_TIME, (*labels, activity), float(value)))
        # Teams add up to a total, so their parts are unknown where the total of some day is.
        elif dimension == "team" and AmountKey(amount, "team", UNASSIGNED) not in aggregate.amounts:
            continue
        elif measure == "active_time":
            parts.append(Sample(_TEAM_TIME, (*labels, member), float(value)))
        else:
            parts.append(Sample(_USAGE_BY[dimension], (*labels, activity, member), float(value)))
    yield from parts
