"""The samples of one scope as of one data day, made in the same way for a live poll and for a backfill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from exporter.config.source import SeatPrice
from exporter.metrics import Sample, sample
from exporter.model import ALL, WINDOWS
from exporter.samples import filters, lifecycle, seats, users, verdicts, windows
from exporter.samples.calendar import IsWorkday
from exporter.samples.directory import Directory
from exporter.samples.history import ScopeHistory
from exporter.samples.teams import distinct_names, membership
from exporter.state import team_names
from exporter.state.accounts import AccountBook
from exporter.state.known_days import known_days
from exporter.state.records import ScopeStatus
from exporter.state.store import Store


@dataclass(frozen=True)
class SampleOptions:
    """How a source's facts become samples, as configured.

    `workday` says whether a day is a working day in the source's calendar; `per_user` allows single people in labels.
    The `directory` knows the teams of people, None where they have none; with `vendor_teams` the teams are the vendor's
    own, and with `one_team_a_name` those of one name are one. `seat_price` is for a month.
    """

    source: str
    vendor: str
    accounts: AccountBook
    ready_at: timedelta
    seats: int | None
    workday: IsWorkday
    per_user: bool
    min_group_size: int
    frequent_days: int
    vendor_teams: bool = False
    one_team_a_name: bool = True
    seat_price: SeatPrice | None = None
    directory: Directory | None = None


@dataclass(frozen=True)
class ScopeSamples:
    """Figures, verdicts and samples of a scope; how many samples are withheld for privacy or have a cut label.

    `withheld_teams` are the teams that are withheld, as their label would be, each with the windows.
    """

    figures: windows.Figures
    verdicts: verdicts.Verdicts
    samples: list[Sample]
    withheld: int
    withheld_teams: Mapping[str, Sequence[str]]
    shortened: int


def scope_history(sample_options: SampleOptions, store: Store, scope: str, now: datetime) -> ScopeHistory:
    """The days of a scope that are known now, with teams and single people where the options want them."""
    of_vendor = team_names.find(store.database, sample_options.source, scope) if sample_options.vendor_teams else None
    if of_vendor is not None and not sample_options.one_team_a_name:
        of_vendor = distinct_names(of_vendor)
    team_of = None if of_vendor is not None else current_teams(sample_options)
    named = users.user_table(sample_options.accounts.labels()) if sample_options.per_user else None
    return ScopeHistory(
        store,
        sample_options.source,
        scope,
        members=None if team_of is None else membership(team_of),
        vendor_teams=of_vendor,
        users=named,
        known=lambda stored: known_days(stored, now, sample_options.ready_at),
    )


def current_teams(sample_options: SampleOptions) -> Mapping[int, str] | None:
    """The team of each account that the teams file knows; None without a file. The same object while none changes."""
    directory = sample_options.directory
    return None if directory is None else directory.members(sample_options.source)


def source_samples(sample_options: SampleOptions) -> list[Sample]:
    """The samples of a source as a whole: the seats that the configuration gives, with their price."""
    if sample_options.seats is None:
        return []
    labels = {"source": sample_options.source, "vendor": sample_options.vendor, "scope": ALL}
    return [sample("adoption_seats", sample_options.seats, **labels), *_price(sample_options, labels)]


def scope_samples(
    sample_options: SampleOptions, history: ScopeHistory, data_day: date, status: ScopeStatus
) -> ScopeSamples:
    """Every sample of a scope as of a data day, which is stored; later days have no influence.

    `status` gives the seats of the vendor's registry and the revisions.
    """
    aggregates = history.aggregates(data_day)
    # Seats that the configuration gives have no holders, and past days have unknown ones.
    of_vendor = sample_options.seats is None and status.seats is not None
    held = history.held if of_vendor else None
    scope = windows.Scope(
        source=sample_options.source,
        vendor=sample_options.vendor,
        name=history.scope,
        data_day=data_day,
        aggregates=aggregates,
        people=history.head_counts,
        money=history.money(data_day),
        windows={name: history.counted[data_day, name] for name in WINDOWS if (data_day, name) in history.counted},
        seats=held.seats.on(data_day).number() if held is not None else status.seats if of_vendor else None,
        revised=status.revised,
    )
    labels = scope.labels()
    judged = verdicts.verdicts(history.window_counts, sample_options.workday, data_day, sample_options.ready_at)
    made = windows.samples(scope)
    made.extend(verdicts.samples(judged, labels))
    made.extend(lifecycle.samples(history.people, history.first_seen, data_day, sample_options.frequent_days, labels))
    if held is not None:
        made.extend(seats.samples(held, aggregates, history.people, data_day, labels))
    if sample_options.seats is None:
        made.extend(_price(sample_options, labels))
    if history.users is not None:
        for window, aggregate in aggregates.items():
            tables = history.by_account(data_day, window)
            if tables is not None:
                made.extend(users.samples(aggregate, tables, history.users, {**labels, "window": window}))
    kept = filters.withhold(made, sample_options.min_group_size)
    cut, shortened = filters.shorten(kept.samples)
    return ScopeSamples(windows.figures(scope), judged, cut, kept.left_out, kept.teams, shortened)


def _price(sample_options: SampleOptions, labels: Mapping[str, str]) -> list[Sample]:
    price = sample_options.seat_price
    if price is None:
        return []
    return [sample("adoption_seat_price", float(price.amount), **labels, currency=price.currency)]
