"""One poll of one source: reads what is wanted, stores whole days, publishes; catches every error but the state's."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta

from exporter.errors import Failure, VendorError
from exporter.log import event
from exporter.poll.outcome import Before, Outcome, log_clock, log_poll, log_scopes
from exporter.poll.plan import ReadWindow, came_when_due, oldest_kept
from exporter.poll.remarks import once_per_kind
from exporter.poll.scope_reader import ScopeReader
from exporter.poll.source import Source
from exporter.publish.publisher import Publisher
from exporter.publish.self_metrics import SourceMetrics
from exporter.samples.build import SampleOptions
from exporter.state.accounts import AccountBook
from exporter.state.database import StateError
from exporter.state.pruning import forget_old_days
from exporter.state.scope_readings import NO_READINGS
from exporter.state.store import PollStatus, Store
from exporter.transport.vendor_clock import Told
from exporter.vendors.base import PollContext

logger = logging.getLogger(__name__)


class Poller:
    """Polls one source.

    `last` is how the last poll went, `failed` holds the scopes that failed in it ("" for the source as a whole), and
    `readings` how the last reading of each scope went. `pause` is how long the vendor's rate limit lasts from its end
    on. `vendor_time` is the vendor's clock beside ours as it last showed, and `proven` the moment by which old days may
    be forgotten.
    """

    def __init__(
        self,
        source: Source,
        *,
        store: Store,
        publisher: Publisher,
        self_metrics: SourceMetrics,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        stop: threading.Event,
    ) -> None:
        self.source = source
        self.publisher = publisher
        self.self_metrics = self_metrics
        self.last: PollStatus | None = None
        self.failed: Mapping[str, Failure] = {}
        self.readings = NO_READINGS
        self.pause = timedelta()
        self.vendor_time: Told | None = None
        self.proven: datetime | None = None
        self._stop = stop
        self._store = store
        self._now = now
        self.monotonic = monotonic
        self._made = monotonic()
        self._oldest: date | None = None
        self._warn = once_per_kind(self._log_remark)
        self._doubted: dict[str, set[date]] = {}
        self._session = source.vendor.open_session()

    @property
    def accounts(self) -> AccountBook:
        """The accounts of the source."""
        return self.publisher.sample_options.accounts

    @property
    def since(self) -> datetime:
        """When this object was made, by the clock as it stands."""
        return self._now() - timedelta(seconds=self.monotonic() - self._made)

    def restore(self) -> bool:
        """Publishes what the state holds; returns whether the source was polled before."""
        status = self._store.last_poll(self.source.name)
        if self.last is not None and self.last.of_state:
            event(logger, logging.INFO, "the state can be used again", source=self.source.name)
        self.last, self.readings = status, self._store.readings(self.source.name)
        self.failed = {scope: failure for scope, failure in self.readings.items() if failure is not None}
        self.pause = timedelta()
        self.self_metrics.scopes(self.readings)
        if status is not None:
            self.self_metrics.restore(status)
        self.publisher.publish_all()
        return status is not None

    def reconfigure(self, options: SampleOptions, read_window: ReadWindow) -> None:
        """Uses other options from now on, also in a running poll. What is published changes with `publish_all`."""
        self.source = replace(self.source, read_window=read_window)
        self.publisher.sample_options = options

    def end(self) -> None:
        """Stops a running poll as soon as possible, for good, and publishes nothing more."""
        self._stop.set()
        self.publisher.end()

    def poll(self) -> PollStatus | None:
        """Polls the source once. Raises StateError; other failures are counted, logged once, and harm no stored day.

        None where the poll was stopped: that is neither a success nor a failure.
        """
        started = self.monotonic()
        outcome = Outcome(scopes=self._listed_scopes())
        for step in (self._read, self._check_clock, self._forget_old_days):
            with self._caught(outcome):
                step(outcome)
        if self._stop.is_set():
            return None
        with self._caught(outcome):
            self.publisher.publish_all()
        before = None if not outcome.failed else self._store.last_poll(self.source.name)
        status = outcome.status(before, self._now().timestamp(), self.monotonic() - started)
        self._store.record_poll(self.source.name, status, outcome.readings())
        return self.conclude(status, outcome)

    def conclude(self, status: PollStatus, outcome: Outcome) -> PollStatus | None:
        """Counts, logs and keeps how a poll went; None where it was stopped."""
        if self._stop.is_set():
            return None
        readings = outcome.readings()
        self.self_metrics.polled(status)
        self.self_metrics.scopes(readings)
        log_poll(self.source.name, self.source.vendor.name, self.last, status, outcome)
        log_scopes(self.source.name, self.source.vendor.name, Before(self.last, self.readings), status, readings)
        self.last, self.failed, self.readings = status, outcome.failed, readings
        self.pause = outcome.pause()
        self.publisher.last_poll = status
        return status

    def _read(self, outcome: Outcome) -> None:
        def count(status: int | None) -> None:
            self.self_metrics.request(status)
            outcome.heard(status)

        with self.source.connect(count) as client:
            context = PollContext(
                client, self.source.settings, self.accounts, self._now(), self._session, self._warn, outcome.scopes
            )
            try:
                outcome.scopes = scopes = self.source.vendor.scopes(context)
                self._store.list_scopes(self.source.name, scopes)
                with ThreadPoolExecutor(self.source.vendor.concurrency, "scope") as pool:
                    list(pool.map(lambda scope: self._try_scope(context, scope, outcome), scopes))
                if not scopes and not outcome.answered:
                    self.source.vendor.probe(context)
            finally:
                outcome.clock = client.clock

    def _try_scope(self, context: PollContext, scope: str, outcome: Outcome) -> None:
        if outcome.hopeless():
            outcome.skip(scope)
            return
        with self._caught(outcome, scope):
            doubted = self._doubted.setdefault(scope, set())
            ScopeReader(
                self.source, self._store, self.publisher, context, scope, outcome, doubted, self._now, self.monotonic
            ).read()
            outcome.read(scope)

    @contextmanager
    def _caught(self, outcome: Outcome, scope: str = "") -> Iterator[None]:
        """Catches every error of a poll but the state's, and notes it for the scope, or for the source as a whole."""
        try:
            yield
        except VendorError as error:
            outcome.fail(scope, Failure(error.reason, str(error), error.status, pause=error.pause))
        except StateError:
            raise
        except Exception as error:
            about = {"source": self.source.name} | ({"scope": scope} if scope else {})
            before = self.failed.get(scope) or (None if self.last is None else self.last.failure)
            level = logging.DEBUG if before is not None and before.reason == "bug" else logging.ERROR
            event(logger, level, "a bug stopped a poll", **about, exc_info=error)
            outcome.fail(scope, Failure("bug", f"{type(error).__name__} in adoption-exporter, see the log"))

    def _listed_scopes(self) -> list[str]:
        return [scope for scope, status in self._store.scopes(self.source.name).items() if status.listed]

    def _check_clock(self, outcome: Outcome) -> None:
        time = outcome.clock.told
        if time is not None:
            before, self.vendor_time = self.vendor_time, time
            log_clock(self.source.name, self.source.vendor.name, before, time)

    def _forget_old_days(self, outcome: Outcome) -> None:
        """Forgets old days once a day, where the vendor's answers and the last poll confirm our clock."""
        time, due = outcome.clock.told, self.publisher.policy.next_poll
        if time is None or not outcome.clock.good:
            return
        proven = time.agrees and came_when_due(time.moment, self._store.last_poll(self.source.name), due)
        self.proven = time.moment if proven else None
        if self.proven is None:
            return
        oldest = oldest_kept(self.proven, self.source.read_window)
        if oldest != self._oldest:
            self._oldest = oldest
            forget_old_days(self._store, self.accounts, self.source.name, oldest)

    def _log_remark(self, remark: str) -> None:
        event(logger, logging.WARNING, remark, source=self.source.name, vendor=self.source.vendor.name)
