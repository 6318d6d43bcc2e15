from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import Metric as Family

from exporter import __version__
from exporter.metrics import CATALOGUE, sample
from exporter.otlp.points import BATCH_BYTES, Batch, Point, batches, family_points, nanoseconds, otel_name, sample_point
from exporter.publish.self_metrics import SelfMetrics
from tests.support.collectors import prometheus_name

RESOURCE = Resource({"service.name": "adoption-exporter"})
USERS = sample("adoption_active_users", 7, source="tool", vendor="coder", scope="all", window="1d")
TIME = sample("adoption_active_time_seconds", 0.5, source="tool", vendor="coder", scope="all", window="1d")
REVISED = sample("adoption_data_revisions_total", 3, source="tool", vendor="coder", scope="all")
LABELS = {"source": "tool", "vendor": "coder", "scope": "all", "window": "1d"}


def sent(batch: Batch) -> list[Metric]:
    (resource,) = batch.data.resource_metrics
    (scope,) = resource.scope_metrics
    return list(scope.metrics)


def points_of(made: Iterable[Batch]) -> list[tuple[str, NumberDataPoint]]:
    points = []
    for batch in made:
        for metric in sent(batch):
            assert isinstance(metric.data, Gauge | Sum)
            points += [(metric.name, point) for point in metric.data.data_points]
    return points


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_prometheus_gives_every_metric_its_name_back(name: str) -> None:
    row = CATALOGUE[name]

    assert prometheus_name(otel_name(row), row.unit, counter=row.kind == "counter") == name


@pytest.mark.parametrize(
    ("name", "dotted"),
    [
        ("adoption_active_users", "adoption.active_users"),
        ("adoption_active_time_seconds", "adoption.active_time"),
        ("adoption_data_day_timestamp_seconds", "adoption.data_day_timestamp"),
        ("adoption_data_revisions_total", "adoption.data_revisions"),
        ("adoption_exporter_poll_failures_total", "adoption.exporter.poll_failures"),
    ],
)
def test_names_are_dotted_and_leave_the_unit_to_the_unit(name: str, dotted: str) -> None:
    assert otel_name(CATALOGUE[name]) == dotted


def test_no_unit_of_the_catalogue_gets_a_suffix_that_its_name_does_not_have() -> None:
    units = {row.unit for row in CATALOGUE.values()}

    assert {unit for unit in units if not unit.startswith("{")} == {"s"}


def test_gauges_and_counters_become_the_data_of_one_request() -> None:
    points = [sample_point(USERS, 5), sample_point(TIME, 5), sample_point(REVISED, 6)]

    rows = [CATALOGUE[point.metric] for point in (USERS, TIME, REVISED)]
    scope = InstrumentationScope("adoption-exporter", __version__)
    without_window = {name: value for name, value in LABELS.items() if name != "window"}
    counter = Sum([NumberDataPoint(without_window, 0, 6, 3.0)], AggregationTemporality.CUMULATIVE, is_monotonic=True)
    assert list(batches(points, RESOURCE)) == [
        Batch(
            MetricsData(
                [
                    ResourceMetrics(
                        RESOURCE,
                        [
                            ScopeMetrics(
                                scope,
                                [
                                    Metric("adoption.active_users", rows[0].help, "{user}", Gauge([gauge(7.0)])),
                                    Metric("adoption.active_time", rows[1].help, "s", Gauge([gauge(0.5)])),
                                    Metric("adoption.data_revisions", rows[2].help, "{day}", counter),
                                ],
                                schema_url="",
                            )
                        ],
                        schema_url="",
                    )
                ]
            ),
            3,
        )
    ]


def gauge(value: float) -> NumberDataPoint:
    return NumberDataPoint(LABELS, 0, 5, value)


def test_values_are_always_doubles_so_that_no_series_changes_its_type() -> None:
    (batch,) = batches([sample_point(USERS._replace(value=2**53), 5)], RESOURCE)

    ((_, point),) = points_of([batch])
    assert (point.value, type(point.value)) == (2**53, float)


def test_one_metric_of_two_sources_is_one_message() -> None:
    other = USERS._replace(labels=("other", *USERS.labels[1:]))

    (batch,) = batches([sample_point(USERS, 5), sample_point(TIME, 5), sample_point(other, 5)], RESOURCE)

    assert [metric.name for metric in sent(batch)] == ["adoption.active_users", "adoption.active_time"]
    assert batch.points == 3


def test_the_registry_of_the_exporter_becomes_points_with_process_and_python() -> None:
    self_metrics = SelfMetrics()
    self_metrics.source("tool", "coder")

    points = list(family_points(self_metrics.registry.collect(), time=9, start=4))

    shown = {
        (item.name, tuple(item.labels.items())): item.value
        for family in self_metrics.registry.collect()
        for item in family.samples
    }
    assert {(point.row.name, tuple(point.attributes.items())) for point in points} == set(shown)
    assert {
        prometheus_name(otel_name(point.row), point.row.unit, counter=point.row.kind == "counter") for point in points
    }
    by_name = {otel_name(point.row): point for point in points}
    assert by_name["adoption.exporter.polls"] == Point(
        CATALOGUE["adoption_exporter_polls_total"], {"source": "tool", "vendor": "coder"}, 0.0, 9, start=4
    )
    assert by_name["adoption.exporter.config_last_reload_successful"].start == 0
    assert by_name["python.info"].row.unit == ""


def test_the_units_of_process_metrics_are_read_from_their_names() -> None:
    families = [
        Family("process_cpu_seconds", "CPU.", "counter"),
        Family("process_resident_memory_bytes", "RAM.", "gauge"),
    ]
    families[0].add_sample("process_cpu_seconds_total", {}, 1.5)
    families[1].add_sample("process_resident_memory_bytes", {}, 2.0)

    points = list(family_points(families, time=9, start=4))

    assert [(otel_name(point.row), point.row.unit, point.row.kind, point.start) for point in points] == [
        ("process.cpu", "s", "counter", 4),
        ("process.resident_memory", "By", "gauge", 0),
    ]
    assert [
        prometheus_name(otel_name(point.row), point.row.unit, counter=point.row.kind == "counter") for point in points
    ] == [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
    ]


def test_a_histogram_in_the_registry_is_an_error_and_not_left_out() -> None:
    registry = CollectorRegistry()
    Histogram("adoption_exporter_latency", "Latency.", registry=registry)

    with pytest.raises(ValueError, match="adoption_exporter_latency is a histogram, not a gauge or a counter"):
        list(family_points(registry.collect(), time=9, start=4))


def test_moments_are_exact() -> None:
    assert nanoseconds(datetime(2026, 3, 9, 12, 0, 0, 123457, UTC)) == 1773057600123457000
    assert nanoseconds(datetime(2026, 3, 9, 13, tzinfo=timezone(timedelta(hours=1)))) == 1773057600000000000


words = st.text(max_size=40)
anything = st.builds(
    lambda metric, labels, value, time: Point(CATALOGUE[metric], labels, value, time),
    st.sampled_from(["adoption_usage", "adoption_language_usage", "adoption_data_revisions_total"]),
    st.dictionaries(words, words | st.text("é漢🙂", min_size=50, max_size=200), max_size=8),
    st.floats(allow_nan=False),
    st.integers(0, 2**63 - 1),
)


@given(st.lists(anything, max_size=60), st.dictionaries(words, words, max_size=4), st.integers(4000, 20_000))
def test_batches_hold_every_point_once_and_never_exceed_their_size(
    points: list[Point], attributes: dict[str, str], most_bytes: int
) -> None:
    resource = Resource(attributes)
    made = list(batches(points, resource, most_bytes))

    assert [batch.points for batch in made if batch.points == 0] == []
    assert sum(batch.points for batch in made) == len(points)
    found = sorted(f"{name} {point.attributes} {point.value} {point.time_unix_nano}" for name, point in points_of(made))
    assert found == sorted(f"{otel_name(p.row)} {p.attributes} {p.value} {p.time}" for p in points)
    for batch in made:
        assert encode_metrics(batch.data).ByteSize() <= most_bytes or batch.points == 1


def test_a_batch_is_well_below_4_megabytes_and_not_wastefully_small() -> None:
    point = sample_point(USERS, nanoseconds(datetime(2026, 3, 9, tzinfo=UTC)))

    made = list(batches([point] * 20_000, RESOURCE))

    sizes = [encode_metrics(batch.data).ByteSize() for batch in made]
    assert max(sizes) <= BATCH_BYTES < 4 * 2**20
    assert min(sizes[:-1]) > BATCH_BYTES / 2


def test_batches_are_made_one_at_a_time() -> None:
    taken = []

    def points() -> Iterable[Point]:
        for number in range(20_000):
            taken.append(number)
            yield sample_point(USERS, 5)

    first = next(iter(batches(points(), RESOURCE)))

    assert len(taken) == first.points + 1
