"""Plain frozen data: days, windows, and the facts of one day of one scope."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, Inexact, localcontext
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pyroaring import BitMap

if TYPE_CHECKING:
    import polars as pl

Measure = Literal["usage", "code_lines", "code_characters", "active_time", "tokens", "spend"]
Dimension = Literal["total", "activity", "client", "language", "model", "team"]
TokenKind = Literal["input", "output", "cache_read", "cache_creation"]
# At list price, which nobody is billed; covered by the plan; billed on top of the plan.
Basis = Literal["estimated", "included", "charged"]

# The scope of a source that has no parts.
ALL = "all"

# The team of people who are in no team, and of service accounts.
UNASSIGNED = "unassigned"

WINDOWS: Mapping[str, int] = {"1d": 1, "7d": 7, "28d": 28}
ONE_DAY = timedelta(days=1)

# Synchronized clocks differ by less than a second, and an answer may take a minute to arrive.
CLOCK_TOLERANCE = timedelta(minutes=5)


class Amount(NamedTuple):
    """What is counted: an activity, time (`activity` is "" for all activities together), tokens or money.

    `tokens` and `spend` make the last two, which have a kind, or a currency and a basis, in place of an activity.
    """

    measure: Measure
    activity: str = ""
    kind: TokenKind | Literal[""] = ""
    currency: str = ""
    basis: Basis | Literal[""] = ""

    def words(self) -> tuple[str, ...]:
        """The measure, and what tells its amounts apart; `amount_of` takes them."""
        match self.measure:
            case "tokens":
                return self.measure, self.kind
            case "spend":
                return self.measure, self.currency, self.basis
            case _:
                return self.measure, self.activity


def tokens(kind: TokenKind) -> Amount:
    """Tokens of one kind."""
    return Amount("tokens", kind=kind)


def spend(currency: str, basis: Basis) -> Amount:
    """Money in the main unit of a currency (ISO 4217), of one basis: neither is ever added over the other."""
    return Amount("spend", currency=currency, basis=basis)


def amount_of(measure: Any, *words: Any) -> Amount:
    """The amount of these `words`. Raises TypeError for too few or too many."""
    if measure == "tokens":
        return tokens(*words)
    return spend(*words) if measure == "spend" else Amount(measure, *words)


# A part of a day: one amount with its breakdowns, all amounts of a measure, a breakdown with its people and amounts, or
# its people alone, or the service accounts.
Field = Amount | Measure | Dimension | Literal["service", "model_people"]


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
    """One account as a vendor names it: `key` is its stable id, the other fields find its team.

    `former` are user names that it had on older days.
    `joint_id` is an id that other sources have too, under which the account is the same person's: of another source of
    the same vendor. E-mails join accounts without it.
    """

    key: str
    email: str = ""
    username: str = ""
    vendor_id: str = ""
    former: tuple[str, ...] = ()
    joint_id: str = ""


@dataclass(frozen=True)
class DayFacts:
    """Everything that is stored of one finished day of one scope.

    `amounts` are exact: int for counts, Decimal for active_time (seconds) and spend, which alone may be negative.
    `people` holds all accounts, service accounts too; `service` holds the service accounts (None: the vendor does not
    say). `head_count` is for vendors that count people without listing them.

    `missing` holds the fields that a row of the day lacked, or that the vendor does not give for it: their breakdowns
    are not known. `pending` holds the fields that the vendor gives later: they are missing until a day that is read
    again has them. Neither has amounts of a missing measure.

    `by_account` has a column `account` (UInt32, sorted, unique) and a column for each amount, under the name that
    `column` gives it: Int64 (time in nanoseconds), for spend a Decimal with as many places as the day needs.

    `teams` holds the accounts of each of the vendor's own teams on the day, by the team's id. An account may be in
    several. None where they are not known.
    """

    amounts: Mapping[AmountKey, int | Decimal] = field(default_factory=dict)
    people: Mapping[PeopleKey, BitMap] = field(default_factory=dict)
    service: BitMap | None = None
    head_count: int | None = None
    missing: frozenset[Field] = frozenset()
    by_account: "pl.DataFrame | None" = None
    pending: frozenset[Field] = frozenset()
    teams: Mapping[str, BitMap] | None = None

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
    """One day as a vendor gave it. `rows` is False where the vendor returned the day without a single row.

    `only` names the fields that were read where the others were not: they alone are stored, and only where the day
    already is. `apart` names fields that the vendor settles on its own, money for example: that they change is no
    revision of the day. `team_names` are the names of the vendor's teams by id; the newest day's name holds for all
    days.
    """

    day: date
    facts: DayFacts
    rows: bool = True
    only: frozenset[Field] | None = None
    apart: frozenset[Field] = frozenset()
    team_names: Mapping[str, str] = field(default_factory=dict)


class Holder(NamedTuple):
    """An account that holds a seat, as the vendor says now.

    `since` is the day (UTC) from which it does, `last_active` the last day on which the vendor saw it active anywhere,
    also where its reports do not look. Both are None where the vendor does not say.
    """

    account: int
    since: date | None = None
    last_active: date | None = None


@dataclass(frozen=True)
class Seats:
    """The seats of a scope with their holders; service accounts hold none.

    `holders` has the columns `account` (UInt32, unique), `since` and `last_active` (Date). `count` is the number of
    seats where it is not that of the holders. `forgets_after` says after how many days the vendor forgets
    `last_active`: a holder without one may have been active before.
    """

    holders: "pl.DataFrame"
    count: int | None = None
    forgets_after: int | None = None

    @classmethod
    def of(cls, holders: Iterable[Holder], *, count: int | None = None, forgets_after: int | None = None) -> "Seats":
        """The seats of these holders; an account that holds several holds one, since the earliest."""
        # Imported here: a configuration is checked without tables.
        import polars as pl

        schema = {"account": pl.UInt32, "since": pl.Date, "last_active": pl.Date}
        table = pl.DataFrame(list(holders), schema=schema, orient="row")
        once = table.group_by("account").agg(pl.col("since").min(), pl.col("last_active").max()).sort("account")
        return cls(once, count, forgets_after)

    def number(self) -> int:
        """How many seats there are."""
        return self.holders.height if self.count is None else self.count

    def on(self, day: date) -> "Seats":
        """Without the holders who have held theirs only since a later day."""
        import polars as pl

        return replace(self, holders=self.holders.filter(pl.col("since").is_null() | (pl.col("since") <= day)))


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
    return "|".join(amount.words())
