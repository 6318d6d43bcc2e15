"""What is usual and what was before, as of any data day: against a count by hand with random calendars and gaps."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.config.calendar import Calendar
from exporter.samples.calendar import IsWorkday, workdays
from exporter.samples.rolling import union_sizes
from exporter.samples.verdicts import Workday, samples, verdicts
from tests.support.examples import examples

MONDAY = date(2026, 3, 9)
SUNDAY = date(2026, 3, 8)
FRIDAY = date(2026, 3, 6)
READY_AT = timedelta(hours=3)
LABELS = {"source": "acme", "vendor": "augment", "scope": "all"}
PLAIN = workdays(Calendar())
LENGTHS = {"1d": 1, "7d": 7, "28d": 28}

Days = Mapping[date, frozenset[int]]
Counts = dict[str, dict[date, int]]


def counted(days: Days) -> Counts:
    sets = {day: BitMap(people) for day, people in days.items()}
    return {window: union_sizes(sets, length) for window, length in LENGTHS.items()}


def shown(counts: Counts, data_day: date, is_workday: IsWorkday = PLAIN) -> dict[str, float]:
    """Every sample as `metric{window}`."""
    made = list(samples(verdicts(counts, is_workday, data_day, READY_AT), LABELS))
    assert {sample.labels[:3] for sample in made} == {("acme", "augment", "all")}
    named = {
        sample.metric.removeprefix("adoption_") + "".join(f"{{{window}}}" for window in sample.labels[3:]): sample.value
        for sample in made
    }
    assert len(named) == len(made)
    return named


def at(year: int, month: int, day: int, hour: int = 0) -> float:
    return datetime(year, month, day, hour, tzinfo=UTC).timestamp()


def steady(days: int, people: int = 4, last: date = MONDAY) -> Days:
    return {last - timedelta(days=back): frozenset(range(people)) for back in range(days)}


def test_a_steady_working_day_is_as_usual_and_as_before() -> None:
    assert shown(counted(steady(300)), MONDAY) == {
        "data_day_due_timestamp_seconds": at(2026, 3, 11, 3),
        "data_day_workday": 1,
        "active_users_baseline": 4,
        "workday_timestamp_seconds": at(2026, 3, 9),
        "workday_active_users": 4,
        "workday_active_users_baseline": 4,
        "active_users_before{7d}": 4,
        "active_users_before{28d}": 4,
        "active_users_best{28d}": 4,
        "window_workdays{7d}": 5,
        "window_workdays{28d}": 20,
        "window_workdays_before{7d}": 5,
        "window_workdays_before{28d}": 20,
    }


def test_on_a_sunday_nothing_is_usual_and_friday_is_the_newest_working_day() -> None:
    people = {**steady(300, last=SUNDAY), FRIDAY: frozenset({1, 2})}

    found = shown(counted(people), SUNDAY)

    assert {name: value for name, value in found.items() if "{" not in name} == {
        "data_day_due_timestamp_seconds": at(2026, 3, 10, 3),
        "data_day_workday": 0,
        "workday_timestamp_seconds": at(2026, 3, 6),
        "workday_active_users": 2,
        "workday_active_users_baseline": 4,
    }


def test_a_newest_working_day_that_is_not_known_has_a_date_and_no_people() -> None:
    people = {day: found for day, found in steady(60, last=SUNDAY).items() if day != FRIDAY}

    found = verdicts(counted(people), PLAIN, SUNDAY, READY_AT)

    assert found.workday == Workday(FRIDAY, people=None, baseline=4, compared=4)


def test_what_is_not_known_is_absent() -> None:
    assert shown(counted(steady(1)), MONDAY) == {
        "data_day_due_timestamp_seconds": at(2026, 3, 11, 3),
        "data_day_workday": 1,
        "workday_timestamp_seconds": at(2026, 3, 9),
        "workday_active_users": 4,
        "window_workdays{7d}": 5,
        "window_workdays{28d}": 20,
        "window_workdays_before{7d}": 5,
        "window_workdays_before{28d}": 20,
    }


def test_where_nobody_ever_works_there_is_no_newest_working_day() -> None:
    never = workdays(Calendar(weekend=("mon", "tue", "wed", "thu", "fri", "sat", "sun")))

    found = verdicts(counted(steady(300)), never, MONDAY, READY_AT)

    assert (found.workday, found.baseline, found.window_workdays) == (None, None, {"7d": 0, "28d": 0})


def test_holidays_and_shutdowns_are_no_working_days_of_the_windows() -> None:
    calendar = Calendar.model_validate({"country": "DE", "closed": ["2026-12-28..2026-12-31"], "half": ["2026-12-23"]})

    found = verdicts(counted(steady(60, last=date(2027, 1, 4))), workdays(calendar), date(2027, 1, 4), READY_AT)

    assert (found.window_workdays, found.window_workdays_before) == ({"7d": 1, "28d": 13}, {"7d": 2, "28d": 20})


@pytest.mark.parametrize(("back", "best"), [(0, 9), (181, 9), (182, 1), (183, 1)])
def test_the_best_is_that_of_twenty_six_weeks_of_data_days(back: int, best: int) -> None:
    counts: Counts = {"1d": {}, "7d": {}, "28d": {MONDAY - timedelta(days=number): 1 for number in range(200)}}
    counts["28d"][MONDAY - timedelta(days=back)] = 9

    assert verdicts(counts, PLAIN, MONDAY, READY_AT).best == best


def test_windows_that_a_vendor_counted_are_compared_as_far_as_they_were_counted() -> None:
    counts: Counts = {
        "1d": {MONDAY: 5},
        "7d": {MONDAY: 9, MONDAY - timedelta(days=7): 12},
        "28d": {MONDAY: 20, MONDAY - timedelta(days=1): 22, MONDAY - timedelta(days=27): 30},
    }

    found = verdicts(counts, PLAIN, MONDAY, READY_AT)

    assert (found.before, found.best) == ({"7d": 12}, 30)


FIRST = date(2025, 12, 1)
SPAN = 240


@st.composite
def calendars(draw: st.DrawFn) -> dict[str, Any]:
    """A calendar as in a file, with single days and ranges off."""
    days = st.integers(0, SPAN).map(lambda number: FIRST + timedelta(days=number))
    starts = draw(st.lists(st.tuples(days, st.integers(0, 20)), max_size=4))
    closed = [(start, start + timedelta(days=length)) for start, length in starts]
    half = [day for day in draw(st.lists(days, max_size=6)) if not any(first <= day <= last for first, last in closed)]
    return {
        "country": draw(st.sampled_from([None, "DE", "US", "CN", "SA"])),
        "weekend": draw(st.sampled_from([["sat", "sun"], ["fri", "sat"], ["sun"], []])),
        "closed": [
            f"{first}..{last}" if draw(st.booleans()) or first != last else str(first) for first, last in closed
        ],
        "half": [str(day) for day in half],
    }


@st.composite
def histories(draw: st.DrawFn) -> Days:
    """Months of few people who come and go in runs, with gaps."""
    runs = draw(st.lists(st.tuples(st.integers(0, SPAN), st.integers(0, SPAN), st.integers(1, 9)), max_size=8))
    gaps = draw(st.sets(st.integers(0, SPAN), max_size=5))
    start = draw(st.sampled_from([0, 0, 100, 200]))
    return {
        FIRST + timedelta(days=number): frozenset(
            person for person, (begin, end, every) in enumerate(runs) if begin <= number <= end and not number % every
        )
        for number in range(start, SPAN)
        if number not in gaps
    }


@examples(100)
@given(days=histories(), calendar=calendars(), number=st.integers(0, SPAN - 1))
@pytest.mark.slow
def test_the_verdicts_are_what_counting_by_hand_gives(days: Days, calendar: dict[str, Any], number: int) -> None:
    data_day = FIRST + timedelta(days=number)
    is_workday = workdays(Calendar.model_validate(calendar))

    found = shown(counted(days), data_day, is_workday)

    assert found == by_hand(counted_by_hand(days), is_workday, data_day)


NUMBERS = st.dictionaries(st.integers(0, SPAN).map(lambda number: FIRST + timedelta(days=number)), st.integers(0, 99))


@examples(100)
@given(days=NUMBERS, weeks=NUMBERS, months=NUMBERS, calendar=calendars(), number=st.integers(0, SPAN - 1))
def test_the_verdicts_about_windows_that_a_vendor_counted_are_those_of_its_numbers(
    days: dict[date, int], weeks: dict[date, int], months: dict[date, int], calendar: dict[str, Any], number: int
) -> None:
    data_day = FIRST + timedelta(days=number)
    is_workday = workdays(Calendar.model_validate(calendar))
    counts = {"1d": days, "7d": weeks, "28d": months}

    assert shown(counts, data_day, is_workday) == by_hand(counts, is_workday, data_day)


def counted_by_hand(days: Days) -> Counts:
    """The people of each window by its last day, each window by itself."""
    return {
        window: {
            last: len(set().union(*(days[day] for day in _window(last, length))))
            for last in days
            if all(day in days for day in _window(last, length))
        }
        for window, length in LENGTHS.items()
    }


def by_hand(counts: Counts, is_workday: Callable[[date], bool], data_day: date) -> dict[str, float]:
    due = datetime.combine(data_day, datetime.min.time(), UTC) + timedelta(days=2, hours=3)
    expected: dict[str, float] = {
        "data_day_due_timestamp_seconds": due.timestamp(),
        "data_day_workday": int(is_workday(data_day)),
    }
    usual = _usual(counts["1d"], is_workday, data_day)
    if usual is not None:
        expected["active_users_baseline"] = usual
    workday = data_day
    while not is_workday(workday) and workday > data_day - timedelta(days=69):
        workday -= timedelta(days=1)
    if is_workday(workday):
        expected["workday_timestamp_seconds"] = datetime.combine(workday, datetime.min.time(), UTC).timestamp()
        if workday in counts["1d"]:
            expected["workday_active_users"] = counts["1d"][workday]
        usual = _usual(counts["1d"], is_workday, workday)
        if usual is not None:
            expected["workday_active_users_baseline"] = usual
    for window, length in (("7d", 7), ("28d", 28)):
        end = data_day - timedelta(days=length)
        expected[f"window_workdays{{{window}}}"] = sum(map(is_workday, _window(data_day, length)))
        expected[f"window_workdays_before{{{window}}}"] = sum(map(is_workday, _window(end, length)))
        if end in counts[window]:
            expected[f"active_users_before{{{window}}}"] = counts[window][end]
    best = [counts["28d"][day] for day in _window(data_day, 182) if day in counts["28d"]]
    if best:
        expected["active_users_best{28d}"] = max(best)
    return expected


def _window(last: date, length: int) -> list[date]:
    return [last - timedelta(days=back) for back in range(length)]


def _usual(people: Mapping[date, int], is_workday: Callable[[date], bool], day: date) -> float | None:
    if not is_workday(day):
        return None
    compared = [
        people[other]
        for other in _window(day - timedelta(days=1), 70)
        if other.weekday() == day.weekday() and other in people and is_workday(other)
    ][:4]
    return median(compared) if len(compared) > 1 else None
