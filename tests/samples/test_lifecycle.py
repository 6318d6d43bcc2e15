"""Who is new, came back, is gone or comes often, against a count by hand."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.metrics import CATALOGUE
from exporter.samples.lifecycle import first_seen, samples
from tests.support.examples import examples

DATA_DAY = date(2026, 3, 9)
LENGTHS = {"1d": 1, "7d": 7, "28d": 28}
DEPTHS = {"1": (1, 1), "2-4": (2, 4), "5-9": (5, 9), "10-14": (10, 14), "15-28": (15, 28)}
LABELS = {"source": "acme", "vendor": "augment", "scope": "all"}

Days = Mapping[int, frozenset[int]]


def flow(days: Days, *, frequent_days: int = 8) -> dict[str, float]:
    """The lifecycle as `metric{window}`, of people by the age of the day on which they were active."""
    people = {DATA_DAY - timedelta(days=age): BitMap(accounts) for age, accounts in days.items()}
    made = list(samples(people, first_seen(people), DATA_DAY, frequent_days, LABELS))
    assert {sample.labels[:3] for sample in made} <= {("acme", "augment", "all")}
    assert all(len(sample.labels) == len(CATALOGUE[sample.metric].labels) for sample in made)
    return {
        f"{sample.metric.removeprefix('adoption_')}{{{','.join(sample.labels[3:])}}}": sample.value for sample in made
    }


def days(known: int, active: Mapping[int, set[int]]) -> Days:
    """So many stored days, on which only the named people were active."""
    return {age: frozenset(active.get(age, ())) for age in range(known)}


def test_of_todays_people_some_are_new_some_have_returned_and_the_rest_are_retained() -> None:
    active = {0: {1, 2, 3}, 1: {1, 9}, 5: {2, 9}}

    found = flow(days(29, active))

    assert {name: value for name, value in found.items() if "{1d}" in name} == {
        "new_users{1d}": 1,
        "returned_users{1d}": 1,
        "retained_users{1d}": 1,
        "lapsed_users{1d}": 1,
    }


BOTH_OF_A_DAY = {"lapsed_users{1d}", "retained_users{1d}"}
BOTH_OF_A_WEEK = {"lapsed_users{7d}", "retained_users{7d}"}
OFTEN = {"frequent_users{28d}", *(f"active_users_depth{{28d,{band}}}" for band in DEPTHS)}


@pytest.mark.parametrize(
    ("known", "names"),
    [
        (1, set()),
        (2, BOTH_OF_A_DAY),
        (13, BOTH_OF_A_DAY),
        (14, BOTH_OF_A_DAY | BOTH_OF_A_WEEK),
        (28, BOTH_OF_A_DAY | BOTH_OF_A_WEEK | OFTEN),
        (29, BOTH_OF_A_DAY | BOTH_OF_A_WEEK | OFTEN | {"new_users{1d}", "returned_users{1d}"}),
        (34, BOTH_OF_A_DAY | BOTH_OF_A_WEEK | OFTEN | {"new_users{1d}", "returned_users{1d}"}),
    ],
)
def test_what_needs_more_history_than_is_stored_is_absent(known: int, names: set[str]) -> None:
    assert flow(days(known, {0: {1}})).keys() == names


def test_four_weeks_and_the_four_weeks_before_are_enough_for_every_number() -> None:
    kinds = ("new", "returned", "retained", "lapsed")
    every = {f"{kind}_users{{{window}}}" for kind in kinds for window in LENGTHS}

    assert flow(days(56, {})) == dict.fromkeys([*every, *OFTEN], 0.0)
    assert flow(days(55, {})).keys() == {*every, *OFTEN} - {f"{kind}_users{{28d}}" for kind in kinds}


def test_a_hole_hides_those_windows_alone_that_need_it() -> None:
    known = {age: accounts for age, accounts in days(100, {}).items() if age != 30}

    assert flow(known).keys() == {
        *(f"{kind}_users{{1d}}" for kind in ("new", "returned", "retained", "lapsed")),
        *BOTH_OF_A_WEEK,
        *OFTEN,
    }


def test_a_vendor_that_lists_nobody_has_no_lifecycle() -> None:
    assert flow({}) == {}


@pytest.mark.parametrize(("frequent_days", "people"), [(1, 4), (2, 3), (3, 2), (27, 1), (28, 1)])
def test_frequent_users_are_active_on_at_least_so_many_days(frequent_days: int, people: int) -> None:
    active: dict[int, set[int]] = {age: {1} for age in range(28)}
    active[0] |= {2, 3, 4}
    active[13] |= {2, 3}
    active[27] |= {2}
    active[28] = {3, 4, 5}

    assert flow(days(29, active), frequent_days=frequent_days)["frequent_users{28d}"] == people


@pytest.mark.parametrize("number", [1, 2, 4, 5, 9, 10, 14, 15, 28])
def test_everybody_is_in_the_band_of_their_active_days(number: int) -> None:
    active: dict[int, set[int]] = {age: {1} if age < number else set() for age in range(28)}

    found = flow(days(28, active))

    assert {band: found[f"active_users_depth{{28d,{band}}}"] for band in DEPTHS} == {
        band: int(low <= number <= high) for band, (low, high) in DEPTHS.items()
    }


def test_days_after_the_data_day_have_no_influence() -> None:
    past = {age: frozenset({age % 5, 7}) for age in range(80)}
    later = {age: frozenset({3, 100}) for age in range(-20, 0)}

    assert flow({**past, **later}) == flow(past)


@st.composite
def histories(draw: st.DrawFn) -> Days:
    """Up to twelve weeks of few people, who come and go in runs, with a hole now and then."""
    length = draw(st.sampled_from([20, 57, 60, 84]))
    regulars = draw(st.lists(st.tuples(st.integers(0, length), st.integers(0, length), st.integers(1, 9)), max_size=8))
    active = {
        age: frozenset(
            account
            for account, (start, end, every) in enumerate(regulars)
            if start <= age <= end and (age - start) % every == 0
        )
        for age in range(length)
    }
    holes = draw(st.sets(st.integers(0, length - 1), max_size=1))
    return {age: accounts for age, accounts in active.items() if age not in holes}


@examples(100)
@given(known=histories(), frequent_days=st.integers(1, 28))
def test_the_lifecycle_is_what_counting_by_hand_gives_and_adds_up(known: Days, frequent_days: int) -> None:
    found = flow(known, frequent_days=frequent_days)

    assert found == by_hand(known, frequent_days)


def by_hand(known: Days, frequent_days: int) -> dict[str, float]:
    expected: dict[str, float] = {}
    for window, length in LENGTHS.items():
        if not set(range(length)) <= known.keys():
            continue
        active = {account for age in range(length) for account in known[age]}
        if window == "28d":
            counts = {account: sum(account in known[age] for age in range(length)) for account in active}
            expected["frequent_users{28d}"] = sum(count >= frequent_days for count in counts.values())
            for band, (low, high) in DEPTHS.items():
                number = sum(low <= count <= high for count in counts.values())
                expected[f"active_users_depth{{28d,{band}}}"] = number
            assert sum(expected[f"active_users_depth{{28d,{band}}}"] for band in DEPTHS) == len(active)
        if not set(range(length, 2 * length)) <= known.keys():
            continue
        before = {account for age in range(length, 2 * length) for account in known[age]}
        expected[f"lapsed_users{{{window}}}"] = len(before - active)
        expected[f"retained_users{{{window}}}"] = len(before & active)
        if not set(range(length, length + 28)) <= known.keys():
            continue
        earlier = {account for age, accounts in known.items() if age >= length for account in accounts}
        new, retained = active - earlier, active & before
        returned = {account for account in active if account in earlier and account not in before}
        assert len(new) + len(returned) + len(retained) == len(active)
        expected[f"new_users{{{window}}}"] = len(new)
        expected[f"returned_users{{{window}}}"] = len(returned)
    return expected
