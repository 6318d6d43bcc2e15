"""Which days are working days."""

from datetime import date
from typing import Any

import pytest

from exporter.config.calendar import Calendar
from exporter.samples.calendar import workdays

MONDAY = date(2026, 3, 9)
SATURDAY = date(2026, 3, 14)
SUNDAY = date(2026, 3, 15)
CHRISTMAS = date(2026, 12, 25)


def is_workday(day: date, **calendar: Any) -> bool:
    return workdays(Calendar(**calendar))(day)


@pytest.mark.parametrize(
    ("day", "expected"), [(MONDAY, True), (date(2026, 3, 13), True), (SATURDAY, False), (SUNDAY, False)]
)
def test_without_a_country_only_the_weekend_is_free(day: date, expected: bool) -> None:
    assert is_workday(day) is expected
    assert is_workday(CHRISTMAS)


@pytest.mark.parametrize(
    ("weekend", "worked"),
    [(["fri", "sat"], {MONDAY, SUNDAY}), (["sun"], {MONDAY, SATURDAY}), ([], {MONDAY, SATURDAY, SUNDAY})],
)
def test_a_weekend_may_be_any_days(weekend: list[str], worked: set[date]) -> None:
    assert {day for day in (MONDAY, SATURDAY, SUNDAY) if is_workday(day, weekend=weekend)} == worked


@pytest.mark.parametrize(
    ("day", "country", "subdivision", "expected"),
    [
        (CHRISTMAS, "DE", None, False),
        (date(2026, 1, 6), "DE", None, True),
        (date(2026, 1, 6), "DE", "BY", False),
        (date(2026, 1, 6), "DE", "BE", True),
        (date(2026, 11, 26), "US", None, False),
        (date(2026, 11, 26), "DE", None, True),
        (date(2026, 7, 3), "US", None, False),
        (date(2027, 12, 31), "US", None, False),
    ],
    ids=str,
)
def test_holidays_of_the_country_and_subdivision_are_free(
    day: date, country: str, subdivision: str | None, expected: bool
) -> None:
    assert is_workday(day, country=country, subdivision=subdivision) is expected


def test_a_day_of_the_weekend_on_which_a_country_makes_up_for_a_holiday_is_worked() -> None:
    assert is_workday(SATURDAY.replace(day=28, month=2), country="CN")
    assert not is_workday(SATURDAY, country="CN")


def test_a_holiday_on_a_weekend_is_free_once() -> None:
    assert not is_workday(date(2026, 10, 3), country="DE")


@pytest.mark.parametrize(
    ("calendar", "free"),
    [
        ({"closed": ["2026-12-28..2026-12-30"]}, {28, 29, 30}),
        ({"closed": ["2026-12-28", "2026-12-30..2026-12-30"]}, {28, 30}),
        ({"half": ["2026-12-31"]}, {31}),
        ({"closed": ["2026-12-29"], "half": ["2026-12-31"]}, {29, 31}),
        ({"closed": ["2026-12-28..2026-12-30"], "half": ["2026-12-29"]}, {28, 29, 30}),
    ],
    ids=str,
)
def test_closed_and_half_days_are_no_working_days(calendar: dict[str, Any], free: set[int]) -> None:
    week = {day: is_workday(date(2026, 12, day), **calendar) for day in (28, 29, 30, 31)}

    assert {day for day, works in week.items() if not works} == free


def test_a_day_that_makes_up_for_a_holiday_may_be_closed() -> None:
    assert not is_workday(date(2026, 2, 28), country="CN", closed=["2026-02-28"])
