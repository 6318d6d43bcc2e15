"""One scope in one poll: its days are read, stored and published as they come, then what else there is of it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from exporter.errors import VendorError
from exporter.log import event
from exporter.model import Reading
from exporter.poll.emptied import Emptied
from exporter.poll.outcome import Outcome, describe_revision
from exporter.poll.plan import days_to_read, head_counts, is_fresh, is_late, is_ready
from exporter.poll.second_reads import SecondReads
from exporter.poll.source import Source
from exporter.poll.vendor_windows import ask_day_counts, ask_windows
from exporter.publish.publisher import Publisher
from exporter.state.known_days import first_active, known_days
from exporter.state.records import StoredDay
from exporter.state.store import Store
from exporter.vendors.base import InvalidDay, PollContext, raise_newest

logger = logging.getLogger(__name__)

# A vendor may give a scope's days all at once: making its samples anew for each of them would outlast the reading.
_PUBLISHED_EVERY = 1.0


@dataclass
class ScopeReader:
    """Reads a scope once.

    `doubted` are the stored days that a clock which was ahead may have stored; they stay until they are read again. Of
    the days that came, `empty` may be late or zero, and `wrong` cannot be stored.
    """

    source: Source
    store: Store
    publisher: Publisher
    context: PollContext
    scope: str
    outcome: Outcome
    doubted: set[date]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    empty: list[Reading] = field(default_factory=list)
    wrong: list[InvalidDay] = field(default_factory=list)

    def read(self) -> None:
        """Stores and publishes what comes. Raises VendorError for a failure, when everything else has been read."""
        read_window, name, scope = self.source.read_window, self.source.name, self.scope
        self.store.check(name, scope, days_to_read(self.context.now, read_window, {}))
        every_day = self.store.days(name, scope)
        # Doubted until it is read again, also where its date comes before that.
        self.doubted |= every_day.keys() - known_days(every_day, self.now(), read_window.ready_at).keys()
        stored = {day: about for day, about in every_day.items() if day not in self.doubted}
        most_people = max((day.people for day in stored.values() if day.people is not None), default=0)
        self.context = replace(
            self.context,
            # Scopes are read side by side, and a vendor may ask from threads of its own.
            client=self.context.client.counting(),
            most_people=most_people,
            first_active=first_active(stored),
        )
        wanted = days_to_read(self.context.now, read_window, stored)
        emptied = Emptied(self.store, name, scope, read_window, self.context)
        asked: list[tuple[date, str]] = []
        came = self._read_days(wanted, stored, emptied, asked)
        emptied.forget_windows(asked)
        second = SecondReads(scope, self.context.warn)
        with second.beside("counts of longer windows"):
            self._ask_windows(wanted, asked)
        # A scope that answers with neither a day that it had nor a newer one no longer exists, and becomes stale. Older
        # days it may never have had.
        present = came or emptied.days or not wanted or wanted[0] < max(stored, default=date.max)
        if present and self.source.vendor.seats is not None:
            with second.beside("seats", lambda: self.store.seats_read(name, scope, None, now=self.now())):
                held = self.source.vendor.seats(self.context, scope)
                self.store.seats_read(name, scope, held, now=self.now())
        with second.beside("counts of earlier days"):
            ask_day_counts(self.source, self.store, self.context, scope, self._known_days())
        if not self.outcome.answered and not second.failed:
            # There was nothing to read: a token that was revoked meanwhile must not look as if it had been used.
            self.source.vendor.probe(self.context)
            self.outcome.answered = True
        if present and self.outcome.answered:
            self.store.scope_read(name, scope, now=self.now())
        self.publisher.publish_scope(scope)
        second.end()
        raise_newest(self.wrong)

    def _read_days(
        self,
        wanted: Sequence[date],
        stored: Mapping[date, StoredDay],
        emptied: Emptied,
        asked: list[tuple[date, str]],
    ) -> bool:
        """Stores the days that come, and adds the windows that it asks for to `asked`; returns whether any came."""
        came, published = False, float("-inf")
        for reading in emptied.without(self.source.vendor.read(self.context, self.scope, wanted), stored):
            if not is_ready(reading.day, self.now(), self.source.read_window, self.context.client.clock.told):
                continue
            came = True
            if isinstance(reading, InvalidDay):
                self.wrong.append(reading)
                continue
            if not reading.rows and is_fresh(reading.day, self.context.now, self.source.read_window):
                self.empty.append(reading)
                continue
            self._keep(reading)
            if reading.day in wanted[:1]:
                # Asked again after the last day: a failure here must not keep back the other days.
                with suppress(VendorError):
                    self._ask_windows(wanted, asked)
            if self.monotonic() - published >= _PUBLISHED_EVERY:
                published = self.monotonic()
                self.publisher.publish_scope(self.scope)
        # Whether a fresh empty day is late or zero depends on earlier days, so it is decided when these are stored.
        for reading in reversed(self.empty):
            people = head_counts(self._known_days(), self.store.windows(self.source.name, self.scope))
            if not is_late(reading.day, self.context.now, self.source.read_window, people):
                self._keep(reading)
        return came

    def _ask_windows(self, wanted: Sequence[date], asked: list[tuple[date, str]]) -> None:
        ask_windows(self.source, self.store, self.context, self.scope, self._known_days(), wanted, asked)

    def _known_days(self) -> dict[date, StoredDay]:
        return known_days(self.store.days(self.source.name, self.scope), self.now(), self.source.read_window.ready_at)

    def _keep(self, reading: Reading) -> None:
        requests = self.context.client.take_count()
        if reading.day in self.doubted:
            if reading.only is not None:
                # The day comes whole when it is due.
                return
            # What a clock that was ahead has stored under this day is no earlier version of it.
            self.store.forget_day(self.source.name, self.scope, reading.day)
            self.doubted.discard(reading.day)
        # By the vendor's clock where ours is ahead: a day that was read in time must not look as if it was read late.
        time = self.context.client.clock.told
        read_at = self.now() if time is None or time.agrees else min(self.now(), time.moment)
        done = self.store.replace(self.source.name, self.scope, reading, now=read_at, requests=requests)
        self.outcome.stored(done.change)
        if done.change == "revised" and done.before is not None:
            changed = describe_revision(done.before, done.after)
            about = {"source": self.source.name, "scope": self.scope, "day": reading.day}
            event(logger, logging.INFO, "day revised", **about, changes=changed)
