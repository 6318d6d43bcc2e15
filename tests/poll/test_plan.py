from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model import WindowPeople
from exporter.poll.plan import CHEAP_REREAD, ReadWindow, days_to_read, head_counts, is_late, windows_to_ask
from exporter.state.records import StoredDay

RULES = ReadWindow(
    ready_at=timedelta(hours=3),
    history=5,
    lookback=2,
    late_grace=timedelta(hours=24),
    retention=5,
    is_workday=lambda day: day.weekday() < 5,
)
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
    one_day = replace(RULES, history=1, lookback=0)

    assert days_to_read(PUBLISHED - MICROSECOND, one_day, {}) == [SUNDAY]
    assert days_to_read(PUBLISHED, one_day, {}) == [MONDAY]


def test_a_day_that_waits_for_fields_is_read_again_within_the_history() -> None:
    known = stored(MONDAY, SUNDAY, SATURDAY, FRIDAY, THURSDAY, WEDNESDAY)
    known |= {day: replace(known[day], pending=True) for day in (SATURDAY, THURSDAY, WEDNESDAY)}

    assert days_to_read(PUBLISHED, RULES, known) == [MONDAY, SUNDAY, SATURDAY, THURSDAY]


@pytest.mark.parametrize(("requests", "days"), [(CHEAP_REREAD, [MONDAY]), (CHEAP_REREAD + 1, [])])
def test_a_cheap_day_that_waits_for_fields_does_not_wait_for_dear_days_that_are_complete(
    requests: int, days: list[date]
) -> None:
    known = stored(MONDAY, SUNDAY, SATURDAY, FRIDAY, THURSDAY, requests=100, read_at=PUBLISHED)
    known[MONDAY] = replace(known[MONDAY], pending=True, requests=requests)

    assert days_to_read(PUBLISHED + timedelta(hours=1), RULES, known) == days


def test_many_days_that_wait_for_fields_are_read_by_turns_as_many_a_poll_as_are_cheap() -> None:
    known = stored(MONDAY, SUNDAY, SATURDAY, FRIDAY, requests=CHEAP_REREAD // 2)
    known = {day: replace(about, pending=True) for day, about in known.items()}
    rules = replace(RULES, history=4)
    later = PUBLISHED + timedelta(hours=1)

    assert days_to_read(later, rules, known) == [MONDAY, SUNDAY]
    # They are waited for still.
    known |= {day: replace(known[day], read_at=later.timestamp()) for day in (MONDAY, SUNDAY)}
    assert days_to_read(later + timedelta(hours=1), rules, known) == [SATURDAY, FRIDAY]


def test_later_polls_read_what_is_not_stored_and_the_lookback_again() -> None:
    known = stored(MONDAY, SUNDAY, SATURDAY, THURSDAY, WEDNESDAY)

    assert days_to_read(PUBLISHED, RULES, known) == [MONDAY, SUNDAY, FRIDAY]


def test_the_lookback_never_goes_beyond_the_history() -> None:
    long = replace(RULES, history=2, lookback=7)

    assert days_to_read(PUBLISHED, long, stored(MONDAY, SUNDAY, SATURDAY)) == [MONDAY, SUNDAY]


def test_without_a_lookback_a_stored_day_is_not_read_again() -> None:
    none = replace(RULES, history=3, lookback=0)

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
    rules = replace(RULES, history=history, lookback=lookback)
    ages = {MONDAY - timedelta(days=back): back for back in range(-3, 45)}
    days = [day for day, back in ages.items() if back in known]

    wanted = days_to_read(
        PUBLISHED, rules, stored(*days, requests=requests, read_at=PUBLISHED + timedelta(hours=hours))
    )

    assert wanted == sorted(set(wanted), reverse=True)
    assert {ages[day] for day in wanted if day not in days} == set(range(history)) - known
    assert all(0 <= ages[day] < min(history, lookback) for day in wanted if day in days)


def weeks_before(day: date, *people: int | None) -> dict[date, int]:
    """The same weekday one, two, ... weeks before a day with so many people; None where they are not known."""
    return {day - timedelta(weeks=weeks): count for weeks, count in enumerate(people, start=1) if count is not None}


GRACE_ENDS = PUBLISHED + RULES.late_grace
UNKNOWN = [None] * 9
HOLIDAY = replace(RULES, is_workday=lambda day: day != MONDAY)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(weeks_before(MONDAY, 1), True, id="a comparable day had people"),
        pytest.param(weeks_before(MONDAY, 0, 0, 0, 7), True, id="the last of four"),
        pytest.param(weeks_before(MONDAY, 0, 0, 0, 0, 7), False, id="the fifth is not compared"),
        pytest.param(weeks_before(MONDAY, None, 0, None, 0, 0, 7), True, id="the newest four are those that are known"),
        pytest.param(weeks_before(MONDAY, *UNKNOWN, 9), True, id="ten weeks before"),
        pytest.param(weeks_before(MONDAY, *UNKNOWN, None, 9), False, id="eleven weeks before"),
        pytest.param(weeks_before(MONDAY, 0, 0, 0, 0, 9, 9, 9, 9, 9), True, id="more than half of ten weeks"),
        pytest.param(weeks_before(MONDAY, 0, 0, 0, 0, 9, 9, 9), False, id="less than half of ten weeks"),
        pytest.param({SUNDAY: 50}, False, id="another weekday"),
        pytest.param({}, False, id="nothing is known"),
    ],
)
def test_a_silent_working_day_is_late_where_a_comparable_day_had_people_and_only_within_the_grace(
    known: dict[date, int], expected: bool
) -> None:
    moments = [PUBLISHED, GRACE_ENDS - MICROSECOND, GRACE_ENDS, GRACE_ENDS + timedelta(days=30)]

    assert [is_late(MONDAY, now, RULES, known) for now in moments] == [expected, expected, False, False]


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([4] * 10, False),
        ([5] * 10, True),
        ([500, 500, 0, 0, 0], False),
        ([500, 500, 500, 0, 0], True),
        ([9, 1], True),
        ([8, 1], False),
        ([5], True),
        ([None, 5, None], True),
        ([*UNKNOWN, None, 500], False),
        ([], False),
    ],
)
def test_a_silent_day_that_is_no_working_day_is_late_where_most_of_its_weekdays_have_five_people(
    people: list[int | None], expected: bool
) -> None:
    saturday = PUBLISHED - timedelta(days=2)

    assert is_late(SATURDAY, saturday, RULES, weeks_before(SATURDAY, *people)) is expected
    assert is_late(MONDAY, PUBLISHED, HOLIDAY, weeks_before(MONDAY, *people)) is expected


def test_a_holiday_before_is_no_comparable_day() -> None:
    before = replace(RULES, is_workday=lambda day: day != MONDAY - timedelta(weeks=1))

    assert not is_late(MONDAY, PUBLISHED, before, weeks_before(MONDAY, 4, 0))
    assert is_late(MONDAY, PUBLISHED, before, weeks_before(MONDAY, 4, 1))


def test_without_a_grace_no_day_is_late() -> None:
    assert not is_late(MONDAY, PUBLISHED, replace(RULES, late_grace=timedelta(0)), weeks_before(MONDAY, 7))


@settings(deadline=None)
@given(
    people=st.lists(st.none() | st.sampled_from([0, 0, 0, 1, 4, 5, 9]), max_size=14),
    free=st.sets(st.integers(0, 14)),
    hours=st.integers(0, 30),
    grace=st.sampled_from([0, 1, 24]),
)
def test_late_is_what_counting_week_by_week_says(
    people: list[int | None], free: set[int], hours: int, grace: int
) -> None:
    """Week 0 is the day itself; `free` are the weeks on whose day nobody works."""
    weeks = {MONDAY - timedelta(weeks=week): week for week in range(15)}
    rules = replace(RULES, late_grace=timedelta(hours=grace), is_workday=lambda day: weeks[day] not in free)

    compared: list[int] = []
    same: list[int] = []
    for week in range(1, 11):
        count = people[week - 1] if week <= len(people) else None
        if count is None:
            continue
        same.append(count)
        if 0 not in free and week not in free and len(compared) < 4:
            compared.append(count)
    same.sort()
    middle = same[(len(same) - 1) // 2 : len(same) // 2 + 1]
    expected = hours < grace and (sum(compared) > 0 or (middle != [] and sum(middle) >= 5 * len(middle)))

    assert is_late(MONDAY, PUBLISHED + timedelta(hours=hours), rules, weeks_before(MONDAY, *people)) is expected


def test_people_are_those_of_known_days_and_of_days_that_the_vendor_counted() -> None:
    listed = StoredDay(people=3, listed=True, requests=1, read_at=0.0)
    known = {MONDAY: listed, SUNDAY: replace(listed, people=None), SATURDAY: replace(listed, people=0)}
    counted = {
        (day, window): WindowPeople(day, window, 9)
        for day, window in ((MONDAY, "1d"), (SUNDAY, "1d"), (FRIDAY, "1d"), (THURSDAY, "7d"))
    }

    assert head_counts(known, counted) == {MONDAY: 3, SUNDAY: 9, SATURDAY: 0, FRIDAY: 9}


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
