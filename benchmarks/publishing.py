"""Publishes series as the exporter does, and renders and compresses the same samples with prometheus_client.

    python -m benchmarks.publishing [--million]

CPU seconds of one run: all series of one source for the first time, again with other values, and a hundred sources of a
thousand series each, one after the other. The baseline is what prometheus_client's `generate_latest` and one `gzip` in
each of the two formats cost. Exits with 1 where a goal is missed.
"""

import argparse
import gzip
import random
import resource
import sys
from collections.abc import Callable, Sequence
from time import process_time

from exporter.metrics import ADOPTION, Sample
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


def cost(work: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    began = process_time()
    work()
    return process_time() - began


def with_prometheus_client(samples: Sequence[Sample]) -> None:
    """What a publication cost before: everything, in both formats."""
    gzip.compress(render(samples, "text"), 6)
    gzip.compress(render(samples, "openmetrics"), 6)


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="What a publication costs.")
    parser.add_argument("--million", action="store_true", help="also a million series")
    million: bool = parser.parse_args(arguments).million
    first, other = source("one", SERIES, 1), source("one", SERIES, 2)
    many = [(f"source-{index:03}", source(f"source-{index:03}", SERIES // SOURCES, index)) for index in range(SOURCES)]
    random.Random(3).shuffle(many)
    cache, others = ExpositionCache(), ExpositionCache()
    baseline = cost(lambda: with_prometheus_client(first))
    found = [
        (f"{SERIES:,} series, first time", cost(lambda: cache.publish("one", first)), 0.5),
        (f"{SERIES:,} series, again with other values", cost(lambda: cache.publish("one", other)), 0.3),
        (f"{SOURCES} sources of {SERIES // SOURCES:,} series, each once", cost(lambda: each_once(others, many)), 1.0),
    ]
    if million:
        samples = source("one", 10 * SERIES, 1)
        found.append(
            (f"{10 * SERIES:,} series, first time", cost(lambda: ExpositionCache().publish("one", samples)), 7)
        )
    print(f"{baseline:7.2f} s CPU            prometheus_client and gzip, {SERIES:,} series once")
    for words, took, most in found:
        print(f"{took:7.2f} s CPU  {'met' if took <= most else 'MISSED':<6} (at most {most}) {words}")
    first_part = others.snapshot.parts["text"]
    longer = len(first_part.deflated) / len(gzip.compress(first_part.plain, 6)) - 1
    print(
        f"{longer:+7.1%}        {'met' if longer <= 0.15 else 'MISSED':<6} (at most 15%) longer than gzip in one piece"
    )
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:7} MiB at the peak")
    return 0 if longer <= 0.15 and all(took <= most for _, took, most in found) else 1


def each_once(cache: ExpositionCache, sources: Sequence[tuple[str, Sequence[Sample]]]) -> None:
    """Publishes every source, in their order."""
    for name, samples in sources:
        cache.publish(name, samples)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
