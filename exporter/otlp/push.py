"""Pushes what /metrics shows to an OTLP collector, on a thread of its own; polls and scrapes never wait for it."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from exporter.log import event
from exporter.metrics import CATALOGUE, SCOPE, Sample
from exporter.model import ready_since
from exporter.otlp.client import ExportSummary, Sender
from exporter.otlp.outage import Outage
from exporter.otlp.points import Point, family_points, nanoseconds, sample_point
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache

logger = logging.getLogger(__name__)

# In seconds, doubled after each push that does not reach the collector, up to the interval.
_FIRST_PAUSE = 5.0
_SCOPE = SCOPE.index("scope")


@dataclass(kw_only=True, eq=False)
class Pusher:
    """Pushes at once, then every `interval` (s); a last push after `stop` is set sends what has not been taken yet.

    Gauges have the time of the push. With `ready_at` of a source (`timestamp: published`), gauges of a scope have the
    moment when its data day was first due, and a source's gauges are sent only when one of them has changed. `ready_at`
    raises KeyError for a source that is no longer configured.
    """

    sender: Sender
    cache: ExpositionCache
    self_metrics: SelfMetrics
    interval: float
    ready_at: Callable[[str], timedelta] | None
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    stop: threading.Event
    at_end: Callable[[], None] = lambda: None
    _outage: Outage = field(init=False)
    _thread: threading.Thread = field(init=False)
    _started: int = field(init=False)
    _failed_in_a_row: int = 0
    _taken: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._outage = Outage("metrics", self.sender.endpoint)
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        # The counters of the exporter, the process and Python start at 0 with the process.
        process_start = self.self_metrics.registry.get_sample_value("process_start_time_seconds")
        start = self.now() if process_start is None else datetime.fromtimestamp(process_start, UTC)
        self._started = nanoseconds(start)

    def start(self) -> None:
        """Starts pushing."""
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Waits for the last push, at most so many seconds."""
        self._thread.join(seconds)

    def push(self, *, only_changed: bool = False) -> float:
        """Pushes once and returns the seconds from the start of this push to the next.

        With `only_changed`, sources that have not changed since the collector took them are left out.
        """
        snapshot = self.cache.snapshot
        samples = snapshot.samples
        fingerprints = {source: hash(tuple(of_source)) for source, of_source in samples.items()}
        unchanged = {source for source in fingerprints if self._taken.get(source) == fingerprints[source]}
        wanted = {source: samples[source] for source in samples if not (only_changed and source in unchanged)}
        # Looked up before sending: a reload may remove a source meanwhile.
        due = {source: self._due(source, snapshot.data_days.get(source, {})) for source in wanted}
        now = nanoseconds(self.now())
        # The clock may have been ahead at the start, but no counter starts after its own moment.
        self._started = min(self._started, now)
        sent = self.sender.send_points(self._points(wanted, due, unchanged, now))
        self._outage.report(sent.failure, sent.rejected, sent.remark)
        if sent.failure is None:
            self._taken = fingerprints
        return self._pause(sent)

    def _run(self) -> None:
        pause = 0.0
        while not self.stop.wait(pause):
            began = self.monotonic()
            pause = max(0.0, self._push_or_log() - (self.monotonic() - began))
        self._push_or_log(only_changed=True)
        self.at_end()
        self.sender.close()

    def _push_or_log(self, *, only_changed: bool = False) -> float:
        try:
            return self.push(only_changed=only_changed)
        except Exception as error:
            event(logger, logging.ERROR, "a bug stopped an otlp export", exc_info=error)
            return self.interval

    def _pause(self, sent: ExportSummary) -> float:
        if sent.failure is None or sent.failure.reason != "unreachable":
            self._failed_in_a_row = 0
            return self.interval
        self._failed_in_a_row += 1
        return min(self.interval, _FIRST_PAUSE * 2.0 ** min(self._failed_in_a_row - 1, 10))

    def _points(
        self,
        samples: Mapping[str, Sequence[Sample]],
        due: Mapping[str, Mapping[str, int]],
        unchanged: set[str],
        now: int,
    ) -> Iterator[Point]:
        yield from family_points(self.self_metrics.registry.collect(), now, self._started)
        for source, of_source in samples.items():
            for sample in of_source:
                # Counters, and gauges without a data day (the seats of a whole source), have the time of the push.
                row = CATALOGUE[sample.metric]
                timeless = row.labels[: len(SCOPE)] != SCOPE or row.kind == "counter"
                published = None if timeless else due[source].get(sample.labels[_SCOPE])
                if published is None:
                    yield sample_point(sample, now)
                elif source not in unchanged:
                    yield sample_point(sample, published)

    def _due(self, source: str, data_days: Mapping[str, date]) -> dict[str, int]:
        """When the data day of each scope was first due (ns); empty where gauges have the time of the push."""
        if self.ready_at is None:
            return {}
        try:
            ready_at = self.ready_at(source)
        except KeyError:
            # A reload has removed the source since it was published.
            return {}
        return {scope: nanoseconds(ready_since(day, ready_at)) for scope, day in data_days.items()}
