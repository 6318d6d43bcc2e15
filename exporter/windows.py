"""From facts to samples: people, usage and time over 1d, 7d and 28d, only from windows in which every day is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from statistics import median

from exporter.metrics import Sample, sample
from exporter.model import EVERYBODY, UNASSIGNED, WINDOWS, AmountKey, Measure, WindowPeople
from exporter.span import Span, is_part

BASELINE_DAYS = tuple(timedelta(days=7 * weeks) for weeks in (1, 2, 3, 4))

_PEOPLE_BY = {
    "activity": "adoption_activity_active_users",
    "client": "adoption_client_active_users",
    "language": "adoption_language_active_users",
    "team": "adoption_team_active_users",
}
_TOTALS = {
    "usage": "adoption_usage",
    "code_lines": "adoption_code_lines",
    "code_characters": "adoption_code_characters",
}
_USAGE_BY = {
    "client": "adoption_client_usage",
    "language": "adoption_language_usage",
    "team": "adoption_team_usage",
}


@dataclass(frozen=True)
class Scope:
    """One scope of a source as of a data day.

    `spans` are its windows of which every day is stored, `windows` those that the vendor itself counted, and `people`
    the people of each stored day, None where the vendor gave no number.
    """

    source: str
    vendor: str
    name: str
    data_day: date
    spans: Mapping[str, Span]
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
        labels = {**scope.labels(), "window": window}
        made.extend(_people(scope, window, labels))
        if window in scope.spans:
            made.extend(_people_by(scope.spans[window], labels))
            made.extend(_amounts(scope.spans[window], labels))
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
    yield sample("adoption_data_days_revised_total", scope.revised, **labels)
    if scope.workday is not None:
        yield sample("adoption_data_day_workday", float(scope.workday), **labels)
    if scope.seats is not None:
        yield sample("adoption_seats", scope.seats, **labels)
    usual = baseline(scope.people, scope.data_day)
    if usual is not None:
        yield sample("adoption_active_users_baseline", usual, **labels)


def _people(scope: Scope, window: str, labels: Mapping[str, str]) -> Iterator[Sample]:
    """People of the window: from the stored days where all list people, else as the vendor counted them."""
    people: int | None = None
    service: int | None = None
    span, counted = scope.spans.get(window), scope.windows.get(window)
    if span is not None and EVERYBODY in span.people:
        people = len(span.people[EVERYBODY])
        service = None if span.service is None else len(span.service)
    elif counted is not None:
        people, service = counted.people, counted.service
    elif window == "1d":
        people = scope.people.get(scope.data_day)
    if people is not None:
        yield sample("adoption_active_users", people, **labels)
    if service is not None:
        yield sample("adoption_active_service_accounts", service, **labels)


def _people_by(span: Span, labels: Mapping[str, str]) -> Iterator[Sample]:
    for key, accounts in sorted(span.people.items()):
        unknown = key.dimension == "activity" and ("usage", key.member) in span.missing
        if accounts and key != EVERYBODY and not unknown:
            yield sample(_PEOPLE_BY[key.dimension], len(accounts), **labels, **{key.dimension: key.member})


def _amounts(span: Span, labels: Mapping[str, str]) -> Iterator[Sample]:
    parts: list[tuple[AmountKey, int | Decimal]] = []
    by_team: set[tuple[Measure, str]] = set()
    for key, value in sorted(span.amounts.items()):
        measure, activity, dimension, member = key
        if dimension == "team" and member == UNASSIGNED:
            by_team.add((measure, activity))
        if dimension != "total" or is_part(key):
            parts.append((key, value))
        elif measure == "active_time":
            yield sample("adoption_active_time_seconds", float(value), **labels)
        else:
            yield sample(_TOTALS[measure], float(value), **labels, activity=activity)
    for (measure, activity, dimension, member), value in parts:
        field = measure, activity
        # What teams have adds up to a total, so it is not known where on some day that is not.
        if value <= 0 or field in span.missing or (dimension == "team" and field not in by_team):
            continue
        if dimension == "total":
            yield sample("adoption_activity_active_time_seconds", float(value), **labels, activity=activity)
        elif measure == "active_time":
            yield sample("adoption_team_active_time_seconds", float(value), **labels, team=member)
        else:
            yield sample(_USAGE_BY[dimension], float(value), **labels, activity=activity, **{dimension: member})
