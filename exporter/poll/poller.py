"""One poll of one source: reads what is wanted, stores whole days, publishes; catches every error but the state's."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from exporter.config.durations import format_duration
from exporter.errors import Failure, VendorError
from exporter.log import event
from exporter.model import WINDOWS, Reading, window_days
from exporter.poll.emptied import Emptied
from exporter.poll.outcome import Outcome
from exporter.poll.plan import (
    LONGER_WINDOWS,
    ReadWindow,
    came_when_due,
    days_to_read,
    is_fresh,
    is_late,
    is_ready,
    oldest_kept,
    windows_to_ask,
)
from exporter.poll.remarks import once_per_kind
from exporter.poll.revisions import changes
from exporter.publish.publisher import Publisher
from exporter.publish.self_metrics import SourceMetrics
from exporter.state.accounts import AccountBook
from exporter.state.database import StateError
from exporter.state.known_days import known_days
from exporter.state.pruning import forget_old_days
from exporter.state.records import StoredDay
from exporter.state.store import PollStatus, Store
from exporter.transport.client import Client
from exporter.transport.vendor_clock import Told
from exporter.vendors.base import InvalidDay, PollContext, Vendor, raise_newest

logger = logging.getLogger(__name__)

# A vendor may give a scope's days all at once: making its samples anew for each of them would outlast the reading.
_PUBLISHED_EVERY = 1.0


@dataclass(frozen=True)
class Source:
    """One configured account at a vendor, with all that polling it needs. `connect` takes what counts requests."""

    name: str
    vendor: Vendor
    settings: Any
    rules: ReadWindow
    connect: Callable[[Callable[[str], None]], Client]


class Poller:
    """Polls one source.

    `last` tells how the last poll went, and `failed` which scopes failed in it ("" for the source as a whole). `told`
    is what the vendor last told of the time, and `proven` the moment by which old days may be forgotten.
    """

    def __init__(
        self,
        source: Source,
        *,
        store: Store,
        accounts: AccountBook,
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
        self.told: Told | None = None
        self.proven: datetime | None = None
        self._stop = stop
        self._store = store
        self._accounts = accounts
        self._now = now
        self.monotonic = monotonic
        self._made = monotonic()
        self._oldest: date | None = None
        self._warn = once_per_kind(self._say)
        self._doubted: dict[str, set[date]] = {}
        self._session = source.vendor.open_session()

    @property
    def since(self) -> datetime:
        """When it was made, by the clock as it stands."""
        return self._now() - timedelta(seconds=self.monotonic() - self._made)

    def restore(self) -> bool:
        """Publishes what the state holds; says whether it held anything of this source."""
        status = self._store.last_poll(self.source.name)
        if self.last is not None and self.last.of_state:
            event(logger, logging.INFO, "the state can be used again", source=self.source.name)
        self.last, self.failed = status, {}
        if status is not None:
            self.self_metrics.restore(status)
        self.publisher.publish_all()
        return status is not None

    def end(self) -> None:
        """Ends a poll that runs as soon as it may, for good; nothing more is published."""
        self._stop.set()
        self.publisher.end()

    def poll(self) -> PollStatus | None:
        """Polls the source once. StateError is raised; other failures are counted, logged once and harm nothing stored.

        None where the exporter was stopped in the middle of it: that is neither a success nor a failure.
        """
        started = self.monotonic()
        outcome = Outcome()
        for step in (self._read, self._check_clock, self._forget_old_days):
            with self._caught(outcome):
                step(outcome)
        if self._stop.is_set():
            return None
        with self._caught(outcome):
            self.publisher.publish_all()
        status = self._status(outcome, self.monotonic() - started)
        self._store.record_poll(self.source.name, status)
        return self.conclude(status, outcome)

    def conclude(self, status: PollStatus, outcome: Outcome) -> PollStatus | None:
        """Counts, logs and tells how a poll went, unless it was stopped."""
        if self._stop.is_set():
            return None
        self.self_metrics.polled(status)
        self._log(status, outcome)
        self.last, self.failed = status, outcome.failed
        self.publisher.last_poll = status
        return status

    def _read(self, outcome: Outcome) -> None:
        with self.source.connect(self.self_metrics.request) as client:
            listed = [scope for scope, status in self._store.scopes(self.source.name).items() if status.listed]
            context = PollContext(
                client, self.source.settings, self._accounts, self._now(), self._session, self._warn, listed
            )
            try:
                scopes = self.source.vendor.scopes(context)
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
            outcome.read()

    @contextmanager
    def _caught(self, outcome: Outcome, scope: str = "") -> Iterator[None]:
        """Where every error of a poll ends but the state's: noted for the scope, or for the source as a whole."""
        try:
            yield
        except VendorError as error:
            outcome.fail(scope, Failure(error.reason, str(error), error.status))
        except StateError:
            raise
        except Exception as error:
            about = {"source": self.source.name} | ({"scope": scope} if scope else {})
            before = None if self.last is None else self.last.failure
            level = logging.DEBUG if before is not None and before.reason == "bug" else logging.ERROR
            event(logger, level, "a bug stopped a poll", **about, exc_info=error)
            outcome.fail(scope, Failure("bug", f"{type(error).__name__} in adoption-exporter, see the log"))

    def _read_scope(self, context: PollContext, scope: str, outcome: Outcome) -> None:
        vendor, name, rules = self.source.vendor, self.source.name, self.source.rules
        self._store.check(name, scope, days_to_read(context.now, rules, {}))
        every_day = self._store.days(name, scope)
        # Doubted until it is read, though the time may come before that.
        doubted = self._doubted.setdefault(scope, set())
        doubted |= every_day.keys() - known_days(every_day, self._now(), rules.ready_at).keys()
        stored = {day: about for day, about in every_day.items() if day not in doubted}
        most_people = max((day.people for day in stored.values() if day.people is not None), default=0)
        # Scopes are read side by side, and a vendor may ask from threads of its own.
        context = replace(context, client=context.client.counting(), most_people=most_people)
        wanted = days_to_read(context.now, rules, stored)
        came = False
        silent: list[Reading] = []
        wrong: list[InvalidDay] = []
        emptied = Emptied(self._store, name, scope, rules, context)
        asked: list[tuple[date, str]] = []
        published = float("-inf")
        for reading in emptied.without(vendor.read(context, scope, wanted), stored):
            if not is_ready(reading.day, self._now(), rules, context.client.clock.told):
                continue
            came = True
            if isinstance(reading, InvalidDay):
                wrong.append(reading)
                continue
            if not reading.rows and is_fresh(reading.day, context.now, rules):
                silent.append(reading)
                continue
            self._keep(context, scope, reading, outcome)
            if reading.day == wanted[0]:
                # Asked again after the last day: a window that cannot be counted must not keep back the other days.
                with suppress(VendorError):
                    self._ask_windows(context, scope, wanted, asked)
            if self.monotonic() - published >= _PUBLISHED_EVERY:
                published = self.monotonic()
                self.publisher.publish_scope(scope)
        # Whether fresh silence is late or zero depends on earlier days, so it is decided when these are stored.
        for reading in reversed(silent):
            if not is_late(reading.day, context.now, rules, self._known_days(scope)):
                self._keep(context, scope, reading, outcome)
        emptied.forget_windows(asked)
        self._ask_windows(context, scope, wanted, asked)
        # A scope without a day that it had and without a newer one is there no longer, whatever it answers, and becomes
        # stale. Older days it may never have had.
        if came or emptied.days or not wanted or wanted[0] < max(stored, default=date.max):
            seats = vendor.seats(context, scope) if vendor.seats is not None else None
            self._store.scope_read(name, scope, now=self._now(), seats=seats)
        self._ask_day_counts(context, scope)
        self.publisher.publish_scope(scope)
        raise_newest(wrong)

    def _known_days(self, scope: str) -> dict[date, StoredDay]:
        return known_days(self._store.days(self.source.name, scope), self._now(), self.source.rules.ready_at)

    def _keep(self, context: PollContext, scope: str, reading: Reading, outcome: Outcome) -> None:
        requests = context.client.take_count()
        if reading.day in self._doubted[scope]:
            # What a clock that was ahead has stored under this day is no earlier version of it.
            self._store.forget_day(self.source.name, scope, reading.day)
            self._doubted[scope].discard(reading.day)
        # By the vendor's clock where ours is ahead of it: a day that was read in time must not look as if it was not.
        told = context.client.clock.told
        read_at = self._now() if told is None or told.agrees else min(self._now(), told.moment)
        done = self._store.replace(self.source.name, scope, reading, now=read_at, requests=requests)
        outcome.stored(done.change)
        if done.change == "revised" and done.before is not None:
            changed = changes(done.before, done.after)
            about = {"source": self.source.name, "scope": scope, "day": reading.day}
            event(logger, logging.INFO, "day revised", **about, changes=changed)

    def _ask_windows(
        self, context: PollContext, scope: str, read: Sequence[date], asked: list[tuple[date, str]]
    ) -> None:
        """Lets the vendor count people over the windows that the stored days cannot: some are not stored or not listed.

        A window with a day that is to be `read` and is not stored is not known. The store has forgotten those with a
        revised day. What is asked for is added to `asked`.
        """
        name = self.source.name
        stored = self._known_days(scope)
        if self.source.vendor.windows is None or not stored:
            return
        data_day = max(stored)
        unread = set(read) - stored.keys()
        for window in LONGER_WINDOWS:
            if unread.intersection(window_days(data_day, WINDOWS[window])):
                self._store.forget_window(name, scope, data_day, window)
        wanted = windows_to_ask(data_day, stored, self._store.windows(name, scope), unread)
        asked.extend((data_day, window) for window in wanted)
        if wanted:
            for people in self.source.vendor.windows(context, scope, data_day, wanted):
                self._store.replace_windows(name, scope, [people])

    def _ask_day_counts(self, context: PollContext, scope: str) -> None:
        """Keeps what the vendor counted on days before the data day that are not stored."""
        name = self.source.name
        stored = self._known_days(scope)
        if self.source.vendor.day_counts is None or not stored:
            return
        counted = self.source.vendor.day_counts(context, scope)
        wanted = [count for count in counted if count.data_day < max(stored) and count.data_day not in stored]
        if wanted:
            self._store.replace_windows(name, scope, wanted)

    def _check_clock(self, outcome: Outcome) -> None:
        """Says once that our clock and the vendor's differ, and once that they agree again."""
        told, before = outcome.clock.told, self.told
        if told is None:
            return
        self.told = told
        about = {"source": self.source.name, "vendor": self.source.vendor.name}
        if not told.agrees and (before is None or before.agrees):
            by = format_duration(timedelta(minutes=round(abs(told.ahead) / timedelta(minutes=1))))
            wrong = "ahead of" if told.ahead > timedelta() else "behind"
            event(logger, logging.WARNING, f"the clock of this machine is {wrong} the vendor's", **about, by=by)
        elif told.agrees and before is not None and not before.agrees:
            event(logger, logging.INFO, "the clock of this machine agrees with the vendor's again", **about)

    def _forget_old_days(self, outcome: Outcome) -> None:
        """Once a day, in a poll that the vendor answered and by a clock that its answers and the last poll bear out."""
        told, due = outcome.clock.told, self.publisher.rules.next_poll
        if told is None or not outcome.clock.good:
            return
        proven = told.agrees and came_when_due(told.moment, self._store.last_poll(self.source.name), due)
        self.proven = told.moment if proven else None
        if self.proven is None:
            return
        oldest = oldest_kept(self.proven, self.source.rules)
        if oldest != self._oldest:
            self._oldest = oldest
            forget_old_days(self._store, self._accounts, self.source.name, oldest)

    def _status(self, outcome: Outcome, duration: float) -> PollStatus:
        ended = self._now().timestamp()
        if not outcome.failed:
            return PollStatus(ended=ended, duration=duration, last_success=ended)
        before = self._store.last_poll(self.source.name)
        succeeded = None if before is None else before.last_success
        scope, failure = next(iter(outcome.failed.items()))
        others = f" (and {len(outcome.failed) - 1} more scopes failed)" if len(outcome.failed) > 1 else ""
        return PollStatus(
            ended=ended,
            duration=duration,
            # A clock that was ahead left a moment that is still to come.
            last_success=None if succeeded is None else min(succeeded, ended),
            failure=replace(failure, message=f"{scope + ': ' if scope else ''}{failure.message}{others}"),
        )

    def _log(self, status: PollStatus, outcome: Outcome) -> None:
        """One line for each poll; a failure that goes on is said at debug level only, its end is said once."""
        level, message = logging.INFO, "poll finished"
        before, failure = self.last, status.failure
        if failure is not None:
            goes_on = before is not None and before.failure is not None and _kind(before.failure) == _kind(failure)
            level = logging.DEBUG if goes_on else logging.ERROR
            message = "poll failed"
        elif before is not None and not before.success:
            message = "poll recovered"
        event(
            logger,
            level,
            message,
            source=self.source.name,
            vendor=self.source.vendor.name,
            duration=round(status.duration, 3),
            new_days=outcome.days["new"],
            revised_days=outcome.days["revised"],
            **({} if failure is None else {"reason": failure.reason, "error": failure.message}),
        )

    def _say(self, remark: str) -> None:
        event(logger, logging.WARNING, remark, source=self.source.name, vendor=self.source.vendor.name)


def _kind(failure: Failure) -> tuple[object, ...]:
    """What makes a failure another one than before; its message may change from poll to poll."""
    return failure.reason, failure.status, failure.of_state
