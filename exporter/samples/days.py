"""What the state knows now of each of the newest days of a scope, and the samples of it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from exporter.metrics import SCOPE, Sample
from exporter.model import window_days
from exporter.samples.amounts import labelled
from exporter.samples.calendar import IsWorkday
from exporter.samples.comparable import usual

_PEOPLE = labelled("adoption_day_active_users", *SCOPE, "window", "day")
_BASELINE = labelled("adoption_day_active_users_baseline", *SCOPE, "day")
_WORKDAY = labelled("adoption_day_workday", *SCOPE, "day")
_REVISED = labelled("adoption_day_revised_timestamp_seconds", *SCOPE, "day")

# The values of SCOPE.
Scope = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day: the people of each window that ends with it (no entry: unknown), and what is usual on it.

    `revised_at` is when it last changed (Unix s), None where it never did after it was first stored.
    """

    day: date
    people: Mapping[str, int]
    baseline: float | None
    is_workday: bool
    revised_at: float | None = None

    def series(self) -> int:
        """How many samples the day has."""
        return len(self.people) + 1 + (self.baseline is not None) + (self.revised_at is not None)


def newest_days(
    people: Mapping[str, Mapping[date, int]],
    revised_at: Mapping[date, float | None],
    is_workday: IsWorkday,
    oldest: date,
    data_day: date,
    number: int,
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
            revised_at=revised_at.get(day),
        )
        for day in reversed(window_days(data_day, number))
        if day >= oldest
    )


def day_samples(scopes: Mapping[Scope, Sequence[DayFigures]], most: int) -> list[Sample]:
    """The samples of single days, at most `most`: those of the newest days of every scope, sorted.

    A chart that loses its oldest days stays right, and the same ones are lost in every scope.
    """
    return sorted(islice(_newest_first(scopes), most))


def _newest_first(scopes: Mapping[Scope, Sequence[DayFigures]]) -> Iterator[Sample]:
    for back in range(1, max(map(len, scopes.values()), default=0) + 1):
        for scope, days in scopes.items():
            if back <= len(days):
                yield from _samples(scope, days[-back])


def _samples(scope: Scope, figures: DayFigures) -> Iterator[Sample]:
    day = figures.day.isoformat()
    for window, people in figures.people.items():
        yield Sample(_PEOPLE, (*scope, window, day), people)
    if figures.baseline is not None:
        yield Sample(_BASELINE, (*scope, day), figures.baseline)
    yield Sample(_WORKDAY, (*scope, day), float(figures.is_workday))
    if figures.revised_at is not None:
        yield Sample(_REVISED, (*scope, day), figures.revised_at)
