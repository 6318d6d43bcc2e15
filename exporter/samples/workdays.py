"""Working days: by weekday, and by the public holidays of a country where one is set."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import get_args

import holidays

from exporter.config.source import Calendar, Weekday

_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def workdays(calendar: Calendar) -> Callable[[date], bool]:
    """A function that says whether a day is a working day in a calendar.

    In countries that move a working day to a weekend (China, Hungary), that day of the weekend is a working day.
    """
    weekend = {_WEEKDAYS.index(name) for name in calendar.weekend}

    def is_workday(day: date) -> bool:
        free, worked = _year(calendar.country, calendar.subdivision, day.year)
        return day in worked if day.weekday() in weekend else day not in free

    return is_workday


@lru_cache
def _year(country: str | None, subdivision: str | None, year: int) -> tuple[frozenset[date], frozenset[date]]:
    """The holidays of a year, and the days of its weekends on which people work."""
    if country is None:
        return frozenset(), frozenset()
    found = holidays.country_holidays(country, subdiv=subdivision, years=year)
    return frozenset(found), frozenset(found.weekend_workdays)
