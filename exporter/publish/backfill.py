"""Past days of the state as OpenMetrics with timestamps, as a live exporter would have published them."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TextIO

from prometheus_client.utils import floatToGoString

from exporter.metrics import CATALOGUE, Sample
from exporter.model import ONE_DAY, ready_since
from exporter.publish.company import CompanyOptions
from exporter.publish.prometheus import heading, series
from exporter.samples.build import SampleOptions, scope_history, scope_samples, source_samples
from exporter.samples.company_days import CompanyDays, ListedDays, listed, listed_days
from exporter.samples.filters import limit
from exporter.state.known_days import known_days
from exporter.state.store import Store

# The state holds how many revisions there were, but not when. (Seats of a vendor's registry are those of today, too.)
_NOT_OF_THE_PAST = "adoption_data_revisions_total"


@dataclass(frozen=True)
class PastDay:
    """The samples of one source as of one data day; a live exporter would first have published them at `moment`."""

    moment: datetime
    samples: list[Sample]


def past_days(
    sample_options: SampleOptions, store: Store, max_series: int, first: date, last: date, now: datetime
) -> Iterator[PastDay]:
    """Yields each day from first to last that is stored of a listed scope and known now, oldest first."""
    scopes = {name: status for name, status in store.scopes(sample_options.source).items() if status.listed}
    histories = {name: scope_history(sample_options, store, name, now) for name in scopes}
    day = first
    while day <= last:
        made: list[Sample] = []
        for name, history in histories.items():
            if day in history.days:
                made.extend(scope_samples(sample_options, history, day, replace(scopes[name], seats=None)).samples)
        if made:
            made.extend(source_samples(sample_options))
            kept, _ = limit([sample for sample in made if sample.metric != _NOT_OF_THE_PAST], max_series)
            yield PastDay(ready_since(day, sample_options.ready_at), kept)
        day += ONE_DAY


def company_days(
    options: CompanyOptions, sources: Sequence[SampleOptions], store: Store, first: date, last: date, now: datetime
) -> Iterator[PastDay]:
    """Yields the company of each day from first to last that every source of it knows, oldest first.

    `sources` are at least those of the company.
    """
    of_company = [source for source in sources if source.source in options.sources]
    directory = of_company[0].directory
    assert directory is not None
    known = {source.source: listed_now(source, store, now) for source in of_company}
    every = frozenset.intersection(*(about.days for about in known.values()))
    made = CompanyDays(store)
    slowest = max(source.ready_at for source in of_company)
    for day in sorted(day for day in every if first <= day <= last):
        samples = made.samples(day, known, directory.persons(), options.min_group_size)
        kept, _ = limit(samples, options.max_series)
        yield PastDay(ready_since(day, slowest), kept)


def listed_now(options: SampleOptions, store: Store, now: datetime) -> ListedDays:
    scopes = [name for name, status in store.scopes(options.source).items() if status.listed]
    stored = {scope: known_days(store.days(options.source, scope), now, options.ready_at) for scope in scopes}
    return listed_days({scope: listed(days) for scope, days in stored.items()})


@dataclass
class Timeline:
    """Samples of many moments, grouped by series as OpenMetrics requires; a sample takes twelve bytes."""

    moments: list[float] = field(default_factory=list)
    _series: "defaultdict[tuple[str, tuple[str, ...]], tuple[array[int], array[float]]]" = field(
        default_factory=lambda: defaultdict(lambda: (array("I"), array("d")))
    )

    def add(self, day: PastDay) -> None:
        """Adds a moment. Moments of a series must be added in order."""
        at = len(self.moments)
        self.moments.append(day.moment.timestamp())
        for metric, labels, value in day.samples:
            moments, values = self._series[metric, labels]
            moments.append(at)
            values.append(value)

    def __len__(self) -> int:
        """The number of samples."""
        return sum(len(values) for _, values in self._series.values())

    def write(self, file: TextIO) -> None:
        """Writes OpenMetrics text with timestamps in seconds, each family and each series contiguous."""
        families: dict[str, list[tuple[str, ...]]] = {}
        for metric, labels in self._series:
            families.setdefault(metric, []).append(labels)
        times = [floatToGoString(moment) if moment % 1 else str(int(moment)) for moment in self.moments]
        for metric in (name for name in CATALOGUE if name in families):
            file.write(heading(metric))
            for labels in sorted(families[metric]):
                name = series(metric, labels)
                at, values = self._series[metric, labels]
                file.writelines(
                    f"{name} {floatToGoString(value)} {times[moment]}\n"
                    for moment, value in zip(at, values, strict=True)
                )
        file.write("# EOF\n")


def write_file(days: Iterable[PastDay], path: Path) -> int:
    """Writes history to a file that appears only when it is complete; returns the number of samples."""
    timeline = Timeline()
    for day in days:
        timeline.add(day)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            timeline.write(file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return len(timeline)
