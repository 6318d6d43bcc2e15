"""Seats by who holds them: idle in a window, never used, and what one costs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.config.source import SeatPrice
from exporter.model import EVERYBODY, DayFacts, Holder, Reading, Seats
from exporter.publish.backfill import past_days
from exporter.samples.build import scope_history, scope_samples, source_samples
from exporter.state.store import Store
from tests.support.examples import examples
from tests.support.sample_options import book_of, sample_options_of
from tests.support.stores import fresh_store

DATA_DAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ASKED = NOW.date()


def back(days: int) -> date:
    return DATA_DAY - timedelta(days=days)


def state(active: Mapping[int, Sequence[int]], seats: int | Seats | None) -> Store:
    """A state of days by age, each with the accounts that were active on it, and of seats."""
    store = fresh_store()
    store.list_scopes("tool", ["all"])
    for age, accounts in active.items():
        facts = DayFacts(people={EVERYBODY: BitMap(accounts)}, service=BitMap())
        store.replace("tool", "all", Reading(back(age), facts), now=NOW, requests=1)
    store.seats_read("tool", "all", seats, now=NOW)
    return store


def published(store: Store, **options: Any) -> dict[str, float]:
    """The samples of seats of the scope, and of the source as a whole with a `*`."""
    sample_options = sample_options_of("tool", "made-up", book_of(store, "tool"), **options)
    history = scope_history(sample_options, store, "all", NOW)
    made = scope_samples(sample_options, history, DATA_DAY, store.scopes("tool")["all"]).samples
    named = [(sample, "") for sample in made] + [(sample, "*") for sample in source_samples(sample_options)]
    return {
        mark + ",".join((sample.metric.removeprefix("adoption_"), *sample.labels[3:])): sample.value
        for sample, mark in named
        if "seat" in sample.metric
    }


def test_a_holder_who_was_not_active_in_a_window_is_idle_in_it() -> None:
    active = {age: [1] for age in range(27)} | {5: [1, 2], 27: [3]}

    assert published(state(active, Seats.of(map(Holder, [1, 2, 3, 4, 5])))) == {
        "seats": 5,
        "seats_idle,1d": 4,
        "seats_idle,7d": 3,
        "seats_idle,28d": 2,
        "seats_never_used": 2,
    }


def test_nobody_is_called_idle_whom_the_vendor_saw_active_elsewhere() -> None:
    holders = [Holder(1, last_active=DATA_DAY), Holder(2, last_active=back(6)), Holder(3, last_active=back(7))]

    assert published(state({age: [9] for age in range(28)}, Seats.of(holders))) == {
        "seats": 3,
        "seats_idle,1d": 2,
        "seats_idle,7d": 1,
        "seats_idle,28d": 0,
        "seats_never_used": 0,
    }


def test_never_used_is_not_known_before_four_weeks_are() -> None:
    assert "seats_never_used" not in published(state({age: [1] for age in range(27)}, Seats.of([Holder(2)])))


def test_a_seat_given_after_the_data_day_is_none_yet() -> None:
    holders = [Holder(1, since=DATA_DAY), Holder(2, since=DATA_DAY + timedelta(days=1))]

    assert published(state({0: []}, Seats.of(holders))) == {"seats": 1, "seats_idle,1d": 1}


def test_where_a_vendor_forgets_activity_only_a_young_seat_or_one_younger_than_the_state_was_never_used() -> None:
    # The state knows 30 days, and the vendor forgets after 20.
    active: dict[int, list[int]] = {age: [] for age in range(30)}
    ages = {1: 18, 2: 19, 3: 29, 4: 30}
    holders = [Holder(account, since=ASKED - timedelta(days=1 + age)) for account, age in ages.items()]

    assert published(state(active, Seats.of([*holders, Holder(5)], forgets_after=20)))["seats_never_used"] == 3
    assert published(state(active, Seats.of([*holders, Holder(5)])))["seats_never_used"] == 5


def test_a_vendor_may_count_other_seats_than_it_names_holders() -> None:
    assert published(state({0: [1]}, Seats.of([Holder(1), Holder(2)], count=50))) == {"seats": 50, "seats_idle,1d": 1}


def test_seats_that_are_a_number_or_come_from_the_configuration_have_no_holders() -> None:
    price = SeatPrice(amount=Decimal("19.50"), currency="EUR")

    assert published(state({0: [1]}, 7), seat_price=price) == {"seats": 7, "seat_price,EUR": 19.5}
    assert published(state({0: [1]}, Seats.of([Holder(2)])), seats=9, seat_price=price) == {
        "*seats": 9,
        "*seat_price,EUR": 19.5,
    }
    assert published(state({0: [1]}, None), seat_price=price) == {"seat_price,EUR": 19.5}


@pytest.mark.parametrize("later", [None, 3])
def test_a_vendor_that_names_its_holders_no_more_has_no_idle_seats(later: int | None) -> None:
    store = state({0: [1]}, Seats.of([Holder(2)]))
    store.seats_read("tool", "all", later, now=NOW)

    assert published(store) == ({} if later is None else {"seats": 3})


def test_seats_of_past_days_are_not_known() -> None:
    store = state({0: [1], 1: [1]}, Seats.of([Holder(2)]))
    options = sample_options_of("tool", "made-up", book_of(store, "tool"))

    days = list(past_days(options, store, 100, back(1), DATA_DAY, NOW))

    assert [sample for day in days for sample in day.samples if "seat" in sample.metric] == []


def test_an_account_with_several_seats_holds_one_since_the_first() -> None:
    seats = Seats.of([Holder(2, since=back(1), last_active=back(3)), Holder(2, since=back(2)), Holder(1)])

    assert seats.holders.rows() == [(1, None, None), (2, back(2), back(3))]
    assert Seats.of([]).number() == 0


DAYS_AGO = st.integers(-1, 40)
HOLDERS = st.lists(
    st.tuples(st.integers(0, 6), st.none() | DAYS_AGO, st.none() | DAYS_AGO), max_size=6, unique_by=lambda held: held[0]
)


@examples(60)
@given(
    active=st.dictionaries(st.integers(0, 35), st.lists(st.integers(0, 6), unique=True), min_size=1).map(
        lambda some: {age: some.get(age, [0]) for age in range(max(some) + 1)}
    ),
    holders=HOLDERS,
    forgets_after=st.none() | st.integers(1, 40),
)
def test_seats_are_what_asking_about_each_holder_gives(
    active: dict[int, list[int]],
    holders: list[tuple[int, int | None, int | None]],
    forgets_after: int | None,
) -> None:
    seats = [Holder(one, *(None if age is None else back(age) for age in ages)) for one, *ages in holders]

    found = published(state(active, Seats.of(seats, forgets_after=forgets_after)))

    held = [holder for holder in seats if holder.since is None or holder.since <= DATA_DAY]
    expected: dict[str, float] = {"seats": len(held)}
    for window, length in (("1d", 1), ("7d", 7), ("28d", 28)):
        if len(active) >= length:
            people = {one for age in range(length) for one in active[age]}
            expected[f"seats_idle,{window}"] = sum(
                holder.account not in people
                and (holder.last_active is None or holder.last_active < DATA_DAY - timedelta(days=length - 1))
                for holder in held
            )
    if len(active) >= 28:
        ever = {one for accounts in active.values() for one in accounts}
        first = DATA_DAY - timedelta(days=len(active) - 1)
        expected["seats_never_used"] = sum(
            holder.account not in ever
            and holder.last_active is None
            and (
                forgets_after is None
                or (holder.since is not None and (holder.since >= first or (ASKED - holder.since).days < forgets_after))
            )
            for holder in held
        )
    assert found == expected
