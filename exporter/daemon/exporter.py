"""The composition root: from a configuration to a running exporter, and to its end."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from exporter.config.diff import Changes
from exporter.config.load import Config
from exporter.config.teams_file import TeamsFile
from exporter.daemon.connector import connector
from exporter.daemon.pushing import pushing
from exporter.daemon.sources import label, sample_options, settle
from exporter.log import event
from exporter.poll.plan import ReadWindow
from exporter.poll.poller import Poller, Source
from exporter.poll.replicas import follow, poll_if_leader
from exporter.poll.scheduler import Scheduler, next_poll
from exporter.publish.publisher import Publisher, PublishPolicy, withdraw_stale
from exporter.publish.self_metrics import SelfMetrics, SourceMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.publish.team_watch import TeamWatch
from exporter.state.accounts import AccountBook, sources
from exporter.state.database import StateError
from exporter.state.pruning import forget_old_days
from exporter.state.store import Store
from exporter.vendors import VENDORS

if TYPE_CHECKING:
    from exporter.otlp.push import Pusher
    from exporter.otlp.tracing import Tracing

logger = logging.getLogger(__name__)

_HOUSEKEEPING_SECONDS = 1.0
_REPLICAS_SECONDS = 5.0
_PROBE_SECONDS = 15.0
# Once a day would do, but a process that is started anew every day would never come to it.
_RETENTION_SECONDS = 3600.0


def utc_now() -> datetime:
    """The time, read in this one place."""
    return datetime.now(UTC)


@dataclass
class Exporter:
    """Everything of one exporter: state, board, health and a poller for each source."""

    config: Config
    store: Store
    now: Callable[[], datetime] = utc_now
    cache: ExpositionCache = field(default_factory=ExpositionCache)
    self_metrics: SelfMetrics = field(default_factory=SelfMetrics)
    scheduler: Scheduler = field(init=False)
    stop: threading.Event = field(default_factory=threading.Event)
    pollers: dict[str, Poller] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    polling: set[str] = field(default_factory=set)
    leaving: bool = False
    teams: TeamsFile | None = None
    team_watch: TeamWatch | None = None
    started: datetime = field(init=False)
    _turns: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))
    pusher: "Pusher | None" = None
    tracing: "Tracing | None" = None

    def __post_init__(self) -> None:
        self.started = self.now()
        self.scheduler = Scheduler(self.now, monotonic)
        self.self_metrics.reloaded(ok=True, at=self.started)
        self.self_metrics.state(lambda: self.store.database.up)
        self.teams = _teams(self.config)
        for name in self.config.sources:
            self.pollers[name] = self._poller(name, self.config, self.teams)
        settle(self.config, self.store)
        for poller in self.pollers.values():
            _show(poller)

    def start(self) -> None:
        """Publishes what the state holds, then polls every source now and on its schedule, and pushes where wanted."""
        if self.config.otlp is not None:
            self.pusher, self.tracing = pushing(
                self.config,
                self.cache,
                self.self_metrics,
                ready_at=lambda name: self.config.sources[name].ready_at,
                now=self.now,
                stop=self.stop,
            )
        self.team_watch = _watch(self.teams)
        for name in self.pollers:
            self._begin(name)
        self.scheduler.every(_HOUSEKEEPING_SECONDS, "housekeeping", self._housekeeping)
        self.scheduler.every(_RETENTION_SECONDS, "retention", self._retain)
        self.scheduler.every(_PROBE_SECONDS, "state", self.store.database.probe)
        if self.store.database.shared:
            self.scheduler.every(_REPLICAS_SECONDS, "replicas", self._follow_replicas)
        self.scheduler.start()
        if self.pusher is not None:
            self.pusher.start()

    def leave(self) -> None:
        """Has a start or a reload that runs leave off, and no poll begin any more; `end` is still to come.

        Takes no lock: a signal calls it in the middle of anything.
        """
        self.leaving = True
        for poller in self.pollers.values():
            poller.publisher.ended = True

    def end(self) -> None:
        """Tells polls and retries to end and starts no more; whole days that were read are stored already."""
        self.stop.set()
        self.scheduler.stop()
        for poller in self.pollers.values():
            poller.end()

    def apply(self, config: Config, found: Changes) -> None:
        """Goes by another configuration: what has not changed in it goes on as it was, in the middle of a poll too.

        Raises StateError where the state does not take it, and then everything is as it was.
        """
        teams = self.teams if config.teams == self.config.teams else _teams(config)
        begun = {name: self._poller(name, config, teams) for name in (*found.changed, *found.added)}
        ended = {name: self.pollers[name] for name in (*found.removed, *found.changed)}
        settle(config, self.store)
        # From here on the new configuration is in force, whatever the state does.
        for name, poller in ended.items():
            self.scheduler.remove(name)
            poller.end()
        for name in found.removed:
            self.tried.discard(name)
            self.cache.withdraw(name)
        self.pollers = {name: begun.get(name) or self.pollers[name] for name in config.sources}
        if teams is not self.teams:
            self.team_watch = _watch(teams)
        self.config, self.teams = config, teams
        for name, poller in ended.items():
            self._forget(name, poller)
        for name, poller in begun.items():
            _show(poller)
            try:
                self._begin(name)
            except StateError:
                # What is published stays, and the poll that is due now says so.
                pass
            except Exception as error:
                event(logger, logging.ERROR, "a bug kept a source from being published", source=name, exc_info=error)

    def poll(self, name: str) -> bool:
        """Polls one source; says whether that succeeded."""
        # The first poll of a changed source waits for the end of the last one as it was.
        with self._turns[name]:
            poller = None if self.leaving else self.pollers.get(name)
            return poller is None or self._poll(name, poller)

    def _poll(self, name: str, poller: Poller) -> bool:
        self.polling.add(name)
        try:
            vendor = poller.source.vendor.name
            tracing = self.tracing
            poll = poller.poll if tracing is None else lambda: tracing.poll(name, vendor, poller.poll)
            settings = poller.source.settings
            status = poll_if_leader(
                self.store, poller, poll, interval=settings.interval, cron=settings.cron, now=self.now
            )
        finally:
            self.polling.discard(name)
        if self.pollers.get(name) is not poller:
            self._forget(name, poller)
            return True
        if status is not None:
            self.tried.add(name)
        self._show_next_poll(name, poller)
        return status is None or status.success

    def ready(self) -> bool:
        """Whether every source was tried or restored."""
        return self.tried >= self.pollers.keys()

    def forget_removed(self) -> None:
        """Forgets old days of sources that are no longer configured; those of the others go with their polls.

        By the time that the polls of the others have proven: nobody else can tell that our clock is right.
        """
        proven = self._proven()
        if proven is None:
            return
        before = proven.date() - self.config.state.retention
        for name in set(sources(self.store)) - self.pollers.keys():
            # It may still be in its last poll, here or in another replica, or be configured again by now.
            with self._turns[name], self.store.database.leader_lock(name) as ours:
                if not ours or name in self.pollers:
                    continue
                # Like a poll it may take long, and may be cut anywhere when the exporter ends.
                self.polling.add(name)
                try:
                    forget_old_days(self.store, AccountBook(self.store, name, label(self.config)), name, before)
                finally:
                    self.polling.discard(name)

    def _proven(self) -> datetime | None:
        """The moment by which old days of any source may be forgotten; None where no vendor tells, or one disagrees."""
        pollers = list(self.pollers.values())
        if any(poller.told is not None and not poller.told.agrees for poller in pollers):
            return None
        return min((poller.proven for poller in pollers if poller.proven is not None), default=None)

    def _begin(self, name: str) -> None:
        """Publishes what the state holds of a source, and polls it now and on its schedule."""
        if self.leaving:
            return
        settings, poller = self.config.sources[name], self.pollers[name]
        try:
            if poller.restore():
                self.tried.add(name)
        finally:
            self.scheduler.add(name, lambda: self.poll(name), interval=settings.interval, cron=settings.cron)
            self._show_next_poll(name, poller)

    def _show_next_poll(self, name: str, poller: Poller) -> None:
        due = self.scheduler.next_run(name)
        if due is not None:
            poller.self_metrics.next_poll(due)

    def _forget(self, name: str, ended: Poller) -> None:
        """Removes the metrics about a source that ended, unless it goes on with another configuration."""
        vendor = ended.source.vendor.name
        if name not in self.config.sources or self.config.sources[name].vendor != vendor:
            self.self_metrics.forget(name, vendor)

    def _follow_replicas(self) -> None:
        for name, poller in list(self.pollers.items()):
            if name not in self.polling and follow(self.store, poller) is not None:
                self.tried.add(name)

    def _retain(self) -> None:
        # What the state refuses it may take in an hour; polls tell of it meanwhile.
        with suppress(StateError):
            self.forget_removed()

    def _housekeeping(self) -> None:
        publishers = [poller.publisher for poller in self.pollers.values()]
        withdraw_stale(publishers)
        if self.team_watch is not None:
            self.team_watch.look(publishers, tried=self.ready())

    def _poller(self, name: str, config: Config, teams: TeamsFile | None) -> Poller:
        settings = config.sources[name]
        vendor = VENDORS[settings.vendor]
        stop = threading.Event()
        made = sample_options(config, name, self.store, teams)
        self_metrics = SourceMetrics(self.self_metrics, name, vendor.name)
        return Poller(
            Source(
                name=name,
                vendor=vendor,
                settings=settings,
                rules=ReadWindow(
                    ready_at=settings.ready_at,
                    history=settings.history.days,
                    lookback=settings.lookback.days,
                    late_grace=settings.late_grace,
                    retention=config.state.retention.days,
                ),
                connect=connector(vendor, settings, stop, lambda: self.tracing, now=self.now, monotonic=monotonic),
            ),
            store=self.store,
            accounts=made.accounts,
            publisher=Publisher(
                sample_options=made,
                rules=PublishPolicy(
                    settings.stale_after,
                    settings.max_series,
                    partial(next_poll, settings.interval, settings.cron),
                ),
                store=self.store,
                cache=self.cache,
                self_metrics=self_metrics,
                now=self.now,
                monotonic=monotonic,
            ),
            self_metrics=self_metrics,
            now=self.now,
            monotonic=monotonic,
            stop=stop,
        )


def _show(poller: Poller) -> None:
    """Has the metrics about a source that there are from the beginning."""
    poller.self_metrics.seed()
    poller.self_metrics.token_expires(poller.source.settings.token_expires_at)


def _teams(config: Config) -> TeamsFile | None:
    return None if config.teams is None else TeamsFile(config.teams.file)


def _watch(teams: TeamsFile | None) -> TeamWatch | None:
    return None if teams is None else TeamWatch(teams)
