"""A poller over a made-up vendor and a clock that a test sets."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any, cast

from pydantic import SecretStr
from pyroaring import BitMap

from exporter.config.calendar import Calendar
from exporter.config.source import SourceSettings
from exporter.daemon.sources import Shared, build_poller
from exporter.metrics import CATALOGUE
from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Reading, Seats, WindowPeople
from exporter.poll.poller import Poller
from exporter.poll.replicas import poll_if_leader
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.samples.directory import Directory
from exporter.state.accounts import AccountBook
from exporter.state.store import PollStatus, Store
from exporter.transport.client import Client
from exporter.transport.vendor_clock import VendorClock
from exporter.vendors.base import InvalidDay, NoSession, PollContext, Vendor
from tests.support.sample_options import sample_options_of
from tests.support.stores import fresh_store

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
YESTERDAY = date(2026, 3, 9)


@dataclass
class _NoClient:
    count: Callable[[int | None], None]
    tell: Callable[[VendorClock], None]
    made: int = 0
    clock: VendorClock = field(default_factory=VendorClock)

    def __enter__(self) -> "_NoClient":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def counting(self) -> "_NoClient":
        return _NoClient(self.count, self.tell, clock=self.clock)

    def ask(self) -> None:
        self.made += 1
        self.count(200)
        self.tell(self.clock)

    def take_count(self) -> int:
        made, self.made = self.made, 0
        return made


@dataclass
class Script:
    """The made-up vendor's facts or errors by scope and day; an absent day is not published.

    `fields` are readings of some fields alone, or what failed of them, which come after the days of every scope.
    """

    days: dict[tuple[str, date], DayFacts | InvalidDay | Exception | None] = field(default_factory=dict)
    scopes: Sequence[str] = ("all",)
    scopes_error: Exception | None = None
    windows: dict[tuple[date, str], WindowPeople] = field(default_factory=dict)
    windows_error: Exception | None = None
    seats: dict[str, int | Exception | Callable[[PollContext], Seats] | None] = field(default_factory=dict)
    counts_error: Exception | None = None
    probe_error: Exception | None = None
    probes: int = 0
    fields: Sequence[Reading | InvalidDay] = ()
    asked: list[tuple[str, tuple[date, ...]]] = field(default_factory=list)
    asked_windows: list[tuple[date, tuple[str, ...]]] = field(default_factory=list)
    requests_a_day: int = 1
    before_read: Callable[[], None] = lambda: None


def people(*accounts: int, messages: int = 0) -> DayFacts:
    """A day on which these accounts were active and sent messages in all."""
    return DayFacts(
        amounts={AmountKey(Amount("usage", "messages")): messages},
        people={EVERYBODY: BitMap(accounts)},
        service=BitMap(),
    )


def counted(number: int) -> DayFacts:
    """A day of a vendor that counts people but does not list them."""
    return DayFacts(head_count=number)


@dataclass
class Bench:
    """One poller and everything around it.

    The clock is off by `wrong`; with `tells_time` the vendor's responses have the right time.
    """

    script: Script
    store: Store = field(default_factory=fresh_store)
    now: datetime = NOON
    wrong: timedelta = timedelta()
    tells_time: bool = False
    history: int = 3
    lookback: int = 2
    retention: int = 800
    late_grace: timedelta = timedelta(hours=24)
    calendar: Calendar = field(default_factory=Calendar)
    stale_after: timedelta = timedelta(days=3)
    max_series: int = 1000
    day_series: int = 0
    windows: bool = False
    cache: ExpositionCache = field(default_factory=ExpositionCache)
    self_metrics: SelfMetrics = field(default_factory=SelfMetrics)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def monotonic(self) -> float:
        """The monotonic clock, which does not depend on the wall clock."""
        return (self.now - self.wrong).timestamp()

    def poller(self) -> Poller:
        """A poller as in a new process."""
        script = self.script

        def connect(count: Callable[[int | None], None]) -> Client:
            return cast("Client", _NoClient(count, self._tell))

        def scopes(_context: PollContext) -> Sequence[str]:
            if script.scopes_error is not None:
                raise script.scopes_error
            return script.scopes

        def read(context: PollContext, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
            script.before_read()
            script.asked.append((scope, tuple(days)))
            for day in days:
                answer = script.days.get((scope, day), KeyError)
                if isinstance(answer, Exception):
                    raise answer
                for _ in range(script.requests_a_day):
                    cast("_NoClient", context.client).ask()
                if answer is None:
                    yield Reading(day, people(), rows=False)
                elif isinstance(answer, InvalidDay):
                    yield answer
                elif isinstance(answer, DayFacts):
                    yield Reading(day, answer)
            yield from script.fields

        def windows(_context: PollContext, _scope: str, data_day: date, names: Sequence[str]) -> Sequence[WindowPeople]:
            script.asked_windows.append((data_day, tuple(names)))
            if script.windows_error is not None:
                raise script.windows_error
            return [script.windows[data_day, name] for name in names if (data_day, name) in script.windows]

        def seats(context: PollContext, scope: str) -> int | Seats | None:
            answer = script.seats[scope]
            if isinstance(answer, Exception):
                raise answer
            return answer(context) if callable(answer) else answer

        def day_counts(_context: PollContext, _scope: str) -> Sequence[WindowPeople]:
            if script.counts_error is not None:
                raise script.counts_error
            return []

        def probe(context: PollContext) -> None:
            script.probes += 1
            if script.probe_error is not None:
                raise script.probe_error
            cast("_NoClient", context.client).ask()

        vendor = Vendor(
            name="madeup",
            settings=SourceSettings,
            open_session=NoSession,
            scopes=scopes,
            read=read,
            least_requests=lambda days, _data_days: days * script.requests_a_day,
            probe=probe,
            endpoints=(),
            windows=windows if self.windows else None,
            seats=seats if script.seats else None,
            day_counts=day_counts if script.counts_error else None,
        )
        settings = SourceSettings(
            vendor="madeup",
            token=SecretStr("secret-token"),
            base_url="https://madeup.example.com",
            # Whatever is stale is overdue.
            interval=timedelta.resolution,
            ready_at=timedelta(hours=3),
            history=timedelta(days=self.history),
            lookback=timedelta(days=self.lookback),
            late_grace=self.late_grace,
            calendar=self.calendar,
            stale_after=self.stale_after,
            max_series=self.max_series,
            day_series=timedelta(days=self.day_series),
        )
        poller = build_poller(
            vendor,
            settings,
            sample_options_of("tool", "madeup", AccountBook(self.store, "tool")),
            Shared(
                self.store,
                self.cache,
                self.self_metrics,
                Directory(self.store),
                lambda: self.now,
                lambda: self.monotonic,
            ),
            retention=timedelta(days=self.retention),
            connect=connect,
            stop=self.stop,
        )
        poller.self_metrics.seed()
        return poller

    def _tell(self, clock: VendorClock) -> None:
        if self.tells_time:
            clock.hear({"date": format_datetime(self.now - self.wrong, usegmt=True)}, self.now, good=True)

    def published(self, metric: str) -> dict[tuple[str, ...], float]:
        """The values of a metric by its labels other than source and vendor."""
        hidden = CATALOGUE[metric].labels.index("vendor") + 1
        samples = self.cache.snapshot.all_samples()
        return {sample.labels[hidden:]: sample.value for sample in samples if sample.metric == metric}

    def own(self, metric: str, **labels: str) -> float | None:
        """The value of a metric of the exporter about the source."""
        every: dict[str, Any] = {"source": "tool", "vendor": "madeup", **labels}
        return self.self_metrics.registry.get_sample_value(f"adoption_exporter_{metric}", every)


def poll_as_replica(bench: Bench, poller: Poller, cron: str | None = None) -> PollStatus | None:
    """Polls if no other process polls the source, as a scheduled poll does; None otherwise."""
    return poll_if_leader(
        bench.store, poller, poller.poll, interval=timedelta(hours=1), cron=cron, now=lambda: bench.now
    )
