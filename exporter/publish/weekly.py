"""What a weekly report says, as facts: of each scope, of each source and of the company, from the state alone.

It holds no person, and of groups only what `people.min_group_size` allows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from exporter.metrics import CATALOGUE, Sample
from exporter.model import WINDOWS, exact_product, newest_ready
from exporter.publish.backfill import listed_now
from exporter.publish.company import CompanyOptions
from exporter.samples.build import SampleOptions, ScopeSamples, scope_history, scope_samples
from exporter.samples.company import data_day
from exporter.samples.company_days import CompanyDays
from exporter.samples.history import ScopeHistory
from exporter.samples.verdicts import Workday
from exporter.state.records import ScopeStatus
from exporter.state.store import PollStatus, Store

_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Money:
    """Money of four weeks, never added over currencies or bases."""

    currency: str
    basis: str
    amount: float


@dataclass(frozen=True)
class ScopeWeek:
    """The week of a scope that ends with its data day; what is not known is None, or no entry of a window.

    `before` are the people of the windows before, `best` the most people of four weeks in half a year, `trend` the
    people of each week, oldest first. `new` to `lapsed` are about the week; `idle` and `never_used` are seats.
    `revised` are the days of the report's weeks that changed after they were first read.
    """

    scope: str
    data_day: date
    days_late: int
    people: Mapping[str, int]
    before: Mapping[str, int]
    best: int | None
    workdays: int
    workdays_before: int
    workday: Workday | None
    trend: Sequence[int | None]
    new: int | None
    returned: int | None
    lapsed: int | None
    seats: int | None
    idle: int | None
    never_used: int | None
    idle_cost: Decimal | None
    spend: Sequence[Money]
    revised: Sequence[date]


@dataclass(frozen=True)
class SourceWeek:
    """A source. `silent` are its scopes of which no day is known, `failing` those whose last reading failed, each with
    the reason. `seats` are those of the configuration, `seat_price` is for a month in `currency`.
    """

    source: str
    vendor: str
    last_poll: datetime | None
    failing: Mapping[str, str]
    silent: Sequence[str]
    seats: int | None
    seat_price: Decimal | None
    currency: str | None
    scopes: Sequence[ScopeWeek]


@dataclass(frozen=True)
class CompanyWeek:
    """All sources together as of their common day. `tools` and `shared` are about four weeks, as is `unmatched`."""

    data_day: date
    sources: Sequence[str]
    people: Mapping[str, int]
    before: Mapping[str, int]
    trend: Sequence[int | None]
    tools: Mapping[str, int]
    shared: Sequence[tuple[str, str, int]]
    unmatched: Mapping[str, int]


@dataclass(frozen=True)
class WeeklyReport:
    """The report as of a moment; `company` is None where its sources have no common day, or there are no two."""

    now: datetime
    weeks: int
    company: CompanyWeek | None
    sources: Sequence[SourceWeek] = field(default_factory=tuple)


def source_week(options: SampleOptions, store: Store, now: datetime, weeks: int) -> SourceWeek:
    """A source as the state has it. Raises StateError."""
    poll = store.last_poll(options.source)
    listed = {name: status for name, status in store.scopes(options.source).items() if status.listed}
    found = {name: _scope_week(options, store, status, name, now, weeks) for name, status in listed.items()}
    failing = {
        scope: failure.reason for scope, failure in store.readings(options.source).items() if failure is not None
    }
    if poll is not None and poll.failure is not None and not failing:
        failing = {"": poll.failure.reason}
    return SourceWeek(
        source=options.source,
        vendor=options.vendor,
        last_poll=None if poll is None else datetime.fromtimestamp(poll.ended, UTC),
        failing=failing,
        silent=[name for name, week in found.items() if week is None],
        seats=options.seats,
        seat_price=None if options.seat_price is None else options.seat_price.amount,
        currency=None if options.seat_price is None else options.seat_price.currency,
        scopes=[week for week in found.values() if week is not None],
    )


def company_week(
    options: CompanyOptions, sources: Sequence[SampleOptions], store: Store, now: datetime, weeks: int
) -> CompanyWeek | None:
    """The company as the state has it; None where its sources have no common day. Raises StateError."""
    of_company = [source for source in sources if source.source in options.sources]
    directory = of_company[0].directory
    assert directory is not None
    persons = directory.persons()
    known = {source.source: listed_now(source, store, now) for source in of_company}
    last = data_day([about.days for about in known.values()])
    if last is None:
        return None
    made = CompanyDays(store)
    by_week = {
        day: made.samples(day, known, persons, options.min_group_size)
        for day in _ends(last, weeks)
        if all(day in about.days for about in known.values())
    }
    month = last - timedelta(days=WINDOWS["28d"])
    earlier = made.samples(month, known, persons, 1) if all(month in about.days for about in known.values()) else []
    people = {day: _by_label(samples, "adoption_company_active_users", "window") for day, samples in by_week.items()}
    before = {"28d": _by_label(earlier, "adoption_company_active_users", "window").get("28d")}
    before["7d"] = people.get(last - _WEEK, {}).get("7d")
    return CompanyWeek(
        data_day=last,
        sources=sorted(known),
        people=_whole(people[last]),
        before={window: int(number) for window, number in before.items() if number is not None},
        trend=[_whole(people.get(day, {})).get("7d") for day in _ends(last, weeks)],
        tools=_whole(_by_label(_of_month(by_week[last]), "adoption_company_users_by_tools", "tools")),
        shared=[
            (one.labels[1], one.labels[2], int(one.value))
            for one in _of_month(by_week[last])
            if one.metric == "adoption_company_shared_users"
        ],
        unmatched=_whole(_by_label(by_week[last], "adoption_company_unmatched_accounts", "source")),
    )


def _scope_week(
    options: SampleOptions, store: Store, status: ScopeStatus, scope: str, now: datetime, weeks: int
) -> ScopeWeek | None:
    history = scope_history(options, store, scope, now)
    last = max(history.days, default=None)
    if last is None:
        return None
    made = scope_samples(options, history, last, status)
    idle = _value(made, "adoption_seats_idle", window="28d")
    price = options.seat_price
    return ScopeWeek(
        scope=scope,
        data_day=last,
        days_late=_days_late(store.last_poll(options.source), last, now, options.ready_at),
        people=made.figures.people,
        before=made.verdicts.before,
        best=made.verdicts.best,
        workdays=made.verdicts.window_workdays["7d"],
        workdays_before=made.verdicts.window_workdays_before["7d"],
        workday=made.verdicts.workday,
        trend=[history.window_counts["7d"].get(day) for day in _ends(last, weeks)],
        new=_value(made, "adoption_new_users", window="7d"),
        returned=_value(made, "adoption_returned_users", window="7d"),
        lapsed=_value(made, "adoption_lapsed_users", window="7d"),
        seats=made.figures.seats,
        idle=idle,
        never_used=_value(made, "adoption_seats_never_used"),
        idle_cost=None if idle is None or price is None else Decimal(exact_product(idle, price.amount)),
        spend=[
            Money(one.labels[4], one.labels[5], one.value)
            for one in made.samples
            if one.metric == "adoption_spend" and one.labels[3] == "28d"
        ],
        revised=_revised(history, last - weeks * _WEEK),
    )


def _ends(last: date, weeks: int) -> list[date]:
    """The last days of so many weeks, oldest first."""
    return [last - back * _WEEK for back in range(weeks - 1, -1, -1)]


def _days_late(poll: PollStatus | None, last: date, now: datetime, ready_at: timedelta) -> int:
    """How many days the last poll should have found, and did not."""
    seen = now if poll is None else datetime.fromtimestamp(poll.ended - poll.duration, UTC)
    return max(0, (newest_ready(min(seen, now), ready_at) - last).days)


def _revised(history: ScopeHistory, after: date) -> list[date]:
    return sorted(day for day, stored in history.days.items() if day > after and stored.revised_at is not None)


def _value(made: ScopeSamples, metric: str, **labels: str) -> int | None:
    wanted = [(CATALOGUE[metric].labels.index(name), text) for name, text in labels.items()]
    for one in made.samples:
        if one.metric == metric and all(one.labels[place] == text for place, text in wanted):
            return int(one.value)
    return None


def _by_label(samples: Sequence[Sample], metric: str, label: str) -> dict[str, float]:
    place = CATALOGUE[metric].labels.index(label)
    return {one.labels[place]: one.value for one in samples if one.metric == metric}


def _of_month(samples: Sequence[Sample]) -> list[Sample]:
    return [one for one in samples if "28d" in one.labels[:1]]


def _whole(values: Mapping[str, float]) -> dict[str, int]:
    return {name: int(value) for name, value in values.items()}
