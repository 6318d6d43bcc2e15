"""Publishes series as the exporter does, and renders and compresses the same samples with prometheus_client.

    python -m benchmarks.publishing [--million]

CPU seconds of one run: all series of one source for the first time, again with other values, and a hundred sources of a
thousand series each, one after the other, each time up to the bytes of a scrape. The baseline is what
prometheus_client's `generate_latest` and one `gzip` in each of the two formats cost. Exits with 1 for a missed goal.
"""

import argparse
import gzip
import random
import sys
from collections.abc import Callable, Iterator, Sequence

from benchmarks.claim import Baseline, Figure, cpu_seconds, peak_mib, report
from exporter.metrics import ADOPTION, Sample
from exporter.publish.body import gzipped
from exporter.publish.snapshot import ExpositionCache
from tests.support.reference import render

SERIES = 100_000
SOURCES = 100


def source(name: str, series: int, seed: int) -> list[Sample]:
    """Samples of every metric of the catalogue in about equal numbers, with values of all sizes."""
    number = random.Random(seed)
    each = series // len(ADOPTION)
    return [
        Sample(row.name, (name, *(f"{label}-{index}" for label in row.labels[1:])), float(number.randrange(10_000)))
        for row in ADOPTION
        for index in range(each)
    ]


def with_prometheus_client(samples: Sequence[Sample]) -> None:
    """What a publication cost before: everything, in both formats."""
    gzip.compress(render(samples, "text"), 6)
    gzip.compress(render(samples, "openmetrics"), 6)


def measure(million: bool = True) -> Iterator[Figure]:
    """Publishes, and yields what it cost."""
    first, other = source("one", SERIES, 1), source("one", SERIES, 2)
    many = [(f"source-{index:03}", source(f"source-{index:03}", SERIES // SOURCES, index)) for index in range(SOURCES)]
    random.Random(3).shuffle(many)
    cache, others = ExpositionCache(), ExpositionCache()
    baseline = Baseline(
        "prometheus_client and gzip, all series once", cpu_seconds(lambda: with_prometheus_client(first))
    )

    def cost(claim: str, work: Callable[[], object], most: float) -> Figure:
        return Figure(claim, cpu_seconds(work), "s CPU", most=most, baseline=baseline)

    yield cost(f"{SERIES:,} series, first time, and their scrape", lambda: published(cache, [("one", first)]), 0.5)
    yield cost(f"{SERIES:,} series, again with other values", lambda: published(cache, [("one", other)]), 0.3)
    each = f"{SOURCES} sources of {SERIES // SOURCES:,} series, each published once, and their scrape"
    yield cost(each, lambda: published(others, many), 1.0)
    first_part = others.snapshot.parts["text"]
    whole = len(gzip.compress(first_part.plain, 6))
    longer = 100 * (len(first_part.deflated) / whole - 1)
    yield Figure("their gzipped body, longer than in one piece", longer, "%", most=15)
    if million:
        samples = source("one", 10 * SERIES, 1)
        cpu = cpu_seconds(lambda: published(ExpositionCache(), [("one", samples)]))
        yield Figure(f"{10 * SERIES:,} series, first time, and their scrape", cpu, "s CPU", most=7)
        yield Figure("memory at the peak, with all of these samples", peak_mib(), "MiB", most=1_126)


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="What a publication costs.")
    parser.add_argument("--million", action="store_true", help="also a million series")
    return report(measure(parser.parse_args(arguments).million))


def published(cache: ExpositionCache, sources: Sequence[tuple[str, Sequence[Sample]]]) -> None:
    """Publishes every source, in their order, and makes what a scrape then sends."""
    for name, samples in sources:
        cache.publish(name, samples)
    gzipped(cache.snapshot.parts["text"], b"")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
