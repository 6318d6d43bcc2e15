from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.poll.plan import CHEAP_REREAD, ReadWindow, days_to_read, is_late, windows_to_ask
from exporter.state.records import StoredDay

RULES = ReadWindow(ready_at=timedelta(hours=3), history=5, lookback=2, late_grace=timedelta(hours=24), retention=5)
# Monday 9 March 2026 is ready from here on.
PUBLISHED = datetime(2026, 3, 10, 3, tzinfo=UTC)
MONDAY = date(2026, 3, 9)
SUNDAY = date(2026, 3, 8)
SATURDAY = date(2026, 3, 7)
FRIDAY = date(2026, 3, 6)
THURSDAY = date(2026, 3, 5)
WEDNESDAY = date(2026, 3, 4)
MICROSECOND = timedelta(microseconds=1)


def stored(*days: date, requests: int = 1, read_at: datetime = PUBLISHED) -> dict[date, StoredDay]:
    return {day: StoredDay(people=1, listed=True, requests=requests, read_at=read_at.timestamp()) for day in days}


def test_a_first_poll_reads_the_whole_history_newest_first() -> None:
    assert days_to_read(PUBLISHED, RULES, {}) == [MONDAY, SUNDAY, SATURDAY, FRIDAY, THURSDAY]


def test_the_history_counts_the_newest_ready_day() -> None:
    one_day = ReadWindow(RULES.ready_at, history=1, lookback=0, late_grace=RULES.late_grace, retention=5)

    assert days_to_read(PUBLISHED - MICROSECOND, one_day, {}) == [SUNDAY]
    assert days_to_read(PUBLISHED, one_day, {}) == [MONDAY]


def test_a_day_that_waits_for_fields_is_read_again_within_the_history() -> None:
    known = stored(MONDAY, SUNDAY, SATURDAY, FRIDAY, THURSDAY, WEDNESDAY)
    known |= {day: replace(known[day], pending=True) for day in (SATURDAY, THURSDAY, WEDNESDAY)}

    assert days_to_read(PUBLISHED, RULES, known) == [MONDAY, SUNDAY, SATURDAY, THURSDAY]


def test_later_polls_read_what_is_not_stored_and_the_lookback_again() -> None:
    known = stored(MONDAY, SUNDAY, SATURDAY, THURSDAY, WEDNESDAY)

    assert days_to_read(PUBLISHED, RULES, known) == [MONDAY, SUNDAY, FRIDAY]


def test_the_lookback_never_goes_beyond_the_history() -> None:
    long = ReadWindow(RULES.ready_at, history=2, lookback=7, late_grace=RULES.late_grace, retention=5)

    assert days_to_read(PUBLISHED, long, stored(MONDAY, SUNDAY, SATURDAY)) == [MONDAY, SUNDAY]


def test_without_a_lookback_a_stored_day_is_not_read_again() -> None:
    none = ReadWindow(RULES.ready_at, history=3, lookback=0, late_grace=RULES.late_grace, retention=5)

    assert days_to_read(PUBLISHED, none, stored(MONDAY, SATURDAY)) == [SUNDAY]


@pytest.mark.parametrize(
    ("requests", "read_at", "days"),
    [
        (CHEAP_REREAD // 2, PUBLISHED + timedelta(hours=1), [MONDAY, SUNDAY]),
        (CHEAP_REREAD // 2 + 1, PUBLISHED - MICROSECOND, [MONDAY, SUNDAY]),
        (CHEAP_REREAD // 2 + 1, PUBLISHED, []),
        (CHEAP_REREAD // 2 + 1, PUBLISHED + timedelta(hours=1), []),
    ],
)
def test_a_costly_lookback_is_read_again_once_after_each_publication(
    requests: int, read_at: datetime, days: Sequence[date]
) -> None:
    known = stored(MONDAY, SUNDAY, SATURDAY, FRIDAY, THURSDAY, requests=requests, read_at=read_at)

    assert days_to_read(PUBLISHED + timedelta(hours=5), RULES, known) == days


def test_a_costly_lookback_goes_on_where_a_poll_was_cut_short() -> None:
    before = stored(SUNDAY, SATURDAY, FRIDAY, THURSDAY, requests=21, read_at=PUBLISHED - timedelta(days=1))
    known = {**before, **stored(MONDAY, requests=21)}

    assert days_to_read(PUBLISHED + timedelta(hours=1), RULES, known) == [SUNDAY]


def test_what_days_before_the_lookback_cost_does_not_matter() -> None:
    known = stored(MONDAY, SUNDAY) | stored(SATURDAY, FRIDAY, THURSDAY, requests=1_000)

    assert days_to_read(PUBLISHED, RULES, known) == [MONDAY, SUNDAY]


@settings(deadline=None)
@given(
    history=st.integers(1, 40),
    lookback=st.integers(0, 40),
    known=st.sets(st.integers(-3, 45)),
    requests=st.sampled_from([0, 1, 10]),
    hours=st.integers(-30, 30),
)
def test_every_day_of_the_history_that_is_not_stored_is_read_and_none_twice(
    history: int, lookback: int, known: set[int], requests: int, hours: int
) -> None:
    rules = ReadWindow(RULES.ready_at, history, lookback, RULES.late_grace, RULES.retention)
    ages = {MONDAY - timedelta(days=back): back for back in range(-3, 45)}
    days = [day for day, back in ages.items() if back in known]

    wanted = days_to_read(
        PUBLISHED, rules, stored(*days, requests=requests, read_at=PUBLISHED + timedelta(hours=hours))
    )

    assert wanted == sorted(set(wanted), reverse=True)
    assert {ages[day] for day in wanted if day not in days} == set(range(history)) - known
    assert all(0 <= ages[day] < min(history, lookback) for day in wanted if day in days)


def weeks_before(*people: int | None) -> dict[date, StoredDay]:
    """Monday's weekday one, two, ... weeks ago with so many people; None where the day is not stored."""
    return {
        MONDAY - timedelta(weeks=weeks): StoredDay(count, listed=True, requests=1, read_at=0.0)
        for weeks, count in enumerate(people, start=1)
        if count is not None
    }


UNKNOWN_PEOPLE = {MONDAY - timedelta(weeks=1): StoredDay(None, listed=False, requests=1, read_at=0.0)}
OTHER_WEEKDAY = {SUNDAY: StoredDay(50, listed=True, requests=1, read_at=0.0)}


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (weeks_before(1), True),
        (weeks_before(None, None, None, 1), True),
        (weeks_before(0, 0, 0, 7), True),
        (weeks_before(0, 0, 0, 0), False),
        (weeks_before(None, None, None, None, 9), False),
        (UNKNOWN_PEOPLE, False),
        (OTHER_WEEKDAY, False),
        ({}, False),
    ],
)
def test_a_silent_day_is_late_only_where_its_weekday_had_people_and_only_within_the_grace(
    stored: dict[date, StoredDay], expected: bool
) -> None:
    grace_ends = PUBLISHED + RULES.late_grace
    moments = [PUBLISHED, grace_ends - MICROSECOND, grace_ends, grace_ends + timedelta(days=30)]

    assert [is_late(MONDAY, now, RULES, stored) for now in moments] == [expected, expected, False, False]


def test_without_a_grace_no_day_is_late() -> None:
    rules = ReadWindow(RULES.ready_at, RULES.history, RULES.lookback, late_grace=timedelta(0), retention=5)

    assert not is_late(MONDAY, PUBLISHED, rules, weeks_before(7))


WEEK = [MONDAY - timedelta(days=back) for back in range(7)]


@pytest.mark.parametrize(
    ("known", "counted", "unread", "windows"),
    [
        pytest.param(stored(*WEEK), set(), set(), ["28d"], id="a listed week is counted here"),
        pytest.param(stored(*WEEK[:6]), set(), set(), ["7d", "28d"], id="a day that is no longer kept"),
        pytest.param(stored(*WEEK[:6]), {(MONDAY, "7d")}, set(), ["28d"], id="counted already"),
        pytest.param(stored(*WEEK[:6]), {(SUNDAY, "7d")}, set(), ["7d", "28d"], id="counted up to another day"),
        pytest.param(stored(*WEEK[:6]), set(), {WEEK[6]}, [], id="a day that was to be read"),
        pytest.param(
            {day: replace(known, listed=False) for day, known in stored(*WEEK).items()},
            set(),
            {MONDAY - timedelta(days=7)},
            ["7d"],
            id="people that are not listed, and an unread day before the week",
        ),
    ],
)
def test_the_vendor_counts_the_windows_that_stored_days_cannot(
    known: dict[date, StoredDay], counted: set[tuple[date, str]], unread: set[date], windows: list[str]
) -> None:
    assert windows_to_ask(MONDAY, known, counted, unread) == windows
