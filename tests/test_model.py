from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.model import (
    EVERYBODY,
    DayFacts,
    PeopleKey,
    exact_sum,
    newest_ready,
    ready_since,
    window_days,
)

THREE = timedelta(hours=3)
MONDAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (datetime(2026, 3, 10, 2, 59, 59, 999_999, UTC), date(2026, 3, 8)),
        (datetime(2026, 3, 10, 3, 0, 0, 0, UTC), date(2026, 3, 9)),
        (datetime(2026, 3, 10, 3, 0, 0, 1, UTC), date(2026, 3, 9)),
        (datetime(2026, 3, 10, 23, 59, 59, 999_999, UTC), date(2026, 3, 9)),
        (datetime(2026, 3, 11, 2, 59, 59, 999_999, UTC), date(2026, 3, 9)),
    ],
)
def test_a_day_is_ready_from_the_microsecond_of_the_ready_hour_of_the_next_day(now: datetime, newest: date) -> None:
    assert newest_ready(now, THREE) == newest


def test_the_ready_hour_is_in_utc_whatever_the_zone_of_now() -> None:
    in_kolkata = timezone(timedelta(hours=5, minutes=30))

    assert newest_ready(datetime(2026, 3, 10, 8, 29, 59, tzinfo=in_kolkata), THREE) == date(2026, 3, 8)
    assert newest_ready(datetime(2026, 3, 10, 8, 30, tzinfo=in_kolkata), THREE) == date(2026, 3, 9)


def test_a_day_is_ready_since_the_next_midnight_plus_the_ready_hour() -> None:
    assert ready_since(MONDAY, THREE) == datetime(2026, 3, 10, 3, tzinfo=UTC)
    assert ready_since(date(2026, 12, 31), timedelta(hours=12, minutes=30)) == datetime(2027, 1, 1, 12, 30, tzinfo=UTC)


@settings(deadline=None)
@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
    ready_at=st.timedeltas(timedelta(0), timedelta(days=30)),
    east=st.integers(-14, 14),
)
def test_the_newest_ready_day_is_the_last_whose_ready_moment_has_come(
    now: datetime, ready_at: timedelta, east: int
) -> None:
    now = now.replace(tzinfo=timezone(timedelta(hours=east)))

    newest = newest_ready(now, ready_at)

    assert ready_since(newest, ready_at) <= now < ready_since(newest + timedelta(days=1), ready_at)


def test_a_window_ends_with_the_data_day_and_is_listed_newest_first() -> None:
    assert window_days(MONDAY, 1) == (MONDAY,)
    assert window_days(MONDAY, 7) == (
        date(2026, 3, 9),
        date(2026, 3, 8),
        date(2026, 3, 7),
        date(2026, 3, 6),
        date(2026, 3, 5),
        date(2026, 3, 4),
        date(2026, 3, 3),
    )
    assert window_days(MONDAY, 28)[-1] == date(2026, 2, 10)


def test_sums_of_whole_numbers_stay_whole_numbers_of_any_size() -> None:
    total = exact_sum([2**63 - 1] * 28)

    assert (total, type(total)) == (28 * (2**63 - 1), int)
    assert exact_sum([]) == 0


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.decimals(min_value=0, max_value=10**15, places=20),
            st.decimals(min_value=0, max_value=10**15, places=3),
            st.integers(0, 2**63 - 1),
        ),
        max_size=31,
    )
)
def test_sums_of_decimals_are_exact(values: list[int | Decimal]) -> None:
    assert Fraction(exact_sum(values)) == sum(map(Fraction, values))


def test_a_sum_that_would_be_rounded_is_refused() -> None:
    with pytest.raises(Inexact):
        exact_sum([Decimal("1e600"), 1])


@pytest.mark.parametrize(
    ("facts", "people"),
    [
        (DayFacts(), None),
        (DayFacts(people={PeopleKey("client", "vim"): BitMap([1])}), None),
        (DayFacts(people={EVERYBODY: BitMap()}), 0),
        (DayFacts(people={EVERYBODY: BitMap([1, 2, 3])}), 3),
        (DayFacts(people={EVERYBODY: BitMap([1, 2, 3])}, service=BitMap([3, 4])), 2),
        (DayFacts(head_count=0), 0),
        (DayFacts(head_count=7), 7),
    ],
)
def test_the_people_of_a_day_are_listed_without_service_accounts_or_counted_or_unknown(
    facts: DayFacts, people: int | None
) -> None:
    assert facts.people_total() == people
