"""Turns samples into OpenTelemetry data points, in batches that a collector accepts; pure.

Names are those of the catalogue with a dot after each prefix, without `_total` and without the suffix of the unit,
which is UCUM: a Prometheus that ingests them over OTLP adds both again and has the names and labels of /metrics.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as OtelMetric
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.core import Metric as Family

from exporter import __version__
from exporter.metrics import CATALOGUE, Kind, Metric, Sample

# gRPC receivers refuse messages above 4 MiB, some vendors' HTTP receivers above 1 MB.
BATCH_BYTES = 1_000_000
UNKNOWN_START = 0

_SUFFIXES = {"s": "_seconds", "By": "_bytes"}
_KINDS: Mapping[str, Kind] = {"gauge": "gauge", "counter": "counter"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The most bytes that protobuf adds to the text of an attribute, a point, a metric: tags, lengths, times and the value.
_ATTRIBUTE_BYTES, _POINT_BYTES, _METRIC_BYTES = 16, 32, 32


class Point(NamedTuple):
    """One value at a time; both times in ns since 1970. `start` is when a counter was 0, `UNKNOWN_START` otherwise."""

    row: Metric
    attributes: Mapping[str, str]
    value: float
    time: int
    start: int = UNKNOWN_START


class Batch(NamedTuple):
    """Data for one request, and how many points it holds."""

    data: MetricsData
    points: int


def nanoseconds(moment: datetime) -> int:
    """A moment as OTLP writes it, exact to the microsecond."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


@cache
def otel_name(row: Metric) -> str:
    """The OpenTelemetry name of a metric: `adoption.active_time` of `adoption_active_time_seconds`."""
    name = row.name.removesuffix("_total") if row.kind == "counter" else row.name
    name = name.removesuffix(_SUFFIXES.get(row.unit, ""))
    return name.replace("_", ".", 2 if name.startswith("adoption_exporter_") else 1)


def sample_point(sample: Sample, time: int) -> Point:
    """The point of a sample. The start of its counters is unknown: they live in the state and outlast the process."""
    row = CATALOGUE[sample.metric]
    return Point(row, dict(zip(row.labels, sample.labels, strict=True)), sample.value, time)


def family_points(families: Iterable[Family], time: int, start: int) -> Iterator[Point]:
    """The points of a registry's families, `process_*` and `python_*` too; `start` is that of the process.

    Raises ValueError for a family that is neither a gauge nor a counter; /metrics has none.
    """
    for family in families:
        if family.type not in _KINDS:
            raise ValueError(f"{family.name} is a {family.type}, not a gauge or a counter")
        for sample in family.samples:
            row = CATALOGUE.get(sample.name) or _row(sample.name, family.documentation, _KINDS[family.type])
            yield Point(row, sample.labels, sample.value, time, start if row.kind == "counter" else UNKNOWN_START)


def batches(points: Iterable[Point], resource: Resource, most_bytes: int = BATCH_BYTES) -> Iterator[Batch]:
    """Yields the points, in order, in batches of at most `most_bytes` of protobuf."""
    empty = _POINT_BYTES + _attributes_cost(resource.attributes)
    held: dict[str, tuple[Metric, list[NumberDataPoint]]] = {}
    size, number = empty, 0
    for point in points:
        cost = _cost(point, new=point.row.name not in held)
        if number and size + cost > most_bytes:
            yield Batch(_data(held, resource), number)
            held, size, number = {}, empty, 0
            cost = _cost(point, new=True)
        row, attributes, value, time, start = point
        held.setdefault(row.name, (row, []))[1].append(NumberDataPoint(attributes, start, time, float(value)))
        size += cost
        number += 1
    if number:
        yield Batch(_data(held, resource), number)


@cache
def _row(name: str, documentation: str, kind: Kind) -> Metric:
    """A row for a metric of prometheus_client about the process or Python, which the catalogue does not have."""
    bare = name.removesuffix("_total")
    unit = next((unit for unit, suffix in _SUFFIXES.items() if bare.endswith(suffix)), "")
    return Metric(name, documentation, unit, (), kind)


def _cost(point: Point, *, new: bool) -> int:
    return _POINT_BYTES + _attributes_cost(point.attributes) + (_metric_cost(point.row) if new else 0)


def _attributes_cost(attributes: Mapping[str, object]) -> int:
    return sum(_ATTRIBUTE_BYTES + _length(name) + _length(str(value)) for name, value in attributes.items())


@cache
def _metric_cost(row: Metric) -> int:
    return _METRIC_BYTES + _length(otel_name(row)) + _length(row.help) + _length(row.unit)


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _data(held: Mapping[str, tuple[Metric, list[NumberDataPoint]]], resource: Resource) -> MetricsData:
    metrics = [OtelMetric(otel_name(row), row.help, row.unit, _kind(row, points)) for row, points in held.values()]
    scope = ScopeMetrics(InstrumentationScope("adoption-exporter", __version__), metrics, schema_url="")
    return MetricsData([ResourceMetrics(resource, [scope], schema_url="")])


def _kind(row: Metric, points: list[NumberDataPoint]) -> Gauge | Sum:
    if row.kind == "gauge":
        return Gauge(points)
    return Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
