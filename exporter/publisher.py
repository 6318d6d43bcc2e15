"""From the state to the board: the samples of one source, scope by scope, without what is stale or over the limit."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporter.health import SourceHealth
from exporter.limits import limit
from exporter.metrics import Sample
from exporter.scope_samples import Recipe, scope_history, scope_samples
from exporter.snapshot import Board
from exporter.store import ScopeStatus, Store


@dataclass(frozen=True)
class Visibility:
    """What of a source may be seen: for how long without a success, and how many series."""

    stale_after: timedelta
    max_series: int


@dataclass(frozen=True)
class _Published:
    """The samples of a scope, how many are withheld, and the moment (Unix s) of the newest reading they rest on."""

    samples: list[Sample]
    withheld: int
    read_at: float


@dataclass
class Publisher:
    """Publishes one source. Safe to call from the threads that read its scopes."""

    recipe: Recipe
    rules: Visibility
    store: Store
    board: Board
    health: SourceHealth
    now: Callable[[], datetime]
    _scopes: dict[str, _Published] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def publish_all(self) -> None:
        """Makes the samples of every listed scope anew and publishes them at once."""
        with self._lock:
            scopes = self.store.scopes(self.recipe.source)
            made = {name: self._make(name, status) for name, status in scopes.items() if status.listed}
            self._scopes = {name: published for name, published in made.items() if published is not None}
            self._publish(at_once=True)

    def publish_scope(self, scope: str) -> None:
        """Makes the samples of one scope anew; the board may wait a moment if more is coming."""
        with self._lock:
            published = self._make(scope, self.store.scopes(self.recipe.source)[scope])
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
        self.board.publish(self.recipe.source, samples, at_once=at_once)
        withheld = sum(published.withheld for published in self._scopes.values())
        self.health.series(len(samples), {"max_series": over, "privacy": withheld})

    def _make(self, scope: str, status: ScopeStatus) -> _Published | None:
        history = scope_history(self.recipe, self.store, scope)
        data_day = max(history.days, default=None)
        if data_day is None:
            return None
        read_at = max(day.read_at for day in history.days.values())
        read_at = read_at if status.last_success is None else max(read_at, status.last_success)
        if read_at < self.now().timestamp() - self.rules.stale_after.total_seconds():
            return None
        made = scope_samples(self.recipe, history, data_day, status)
        return _Published(made.samples, made.withheld, read_at)
