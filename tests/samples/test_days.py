"""The newest days of a scope, each with what is known of it."""

from datetime import date, timedelta

from exporter.config.calendar import Calendar
from exporter.samples.calendar import workdays
from exporter.samples.days import DayFigures, newest_days

MONDAY = date(2026, 3, 9)
SUNDAY, SATURDAY = MONDAY - timedelta(days=1), MONDAY - timedelta(days=2)
PLAIN = workdays(Calendar())


def test_each_day_has_its_windows_and_what_is_usual_on_it() -> None:
    before = {MONDAY - timedelta(weeks=weeks): 10 * weeks for weeks in (1, 2)}
    people = {"1d": {MONDAY: 4, SATURDAY: 2, **before}, "7d": {MONDAY: 9}, "28d": {}}

    assert newest_days(people, PLAIN, SATURDAY - timedelta(days=30), MONDAY, 3) == (
        DayFigures(SATURDAY, {"1d": 2}, None, is_workday=False),
        DayFigures(SUNDAY, {}, None, is_workday=False),
        DayFigures(MONDAY, {"1d": 4, "7d": 9}, 15, is_workday=True),
    )


def test_no_day_is_before_the_oldest_known_one_or_after_the_data_day() -> None:
    people: dict[str, dict[date, int]] = {"1d": {SUNDAY: 1, MONDAY: 4}, "7d": {}, "28d": {}}

    assert [figures.day for figures in newest_days(people, PLAIN, SUNDAY, MONDAY, 60)] == [SUNDAY, MONDAY]
    assert [figures.day for figures in newest_days(people, PLAIN, SATURDAY, SUNDAY, 60)] == [SATURDAY, SUNDAY]
    assert newest_days(people, PLAIN, SUNDAY, MONDAY, 0) == ()
