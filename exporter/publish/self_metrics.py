"""The exporter's metrics about itself: polls, requests, series, configuration, process."""

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import count

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, PlatformCollector, ProcessCollector

from exporter import __version__
from exporter.errors import REASONS
from exporter.metrics import EXPORTER, OTLP, SOURCE, Metric
from exporter.publish.prometheus import Format, render_collector
from exporter.samples.filters import short_label
from exporter.state.scope_readings import Readings
from exporter.state.store import PollStatus

DROP_REASONS = ("day_series", "max_series", "privacy")
_PREFIX = "adoption_exporter_"
_STATE_UP = "state_up"


class SelfMetrics:
    """Counters and gauges of one exporter, in a registry of its own; with `process` also of process and Python."""

    def __init__(self, *, process: bool = True) -> None:
        # client_python's _created series are not in the catalogue and would double the counters.
        prometheus_client.disable_created_metrics()
        self.registry = CollectorRegistry()
        # Those of them that change without an event of ours, and the others, whose text is kept until one.
        self._moving, self._own = CollectorRegistry(), CollectorRegistry()
        self._events = count()
        self._event = next(self._events)
        self._written: dict[Format, tuple[int, bytes]] = {}
        self._of: dict[str, Gauge | Counter] = {}
        # Those that are shown of each source, as (source, vendor).
        self.scopes: dict[tuple[str, str], set[str]] = {}
        self._register(EXPORTER)
        if process:
            of_process = ProcessCollector(registry=self.registry)
            for collector in (of_process, PlatformCollector(self.registry), GCCollector(self.registry)):
                self._moving.register(collector)
        self._set(1, "build_info", __version__, platform.python_version())

    def render(self, form: Format) -> bytes:
        """The exposition of all of them, without OpenMetrics' closing line."""
        # Read before they are: what changes meanwhile comes with the next scrape.
        event = self._event
        known, own = self._written.get(form, (None, b""))
        if known != event:
            own = render_collector(self._own, form)
            self._written[form] = event, own
        return own + render_collector(self._moving, form)

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
        self._changed()

    def otlp(self) -> None:
        """Adds the counters of the OTLP push, which are absent before."""
        self._register(OTLP)

    def exported(self, *, failed: bool, rejected: int) -> None:
        """Counts a request to the OTLP collector."""
        self._add(1, "otlp_exports_total")
        self._add(int(failed), "otlp_export_failures_total")
        self._add(rejected, "otlp_rejected_items_total")

    def reloaded(self, *, ok: bool, at: datetime) -> None:
        """Records that the configuration was read, with or without a mistake."""
        self._set(int(ok), "config_last_reload_successful")
        if ok:
            self._set(at.timestamp(), "config_last_reload_success_timestamp_seconds")

    def state(self, up: Callable[[], bool]) -> None:
        """Calls `up` at each scrape, which returns whether the state can be used; it must not block."""
        self._gauge(_STATE_UP).set_function(up)

    def _register(self, rows: Iterable[Metric]) -> None:
        for row in rows:
            kind = Counter if row.kind == "counter" else Gauge
            made = self._of[row.name] = kind(row.name, row.help, row.labels, registry=self.registry)
            (self._moving if row.name == _PREFIX + _STATE_UP else self._own).register(made)
        self._changed()

    def _set(self, value: float, name: str, *labels: str) -> None:
        self._gauge(name, *labels).set(value)
        self._changed()

    def _add(self, amount: float, name: str, *labels: str) -> None:
        self._counter(name, *labels).inc(amount)
        self._changed()

    def _remove(self, name: str, *labels: str) -> None:
        self._gauge(name).remove(*labels)
        self._changed()

    def _changed(self) -> None:
        self._event = next(self._events)

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
        self._add(0, "polls_total")
        for reason in REASONS:
            self._add(0, "poll_failures_total", reason)
        # 0 for a new source; a running source that gets a new configuration keeps its numbers.
        self._gauge("series")
        self._gauge("series_shortened")
        for dropped in DROP_REASONS:
            self._gauge("series_dropped", dropped)
        self.self_metrics._changed()

    def polled(self, status: PollStatus) -> None:
        """Counts a poll that has just ended; failures of the state are not counted as failures of the vendor."""
        self._add(1, "polls_total")
        if status.failure is not None and not status.of_state:
            self._add(1, "poll_failures_total", status.failure.reason)
        self.restore(status)

    def restore(self, status: PollStatus) -> None:
        """Shows how the last poll went, also after a restart: the state stores it."""
        self._set(int(status.success), "poll_success")
        self._set(status.duration, "poll_duration_seconds")
        self._set(status.ended, "last_poll_timestamp_seconds")
        if status.last_success is not None:
            self._set(status.last_success, "last_success_timestamp_seconds")

    def request(self, status: int | None) -> None:
        """Counts a request to the vendor by its HTTP status, None where there was no response."""
        self._add(1, "vendor_requests_total", "error" if status is None else str(status))

    def scopes(self, readings: Readings) -> None:
        """Shows how the last reading of each scope went; scopes that are not among them are no longer shown."""
        fresh = {short_label(scope): int(failure is None) for scope, failure in readings.items()}
        shown = self.self_metrics.scopes.setdefault((self.source, self.vendor), set())
        for scope in shown - fresh.keys():
            self.self_metrics._remove("scope_success", self.source, self.vendor, scope)
        for scope, success in fresh.items():
            self._set(success, "scope_success", scope)
        self.self_metrics.scopes[self.source, self.vendor] = set(fresh)

    def next_poll(self, at: datetime) -> None:
        """Sets when the next poll is due."""
        self._set(at.timestamp(), "next_poll_timestamp_seconds")

    def token_expires(self, at: datetime | None) -> None:
        """Sets when the token expires; None where that is unknown."""
        if at is None:
            self.self_metrics._remove("token_expiry_timestamp_seconds", self.source, self.vendor)
        else:
            self._set(at.timestamp(), "token_expiry_timestamp_seconds")

    def series(self, published: int, dropped: dict[str, int], shortened: int) -> None:
        """Sets how many series are published, dropped by reason, and have a cut label."""
        self._set(published, "series")
        self._set(shortened, "series_shortened")
        for reason, number in dropped.items():
            self._set(number, "series_dropped", reason)

    def _gauge(self, name: str, *labels: str) -> Gauge:
        return self.self_metrics._gauge(name, self.source, self.vendor, *labels)

    def _set(self, value: float, name: str, *labels: str) -> None:
        self.self_metrics._set(value, name, self.source, self.vendor, *labels)

    def _add(self, amount: float, name: str, *labels: str) -> None:
        self.self_metrics._add(amount, name, self.source, self.vendor, *labels)
