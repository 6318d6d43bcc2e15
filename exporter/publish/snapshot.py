"""What is published: an immutable snapshot of all samples with its rendered bytes, and the cache that holds it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from time import monotonic as monotonic_clock
from types import MappingProxyType
from typing import get_args

from exporter.metrics import CATALOGUE, Sample
from exporter.publish.body import Body, Deflater, FirstPart, Piece, piece
from exporter.publish.prometheus import Format, heading, lines

# The largest share of the time that rendering may take: a source that stores many days in a row does not render each.
_SHARE = 0.1
_EMPTY = Body([], Deflater())
# Hold the place of a source's name for samples that are of none. No source can have these names.
NO_SOURCE = ""
COMPANY = ":company"
NO_DATA_DAYS: Mapping[str, date] = MappingProxyType({})


@dataclass(frozen=True)
class Snapshot:
    """Samples by source, others under NO_SOURCE and COMPANY, and their exposition. Never edited; the next replaces it.

    `data_days` holds the data day of each scope of a source, under the name that labels have.
    """

    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    data_days: Mapping[str, Mapping[str, date]] = field(default_factory=dict)
    body: Body = _EMPTY

    @property
    def parts(self) -> Mapping[Format, FirstPart]:
        """The exposition in each format."""
        made = self.body.make()
        return {"text": made.text, "openmetrics": made.openmetrics}

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
        self._families: Mapping[str, Mapping[str, Piece]] = {}
        self._deflater = Deflater()
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
            if self.due():
                started = self._monotonic()
                self._render(compress=True)
                self._rendered = self._monotonic()
                self._cost = self._rendered - started
            elif at_once:
                self._render(compress=False)

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
            self._replace({source: ()}, samples, data_days, compress=False)

    def _render(self, *, compress: bool) -> None:
        """Publishes what waits. Where many small ones follow each other, a scrape compresses the last of them."""
        # Emptied first: samples that cannot be rendered must not break the publication of another source.
        waiting, self._waiting = self._waiting, {}
        changed = {source: samples for source, (samples, _) in waiting.items()}
        samples = {**self.snapshot.samples, **changed}
        # One large source: a scrape would wait long, and little that has not changed is compressed again.
        large = 2 * sum(map(len, changed.values())) > sum(map(len, samples.values()))
        self._replace(
            changed,
            samples,
            {**self.snapshot.data_days, **{source: days for source, (_, days) in waiting.items()}},
            compress=compress or large,
        )

    def _replace(
        self,
        changed: Mapping[str, Sequence[Sample]],
        samples: Mapping[str, Sequence[Sample]],
        data_days: Mapping[str, Mapping[str, date]],
        *,
        compress: bool,
    ) -> None:
        """Makes the next snapshot; only the families of the changed sources are written and compressed again."""
        families = dict(self._families)
        for source, found in changed.items():
            families = _with_source(families, source, found)
        body = Body(_pieces(families), self._deflater)
        if compress:
            # Before anybody can ask for it: scrapes get the snapshot before it until then.
            body.make()
        self._families = families
        self.snapshot = Snapshot(samples, data_days, body)


def _with_source(
    families: Mapping[str, Mapping[str, Piece]], source: str, samples: Sequence[Sample]
) -> dict[str, Mapping[str, Piece]]:
    """The lines of each metric by source, with those of a source replaced; equal lines keep their piece."""
    by_metric: dict[str, list[Sample]] = {}
    for sample in samples:
        by_metric.setdefault(sample.metric, []).append(sample)
    after = dict(families)
    for metric in CATALOGUE:
        before = families.get(metric, {})
        known = before.get(source)
        text = lines(metric, by_metric[metric]) if metric in by_metric else None
        if text == (None if known is None else known.text):
            continue
        others = {name: found for name, found in before.items() if name != source}
        if text is not None:
            others[source] = piece(f"{metric} {source}", text)
        after[metric] = {name: others[name] for name in sorted(others)}
    return after


def _pieces(families: Mapping[str, Mapping[str, Piece]]) -> list[Piece]:
    pieces: list[Piece] = []
    for metric in CATALOGUE:
        if families.get(metric):
            pieces.append(_heading(metric))
            pieces.extend(families[metric].values())
    return pieces


@cache
def _heading(metric: str) -> Piece:
    """A family's head; those of gauges are the same in both formats."""
    text, openmetrics = (heading(metric, form).encode() for form in get_args(Format))
    return Piece(text, openmetrics=None if openmetrics == text else openmetrics)
