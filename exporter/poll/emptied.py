"""Stored days with people that come back without a row: they stay as they are for a while, and this is logged once."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from exporter.log import event
from exporter.model import WINDOWS, Reading, window_days
from exporter.poll.plan import ReadWindow
from exporter.state.records import StoredDay
from exporter.state.store import Store
from exporter.vendors.base import InvalidDay, PollContext

logger = logging.getLogger(__name__)


@dataclass
class Emptied:
    """Filters such days out of the readings of a scope, and collects them in `days`."""

    store: Store
    source: str
    scope: str
    read_window: ReadWindow
    context: PollContext
    days: set[date] = field(default_factory=set)

    def without(
        self, readings: Iterable[Reading | InvalidDay], stored: Mapping[date, StoredDay]
    ) -> Iterator[Reading | InvalidDay]:
        """Yields the other readings; logs once which days came back empty, also where the vendor fails after them."""
        new = []
        try:
            for reading in readings:
                known = stored.get(reading.day)
                if known is None or not _is_empty(reading) or not self._stays(known):
                    yield reading
                    continue
                self.days.add(reading.day)
                # Its requests are not what a day costs: neither this one nor the next counts them.
                self.context.client.take_count()
                since = self._since(known)
                self.store.came_empty(self.source, self.scope, reading.day, since=since, now=self.context.now)
                if known.empty_since is None:
                    new.append(reading.day)
        finally:
            if new:
                about = {"source": self.source, "scope": self.scope, "days": ", ".join(map(str, new))}
                words = "days with people came back without a row"
                event(logger, logging.WARNING, words, **about, kept_for=self.read_window.late_grace)

    def forget_windows(self, asked: Iterable[tuple[date, str]]) -> None:
        """Forgets windows that the vendor has just counted without people whom it reported before."""
        for data_day, window in asked:
            if self.days.intersection(window_days(data_day, WINDOWS[window])):
                self.store.forget_window(self.source, self.scope, data_day, window)

    def _stays(self, known: StoredDay) -> bool:
        grace = self.read_window.late_grace.total_seconds()
        return bool(known.people) and self.context.now.timestamp() < self._since(known) + grace

    def _since(self, known: StoredDay) -> float:
        """When a day first came back empty (Unix s); a time in the future comes from a clock that was wrong."""
        moment = self.context.now.timestamp()
        return moment if known.empty_since is None else min(known.empty_since, moment)


def _is_empty(reading: Reading | InvalidDay) -> bool:
    return isinstance(reading, Reading) and not reading.rows
