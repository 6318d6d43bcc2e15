"""Stored days that cannot be read: cut short, junk, or written by a newer version."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from exporter.log import event
from exporter.state.codec import UnreadableError

logger = logging.getLogger(__name__)

# Facts of large companies take megabytes a day once they are in memory.
_AT_ONCE = 16

Part = TypeVar("Part")


class Unreadable:
    """What this process has found of them. Each is told once, until it was stored anew."""

    def __init__(self) -> None:
        self._days: set[tuple[str, str, date]] = set()
        self._checked: set[tuple[str, str, date]] = set()

    def __contains__(self, day: tuple[str, str, date]) -> bool:
        return day in self._days

    def readable(self, source: str, scope: str, days: Iterable[tuple[date, Callable[[], Part]]]) -> dict[date, Part]:
        """What of days can be read; the others are noted, and said in the log."""
        found: dict[date, Part] = {}
        for day, read in days:
            try:
                found[day] = read()
            except UnreadableError as error:
                self._note(source, scope, day, error)
        return found

    def replaced(self, source: str, scope: str, day: date) -> None:
        """Notes that a day was stored anew."""
        self._days.discard((source, scope, day))

    def unchecked(self, source: str, scope: str, days: Sequence[date]) -> Iterator[Sequence[date]]:
        """Those of the days that nobody has asked for here yet, some at a time."""
        fresh = [day for day in days if (source, scope, day) not in self._checked]
        for start in range(0, len(fresh), _AT_ONCE):
            yield fresh[start : start + _AT_ONCE]
        self._checked.update((source, scope, day) for day in fresh)

    def _note(self, source: str, scope: str, day: date, error: UnreadableError) -> None:
        if (source, scope, day) not in self._days:
            self._days.add((source, scope, day))
            about = {"source": source, "scope": scope, "day": day}
            event(logger, logging.WARNING, "a stored day cannot be read and counts as not stored", **about, error=error)
