"""What is published: an immutable snapshot of all samples with its bytes ready, and the one cell that holds it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic as monotonic_clock

from exporter.metrics import Sample
from exporter.publish.prometheus import Format, Part, first_part, render

# Rendering may take at most this part of the time: a source that stores many days in a row does not render after each.
_SHARE = 0.1


@dataclass(frozen=True)
class Snapshot:
    """Samples by source, and their exposition. Never edited; the next publication replaces it whole."""

    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    parts: Mapping[Format, Part] = field(
        default_factory=lambda: {"text": first_part(b""), "openmetrics": first_part(b"")}
    )

    def all_samples(self) -> list[Sample]:
        """Every sample, source by source."""
        return [sample for samples in self.samples.values() for sample in samples]


class ExpositionCache:
    """The one mutable cell: readers take `snapshot` as it is, writers replace it."""

    def __init__(self, monotonic: Callable[[], float] = monotonic_clock) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._waiting: dict[str, Sequence[Sample]] = {}
        self._rendered = float("-inf")
        self._cost = 0.0
        self.snapshot = Snapshot()

    def publish(self, source: str, samples: Sequence[Sample], *, at_once: bool = True) -> None:
        """Replaces the samples of a source. Without `at_once` it may wait for the next publication if that is soon."""
        with self._lock:
            self._waiting[source] = samples
            if at_once or self.due():
                self._render()

    def due(self) -> bool:
        """Whether a publication that may wait would be rendered now."""
        return self._monotonic() - self._rendered >= self._cost / _SHARE

    def withdraw(self, source: str) -> None:
        """Removes a source that is no longer configured."""
        with self._lock:
            self._waiting.pop(source, None)
            kept = {name: samples for name, samples in self.snapshot.samples.items() if name != source}
            self._replace(kept)

    def _render(self) -> None:
        started = self._monotonic()
        # What cannot be rendered must not wait for the next publication, which may be another source's.
        waiting, self._waiting = self._waiting, {}
        self._replace({**self.snapshot.samples, **waiting})
        self._rendered = self._monotonic()
        self._cost = self._rendered - started

    def _replace(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        flat = [sample for source in sorted(samples) for sample in samples[source]]
        parts: dict[Format, Part] = {
            "text": first_part(render(flat, "text")),
            "openmetrics": first_part(render(flat, "openmetrics")),
        }
        self.snapshot = Snapshot(samples, parts)
