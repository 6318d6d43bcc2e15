"""Plain frozen data: days, windows, and the facts of one day of one scope."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, Inexact, localcontext
from math import prod
from typing import Literal, NamedTuple

import polars as pl
from pyroaring import BitMap

Measure = Literal["usage", "code_lines", "code_characters", "active_time"]
Dimension = Literal["total", "activity", "client", "language", "team"]

# The scope of a source that has no parts.
ALL = "all"

# The team of people who are in no team, and of service accounts.
UNASSIGNED = "unassigned"

WINDOWS: Mapping[str, int] = {"1d": 1, "7d": 7, "28d": 28}
ONE_DAY = timedelta(days=1)

# Synchronized clocks differ by less than a second, and an answer may take a minute to arrive.
CLOCK_TOLERANCE = timedelta(minutes=5)


class Amount(NamedTuple):
    """What is counted; `activity` is "" for time over all activities."""

    measure: Measure
    activity: str


class AmountKey(NamedTuple):
    """An amount as a whole, or the part of it that one member of a dimension has; `member` is "" for the whole."""

    amount: Amount
    dimension: Dimension = "total"
    member: str = ""


class PeopleKey(NamedTuple):
    """Which accounts a set holds: those of one member of a dimension; `member` is "" for everybody active."""

    dimension: Dimension = "total"
    member: str = ""


EVERYBODY = PeopleKey()


@dataclass(frozen=True)
class Identity:
    """One account as a vendor names it: `key` is its stable id, the other fields find its team."""

    key: str
    email: str = ""
    username: str = ""
    vendor_id: str = ""


@dataclass(frozen=True)
class DayFacts:
    """Everything that is stored of one finished day of one scope.

    `amounts` are exact: int for counts, Decimal seconds for active_time. `people` holds all accounts, service accounts
    too; `service` holds the service accounts (None: the vendor does not say). `head_count` is for vendors that count
    people without listing them. `missing` holds the amounts that a row of the day lacked: their breakdowns are not
    known. `by_account` has a column `account` (UInt32, sorted, unique) and an Int64 column for each amount, under the
    name that `column` gives it (time in nanoseconds).
    """

    amounts: Mapping[AmountKey, int | Decimal] = field(default_factory=dict)
    people: Mapping[PeopleKey, BitMap] = field(default_factory=dict)
    service: BitMap | None = None
    head_count: int | None = None
    missing: frozenset[Amount] = frozenset()
    by_account: pl.DataFrame | None = None

    def people_total(self) -> int | None:
        """Distinct people of the day without service accounts; None where the vendor gave neither list nor count."""
        if self.head_count is not None:
            return self.head_count
        active = self.people.get(EVERYBODY)
        if active is None:
            return None
        return len(active - self.service) if self.service is not None else len(active)


@dataclass(frozen=True)
class Reading:
    """One day as a vendor gave it. `rows` is False where the vendor returned the day without a single row."""

    day: date
    facts: DayFacts
    rows: bool = True


@dataclass(frozen=True)
class WindowPeople:
    """People that the vendor counted over the window that ends with `data_day`; `service` is None if not reported."""

    data_day: date
    window: str
    people: int
    service: int | None = None


# Seconds are exact decimals: Cube's averages have 20 decimals, and a month of them must add up without rounding.
_EXACT = Context(prec=500, traps=[Inexact])


def exact_sum(values: Iterable[int | Decimal]) -> int | Decimal:
    """A sum without rounding."""
    with localcontext(_EXACT):
        return sum(values)


def exact_product(*factors: int | Decimal) -> int | Decimal:
    """A product without rounding."""
    with localcontext(_EXACT):
        return prod(factors)


def ready_since(day: date, ready_at: timedelta) -> datetime:
    """The moment from which a day may be published: the next UTC midnight plus the source's `ready_at`."""
    return datetime.combine(day + ONE_DAY, time(), UTC) + ready_at


def newest_ready(now: datetime, ready_at: timedelta) -> date:
    """The newest UTC day whose ready moment has passed."""
    return (now.astimezone(UTC) - ready_at).date() - ONE_DAY


def window_days(data_day: date, length: int) -> tuple[date, ...]:
    """The days of a window, newest first: `length` days that end with the data day, inclusive."""
    return tuple(data_day - timedelta(days=back) for back in range(length))


def column(amount: Amount) -> str:
    """The name of an amount's column in a table. Stored tables have it too: it never changes, and nothing parses it."""
    return "|".join(amount)
