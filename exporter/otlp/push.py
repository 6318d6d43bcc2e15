"""Pushes what /metrics shows to an OTLP collector, on a thread that no poll and no scrape waits for."""

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

# After pushes that reach nobody: 5 s, 10 s, 20 s, ... up to the interval.
_FIRST_PAUSE = 5.0
_SCOPE = SCOPE.index("scope")


@dataclass(kw_only=True, eq=False)
class Pusher:
    """Pushes at once, then once in each interval (s), and when `stop` is set a last time what has not been taken yet.

    Gauges bear the time of the push. With `ready_at` of a source (`timestamp: published`) those of a scope bear the
    moment when its data day was first due, and those of a source are sent only when one of them has changed. `ready_at`
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
    _in_vain: int = 0
    _taken: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._outage = Outage("metrics", self.sender.endpoint)
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        # Every counter of the exporter, of the process and of Python began at 0 with the process.
        began = self.self_metrics.registry.get_sample_value("process_start_time_seconds")
        self._started = nanoseconds(self.now() if began is None else datetime.fromtimestamp(began, UTC))

    def start(self) -> None:
        """Starts pushing."""
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Waits for the last push, not longer."""
        self._thread.join(seconds)

    def push(self, *, only_changed: bool = False) -> float:
        """Pushes once, and gives the seconds from its beginning to the next push.

        With `only_changed` sources are left out that have published nothing else since they were taken.
        """
        snapshot = self.cache.snapshot
        samples = snapshot.samples
        prints = {source: hash(tuple(of_source)) for source, of_source in samples.items()}
        unchanged = {source for source in prints if self._taken.get(source) == prints[source]}
        wanted = {source: samples[source] for source in samples if not (only_changed and source in unchanged)}
        # Looked up before anything is sent: a reload may remove a source while batches are under way.
        due = {source: self._due(source, snapshot.data_days.get(source, {})) for source in wanted}
        now = nanoseconds(self.now())
        # A clock that was ahead at the start: no counter began after the moment that it is of.
        self._started = min(self._started, now)
        sent = self.sender.send_points(self._points(wanted, due, unchanged, now))
        self._outage.heard(sent.fault, sent.rejected, sent.remark)
        if sent.fault is None:
            self._taken = prints
        return self._pause(sent)

    def _run(self) -> None:
        pause = 0.0
        while not self.stop.wait(pause):
            began = self.monotonic()
            pause = max(0.0, self._push_whatever_happens() - (self.monotonic() - began))
        self._push_whatever_happens(only_changed=True)
        self.at_end()
        self.sender.close()

    def _push_whatever_happens(self, *, only_changed: bool = False) -> float:
        try:
            return self.push(only_changed=only_changed)
        except Exception as error:
            event(logger, logging.ERROR, "a bug stopped an otlp export", exc_info=error)
            return self.interval

    def _pause(self, sent: ExportSummary) -> float:
        if sent.fault is None or sent.fault.reason != "unreachable":
            self._in_vain = 0
            return self.interval
        self._in_vain += 1
        return min(self.interval, _FIRST_PAUSE * 2.0 ** min(self._in_vain - 1, 10))

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
                # What belongs to no data day, such as the seats of a whole source, is of now, and so is a count.
                counter = CATALOGUE[sample.metric].kind == "counter"
                published = None if counter else due[source].get(sample.labels[_SCOPE])
                if published is None:
                    yield sample_point(sample, now)
                elif source not in unchanged:
                    yield sample_point(sample, published)

    def _due(self, source: str, data_days: Mapping[str, date]) -> dict[str, int]:
        """When the data day of each scope was first due (ns); nothing where gauges bear the time of the push."""
        if self.ready_at is None:
            return {}
        try:
            ready_at = self.ready_at(source)
        except KeyError:
            # A reload has removed it since it was published.
            return {}
        return {scope: nanoseconds(ready_since(day, ready_at)) for scope, day in data_days.items()}
