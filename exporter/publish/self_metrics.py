"""The exporter's metrics about itself: polls, requests, series, configuration, process."""

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, PlatformCollector

from exporter import __version__
from exporter.errors import REASONS
from exporter.metrics import EXPORTER, OTLP, SOURCE, Metric
from exporter.publish.process_metrics import ProcessMetrics
from exporter.samples.filters import short_label
from exporter.state.scope_readings import Readings
from exporter.state.store import PollStatus

DROP_REASONS = ("day_series", "max_series", "privacy")
_PREFIX = "adoption_exporter_"


class SelfMetrics:
    """Counters and gauges of one exporter, in a registry of its own; with `process` also of process and Python."""

    def __init__(self, *, process: bool = True) -> None:
        # client_python's _created series are not in the catalogue and would double the counters.
        prometheus_client.disable_created_metrics()
        self.registry = CollectorRegistry()
        self._of: dict[str, Gauge | Counter] = {}
        # Those that are shown of each source, as (source, vendor).
        self.scopes: dict[tuple[str, str], set[str]] = {}
        self._register(EXPORTER)
        if process:
            self.registry.register(ProcessMetrics())
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)
        self._gauge("build_info", __version__, platform.python_version()).set(1)

    def source(self, source: str, vendor: str) -> "SourceMetrics":
        """The metrics of one source, with a 0 for every reason."""
        self_metrics = SourceMetrics(self, source, vendor)
        self_metrics.seed()
        return self_metrics

    def forget(self, source: str, vendor: str) -> None:
        """Removes every series of a source that is no longer configured."""
        self.scopes.pop((source, vendor), None)
        for row in EXPORTER:
            if row.labels[:2] == SOURCE:
                self._of[row.name].remove_by_labels({"source": source, "vendor": vendor})

    def otlp(self) -> None:
        """Adds the counters of the OTLP push, which are absent before."""
        self._register(OTLP)

    def exported(self, *, failed: bool, rejected: int) -> None:
        """Counts a request to the OTLP collector."""
        self._counter("otlp_exports_total").inc()
        self._counter("otlp_export_failures_total").inc(int(failed))
        self._counter("otlp_rejected_items_total").inc(rejected)

    def reloaded(self, *, ok: bool, at: datetime) -> None:
        """Records that the configuration was read, with or without a mistake."""
        self._gauge("config_last_reload_successful").set(int(ok))
        if ok:
            self._gauge("config_last_reload_success_timestamp_seconds").set(at.timestamp())

    def state(self, up: Callable[[], bool]) -> None:
        """Calls `up` at each scrape, which returns whether the state can be used; it must not block."""
        self._gauge("state_up").set_function(up)

    def _register(self, rows: Iterable[Metric]) -> None:
        for row in rows:
            kind = Counter if row.kind == "counter" else Gauge
            self._of[row.name] = kind(row.name, row.help, row.labels, registry=self.registry)

    def _gauge(self, name: str, *labels: str) -> Gauge:
        metric = self._of[_PREFIX + name]
        assert isinstance(metric, Gauge)
        return metric.labels(*labels) if labels else metric

    def _counter(self, name: str, *labels: str) -> Counter:
        metric = self._of[_PREFIX + name]
        assert isinstance(metric, Counter)
        return metric.labels(*labels) if labels else metric


@dataclass(frozen=True)
class SourceMetrics:
    """The exporter's metrics about one source; each is absent until it is first set."""

    self_metrics: SelfMetrics
    source: str
    vendor: str

    def seed(self) -> None:
        """Creates the metrics that exist from the start, with every reason."""
        self._counter("polls_total")
        for reason in REASONS:
            self._counter("poll_failures_total", reason)
        # 0 for a new source; a running source that gets a new configuration keeps its numbers.
        self._gauge("series")
        self._gauge("series_shortened")
        for dropped in DROP_REASONS:
            self._gauge("series_dropped", dropped)

    def polled(self, status: PollStatus) -> None:
        """Counts a poll that has just ended; failures of the state are not counted as failures of the vendor."""
        self._counter("polls_total").inc()
        if status.failure is not None and not status.of_state:
            self._counter("poll_failures_total", status.failure.reason).inc()
        self.restore(status)

    def restore(self, status: PollStatus) -> None:
        """Shows how the last poll went, also after a restart: the state stores it."""
        self._gauge("poll_success").set(int(status.success))
        self._gauge("poll_duration_seconds").set(status.duration)
        self._gauge("last_poll_timestamp_seconds").set(status.ended)
        if status.last_success is not None:
            self._gauge("last_success_timestamp_seconds").set(status.last_success)

    def request(self, status: int | None) -> None:
        """Counts a request to the vendor by its HTTP status, None where there was no response."""
        self._counter("vendor_requests_total", "error" if status is None else str(status)).inc()

    def scopes(self, readings: Readings) -> None:
        """Shows how the last reading of each scope went; scopes that are not among them are no longer shown."""
        fresh = {short_label(scope): int(failure is None) for scope, failure in readings.items()}
        shown = self.self_metrics.scopes.setdefault((self.source, self.vendor), set())
        for scope in shown - fresh.keys():
            self.self_metrics._gauge("scope_success").remove(self.source, self.vendor, scope)
        for scope, success in fresh.items():
            self._gauge("scope_success", scope).set(success)
        self.self_metrics.scopes[self.source, self.vendor] = set(fresh)

    def next_poll(self, at: datetime) -> None:
        """Sets when the next poll is due."""
        self._gauge("next_poll_timestamp_seconds").set(at.timestamp())

    def token_expires(self, at: datetime | None) -> None:
        """Sets when the token expires; None where that is unknown."""
        if at is None:
            self.self_metrics._gauge("token_expiry_timestamp_seconds").remove(self.source, self.vendor)
        else:
            self._gauge("token_expiry_timestamp_seconds").set(at.timestamp())

    def series(self, published: int, dropped: dict[str, int], shortened: int) -> None:
        """Sets how many series are published, dropped by reason, and have a cut label."""
        self._gauge("series").set(published)
        self._gauge("series_shortened").set(shortened)
        for reason, number in dropped.items():
            self._gauge("series_dropped", reason).set(number)

    def _gauge(self, name: str, *labels: str) -> Gauge:
        return self.self_metrics._gauge(name, self.source, self.vendor, *labels)

    def _counter(self, name: str, *labels: str) -> Counter:
        return self.self_metrics._counter(name, self.source, self.vendor, *labels)
