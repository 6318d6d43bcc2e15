"""What the state knows now of each of the newest days of a scope. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from exporter.model import window_days
from exporter.samples.calendar import IsWorkday
from exporter.samples.comparable import usual


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day: the people of each window that ends with it (no entry: unknown), and what is usual on it."""

    day: date
    people: Mapping[str, int]
    baseline: float | None
    is_workday: bool


def newest_days(
    people: Mapping[str, Mapping[date, int]], is_workday: IsWorkday, oldest: date, data_day: date, number: int
) -> tuple[DayFigures, ...]:
    """At most `number` days up to the data day, oldest first, from the people of each window by its last day.

    Days without data are among them, but none before the oldest known day.
    """
    return tuple(
        DayFigures(
            day=day,
            people={window: counts[day] for window, counts in people.items() if day in counts},
            baseline=usual(people["1d"], day, is_workday),
            is_workday=is_workday(day),
        )
        for day in reversed(window_days(data_day, number))
        if day >= oldest
    )
