"""What is published: an immutable snapshot of all samples with its rendered bytes, and the cache that holds it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from time import monotonic as monotonic_clock
from types import MappingProxyType

from exporter.metrics import Sample
from exporter.publish.prometheus import Format, Part, first_part, render

# The largest share of the time that rendering may take: a source that stores many days in a row does not render each.
_SHARE = 0.1
# Holds the place of a source's name for samples that are of none. No source can have this name.
NO_SOURCE = ""
NO_DATA_DAYS: Mapping[str, date] = MappingProxyType({})


@dataclass(frozen=True)
class Snapshot:
    """Samples by source, those of none under NO_SOURCE, and their exposition. Never edited; the next one replaces it.

    `data_days` holds the data day of each scope of a source, under the name that labels have.
    """

    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    data_days: Mapping[str, Mapping[str, date]] = field(default_factory=dict)
    parts: Mapping[Format, Part] = field(
        default_factory=lambda: {"text": first_part(b""), "openmetrics": first_part(b"")}
    )

    def all_samples(self) -> list[Sample]:
        """Every sample, source by source."""
        return [sample for samples in self.samples.values() for sample in samples]


class ExpositionCache:
    """Holds the current snapshot: readers take `snapshot`, writers replace it."""

    def __init__(self, monotonic: Callable[[], float] = monotonic_clock) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Sequence[Sample], Mapping[str, date]]] = {}
        self._rendered = float("-inf")
        self._cost = 0.0
        self.snapshot = Snapshot()

    def publish(
        self,
        source: str,
        samples: Sequence[Sample],
        data_days: Mapping[str, date] = NO_DATA_DAYS,
        *,
        at_once: bool = True,
    ) -> None:
        """Replaces the samples of a source and the data days of its scopes.

        Without `at_once` this may wait for the next publication if that is soon.
        """
        with self._lock:
            self._waiting[source] = samples, data_days
            if at_once or self.due():
                self._render()

    def due(self) -> bool:
        """Whether a publication that may be delayed would be rendered now."""
        return self._monotonic() - self._rendered >= self._cost / _SHARE

    def withdraw(self, source: str) -> None:
        """Removes a source that is no longer configured."""
        with self._lock:
            self._waiting.pop(source, None)
            samples, data_days = dict(self.snapshot.samples), dict(self.snapshot.data_days)
            samples.pop(source, None)
            data_days.pop(source, None)
            self._replace(samples, data_days)

    def _render(self) -> None:
        started = self._monotonic()
        # Emptied first: samples that cannot be rendered must not break the publication of another source.
        waiting, self._waiting = self._waiting, {}
        self._replace(
            {**self.snapshot.samples, **{source: samples for source, (samples, _) in waiting.items()}},
            {**self.snapshot.data_days, **{source: days for source, (_, days) in waiting.items()}},
        )
        self._rendered = self._monotonic()
        self._cost = self._rendered - started

    def _replace(self, samples: Mapping[str, Sequence[Sample]], data_days: Mapping[str, Mapping[str, date]]) -> None:
        flat = [sample for source in sorted(samples) for sample in samples[source]]
        parts: dict[Format, Part] = {
            "text": first_part(render(flat, "text")),
            "openmetrics": first_part(render(flat, "openmetrics")),
        }
        self.snapshot = Snapshot(samples, data_days, parts)
