"""Samples of people, usage and time over 1d, 7d and 28d, only of windows in which every day is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import get_args

from exporter.metrics import Sample, sample
from exporter.model import EVERYBODY, WINDOWS, Amount, Measure, WindowPeople
from exporter.samples.aggregate import Aggregate
from exporter.samples.amounts import WINDOW, Labels, amount_samples, labelled

_LATER: frozenset[Measure] = frozenset({"tokens", "spend"})
_AT_ONCE: frozenset[Measure] = frozenset(get_args(Measure)) - _LATER

# Checked once here, because each metric has many samples.
_PEOPLE = labelled("adoption_active_users", *WINDOW)
_SERVICE = labelled("adoption_active_service_accounts", *WINDOW)
_PEOPLE_BY = {
    "activity": labelled("adoption_activity_active_users", *WINDOW, "activity"),
    "client": labelled("adoption_client_active_users", *WINDOW, "client"),
    "language": labelled("adoption_language_active_users", *WINDOW, "language"),
    "model": labelled("adoption_model_active_users", *WINDOW, "model"),
    "team": labelled("adoption_team_active_users", *WINDOW, "team"),
}
_MONEY_DAY = "adoption_spend_data_day_timestamp_seconds"


@dataclass(frozen=True)
class Money:
    """The newest day of which the money is known, and the windows that end with it. Vendors may give money later."""

    day: date
    aggregates: Mapping[str, Aggregate]


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
    money: Money | None = None
    windows: Mapping[str, WindowPeople] = field(default_factory=dict)
    seats: int | None = None
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
    seats: int | None
    revised: int


def figures(scope: Scope) -> Figures:
    """The figures of a scope as a whole."""
    counted = {window: _people(scope, window) for window in WINDOWS}
    return Figures(
        data_day=scope.data_day,
        people={window: people for window, (people, _) in counted.items() if people is not None},
        service_accounts={window: service for window, (_, service) in counted.items() if service is not None},
        seats=scope.seats,
        revised=scope.revised,
    )


def samples(scope: Scope) -> list[Sample]:
    """Every sample of a scope but those of verdicts, the lifecycle and single users."""
    whole = figures(scope)
    made = list(_about(whole, scope.labels()))
    if scope.money is not None:
        made.append(sample(_MONEY_DAY, _start(scope.money.day), **scope.labels()))
    spent = {} if scope.money is None else scope.money.aggregates
    # Tokens come with the activity, or else with the money.
    used = scope.aggregates if _knows_tokens(scope.aggregates) else spent
    for window in WINDOWS:
        labels = (scope.source, scope.vendor, scope.name, window)
        if window in whole.people:
            made.append(Sample(_PEOPLE, labels, whole.people[window]))
        if window in whole.service_accounts:
            made.append(Sample(_SERVICE, labels, whole.service_accounts[window]))
        if window in scope.aggregates:
            made.extend(_people_by(scope.aggregates[window], labels))
            made.extend(amount_samples(scope.aggregates[window], labels, _AT_ONCE))
        if window in used:
            made.extend(amount_samples(used[window], labels, {"tokens"}))
        if window in spent:
            made.extend(amount_samples(spent[window], labels, {"spend"}))
    return made


def _about(whole: Figures, labels: Mapping[str, str]) -> Iterator[Sample]:
    yield sample("adoption_data_day_timestamp_seconds", _start(whole.data_day), **labels)
    yield sample("adoption_data_revisions_total", whole.revised, **labels)
    if whole.seats is not None:
        yield sample("adoption_seats", whole.seats, **labels)


def _people(scope: Scope, window: str) -> tuple[int | None, int | None]:
    """People and service accounts of a window: of the stored days where all list people, else as the vendor counted."""
    aggregate, counted = scope.aggregates.get(window), scope.windows.get(window)
    if aggregate is not None and EVERYBODY in aggregate.people:
        return len(aggregate.people[EVERYBODY]), None if aggregate.service is None else len(aggregate.service)
    if counted is not None:
        return counted.people, counted.service
    return scope.people.get(scope.data_day) if window == "1d" else None, None


def _people_by(aggregate: Aggregate, labels: Labels) -> Iterator[Sample]:
    for key, accounts in sorted(aggregate.people.items()):
        unknown = not aggregate.missing.isdisjoint((key.dimension, f"{key.dimension}_people")) or (
            key.dimension == "activity" and Amount("usage", key.member) in aggregate.missing
        )
        if accounts and key != EVERYBODY and not unknown:
            yield Sample(_PEOPLE_BY[key.dimension], (*labels, key.member), len(accounts))


def _knows_tokens(aggregates: Mapping[str, Aggregate]) -> bool:
    """Whether the tokens of the data day are known."""
    day = aggregates.get("1d")
    return day is not None and any(key.amount.measure == "tokens" for key in day.amounts)


def _start(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
