"""Seats whose holders are named: how many are idle in a window, and how many were never used."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import polars as pl
from pyroaring import BitMap

from exporter.metrics import Sample, sample
from exporter.model import EVERYBODY, WINDOWS, Seats, window_days
from exporter.samples.aggregate import Aggregate
from exporter.state.holders import Held

# Before that, somebody on holiday would seem never to have come.
_LEAST_DAYS = max(WINDOWS.values())


def samples(
    held: Held,
    aggregates: Mapping[str, Aggregate],
    people: Mapping[date, BitMap],
    data_day: date,
    labels: Mapping[str, str],
) -> Iterator[Sample]:
    """Holders on the data day who are not among the people of a window, and those who never were.

    `people` are those of each stored day. A window has a sample where every day of it lists people.
    """
    seats = held.seats.on(data_day)
    for window, aggregate in aggregates.items():
        if EVERYBODY in aggregate.people:
            first = window_days(data_day, WINDOWS[window])[-1]
            unused = idle(seats, first, aggregate.people[EVERYBODY])
            yield sample("adoption_seats_idle", len(unused), **labels, window=window)
    never = never_used(held, people, data_day)
    if never is not None:
        yield sample("adoption_seats_never_used", len(never), **labels)


def idle(seats: Seats, first: date, active: BitMap) -> BitMap:
    """The holders who are not among the active ones since the first day, and whom the vendor saw nowhere since then."""
    quiet = seats.holders.filter(pl.col("last_active").is_null() | (pl.col("last_active") < first))
    return _accounts(quiet) - active


def never_used(held: Held, people: Mapping[date, BitMap], data_day: date) -> BitMap | None:
    """The holders on the data day who were never active, by the people of each stored day; None where too few are."""
    known = [day for day in people if day <= data_day]
    if len(known) < _LEAST_DAYS:
        return None
    seats = held.seats.on(data_day)
    silent = seats.holders.filter(pl.col("last_active").is_null())
    if seats.forgets_after is not None:
        # The vendor would know of any activity of a young seat, and the state of one that is younger than itself.
        young = held.read_on - timedelta(days=seats.forgets_after)
        silent = silent.filter(pl.col("since") > min(young, min(known) - timedelta(days=1)))
    return _accounts(silent) - BitMap.union(*(people[day] for day in known))


def _accounts(holders: pl.DataFrame) -> BitMap:
    return BitMap(holders["account"].to_list())
