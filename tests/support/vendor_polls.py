"""Polls of a real vendor through a real client, with responses from a handler or a server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import httpx

from exporter.config.teams_file import TeamsFile
from exporter.daemon.sources import Shared, build_poller, connector
from exporter.metrics import Sample
from exporter.poll.poller import Poller
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.state.accounts import Label
from exporter.state.store import PollStatus, Store
from exporter.vendors.base import Vendor
from exporter.vendors.registry import VENDORS
from tests.support.pauses import Pauses
from tests.support.sample_options import book_of, directory_of, sample_options_of
from tests.support.stores import fresh_store


@dataclass
class VendorPolls:
    """A source of a real vendor. `settings` is its block in a configuration."""

    vendor: str
    settings: dict[str, Any]
    now: datetime
    transport: httpx.BaseTransport | None = None
    vendors: Mapping[str, Vendor] = field(default_factory=lambda: VENDORS)
    store: Store = field(default_factory=fresh_store)
    cache: ExpositionCache = field(default_factory=ExpositionCache)
    self_metrics: SelfMetrics = field(default_factory=SelfMetrics)
    label: Label | None = None
    teams: TeamsFile | None = None
    made: Poller | None = None

    def poll(self) -> PollStatus:
        """Polls once, as the daemon does."""
        status = self.poller().poll()
        assert status is not None
        return status

    def poller(self) -> Poller:
        """The poller of the source."""
        if self.made is None:
            self.made = self._poller()
        return self.made

    def samples(self) -> list[Sample]:
        """The published samples."""
        return self.cache.snapshot.all_samples()

    def exposition(self) -> str:
        """The published samples as Prometheus text."""
        return self.cache.snapshot.parts["text"].plain.decode()

    def values(self, metric: str) -> dict[tuple[str, ...], float]:
        """The values of an adoption metric by its labels from scope on."""
        return {sample.labels[2:]: sample.value for sample in self.samples() if sample.metric == metric}

    def own(self, metric: str, **labels: str) -> float | None:
        """The value of a metric of the exporter about the source."""
        every = {"source": "tool", "vendor": self.vendor, **labels}
        return self.self_metrics.registry.get_sample_value(f"adoption_exporter_{metric}", every)

    def _poller(self) -> Poller:
        vendor = self.vendors[self.vendor]
        given = {"vendor": self.vendor, "token": "secret-token", "requests_per_minute": 1_000_000, **self.settings}
        settings = vendor.settings.model_validate(given)
        directory = directory_of(self.store, "tool", teams=self.teams)
        options = sample_options_of(
            "tool",
            self.vendor,
            book_of(self.store, "tool", self.label),
            ready_at=settings.ready_at,
            seats=settings.seats,
            directory=directory,
            per_user=self.label is not None,
            vendor_teams=settings.teams is not None,
            one_team_a_name=settings.one_team_a_name,
        )
        stop = Pauses()
        shared = Shared(self.store, self.cache, self.self_metrics, directory, lambda: self.now, monotonic)
        poller = build_poller(
            vendor,
            settings,
            options,
            shared,
            retention=timedelta(days=800),
            connect=connector(vendor, settings, stop, shared, self.transport),
            stop=stop,
        )
        poller.self_metrics.seed()
        return poller
