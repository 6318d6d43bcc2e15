"""Distinct people over windows, against the union of each window by itself."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.samples.rolling import union_sizes

FIRST = date(2026, 1, 1)


def sizes(days: dict[int, set[int]], length: int) -> dict[int, int]:
    """The sizes by the number of the last day."""
    found = union_sizes({FIRST + timedelta(days=day): BitMap(people) for day, people in days.items()}, length)
    return {(day - FIRST).days: size for day, size in found.items()}


def test_a_person_of_several_days_is_one_of_the_window() -> None:
    days: dict[int, set[int]] = {0: {1, 2}, 1: {2}, 2: set(), 3: {2, 3}}

    assert sizes(days, 1) == {0: 2, 1: 1, 2: 0, 3: 2}
    assert sizes(days, 2) == {1: 2, 2: 1, 3: 2}
    assert sizes(days, 4) == {3: 3}
    assert sizes(days, 5) == {}


def test_a_window_with_a_gap_is_not_there() -> None:
    assert sizes({0: {1}, 1: {2}, 3: {3}, 4: {4}, 5: {5}}, 2) == {1: 2, 4: 2, 5: 2}


def test_the_sets_stay_as_they_are() -> None:
    days = {FIRST + timedelta(days=day): BitMap([day]) for day in range(9)}

    union_sizes(days, 3)

    assert days == {FIRST + timedelta(days=day): BitMap([day]) for day in range(9)}


@given(
    days=st.dictionaries(st.integers(0, 80), st.sets(st.integers(0, 12), max_size=4), max_size=70)
    | st.fixed_dictionaries(dict.fromkeys(range(60), st.sets(st.integers(0, 9), max_size=3))),
    length=st.sampled_from([1, 2, 7, 28]),
)
@pytest.mark.slow
def test_every_window_is_the_union_of_its_days(days: dict[int, set[int]], length: int) -> None:
    expected = {
        last: len(set().union(*(days[day] for day in range(last - length + 1, last + 1))))
        for last in days
        if all(day in days for day in range(last - length + 1, last + 1))
    }

    assert sizes(days, length) == expected
