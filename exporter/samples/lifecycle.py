"""People's flow: who is new, who came back, who is gone and who comes often; exact sets, so that they add up.

Of the people of a window, those of the window before are retained, those never seen on a stored day before are new, and
the others have returned: new + returned + retained = active.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from pyroaring import BitMap

from exporter.metrics import Sample, sample
from exporter.model import WINDOWS, window_days

# A shorter memory would take whoever was ill or on holiday for new.
_MEMORY = max(WINDOWS.values())
_FREQUENT = "28d"


def first_seen(people: Mapping[date, BitMap]) -> dict[date, BitMap]:
    """The people that a day is the first one to list, for each day."""
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
    """The flow of the windows that end with a day, from the people of each stored day and `first_seen` of them.

    A window has samples where every day of it lists people. Lapsed users need every day of the window before too; new
    and returned users need every day of the four weeks before, which hold the window before.
    """
    for window, length in WINDOWS.items():
        here = {**labels, "window": window}
        days = window_days(data_day, length)
        if not all(day in people for day in days):
            continue
        before = days[-1] - timedelta(days=1)
        active = _union(people, days)
        if window == _FREQUENT:
            yield sample("adoption_frequent_users", len(_at_least(people, days, frequent_days)), **here)
        if not all(day in people for day in window_days(before, length)):
            continue
        previous = _union(people, window_days(before, length))
        if all(day in people for day in window_days(before, _MEMORY)):
            new = _union(first, days)
            yield sample("adoption_new_users", len(new), **here)
            yield sample("adoption_returned_users", len(active - previous - new), **here)
        yield sample("adoption_lapsed_users", len(previous - active), **here)


def _union(people: Mapping[date, BitMap], days: tuple[date, ...]) -> BitMap:
    return BitMap.union(*(people[day] for day in days))


def _at_least(people: Mapping[date, BitMap], days: tuple[date, ...], number: int) -> BitMap:
    """Who is among the people of at least so many of the days: the i-th set holds who was seen more than i times."""
    seen = [BitMap() for _ in range(number)]
    for day in days:
        arriving = people[day]
        for level in seen:
            again = arriving & level
            level |= arriving
            arriving = again
    return seen[-1]
