"""One poll of one source: reads what is wanted, stores whole days, publishes; catches every error but the state's."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta

from exporter.errors import Failure, VendorError
from exporter.log import event
from exporter.model import Reading
from exporter.poll.emptied import Emptied
from exporter.poll.outcome import Before, Outcome, describe_revision, log_clock, log_poll, log_scopes
from exporter.poll.plan import ReadWindow, came_when_due, days_to_read, is_fresh, is_late, is_ready, oldest_kept
from exporter.poll.remarks import once_per_kind
from exporter.poll.source import Source
from exporter.poll.vendor_windows import ask_day_counts, ask_windows
from exporter.publish.publisher import Publisher
from exporter.publish.self_metrics import SourceMetrics
from exporter.samples.build import SampleOptions
from exporter.state.accounts import AccountBook
from exporter.state.database import StateError
from exporter.state.known_days import known_days
from exporter.state.pruning import forget_old_days
from exporter.state.records import StoredDay
from exporter.state.scope_readings import NO_READINGS
from exporter.state.store import PollStatus, Store
from exporter.transport.vendor_clock import Told
from exporter.vendors.base import InvalidDay, PollContext, raise_newest

logger = logging.getLogger(__name__)

# A vendor may give a scope's days all at once: making its samples anew for each of them would outlast the reading.
_PUBLISHED_EVERY = 1.0


class Poller:
    """Polls one source.

    `last` is how the last poll went, `failed` holds the scopes that failed in it ("" for the source as a whole), and
    `readings` how the last reading of each scope went.
    `vendor_time` is the vendor's clock beside ours as it last showed, and `proven` the moment by which old days may be
    forgotten.
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
        self.publisher.last_poll = status
        return status

    def _read(self, outcome: Outcome) -> None:
        with self.source.connect(self.self_metrics.request) as client:
            context = PollContext(
                client, self.source.settings, self.accounts, self._now(), self._session, self._warn, outcome.scopes
            )
            try:
                outcome.scopes = scopes = self.source.vendor.scopes(context)
                self._store.list_scopes(self.source.name, scopes)
                with ThreadPoolExecutor(self.source.vendor.concurrency, "scope") as pool:
                    list(pool.map(lambda scope: self._try_scope(context, scope, outcome), scopes))
            finally:
                outcome.clock = client.clock

    def _try_scope(self, context: PollContext, scope: str, outcome: Outcome) -> None:
        if outcome.hopeless():
            outcome.skip(scope)
            return
        with self._caught(outcome, scope):
            self._read_scope(context, scope, outcome)
            outcome.read(scope)

    @contextmanager
    def _caught(self, outcome: Outcome, scope: str = "") -> Iterator[None]:
        """Catches every error of a poll but the state's, and notes it for the scope, or for the source as a whole."""
        try:
            yield
        except VendorError as error:
            outcome.fail(scope, Failure(error.reason, str(error), error.status))
        except StateError:
            raise
        except Exception as error:
            about = {"source": self.source.name} | ({"scope": scope} if scope else {})
            before = self.failed.get(scope) or (None if self.last is None else self.last.failure)
            level = logging.DEBUG if before is not None and before.reason == "bug" else logging.ERROR
            event(logger, level, "a bug stopped a poll", **about, exc_info=error)
            outcome.fail(scope, Failure("bug", f"{type(error).__name__} in adoption-exporter, see the log"))

    def _read_scope(self, context: PollContext, scope: str, outcome: Outcome) -> None:
        vendor, name, read_window = self.source.vendor, self.source.name, self.source.read_window
        self._store.check(name, scope, days_to_read(context.now, read_window, {}))
        every_day = self._store.days(name, scope)
        # Doubted until it is read again, also where its date comes before that.
        doubted = self._doubted.setdefault(scope, set())
        doubted |= every_day.keys() - known_days(every_day, self._now(), read_window.ready_at).keys()
        stored = {day: about for day, about in every_day.items() if day not in doubted}
        most_people = max((day.people for day in stored.values() if day.people is not None), default=0)
        # Scopes are read side by side, and a vendor may ask from threads of its own.
        context = replace(context, client=context.client.counting(), most_people=most_people)
        wanted = days_to_read(context.now, read_window, stored)
        came = False
        empty: list[Reading] = []
        wrong: list[InvalidDay] = []
        emptied = Emptied(self._store, name, scope, read_window, context)
        asked: list[tuple[date, str]] = []
        published = float("-inf")
        for reading in emptied.without(vendor.read(context, scope, wanted), stored):
            if not is_ready(reading.day, self._now(), read_window, context.client.clock.told):
                continue
            came = True
            if isinstance(reading, InvalidDay):
                wrong.append(reading)
                continue
            if not reading.rows and is_fresh(reading.day, context.now, read_window):
                empty.append(reading)
                continue
            self._keep(context, scope, reading, outcome)
            if reading.day in wanted[:1]:
                # Asked again after the last day: a failure here must not keep back the other days.
                with suppress(VendorError):
                    ask_windows(self.source, self._store, context, scope, self._known_days(scope), wanted, asked)
            if self.monotonic() - published >= _PUBLISHED_EVERY:
                published = self.monotonic()
                self.publisher.publish_scope(scope)
        # Whether a fresh empty day is late or zero depends on earlier days, so it is decided when these are stored.
        for reading in reversed(empty):
            if not is_late(reading.day, context.now, read_window, self._known_days(scope)):
                self._keep(context, scope, reading, outcome)
        emptied.forget_windows(asked)
        ask_windows(self.source, self._store, context, scope, self._known_days(scope), wanted, asked)
        # A scope that answers with neither a day that it had nor a newer one no longer exists, and becomes stale. Older
        # days it may never have had.
        if came or emptied.days or not wanted or wanted[0] < max(stored, default=date.max):
            seats = vendor.seats(context, scope) if vendor.seats is not None else None
            self._store.scope_read(name, scope, now=self._now(), seats=seats)
        ask_day_counts(self.source, self._store, context, scope, self._known_days(scope))
        self.publisher.publish_scope(scope)
        raise_newest(wrong)

    def _listed_scopes(self) -> list[str]:
        return [scope for scope, status in self._store.scopes(self.source.name).items() if status.listed]

    def _known_days(self, scope: str) -> dict[date, StoredDay]:
        return known_days(self._store.days(self.source.name, scope), self._now(), self.source.read_window.ready_at)

    def _keep(self, context: PollContext, scope: str, reading: Reading, outcome: Outcome) -> None:
        requests = context.client.take_count()
        if reading.day in self._doubted[scope]:
            if reading.only is not None:
                # The day comes whole when it is due.
                return
            # What a clock that was ahead has stored under this day is no earlier version of it.
            self._store.forget_day(self.source.name, scope, reading.day)
            self._doubted[scope].discard(reading.day)
        # By the vendor's clock where ours is ahead: a day that was read in time must not look as if it was read late.
        time = context.client.clock.told
        read_at = self._now() if time is None or time.agrees else min(self._now(), time.moment)
        done = self._store.replace(self.source.name, scope, reading, now=read_at, requests=requests)
        outcome.stored(done.change)
        if done.change == "revised" and done.before is not None:
            changed = describe_revision(done.before, done.after)
            about = {"source": self.source.name, "scope": scope, "day": reading.day}
            event(logger, logging.INFO, "day revised", **about, changes=changed)

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
