"""Stored days with people that come back without a row: for a while they stay as they are, and this is said once."""

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
    """Takes these days out of what a vendor gives of a scope; `days` are those so far."""

    store: Store
    source: str
    scope: str
    rules: ReadWindow
    context: PollContext
    days: set[date] = field(default_factory=set)

    def without(
        self, readings: Iterable[Reading | InvalidDay], stored: Mapping[date, StoredDay]
    ) -> Iterator[Reading | InvalidDay]:
        """The other readings. Which days began to come back so is said once, even where the vendor fails after them."""
        new = []
        try:
            for reading in readings:
                known = stored.get(reading.day)
                if known is None or not _is_empty(reading) or not self._stays(known):
                    yield reading
                    continue
                self.days.add(reading.day)
                # What such a day took is not what a day takes, neither this one nor the next.
                self.context.client.take_count()
                since = self._since(known)
                self.store.came_empty(self.source, self.scope, reading.day, since=since, now=self.context.now)
                if known.empty_since is None:
                    new.append(reading.day)
        finally:
            if new:
                about = {"source": self.source, "scope": self.scope, "days": ", ".join(map(str, new))}
                words = "days with people came back without a row"
                event(logger, logging.WARNING, words, **about, kept_for=self.rules.late_grace)

    def forget_windows(self, asked: Iterable[tuple[date, str]]) -> None:
        """Forgets what the vendor has just counted over windows, by data day, without people that it had before."""
        for data_day, window in asked:
            if self.days.intersection(window_days(data_day, WINDOWS[window])):
                self.store.forget_window(self.source, self.scope, data_day, window)

    def _stays(self, known: StoredDay) -> bool:
        grace = self.rules.late_grace.total_seconds()
        return bool(known.people) and self.context.now.timestamp() < self._since(known) + grace

    def _since(self, known: StoredDay) -> float:
        """When a day first came back so; a time to come is one of a clock that was wrong."""
        moment = self.context.now.timestamp()
        return moment if known.empty_since is None else min(known.empty_since, moment)


def _is_empty(reading: Reading | InvalidDay) -> bool:
    return isinstance(reading, Reading) and not reading.rows
