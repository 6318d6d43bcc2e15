"""The stored days of a scope give the same windows in whatever order they are asked for."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, PeopleKey, Reading, WindowPeople, window_days
from exporter.samples.aggregate import Aggregate, combined, day_aggregate
from exporter.samples.history import ScopeHistory
from exporter.samples.teams import membership, with_teams
from exporter.samples.users import user_table
from exporter.state.store import Store

FIRST = date(2026, 1, 1)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
MEMBERS = membership({1: "web", 2: "app"})
HOLES = (40, 41, 75)
DAYS = [FIRST + timedelta(days=number) for number in range(90) if number not in HOLES]


def facts_of(day: date) -> DayFacts:
    """A day of five people, with a field that comes late and one that some rows lack."""
    draw = random.Random(day.toordinal())
    accounts = sorted(draw.sample(range(6), draw.randint(0, 5)))
    usage = [draw.randint(0, 2**62) for _ in accounts]
    amounts: dict[AmountKey, int | Decimal] = {
        AmountKey(Amount("usage", "messages")): sum(usage),
        AmountKey(Amount("active_time", "")): Decimal(draw.randint(0, 10**12)).scaleb(-9),
        AmountKey(Amount("usage", "messages"), "client", draw.choice(["vim", "code"])): draw.randint(1, 9),
    }
    if day >= FIRST + timedelta(days=30):
        amounts[AmountKey(Amount("usage", "tool_calls"))] = draw.randint(0, 9)
    return DayFacts(
        amounts=amounts,
        people={EVERYBODY: BitMap(accounts), PeopleKey("client", "vim"): BitMap(accounts[:2])},
        service=BitMap(accounts[-1:]),
        missing=frozenset({Amount("usage", "messages")}) if draw.random() < 0.02 else frozenset(),
        by_account=pl.DataFrame(
            {"account": accounts, "usage|messages": usage}, schema={"account": pl.UInt32, "usage|messages": pl.Int64}
        ),
    )


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    opened = Store.open()
    for day in DAYS:
        opened.replace("acme", "all", Reading(day, facts_of(day)), now=NOW, requests=1)
    yield opened
    opened.close()


def aggregates(data_day: date) -> dict[str, Aggregate]:
    """The windows, each day read from the store."""
    found = {}
    for window, length in {"1d": 1, "7d": 7, "28d": 28}.items():
        days = window_days(data_day, length)
        if all(day in DAYS for day in days):
            found[window] = combined([day_aggregate(with_teams(facts_of(day), MEMBERS)) for day in days])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("order", ["up", "down", "any"])
def test_windows_are_those_of_the_days_one_by_one(store: Store, order: str) -> None:
    days = sorted(DAYS, reverse=order == "down")
    if order == "any":
        random.Random(1).shuffle(days)
    history = ScopeHistory(store, "acme", "all", members=MEMBERS)

    assert {day: history.aggregates(day) for day in days} == {day: aggregates(day) for day in days}


def test_a_window_with_a_hole_is_not_there(store: Store) -> None:
    history = ScopeHistory(store, "acme", "all")

    assert {
        number: list(history.aggregates(FIRST + timedelta(days=number))) for number in (5, 6, 27, 40, 42, 48, 69)
    } == {
        5: ["1d"],
        6: ["1d", "7d"],
        27: ["1d", "7d", "28d"],
        40: [],
        42: ["1d"],
        48: ["1d", "7d"],
        69: ["1d", "7d", "28d"],
    }


def test_what_accounts_did_is_there_for_complete_windows_and_where_users_are_wanted(store: Store) -> None:
    day = FIRST + timedelta(days=48)
    without = ScopeHistory(store, "acme", "all", members=MEMBERS)
    history = ScopeHistory(store, "acme", "all", users=user_table({1: "alice"}))
    week, month = history.by_account(day, "7d"), history.by_account(day, "28d")

    assert without.by_account(day, "1d") is None
    assert month is None
    assert week is not None
    expected = [facts_of(back).by_account for back in window_days(day, 7)]
    assert all(table.equals(other) for table, other in zip(week, expected, strict=True) if other is not None)


def test_a_history_holds_its_scope_alone(store: Store) -> None:
    store.replace_windows("acme", "other", [WindowPeople(FIRST, "7d", 5)])
    store.replace_windows("acme", "all", [WindowPeople(FIRST, "28d", 9)])
    history = ScopeHistory(store, "acme", "all")

    assert list(history.days) == DAYS
    assert history.counted == {(FIRST, "28d"): WindowPeople(FIRST, "28d", 9)}
    assert history.people == store.people("acme", "all")
    assert ScopeHistory(store, "acme", "other").days == {}
    assert ScopeHistory(store, "acme", "other").aggregates(FIRST) == {}


def test_each_person_is_first_seen_on_one_day(store: Store) -> None:
    history = ScopeHistory(store, "acme", "all")

    assert sum(len(people) for people in history.first_seen.values()) == len(BitMap.union(*history.people.values()))
