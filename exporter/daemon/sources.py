"""From the configuration to the poller of a source, and to what the state must agree to before it runs.

Everything here but `commit` only reads: a configuration can be built beside the running one and be dropped.
"""

import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import httpx

from exporter.config.company import company_sources
from exporter.config.load import Config, read_token
from exporter.config.source import SourceSettings
from exporter.errors import Rejected
from exporter.poll.plan import ReadWindow
from exporter.poll.poller import Poller
from exporter.poll.scheduler import next_poll
from exporter.poll.source import Connect, Source
from exporter.publish.company import CompanyOptions
from exporter.publish.publisher import Publisher, PublishPolicy
from exporter.publish.self_metrics import SelfMetrics, SourceMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.samples.build import SampleOptions
from exporter.samples.calendar import workdays
from exporter.samples.directory import Directory
from exporter.state.accounts import AccountBook, Label, plain, pseudonym, sources
from exporter.state.database import StateError
from exporter.state.store import Store
from exporter.transport.client import Client
from exporter.transport.endpoints import Endpoints
from exporter.vendors.base import Vendor
from exporter.vendors.registry import VENDORS

if TYPE_CHECKING:
    from exporter.otlp.tracing import Tracing


@dataclass(frozen=True)
class Shared:
    """What the pollers of one exporter share. `tracing` is asked for at each poll."""

    store: Store
    cache: ExpositionCache
    self_metrics: SelfMetrics
    directory: Directory
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    tracing: "Callable[[], Tracing | None]" = lambda: None


def configured_poller(config: Config, name: str, shared: Shared) -> Poller:
    """The poller of a source as the configuration wants it."""
    settings = config.sources[name]
    vendor = VENDORS[settings.vendor]
    stop = threading.Event()
    return build_poller(
        vendor,
        settings,
        sample_options(config, name, shared),
        shared,
        retention=config.state.retention,
        connect=connector(vendor, settings, stop, shared),
        stop=stop,
    )


def build_poller(
    vendor: Vendor,
    settings: SourceSettings,
    options: SampleOptions,
    shared: Shared,
    *,
    retention: timedelta,
    connect: Connect,
    stop: threading.Event,
) -> Poller:
    """The poller of the source that `options` names; `connect` and the poller end when `stop` is set."""
    self_metrics = SourceMetrics(shared.self_metrics, options.source, vendor.name)
    policy = PublishPolicy(
        settings.stale_after,
        settings.max_series,
        settings.day_series.days,
        partial(next_poll, settings.interval, settings.cron),
    )
    return Poller(
        Source(options.source, vendor, settings, read_window(settings, retention), connect),
        store=shared.store,
        publisher=Publisher(
            sample_options=options,
            policy=policy,
            store=shared.store,
            cache=shared.cache,
            self_metrics=self_metrics,
            now=shared.now,
            monotonic=shared.monotonic,
        ),
        self_metrics=self_metrics,
        now=shared.now,
        monotonic=shared.monotonic,
        stop=stop,
    )


def connector(
    vendor: Vendor,
    settings: SourceSettings,
    stop: threading.Event,
    shared: Shared,
    transport: httpx.BaseTransport | None = None,
) -> Connect:
    """Makes a client for each poll, with the token and certificates of that moment, under one rate limit for all."""
    endpoints = Endpoints(vendor.endpoints, settings.requests_per_minute, monotonic=shared.monotonic)

    def connect(count: Callable[[int | None], None]) -> Client:
        tracing = shared.tracing()
        try:
            token = read_token(settings)
        except (OSError, ValueError) as error:
            raise Rejected(f"token_file cannot be used: {error}") from error
        return Client(
            vendor=vendor.name,
            base_url=settings.base_url,
            headers=vendor.headers(token) if token else {},
            public_headers=vendor.public_headers,
            endpoints=endpoints,
            timeout=settings.timeout.total_seconds(),
            stop=stop,
            count=count if tracing is None else tracing.counting(count),
            traced=nullcontext if tracing is None else tracing.requests(),
            now=shared.now,
            monotonic=shared.monotonic,
            transport=transport,
            ca_file=settings.ca_file,
        )

    return connect


def read_window(settings: SourceSettings, retention: timedelta) -> ReadWindow:
    """Which days of a source are read and kept."""
    return ReadWindow(
        ready_at=settings.ready_at,
        history=settings.history.days,
        lookback=settings.lookback.days,
        late_grace=settings.late_grace,
        retention=retention.days,
        is_workday=workdays(settings.calendar),
    )


def sample_options(config: Config, name: str, shared: Shared) -> SampleOptions:
    """How the facts of a configured source become samples."""
    settings, people = config.sources[name], config.people
    return SampleOptions(
        source=name,
        vendor=settings.vendor,
        accounts=account_book(config, name, shared.store),
        ready_at=settings.ready_at,
        seats=settings.seats,
        workday=workdays(settings.calendar),
        directory=shared.directory,
        per_user=people.per_user != "none",
        min_group_size=people.min_group_size,
        frequent_days=people.frequent_days,
        vendor_teams=settings.teams is not None,
        one_team_a_name=settings.one_team_a_name,
        seat_price=settings.seat_price,
    )


def commit(config: Config, store: Store) -> None:
    """Makes the state agree with a configuration, in one transaction; on StateError nothing has changed.

    The days of a source are one vendor's: windows over those of two would mix them, and a change would look like a
    drop. Labels that `people.per_user` does not allow are erased, as are hashes that join accounts where neither the
    company nor teams need them, also those of sources that are not configured.
    """
    books = [account_book(config, name, store) for name in sorted({*sources(store), *config.sources})]
    with store.database.write() as connection:
        for name, settings in config.sources.items():
            held = store.adopt(connection, name, settings.vendor)
            if held != settings.vendor:
                raise StateError(
                    f"sources.{name}.vendor: the state holds days of {held} under this name: "
                    "choose another name for the new source"
                )
        erased = [book.take_effect(connection) for book in books]
    if any(erased):
        # They are gone from the tables; wiping them from the file is tried again until it works.
        with suppress(StateError):
            store.database.wipe()


def company_options(config: Config) -> CompanyOptions | None:
    """What is said of the company; None where there is none."""
    sources = company_sources(config)
    return CompanyOptions(sources, config.people.min_group_size, config.poll.max_series) if sources else None


def account_book(config: Config, name: str, store: Store) -> AccountBook:
    """The accounts of a source, which may have been removed from the configuration."""
    people, settings = config.people, config.sources.get(name)
    counted = people.company if isinstance(people.company, bool) else name in people.company
    joins = (counted or config.teams is not None) and (settings is None or settings.lists_people)
    return AccountBook(store, name, label(config), joins=joins)


def label(config: Config) -> Label | None:
    """How people are named in labels; None where they are not."""
    if config.people.per_user == "pseudonym":
        assert config.pseudonym_key is not None
        return pseudonym(config.pseudonym_key)
    return plain if config.people.per_user == "plain" else None
