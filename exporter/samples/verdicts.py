"""What is usual in a scope as of its data day, and what its newest days compare with. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from exporter.metrics import Sample, sample
from exporter.model import ONE_DAY, WINDOWS, ready_since, window_days
from exporter.samples.calendar import IsWorkday
from exporter.samples.comparable import WEEKS_BACK, comparable_days, usual

_LONGER = ("7d", "28d")
_BEST = "28d"
_BEST_DAYS = 26 * 7


@dataclass(frozen=True)
class Workday:
    """A working day: its people, and what is usual on it by so many `compared` days; None is unknown."""

    day: date
    people: int | None
    baseline: float | None
    compared: int


@dataclass(frozen=True)
class Verdicts:
    """What the people of a scope compare with; what is not known is None, or no entry of a window.

    `is_workday` and `baseline` are about the data day, `workday` is the newest working day up to it. `due` is when the
    day after the data day is due.
    """

    due: datetime
    is_workday: bool
    baseline: float | None
    workday: Workday | None
    before: Mapping[str, int]
    best: int | None
    window_workdays: Mapping[str, int]
    window_workdays_before: Mapping[str, int]


def verdicts(
    people: Mapping[str, Mapping[date, int]], is_workday: IsWorkday, data_day: date, ready_at: timedelta
) -> Verdicts:
    """The verdicts as of a data day, from the people of each window by its last day; later days have no influence."""
    starts = {window: data_day - timedelta(days=WINDOWS[window]) for window in _LONGER}
    recent = window_days(data_day, _BEST_DAYS)
    return Verdicts(
        due=ready_since(data_day + ONE_DAY, ready_at),
        is_workday=is_workday(data_day),
        baseline=usual(people["1d"], data_day, is_workday),
        workday=_newest_workday(people["1d"], is_workday, data_day),
        before={window: people[window][day] for window, day in starts.items() if day in people[window]},
        best=max((people[_BEST][day] for day in recent if day in people[_BEST]), default=None),
        window_workdays={window: _workdays(is_workday, data_day, window) for window in _LONGER},
        window_workdays_before={window: _workdays(is_workday, day, window) for window, day in starts.items()},
    )


def samples(found: Verdicts, labels: Mapping[str, str]) -> Iterator[Sample]:
    """The samples of the verdicts of one scope."""
    yield sample("adoption_data_day_due_timestamp_seconds", found.due.timestamp(), **labels)
    yield sample("adoption_data_day_workday", float(found.is_workday), **labels)
    if found.baseline is not None:
        yield sample("adoption_active_users_baseline", found.baseline, **labels)
    if found.workday is not None:
        yield from _about_workday(found.workday, labels)
    for window, people in found.before.items():
        yield sample("adoption_active_users_before", people, **labels, window=window)
    if found.best is not None:
        yield sample("adoption_active_users_best", found.best, **labels, window=_BEST)
    for window, number in found.window_workdays.items():
        yield sample("adoption_window_workdays", number, **labels, window=window)
    for window, number in found.window_workdays_before.items():
        yield sample("adoption_window_workdays_before", number, **labels, window=window)


def _about_workday(workday: Workday, labels: Mapping[str, str]) -> Iterator[Sample]:
    start = datetime.combine(workday.day, time(), UTC).timestamp()
    yield sample("adoption_workday_timestamp_seconds", start, **labels)
    if workday.people is not None:
        yield sample("adoption_workday_active_users", workday.people, **labels)
    if workday.baseline is not None:
        yield sample("adoption_workday_active_users_baseline", workday.baseline, **labels)


def _newest_workday(people: Mapping[date, int], is_workday: IsWorkday, data_day: date) -> Workday | None:
    """The newest working day up to the data day; None where there is none in the weeks that are compared."""
    for day in window_days(data_day, WEEKS_BACK * 7):
        if is_workday(day):
            compared = len(comparable_days(day, people, is_workday))
            return Workday(day, people.get(day), usual(people, day, is_workday), compared)
    return None


def _workdays(is_workday: IsWorkday, last: date, window: str) -> int:
    return sum(is_workday(day) for day in window_days(last, WINDOWS[window]))
