"""Which days a day is compared with, and what is usual on it."""

from datetime import date, timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.calendar import Calendar, DayRange
from exporter.samples.calendar import workdays
from exporter.samples.comparable import comparable_days, usual

MONDAY = date(2026, 3, 9)
PLAIN = workdays(Calendar())
_NEAR = [MONDAY - timedelta(days=back) for back in range(100)]


def weeks_before(*weeks: int) -> tuple[date, ...]:
    return tuple(MONDAY - timedelta(weeks=number) for number in weeks)


def test_the_newest_four_days_of_the_weekday_are_compared() -> None:
    assert comparable_days(MONDAY, _NEAR, PLAIN) == weeks_before(1, 2, 3, 4)


def test_days_that_are_not_known_are_stepped_over() -> None:
    known = weeks_before(2, 3, 5, 8, 9)

    assert comparable_days(MONDAY, known, PLAIN) == weeks_before(2, 3, 5, 8)


def test_nothing_older_than_ten_weeks_is_compared() -> None:
    assert comparable_days(MONDAY, weeks_before(10, 11, 12), PLAIN) == weeks_before(10)


def test_days_that_are_no_working_days_are_stepped_over() -> None:
    one, two, three = weeks_before(1, 2, 3)
    closed = workdays(Calendar(closed=(DayRange(two, two + timedelta(days=6)),), half=(one,)))

    assert comparable_days(MONDAY, _NEAR, closed) == (three, *weeks_before(4, 5, 6))


@pytest.mark.parametrize("day", [date(2026, 3, 7), date(2026, 3, 8)])
def test_a_day_that_is_no_working_day_is_compared_with_none(day: date) -> None:
    assert comparable_days(day, _NEAR, PLAIN) == ()


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({1: 10, 2: 20, 3: 40, 4: 80}, 30.0),
        ({1: 10, 2: 20, 9: 40}, 20.0),
        ({1: 0, 10: 5}, 2.5),
        ({1: 10}, None),
        ({1: 10, 11: 10}, None),
        ({}, None),
    ],
)
def test_usual_is_the_median_of_at_least_two_comparable_days(people: dict[int, int], expected: float | None) -> None:
    found = {MONDAY - timedelta(weeks=weeks): number for weeks, number in people.items()}

    assert usual(found, MONDAY, PLAIN) == expected


def test_nothing_is_usual_on_a_day_off() -> None:
    people = dict.fromkeys(_NEAR, 3)

    assert usual(people, MONDAY - timedelta(days=1), PLAIN) is None


@given(
    weekend=st.sets(st.sampled_from(("mon", "sat", "sun"))),
    closed=st.sets(st.sampled_from(_NEAR)),
    half=st.sets(st.sampled_from(_NEAR)),
    people=st.dictionaries(st.sampled_from(_NEAR), st.integers(0, 9)),
    day=st.sampled_from(_NEAR),
)
def test_usual_is_what_a_count_day_by_day_finds(
    weekend: set[str], closed: set[date], half: set[date], people: dict[date, int], day: date
) -> None:
    calendar = Calendar.model_validate(
        {"weekend": sorted(weekend), "closed": [str(one) for one in closed], "half": sorted(half - closed)}
    )
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    off = closed | half | {one for one in _NEAR if names[one.weekday()] in weekend}
    seen: list[int] = []
    for back in range(1, 71):
        other = day - timedelta(days=back)
        if other.weekday() == day.weekday() and other in people and other not in off and len(seen) < 4:
            seen.append(people[other])

    expected = median(seen) if day not in off and len(seen) >= 2 else None
    assert usual(people, day, workdays(calendar)) == expected
