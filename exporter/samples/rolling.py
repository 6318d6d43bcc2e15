"""Distinct people over every window of consecutive days at once. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import accumulate
from operator import or_

from pyroaring import BitMap

from exporter.model import ONE_DAY


def union_sizes(sets: Mapping[date, BitMap], length: int) -> dict[date, int]:
    """The size of the union of each `length` consecutive days that all have a set, by the last of them.

    A window is the end of one block of `length` days and the start of the next, so a day costs three unions, however
    long the window is.
    """
    found: dict[date, int] = {}
    for run in _runs(sets):
        ends: list[BitMap] = []
        for start in range(0, len(run), length):
            block = run[start : start + length]
            begun = BitMap()
            for number, day in enumerate(block, start=1):
                begun |= sets[day]
                if number == length:
                    found[day] = len(begun)
                elif ends:
                    found[day] = begun.union_cardinality(ends[number])
            # ends[n] is the union of the block without its first n days.
            ends = list(accumulate((sets[day] for day in reversed(block)), or_))[::-1]
    return found


def _runs(days: Mapping[date, BitMap]) -> Iterator[list[date]]:
    """The days in order, in lists without a gap."""
    run: list[date] = []
    for day in sorted(days):
        if run and day != run[-1] + ONE_DAY:
            yield run
            run = []
        run.append(day)
    if run:
        yield run
