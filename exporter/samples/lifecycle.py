"""The lifecycle of people: new, returned, retained, lapsed, and how often they come; exact sets, so they add up.

People of a window are retained if they were active in the window before, new if no earlier stored day lists them, and
returned otherwise: new + returned + retained = active.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

from pyroaring import BitMap

from exporter.metrics import Sample, sample
from exporter.model import WINDOWS, window_days

# With a shorter memory, people who were ill or on holiday would count as new.
_MEMORY = max(WINDOWS.values())
_FREQUENT = "28d"
# The least number of active days of each band.
_DEPTHS = {"1": 1, "2-4": 2, "5-9": 5, "10-14": 10, "15-28": 15}


def first_seen(people: Mapping[date, BitMap]) -> dict[date, BitMap]:
    """For each day, the people that no earlier day lists."""
    seen = BitMap()
    first = {}
    for day in sorted(people):
        first[day] = people[day] - seen
        seen |= people[day]
    return first


def samples(
    people: Mapping[date, BitMap],
    first: Mapping[date, BitMap],
    data_day: date,
    frequent_days: int,
    labels: Mapping[str, str],
) -> Iterator[Sample]:
    """Samples of the windows that end with a day, from the people of each stored day and their `first_seen`.

    A window has samples where every day of it lists people. Retained and lapsed users need every day of the window
    before too; new and returned users need every day of the four weeks before, which hold the window before.
    """
    for window, length in WINDOWS.items():
        here = {**labels, "window": window}
        days = window_days(data_day, length)
        if not all(day in people for day in days):
            continue
        before = days[-1] - timedelta(days=1)
        active = _union(people, days)
        if window == _FREQUENT:
            often = _at_least(people, days, max(frequent_days, *_DEPTHS.values()))
            yield sample("adoption_frequent_users", often[frequent_days - 1], **here)
            for days_active, number in _depths(often):
                yield sample("adoption_active_users_depth", number, **here, days=days_active)
        if not all(day in people for day in window_days(before, length)):
            continue
        previous = _union(people, window_days(before, length))
        if all(day in people for day in window_days(before, _MEMORY)):
            new = _union(first, days)
            yield sample("adoption_new_users", len(new), **here)
            yield sample("adoption_returned_users", len(active - previous - new), **here)
        yield sample("adoption_retained_users", len(active & previous), **here)
        yield sample("adoption_lapsed_users", len(previous - active), **here)


def _union(people: Mapping[date, BitMap], days: tuple[date, ...]) -> BitMap:
    return BitMap.union(*(people[day] for day in days))


def _depths(at_least: Sequence[int]) -> Iterator[tuple[str, int]]:
    """How many people were active on so many days, of how many were on at least 1, 2, … days."""
    numbers = [at_least[least - 1] for least in _DEPTHS.values()]
    for days_active, (number, more) in zip(_DEPTHS, pairwise([*numbers, 0]), strict=True):
        yield days_active, number - more


def _at_least(people: Mapping[date, BitMap], days: tuple[date, ...], most: int) -> list[int]:
    """How many people were active on at least 1, 2, … `most` of the days."""
    # The i-th set holds those who were seen more than i times.
    seen = [BitMap() for _ in range(most)]
    for day in days:
        arriving = people[day]
        for level in seen:
            again = arriving & level
            level |= arriving
            arriving = again
    return [len(level) for level in seen]
