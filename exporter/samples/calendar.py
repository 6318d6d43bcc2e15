"""Working days: by weekday, by the public holidays of a country where one is set, and by closed and half days."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache

from exporter.config.calendar import WEEKDAYS, Calendar

IsWorkday = Callable[[date], bool]

# A day is asked for by every scope of a source.
_REMEMBERED = 4096


def workdays(calendar: Calendar) -> IsWorkday:
    """A function that says whether a day is a working day in a calendar.

    In countries that move a working day to a weekend (China, Hungary), that day of the weekend is a working day. A
    closed or half day is none, whatever the country says.
    """
    weekend = {WEEKDAYS.index(name) for name in calendar.weekend}
    half = frozenset(calendar.half)

    @lru_cache(_REMEMBERED)
    def is_workday(day: date) -> bool:
        if day in half or any(days.holds(day) for days in calendar.closed):
            return False
        free, worked = _year(calendar.country, calendar.subdivision, day.year)
        return day in worked if day.weekday() in weekend else day not in free

    return is_workday


@lru_cache
def _year(country: str | None, subdivision: str | None, year: int) -> tuple[frozenset[date], frozenset[date]]:
    """The holidays of a year, and the days of its weekends on which people work."""
    if country is None:
        return frozenset(), frozenset()
    # Imported here: see config/calendar.py.
    import holidays

    found = holidays.country_holidays(country, subdiv=subdivision, years=year)
    return frozenset(found), frozenset(found.weekend_workdays)
