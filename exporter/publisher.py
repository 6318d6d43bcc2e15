"""From the state to the board: the samples of one source, scope by scope, without what is stale or over the limit."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporter import windows
from exporter.health import SourceHealth
from exporter.limits import limit
from exporter.metrics import Sample
from exporter.snapshot import Board
from exporter.store import ScopeStatus, Store


@dataclass(frozen=True)
class Visibility:
    """What of a source may be seen: for how long without a success, how many series, how many seats it has."""

    stale_after: timedelta
    max_series: int
    seats: int | None = None


@dataclass(frozen=True)
class _Published:
    """The samples of a scope and the moment (Unix s) of the newest reading that they rest on."""

    samples: list[Sample]
    read_at: float


@dataclass
class Publisher:
    """Publishes one source. Safe to call from the threads that read its scopes."""

    source: str
    vendor: str
    rules: Visibility
    store: Store
    board: Board
    health: SourceHealth
    now: Callable[[], datetime]
    _scopes: dict[str, _Published] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def publish_all(self) -> None:
        """Makes the samples of every listed scope anew and publishes them at once."""
        made = {
            name: self._make(name, status) for name, status in self.store.scopes(self.source).items() if status.listed
        }
        with self._lock:
            self._scopes = {name: published for name, published in made.items() if published is not None}
            self._publish(at_once=True)

    def publish_scope(self, scope: str) -> None:
        """Makes the samples of one scope anew; the board may wait a moment if more is coming."""
        published = self._make(scope, self.store.scopes(self.source)[scope])
        with self._lock:
            if published is not None:
                self._scopes[scope] = published
            self._publish(at_once=False)

    def withdraw_stale(self) -> None:
        """Withdraws scopes whose last good reading is older than `stale_after`; does nothing while there are none."""
        with self._lock:
            oldest = self.now().timestamp() - self.rules.stale_after.total_seconds()
            stale = [name for name, published in self._scopes.items() if published.read_at < oldest]
            for name in stale:
                del self._scopes[name]
            if stale:
                self._publish(at_once=True)

    def _publish(self, *, at_once: bool) -> None:
        samples = [sample for name in sorted(self._scopes) for sample in self._scopes[name].samples]
        samples, over = limit(samples, self.rules.max_series)
        self.board.publish(self.source, samples, at_once=at_once)
        self.health.series(len(samples), {"max_series": over})

    def _make(self, scope: str, status: ScopeStatus) -> _Published | None:
        stored = self.store.days(self.source, scope)
        data_day = max(stored, default=None)
        if data_day is None:
            return None
        read_at = max(day.read_at for day in stored.values())
        read_at = read_at if status.last_success is None else max(read_at, status.last_success)
        if read_at < self.now().timestamp() - self.rules.stale_after.total_seconds():
            return None
        counted = self.store.windows(self.source, scope)
        samples = windows.samples(
            windows.Scope(
                source=self.source,
                vendor=self.vendor,
                name=scope,
                data_day=data_day,
                facts=self.store.facts(self.source, scope, windows.days_wanted(data_day)),
                windows={name: people for (day, name), people in counted.items() if day == data_day},
                seats=self.rules.seats if self.rules.seats is not None else status.seats,
                revised=status.revised,
            )
        )
        return _Published(samples, read_at)
