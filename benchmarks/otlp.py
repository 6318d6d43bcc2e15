"""Pushes 100,000 series over OTLP two ways: as the exporter does, and with the SDK's own observable gauges.

    python -m benchmarks.otlp [--series 100000] [--pushes 5]

Both start from the same samples in memory and end at the same collector on loopback, which only counts; each runs in a
process of its own. Measured are the CPU time of a push, once the first has warmed up, and by how much memory grew at
most. Raises where a series is lost; exits with 1 where the exporter needs more CPU time or memory than the SDK.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider, ObservableGauge
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from benchmarks.claim import Baseline, Figure, cpu_seconds, peak_mib, report
from exporter.config.sections import OtlpSettings
from exporter.metrics import CATALOGUE, Sample, sample
from exporter.otlp.client import connect
from exporter.otlp.points import otel_name, sample_point
from tests.support.collectors import Collector, grpc_collector, http_collector

RESOURCE = Resource({"service.name": "adoption-exporter", "service.instance.id": "benchmark"})
PROTOCOLS = ("http/protobuf", "grpc")
ACTIVITIES = [f"activity_{number}" for number in range(12)]
# Without it the SDK makes one request, which is too large for gRPC; it also keeps 2,000 series unless told otherwise.
SDK_POINTS = 10_000


@dataclass(frozen=True)
class Cost:
    """What one push took (s of CPU), and the peak of memory above what the samples alone take (MB)."""

    cpu: float
    memory: float


def samples(series: int) -> list[Sample]:
    """Usage by language of one source, as a poll publishes it."""
    return [
        sample(
            "adoption_language_usage",
            number,
            source="tool",
            vendor="augment",
            scope="all",
            window="28d",
            activity=ACTIVITIES[number % 12],
            language=f"language {number // 12}",
        )
        for number in range(series)
    ]


def exporter(url: str, protocol: str, made: list[Sample]) -> Callable[[], None]:
    """Our push, without the timer around it."""
    settings = OtlpSettings.model_validate({"endpoint": url, "protocol": protocol, "timeout": "60s"})
    sender = connect(settings, {}, RESOURCE)

    def push() -> None:
        now = time.time_ns()
        sent = sender.send_points(sample_point(one, now) for one in made)
        assert sent.taken == len(made), sent

    return push


def sdk(url: str, protocol: str, made: list[Sample]) -> Callable[[], None]:
    """The SDK's: a callback for each metric, collected and pushed by its reader."""
    to = GrpcExporter if protocol == "grpc" else HttpExporter
    endpoint = url if protocol == "grpc" else f"{url}/v1/metrics"
    reader = PeriodicExportingMetricReader(
        to(endpoint=endpoint, timeout=60, max_export_batch_size=SDK_POINTS),
        export_interval_millis=float("inf"),
        cardinality_limits={ObservableGauge: len(made)},
    )
    provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
    by_metric: dict[str, list[Sample]] = {}
    for one in made:
        by_metric.setdefault(one.metric, []).append(one)

    def callback(name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        labels = CATALOGUE[name].labels
        return lambda _: (Observation(one.value, dict(zip(labels, one.labels, strict=True))) for one in by_metric[name])

    meter = provider.get_meter("adoption-exporter")
    for name in by_metric:
        row = CATALOGUE[name]
        meter.create_observable_gauge(otel_name(row), [callback(name)], row.unit, row.help)

    def push() -> None:
        assert reader.force_flush(60_000)

    return push


WAYS = {"exporter": exporter, "SDK's observable gauges": sdk}


def push_in_this_process(way: str, url: str, protocol: str, series: int, pushes: int, result: Connection) -> None:
    """Runs one way in this process."""
    made = samples(series)
    push = WAYS[way](url, protocol, made)
    before = peak_mib()
    push()
    cpu = cpu_seconds(lambda: [push() for _ in range(pushes)])
    result.send(Cost(cpu / pushes, 1.048576 * (peak_mib() - before)))


def run(way: str, protocol: str, series: int, pushes: int) -> Cost:
    """The cost of one way, in a fresh process, with every series counted where it arrives."""
    fresh = multiprocessing.get_context("spawn")
    receiving, sending = fresh.Pipe(duplex=False)
    with http_collector() if protocol == "http/protobuf" else grpc_collector() as collector:
        process = fresh.Process(
            target=push_in_this_process, args=(way, collector.url, protocol, series, pushes, sending)
        )
        process.start()
        process.join()
        assert process.exitcode == 0, way
        check(collector, way, series * (pushes + 1))
    cost = receiving.recv()
    assert isinstance(cost, Cost)
    return cost


def check(collector: Collector, way: str, points: int) -> None:
    """Raises where points are missing or a request is too large."""
    arrived = sum(len(metric.gauge.data_points) for metric in collector.sent_metrics())
    assert arrived == points, f"{way}: {arrived} points of {points} arrived"
    assert max(collector.sizes) < 4 * 2**20, f"{way}: a request of {max(collector.sizes)} bytes"


def measure(series: int = 100_000, pushes: int = 5) -> Iterator[Figure]:
    """Pushes both ways over both protocols, and yields what ours cost beside the SDK's."""
    for protocol in PROTOCOLS:
        costs = {way: run(way, protocol, series, pushes) for way in WAYS}
        ours, (name, theirs) = costs["exporter"], list(costs.items())[-1]
        claim = f"a push of {series:,} series over {protocol}"
        yield Figure(claim, ours.cpu, "s CPU", most_ratio=1, baseline=Baseline(name, theirs.cpu))
        yield Figure(f"memory of {claim}", ours.memory, "MB", most_ratio=1, baseline=Baseline(name, theirs.memory))


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="What an OTLP push costs.")
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--pushes", type=int, default=5)
    return report(measure(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
