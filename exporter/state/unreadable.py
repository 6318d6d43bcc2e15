"""Stored days that cannot be read: truncated, corrupt, or written by a newer version."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from exporter.log import event
from exporter.state.codec import UnreadableError

logger = logging.getLogger(__name__)

# A day of a large company takes megabytes of memory.
_AT_ONCE = 16

Part = TypeVar("Part")


class Unreadable:
    """The unreadable days found by this process. Each is logged once, until it is stored anew."""

    def __init__(self) -> None:
        self._days: set[tuple[str, str, date]] = set()
        self._checked: set[tuple[str, str, date]] = set()

    def __contains__(self, day: tuple[str, str, date]) -> bool:
        return day in self._days

    def readable(self, source: str, scope: str, days: Iterable[tuple[date, Callable[[], Part]]]) -> dict[date, Part]:
        """Those of the days that can be read; logs and remembers the others."""
        found: dict[date, Part] = {}
        for day, read in days:
            try:
                found[day] = read()
            except UnreadableError as error:
                self._note(source, scope, day, error)
        return found

    def replaced(self, source: str, scope: str, day: date) -> None:
        """Records that a day was stored anew."""
        self._days.discard((source, scope, day))

    def unchecked(self, source: str, scope: str, days: Sequence[date]) -> Iterator[Sequence[date]]:
        """Those of the days that were not yet checked, a few at a time; they count as checked afterwards."""
        fresh = [day for day in days if (source, scope, day) not in self._checked]
        for start in range(0, len(fresh), _AT_ONCE):
            yield fresh[start : start + _AT_ONCE]
        self._checked.update((source, scope, day) for day in fresh)

    def _note(self, source: str, scope: str, day: date, error: UnreadableError) -> None:
        if (source, scope, day) not in self._days:
            self._days.add((source, scope, day))
            about = {"source": source, "scope": scope, "day": day}
            event(logger, logging.WARNING, "a stored day cannot be read and counts as not stored", **about, error=error)
