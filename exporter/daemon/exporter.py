"""A running exporter: its sources, from the start over reloads to the end."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Self

from exporter.config.diff import Changes
from exporter.config.identities_file import IdentitiesFile, identities_file
from exporter.config.load import Config
from exporter.config.teams_file import TeamsFile, teams_file
from exporter.daemon.memory import give_back
from exporter.daemon.pushing import pushing
from exporter.daemon.sources import (
    Shared,
    commit,
    company_options,
    configured_poller,
    read_window,
    sample_options,
)
from exporter.log import event
from exporter.poll.poller import Poller
from exporter.poll.replicas import poll_if_leader
from exporter.poll.scheduler import Scheduler
from exporter.publish.company import Company
from exporter.publish.people_watch import PeopleWatch
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.samples.directory import Directory
from exporter.state.database import StateError
from exporter.state.store import Store

if TYPE_CHECKING:
    from exporter.otlp.push import Pusher
    from exporter.otlp.tracing import Tracing

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The wall clock, read in this one place."""
    return datetime.now(UTC)


@dataclass
class Exporter:
    """A configuration in force: state, exposition, self metrics and a poller for each source.

    Making one only reads; `open` makes one and commits its configuration to the state. `tried` are the sources that
    were polled or restored, `polling` those that work on the state now, `unpublished` those that a reload changed and
    whose samples are not published yet. Once `aborted`, nothing is started or published any more.
    """

    config: Config
    store: Store
    now: Callable[[], datetime] = utc_now
    cache: ExpositionCache = field(default_factory=ExpositionCache)
    self_metrics: SelfMetrics = field(default_factory=SelfMetrics)
    scheduler: Scheduler = field(init=False)
    stop: threading.Event = field(default_factory=threading.Event)
    pollers: dict[str, Poller] = field(init=False)
    tried: set[str] = field(default_factory=set)
    polling: set[str] = field(default_factory=set)
    unpublished: set[str] = field(default_factory=set)
    aborted: bool = False
    teams: TeamsFile | None = field(init=False)
    identities: IdentitiesFile | None = field(init=False)
    directory: Directory = field(init=False)
    company: Company = field(init=False)
    people_watch: PeopleWatch = field(init=False)
    started: datetime = field(init=False)
    shared: Shared = field(init=False)
    poll_locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))
    pusher: "Pusher | None" = None
    tracing: "Tracing | None" = None

    def __post_init__(self) -> None:
        self.started = self.now()
        self.scheduler = Scheduler(self.now, monotonic)
        self.directory = Directory(self.store)
        self.shared = Shared(
            self.store, self.cache, self.self_metrics, self.directory, self.now, monotonic, lambda: self.tracing
        )
        self.teams, self.identities = _teams_file(self.config), _identities_file(self.config)
        self.directory.become(self.config.sources, self.identities, self.teams)
        self.company = Company(self.store, self.cache, company_options(self.config))
        self.people_watch = PeopleWatch(self.directory, self.cache, self.company, monotonic)
        self.pollers = {name: configured_poller(self.config, name, self.shared) for name in self.config.sources}

    @classmethod
    def open(
        cls,
        config: Config,
        store: Store,
        now: Callable[[], datetime] = utc_now,
        self_metrics: SelfMetrics | None = None,
    ) -> Self:
        """Makes an exporter and commits its configuration; raises StateError where the state does not take it."""
        exporter = cls(config, store, now, self_metrics=self_metrics or SelfMetrics())
        commit(config, store)
        exporter.people_watch.publish_members()
        exporter.self_metrics.reloaded(ok=True, at=exporter.started)
        exporter.self_metrics.state(lambda: store.database.up)
        for poller in exporter.pollers.values():
            _seed_metrics(poller)
        return exporter

    def prepare_push(self) -> None:
        """Makes what pushes, where that is configured; raises ConfigError where the environment does not allow it."""
        if self.config.otlp is not None:
            self.pusher, self.tracing = pushing(
                self.config,
                self.cache,
                self.self_metrics,
                ready_at=lambda name: self.config.sources[name].ready_at,
                now=self.now,
                stop=self.stop,
            )

    def start(self) -> None:
        """Publishes what the state holds, polls every source now and on its schedule, and pushes where prepared."""
        self.begin(self.pollers)
        self.follow_people(at_once=True)
        self.scheduler.start()
        if self.pusher is not None:
            self.pusher.start()

    def abort(self) -> None:
        """Aborts a running start or reload and prevents new polls; `end` is still to come.

        Takes no lock: signal handlers call it at any moment.
        """
        self.aborted = True
        for poller in self.pollers.values():
            poller.publisher.ended = True

    def end(self) -> None:
        """Stops polls and retries, and starts no more; whole days that were read are stored already."""
        self.stop.set()
        self.scheduler.stop()
        for poller in self.pollers.values():
            poller.end()

    def apply(self, config: Config, found: Changes) -> None:
        """Applies a new configuration; unchanged sources keep running, even mid-poll.

        Sources that are `remade` keep running too, and their samples are made anew. Raises StateError where the state
        does not take the configuration; then nothing has changed.
        """
        begun = {name: configured_poller(config, name, self.shared) for name in (*found.changed, *found.added)}
        options = {name: sample_options(config, name, self.shared) for name in found.remade}
        commit(config, self.store)
        # From here on the new configuration is in force, whatever the state does.
        ended = {name: self.pollers[name] for name in (*found.removed, *found.changed)}
        for name, poller in ended.items():
            self.scheduler.remove(name)
            poller.end()
        for name in found.removed:
            self.tried.discard(name)
            self.cache.withdraw(name)
        self.pollers = {name: begun.get(name) or self.pollers[name] for name in config.sources}
        if config.teams != self.config.teams:
            self.teams = _teams_file(config)
        if config.people.identities != self.config.people.identities:
            self.identities = _identities_file(config)
        self.config = config
        self.directory.become(config.sources, self.identities, self.teams)
        self.company.become(company_options(config))
        self.people_watch.publish_members()
        self.people_watch.hurry()
        for name, poller in ended.items():
            self._remove_metrics(name, poller)
        for poller in begun.values():
            _seed_metrics(poller)
        for name, made in options.items():
            self.pollers[name].reconfigure(made, read_window(config.sources[name], config.state.retention))
        self.unpublished.update(options)
        self.publish_remade()
        self.begin(begun)

    def poll(self, name: str) -> bool:
        """Polls one source; returns whether every scope was read."""
        # The first poll of a changed source waits for the end of the last one with the old configuration.
        with self.poll_locks[name]:
            poller = None if self.aborted else self.pollers.get(name)
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
            if not self.polling:
                give_back()
        if self.pollers.get(name) is not poller:
            self._remove_metrics(name, poller)
            return True
        if status is not None:
            self.tried.add(name)
            self.scheduler.postpone(name, self.now() + poller.pause)
        self._show_next_poll(name, poller)
        return status is None or (status.success and not poller.failed)

    def publish_remade(self) -> None:
        """Publishes the sources that a reload has reconfigured; where the state fails, a later call tries again."""
        for name in sorted(self.unpublished):
            # Before it is published: a reload that comes in between wants it published once more.
            self.unpublished.discard(name)
            poller = self.pollers.get(name)
            try:
                if poller is not None:
                    poller.publisher.publish_all()
            except StateError:
                self.unpublished.add(name)
            except Exception as error:
                event(logger, logging.ERROR, "a bug kept a source from being published", source=name, exc_info=error)

    def follow_people(self, *, at_once: bool = False) -> None:
        """Publishes the company and the teams of people as they are known now."""
        publishers = [poller.publisher for poller in list(self.pollers.values())]
        self.people_watch.look(publishers, tried=self.ready(), at_once=at_once)

    def ready(self) -> bool:
        """Whether every source was tried or restored."""
        return self.tried >= self.pollers.keys()

    def begin(self, names: Iterable[str]) -> None:
        """Publishes what the state holds of sources, and polls them now and on their schedules, whatever fails."""
        for name in names:
            if self.aborted:
                return
            settings, poller = self.config.sources[name], self.pollers[name]
            try:
                if poller.restore():
                    self.tried.add(name)
            except StateError:
                # What is published stays, and the poll that is due now reports the failure.
                pass
            except Exception as error:
                event(logger, logging.ERROR, "a bug kept a source from being published", source=name, exc_info=error)
            self.scheduler.add(name, partial(self.poll, name), interval=settings.interval, cron=settings.cron)
            self._show_next_poll(name, poller)

    def _show_next_poll(self, name: str, poller: Poller) -> None:
        due = self.scheduler.next_run(name)
        if due is not None:
            poller.self_metrics.next_poll(due)

    def _remove_metrics(self, name: str, ended: Poller) -> None:
        """Removes the metrics about a source that ended, unless it goes on with another configuration."""
        vendor = ended.source.vendor.name
        if name not in self.config.sources or self.config.sources[name].vendor != vendor:
            self.self_metrics.forget(name, vendor)


def _seed_metrics(poller: Poller) -> None:
    """Makes the metrics about a source that exist from the beginning."""
    poller.self_metrics.seed()
    poller.self_metrics.token_expires(poller.source.settings.token_expires_at)


def _teams_file(config: Config) -> TeamsFile | None:
    return None if config.teams is None else teams_file(config.teams.file)


def _identities_file(config: Config) -> IdentitiesFile | None:
    return None if config.people.identities is None else identities_file(config.people.identities.file)
