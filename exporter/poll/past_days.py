"""Reads the past days of a source that are not stored into the state: whole days, so that it can be resumed."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime

from exporter.errors import VendorError
from exporter.model import ONE_DAY, WINDOWS, Reading, newest_ready, window_days
from exporter.poll.plan import head_counts, is_fresh, is_late, is_ready, windows_to_ask
from exporter.poll.remarks import once_per_kind
from exporter.poll.source import Source
from exporter.state.accounts import AccountBook
from exporter.state.known_days import first_active, known_days
from exporter.state.records import StoredDay
from exporter.state.store import Store
from exporter.transport.client import Client
from exporter.vendors.base import InvalidDay, PollContext, raise_newest

# The windows and the baseline of a day need the four weeks before it, however short the configured history is.
_NEEDED_BEFORE = 28


@dataclass
class PastReader:
    """Reads what the samples of the days from `first` to `last` need and the state does not hold.

    `progress` is called with the number of days done since its last call, `count` with the code of each request, `warn`
    with the first remark of each kind.
    """

    source: Source
    store: Store
    accounts: AccountBook
    first: date
    last: date
    now: Callable[[], datetime]
    count: Callable[[int | None], None]
    warn: Callable[[str], None]
    progress: Callable[[int], None] = lambda _days: None

    def missing(self) -> dict[str, list[date]]:
        """Returns the days to read by scope, newest first. Raises VendorError where the scopes cannot be listed."""
        with self.source.connect(self.count) as client:
            context = self._context(client)
            return {scope: self._missing(scope) for scope in self.source.vendor.scopes(context)}

    def read(self) -> dict[str, VendorError]:
        """Reads and stores what is missing; returns the error of each failed scope ("" for the whole source).

        Raises VendorError where no client can be made.
        """
        failed: dict[str, VendorError] = {}
        with self.source.connect(self.count) as client:
            context = self._context(client)
            try:
                scopes = self.source.vendor.scopes(context)
            except VendorError as error:
                return {"": error}
            self.store.list_scopes(self.source.name, scopes)

            def try_scope(scope: str) -> None:
                try:
                    wrong = self._read_days(context, scope)
                    self._read_windows(context, scope)
                    raise_newest(wrong)
                except VendorError as error:
                    failed[scope] = error

            with ThreadPoolExecutor(self.source.vendor.concurrency, "scope") as pool:
                list(pool.map(try_scope, scopes))
        return failed

    def _context(self, client: Client) -> PollContext:
        session = self.source.vendor.open_session()
        return PollContext(client, self.source.settings, self.accounts, self.now(), session, once_per_kind(self.warn))

    def _newest(self) -> date:
        return min(self.last, newest_ready(self.now(), self.source.read_window.ready_at))

    def _missing(self, scope: str) -> list[date]:
        """The missing days, with as much history before the first day as a live exporter would have had."""
        before = max(_NEEDED_BEFORE, self.source.read_window.history - 1)
        newest = self._newest()
        days = [newest - back * ONE_DAY for back in range((newest - self.first).days + before + 1)]
        self.store.check(self.source.name, scope, days)
        stored = self._known_days(scope)
        return [day for day in days if day not in stored or stored[day].unjoined]

    def _read_days(self, context: PollContext, scope: str) -> list[InvalidDay]:
        """Stores the missing days that can be read, and returns the invalid ones."""
        context = replace(context, client=context.client.counting(), first_active=first_active(self._known_days(scope)))
        wanted = self._missing(scope)
        empty: list[Reading] = []
        wrong: list[InvalidDay] = []
        early: list[date] = []
        known = self._known_days(scope).keys()
        unknown = self.store.days(self.source.name, scope).keys() - known
        left = set(wanted)
        for reading in self.source.vendor.read(context, scope, wanted):
            if not is_ready(reading.day, self.now(), self.source.read_window, context.client.clock.told):
                early.append(reading.day)
                continue
            if isinstance(reading, Reading) and (
                reading.only is not None or (not reading.rows and reading.day in known)
            ):
                # A wanted day is read whole, so there is nothing to complete; and a stored one does not become zero.
                continue
            if isinstance(reading, InvalidDay):
                wrong.append(reading)
            elif reading.rows or not is_fresh(reading.day, context.now, self.source.read_window):
                self._keep(context, scope, reading, unknown)
            else:
                empty.append(reading)
            if reading.day in left:
                left.remove(reading.day)
                self.progress(1)
        for reading in reversed(empty):
            people = head_counts(self._known_days(scope), self.store.windows(self.source.name, scope))
            if not is_late(reading.day, context.now, self.source.read_window, people):
                self._keep(context, scope, reading, unknown)
        self.progress(len(left))
        if early:
            self.warn(
                f"{len(early)} days are left out that are not over by the vendor's clock: is this machine's right?"
            )
        return wrong

    def _read_windows(self, context: PollContext, scope: str) -> None:
        """Asks for the windows of each day that only the vendor can count, because it does not list people."""
        count = self.source.vendor.windows
        if count is None:
            return
        stored = self._known_days(scope)
        counted = self.store.windows(self.source.name, scope)
        newest = self._newest()
        for day in (newest - back * ONE_DAY for back in range((newest - self.first).days + 1)):
            unread = [other for other in window_days(day, WINDOWS["28d"]) if other not in stored]
            wanted = windows_to_ask(day, stored, counted, unread)
            if wanted:
                for people in count(context, scope, day, wanted):
                    self.store.replace_windows(self.source.name, scope, [people])

    def _known_days(self, scope: str) -> dict[date, StoredDay]:
        return known_days(self.store.days(self.source.name, scope), self.now(), self.source.read_window.ready_at)

    def _keep(self, context: PollContext, scope: str, reading: Reading, unknown: Collection[date]) -> None:
        requests = context.client.take_count()
        if reading.day in unknown:
            # What a clock that was ahead has stored under this day is no earlier version of it.
            self.store.forget_day(self.source.name, scope, reading.day)
        self.store.replace(self.source.name, scope, reading, now=self.now(), requests=requests)
