"""From facts to samples: people, usage and time over 1d, 7d and 28d, only from windows in which every day is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from statistics import median

from exporter.metrics import CATALOGUE, SCOPE, Sample, sample
from exporter.model import EVERYBODY, UNASSIGNED, WINDOWS, Amount, AmountKey, WindowPeople
from exporter.samples.aggregate import Aggregate

BASELINE_DAYS = tuple(timedelta(days=7 * weeks) for weeks in (1, 2, 3, 4))


def labelled(name: str, *labels: str) -> str:
    """The name of a metric; KeyError or ValueError where its row has other labels, or has them in another order."""
    if CATALOGUE[name].labels != labels:
        raise ValueError(f"{name} has labels {CATALOGUE[name].labels}, got {labels}")
    return name


# Checked once, since there are many samples of each.
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
    """One scope of a source as of a data day.

    `aggregates` are its windows of which every day is stored, `windows` those that the vendor itself counted, and
    `people` the people of each stored day, None where the vendor gave no number.
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


def samples(scope: Scope) -> list[Sample]:
    """Every sample of a scope but those of people's flow and of single users."""
    made = list(_about(scope))
    for window in WINDOWS:
        labels = (scope.source, scope.vendor, scope.name, window)
        made.extend(_people(scope, window, labels))
        if window in scope.aggregates:
            made.extend(_people_by(scope.aggregates[window], labels))
            made.extend(_amounts(scope.aggregates[window], labels))
    return made


def baseline(people: Mapping[date, int | None], day: date) -> float | None:
    """The median people of the same weekday in the four weeks before a day; None where fewer than two are known."""
    before = (people.get(day - back) for back in BASELINE_DAYS)
    known = [number for number in before if number is not None]
    return median(known) if len(known) >= 2 else None


def _about(scope: Scope) -> Iterator[Sample]:
    labels = scope.labels()
    start = datetime.combine(scope.data_day, time(), UTC).timestamp()
    yield sample("adoption_data_day_timestamp_seconds", start, **labels)
    yield sample("adoption_data_revisions_total", scope.revised, **labels)
    if scope.workday is not None:
        yield sample("adoption_data_day_workday", float(scope.workday), **labels)
    if scope.seats is not None:
        yield sample("adoption_seats", scope.seats, **labels)
    usual = baseline(scope.people, scope.data_day)
    if usual is not None:
        yield sample("adoption_active_users_baseline", usual, **labels)


def _people(scope: Scope, window: str, labels: _Labels) -> Iterator[Sample]:
    """People of the window: from the stored days where all list people, else as the vendor counted them."""
    people: int | None = None
    service: int | None = None
    aggregate, counted = scope.aggregates.get(window), scope.windows.get(window)
    if aggregate is not None and EVERYBODY in aggregate.people:
        people = len(aggregate.people[EVERYBODY])
        service = None if aggregate.service is None else len(aggregate.service)
    elif counted is not None:
        people, service = counted.people, counted.service
    elif window == "1d":
        people = scope.people.get(scope.data_day)
    if people is not None:
        yield Sample(_PEOPLE, labels, people)
    if service is not None:
        yield Sample(_SERVICE, labels, service)


def _people_by(aggregate: Aggregate, labels: _Labels) -> Iterator[Sample]:
    for key, accounts in sorted(aggregate.people.items()):
        unknown = key.dimension == "activity" and Amount("usage", key.member) in aggregate.missing
        if accounts and key != EVERYBODY and not unknown:
            yield Sample(_PEOPLE_BY[key.dimension], (*labels, key.member), len(accounts))


def _amounts(aggregate: Aggregate, labels: _Labels) -> Iterator[Sample]:
    """The totals, and then their parts."""
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
        # What teams have adds up to a total, so it is not known where on some day that is not.
        elif dimension == "team" and AmountKey(amount, "team", UNASSIGNED) not in aggregate.amounts:
            continue
        elif measure == "active_time":
            parts.append(Sample(_TEAM_TIME, (*labels, member), float(value)))
        else:
            parts.append(Sample(_USAGE_BY[dimension], (*labels, activity, member), float(value)))
    yield from parts
