"""The days that a day is compared with, and what is usual on it. Pure."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from statistics import median

from exporter.samples.calendar import IsWorkday

WEEKS_BACK = 10
_MOST = 4
_LEAST_FOR_USUAL = 2


def comparable_days(day: date, known: Collection[date], is_workday: IsWorkday) -> tuple[date, ...]:
    """The working days of the same weekday: the newest four that are `known` in the ten weeks before, newest first.

    None for a day that is no working day: a holiday says nothing about an ordinary day, nor the reverse.
    """
    if not is_workday(day):
        return ()
    before = (day - timedelta(weeks=weeks) for weeks in range(1, WEEKS_BACK + 1))
    return tuple([other for other in before if other in known and is_workday(other)][:_MOST])


def usual(people: Mapping[date, int], day: date, is_workday: IsWorkday) -> float | None:
    """The median people of a day's comparable days; None where there are fewer than two."""
    compared = [people[other] for other in comparable_days(day, people, is_workday)]
    return median(compared) if len(compared) >= _LEAST_FOR_USUAL else None
