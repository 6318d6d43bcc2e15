"""For random days that are read several times, what is published of them is what adding up their rows gives."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.metrics import CATALOGUE
from exporter.model import EVERYBODY, Amount, DayFacts, Field, Reading, column, spend, tokens
from exporter.samples.build import scope_history, scope_samples
from exporter.state.store import Store
from exporter.vendors.rollup import money_column, rollup
from tests.support.examples import examples
from tests.support.sample_options import book_of, sample_options_of
from tests.support.stores import fresh_store

DATA_DAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ROBOT = 5
REQUESTS, INPUT = Amount("usage", "requests"), tokens("input")
MONEY = {currency: spend(currency, "charged") for currency in ("USD", "EUR")}


@dataclass(frozen=True)
class Row:
    """One request; without an account it is usage of nobody."""

    account: int | None
    model: str
    tokens: int
    cents: Decimal
    currency: str


@dataclass(frozen=True)
class Look:
    """A day as the vendor shows it at one moment, without what it gives later."""

    rows: Sequence[Row]
    teams: Mapping[str, frozenset[int]]
    pending: frozenset[Field]

    def facts(self) -> DayFacts:
        spent = {
            currency: [row.cents if row.currency == currency else Decimal(0) for row in self.rows] for currency in MONEY
        }
        amounts = [REQUESTS]
        if "tokens" not in self.pending:
            amounts.append(INPUT)
        if "spend" not in self.pending:
            used = {row.currency for row in self.rows}
            amounts += [MONEY[currency] for currency in MONEY if currency == "USD" or currency in used]
        table = pl.DataFrame(
            [
                pl.Series("account", [row.account for row in self.rows], dtype=pl.UInt32),
                pl.Series("model", [row.model for row in self.rows], dtype=pl.String),
                pl.Series(column(REQUESTS), [1] * len(self.rows), dtype=pl.Int64),
                pl.Series(column(INPUT), [row.tokens for row in self.rows], dtype=pl.Int64),
                *(money_column(column(MONEY[currency]), values, "made-up") for currency, values in spent.items()),
            ]
        )
        rolled = rollup(table.drop("model") if "model" in self.pending else table, amounts, "made-up")
        active = BitMap(row.account for row in self.rows if row.account is not None)
        return DayFacts(
            amounts={**rolled.totals, **rolled.breakdowns},
            people={EVERYBODY: active, **rolled.people},
            service=BitMap([ROBOT]) & active,
            by_account=rolled.by_account,
            pending=self.pending,
            teams=None if "team" in self.pending else {team: BitMap(found) for team, found in self.teams.items()},
        )


@dataclass
class Known:
    """What is known of a day in the end, in plain Python; None for what has never come."""

    rows: Sequence[Row]
    by: dict[Field, Look | None]

    @classmethod
    def after(cls, looks: Sequence[Look]) -> "Known":
        by: dict[Field, Look | None] = dict.fromkeys(("tokens", "spend", "model", "team"))
        for look in looks:
            by |= {field: look for field in by if field not in look.pending}
        return cls(looks[-1].rows, by)

    def has(self, *fields: Field) -> bool:
        return all(self.by[field] is not None for field in fields)

    def look(self, field: Field) -> Look:
        look = self.by[field]
        assert look is not None
        return look

    def in_team(self, account: int | None) -> set[str]:
        """The teams of an account on the day; those of robots and of nobody are unassigned."""
        found = {team for team, members in self.look("team").teams.items() if account in members}
        return found if found and account != ROBOT else {"unassigned"}


CENTS = st.decimals(-5, 10**6, places=14) | st.sampled_from([Decimal("0.1"), Decimal("-0.1"), Decimal(0)])
ROWS = st.builds(
    Row,
    account=st.none() | st.integers(1, ROBOT),
    model=st.sampled_from(["opus", "haiku"]),
    tokens=st.integers(0, 3) | st.just(2**50),
    cents=CENTS,
    currency=st.sampled_from(["USD", "USD", "EUR"]),
)
PENDING: st.SearchStrategy[frozenset[Field]] = st.sampled_from(
    [
        frozenset[Field](),
        frozenset[Field](),
        frozenset[Field](("spend",)),
        frozenset[Field](("team",)),
        frozenset[Field](("tokens", "spend")),
        frozenset[Field](("tokens", "spend", "model", "team")),
    ]
)
TEAMS = st.dictionaries(st.sampled_from(["red", "blue"]), st.frozensets(st.integers(1, ROBOT)))
LOOKS = st.lists(st.builds(Look, st.lists(ROWS, max_size=4), TEAMS, PENDING), min_size=1, max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> dict[int, list[Look]]:
    """What is read of each day by its age: a usual day, and a few that differ, mostly new ones."""
    usual = draw(LOOKS.filter(lambda looks: not looks[-1].pending))
    length = draw(st.sampled_from([1, 7, 9, 30]))
    others = draw(st.dictionaries(st.integers(0, 4) | st.integers(0, 29), LOOKS, max_size=4))
    return {age: others.get(age, usual) for age in range(length)}


# A robot whose money is kept of an earlier reading, while the later one has no row of it.
KEPT_OF_A_ROBOT = [
    Look([Row(ROBOT, "opus", 1, Decimal("0.1"), "USD")], {"red": frozenset({ROBOT})}, frozenset()),
    Look([], {"red": frozenset({ROBOT})}, frozenset(("spend",))),
]


@example({0: KEPT_OF_A_ROBOT})
@examples(80)
@given(histories())
def test_what_is_published_is_what_adding_rows_gives(days: dict[int, list[Look]]) -> None:
    store = fresh_store()
    store.list_scopes("tool", ["all"])
    for number in range(max(map(len, days.values()))):
        # Each time by another process.
        store = Store(store.database)
        for age, looks in days.items():
            if number < len(looks):
                reading = Reading(DATA_DAY - timedelta(days=age), looks[number].facts())
                store.replace("tool", "all", reading, now=NOW, requests=1)

    assert published(store) == dict(by_hand({age: Known.after(looks) for age, looks in days.items()}))
    waiting = {age for age, looks in days.items() if not Known.after(looks).has("tokens", "spend", "model", "team")}
    assert {(DATA_DAY - day).days for day, about in store.days("tool", "all").items() if about.pending} == waiting


Series = tuple[str, tuple[str, ...]]


def published(store: Store) -> dict[Series, float]:
    """The samples of windows with a model, a team, a kind or a currency, and the day of the money."""
    options = sample_options_of("tool", "made-up", book_of(store, "tool"), vendor_teams=True)
    history = scope_history(options, store, "all", NOW)
    made = scope_samples(options, history, DATA_DAY, store.scopes("tool")["all"]).samples
    return {
        (sample.metric.removeprefix("adoption_"), sample.labels[3:]): sample.value
        for sample in made
        if {"model", "team", "kind", "currency"} & set(CATALOGUE[sample.metric].labels) or "spend" in sample.metric
    }


def by_hand(days: Mapping[int, Known]) -> Iterator[tuple[Series, float]]:
    spent = [age for age in range(28) if age in days and days[age].has("spend")]
    if spent:
        start = datetime(2026, 3, 9, tzinfo=UTC) - timedelta(days=spent[0])
        yield ("spend_data_day_timestamp_seconds", ()), start.timestamp()
    used = 0 if days[0].has("tokens") else min(spent, default=None)
    for name, length in (("1d", 1), ("7d", 7), ("28d", 28)):
        yield from heads(name, window(days, 0, length))
        if used is not None:
            for key, total in sums("tokens", window(days, used, length)).items():
                yield series(name, "tokens", key, "input"), float(total)
        if spent:
            for currency in MONEY:
                for key, total in sums("spend", window(days, spent[0], length), currency).items():
                    yield series(name, "spend", key, currency, "charged"), float(total)


def window(days: Mapping[int, Known], newest: int, length: int) -> list[Known]:
    """The days of a window, or none where one is not known."""
    found = [days[age] for age in range(newest, newest + length) if age in days]
    return found if len(found) == length else []


def series(window: str, measure: str, key: tuple[str, str], *labels: str) -> Series:
    dimension, member = key
    return (f"{dimension}_{measure}", (window, *labels, member)) if member else (measure, (window, *labels))


def heads(name: str, days: list[Known]) -> Iterator[tuple[Series, float]]:
    for dimension in ("model", "team"):
        if not days or not all(day.has(dimension) for day in days):
            continue
        people: dict[str, set[int]] = defaultdict(set)
        requests: dict[str, int] = defaultdict(int)
        for day in days:
            rows = day.look("model").rows if dimension == "model" else day.rows
            for row in rows:
                for member in [row.model] if dimension == "model" else day.in_team(row.account):
                    requests[member] += 1
                    if row.account is not None and row.account != ROBOT:
                        people[member].add(row.account)
        for member, found in people.items():
            yield (f"{dimension}_active_users", (name, member)), len(found)
        for member, number in requests.items():
            yield (f"{dimension}_usage", (name, "requests", member)), number


def sums(field: Field, days: list[Known], currency: str | None = None) -> dict[tuple[str, str], Fraction]:
    """The total under ("", ""), and parts by (dimension, member) other than 0; nothing where a day does not know."""
    if not days or not all(day.has(field) for day in days):
        return {}
    found: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    if currency != "EUR":
        found["", ""] = Fraction()
    for day in days:
        for row in day.look(field).rows:
            if currency not in (None, row.currency):
                continue
            value = Fraction(row.tokens) if currency is None else Fraction(row.cents)
            found["", ""] += value
            found["model", row.model] += value
            if all(known.has("team") for known in days):
                for team in day.in_team(row.account):
                    found["team", team] += value
    return {key: value for key, value in found.items() if value or key == ("", "")}
