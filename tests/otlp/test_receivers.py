"""What real receivers make of what is pushed."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.config.sections import OtlpSettings
from exporter.metrics import Sample, sample
from exporter.otlp.client import ExportSummary, connect, resource
from exporter.otlp.points import nanoseconds
from exporter.otlp.push import Pusher
from exporter.publish.prometheus import render_collector
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from tests.support import real_servers
from tests.support.daemons import PATIENCE, get, wait_until

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SERIES = 20_000
# What VictoriaMetrics makes of the resource; a Prometheus makes `job` and `instance` of it, as of a scrape.
RESOURCE_LABELS = {"service_name", "service_version", "service_instance_id"}

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(number: int) -> list[Sample]:
    """So many series of several kinds, with spellings that a receiver might touch.

    The values are short as decimals: VictoriaMetrics stores those and drops what is beyond about 12 digits.
    """
    scope = {"source": "tool", "vendor": "gitlab", "scope": 'Group/äpp-1.0 "x" \\\\ 🙂'}
    made = [
        sample("adoption_data_day_timestamp_seconds", 1773014400, **scope),
        sample("adoption_data_revisions_total", 12345678901, **scope),
        sample("adoption_active_time_seconds", 0.25, window="28d", **scope),
        sample("adoption_code_lines", 2**53, window="7d", activity="completions_accepted", **scope),
        sample("adoption_active_users", 0, window="1d", **scope),
    ]
    made += [
        sample(
            "adoption_language_usage", index / 4, window="28d", activity="messages", language=f"C++ {index}", **scope
        )
        for index in range(number - len(made))
    ]
    return made


def pushed(url: str, protocol: str, cache: ExpositionCache, self_metrics: SelfMetrics) -> None:
    settings = OtlpSettings.model_validate({"endpoint": url, "protocol": protocol, "timeout": f"{PATIENCE:.0f}s"})
    pusher = Pusher(
        sender=connect(settings, {}, resource(10723)),
        cache=cache,
        self_metrics=self_metrics,
        interval=60,
        ready_at=None,
        now=lambda: NOW,
        monotonic=monotonic,
        stop=threading.Event(),
    )
    pusher.push()
    pusher.sender.close()


def on_metrics(cache: ExpositionCache, self_metrics: SelfMetrics) -> Series:
    """Every series that /metrics shows."""
    text = cache.snapshot.parts["text"].plain + render_collector(self_metrics.registry, "text")
    return {
        (item.name, tuple(sorted(item.labels.items()))): item.value
        for family in text_string_to_metric_families(text.decode())
        for item in family.samples
    }


def exported(url: str, enough: int) -> list[dict[str, Any]]:
    """Every series in VictoriaMetrics with its values and their times (ms), once there are enough."""
    wait_until(lambda: get(f"{url}/api/v1/series/count").json()["data"] >= [enough])
    get(f"{url}/internal/force_flush")
    text = get(f"{url}/api/v1/export", params={"match[]": '{__name__!=""}'}).text
    return [json.loads(line) for line in text.splitlines()]


def received(url: str, enough: int) -> tuple[Series, set[int]]:
    """Every series in VictoriaMetrics without the labels of the resource, and the times (ms) of all values."""
    series: Series = {}
    times: set[int] = set()
    for line in exported(url, enough):
        labels = line["metric"]
        name = labels.pop("__name__")
        own = ((label, value) for label, value in labels.items() if label not in RESOURCE_LABELS)
        series[name, tuple(sorted(own))] = line["values"][-1]
        times.update(line["timestamps"])
    return series, times


def exporter(number: int) -> tuple[ExpositionCache, SelfMetrics]:
    cache, self_metrics = ExpositionCache(), SelfMetrics()
    self_metrics.source("tool", "gitlab").request(200)
    cache.publish("tool", samples(number))
    return cache, self_metrics


def settled(expected: Series) -> Series:
    """Without what the process's own metrics do from one collection to the next."""
    return {key: value for key, value in expected.items() if not key[0].startswith(("process_", "python_gc"))}


@pytest.mark.servers("victoria-metrics")
def test_every_series_of_metrics_reaches_victoria_metrics_with_its_name_labels_and_value(tmp_path: Path) -> None:
    cache, self_metrics = exporter(SERIES)
    with real_servers.victoria_metrics(tmp_path) as url:
        pushed(f"{url}/opentelemetry", "http/protobuf", cache, self_metrics)
        expected = on_metrics(cache, self_metrics)
        series, times = received(url, len(expected))

    assert len(expected) > SERIES
    assert series.keys() == expected.keys()
    assert settled(series) == settled(expected)
    assert times == {nanoseconds(NOW) // 10**6}


@pytest.mark.servers("rotel", "victoria-metrics")
def test_every_series_of_metrics_passes_through_a_collector_over_grpc(tmp_path: Path) -> None:
    cache, self_metrics = exporter(SERIES)
    with (
        real_servers.victoria_metrics(tmp_path) as url,
        real_servers.rotel(tmp_path, f"{url}/opentelemetry/v1/metrics") as (grpc, _),
    ):
        pushed(grpc, "grpc", cache, self_metrics)
        expected = on_metrics(cache, self_metrics)
        series, times = received(url, len(expected))

    assert series.keys() == expected.keys()
    assert settled(series) == settled(expected)
    assert times == {nanoseconds(NOW) // 10**6}


@pytest.mark.servers("victoria-metrics")
def test_past_days_arrive_at_their_own_time(tmp_path: Path) -> None:
    days = [datetime(2026, 3, day, 3, tzinfo=UTC) for day in (7, 8, 9)]
    people = {day: float(day.day) for day in days}
    labels = {"source": "tool", "vendor": "coder", "scope": "all", "window": "1d"}
    with real_servers.victoria_metrics(tmp_path) as url:
        sender = connect(OtlpSettings(endpoint=f"{url}/opentelemetry"), {}, resource(10723))
        sent = sender.send((sample("adoption_active_users", people[day], **labels), day) for day in days)
        sender.close()
        (line,) = exported(url, 1)

    assert sent == ExportSummary(taken=3)
    assert (line["timestamps"], line["values"]) == ([int(day.timestamp()) * 1000 for day in days], [7, 8, 9])
