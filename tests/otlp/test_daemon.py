"""The daemon as a process that pushes to a collector in the test's process."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.simulator.augment import augment_app
from exporter.simulator.server import build, serve
from tests.support import faulty_server
from tests.support.collectors import Labels, Reply, grpc_collector, http_collector, partial
from tests.support.companies import busy, utc_now
from tests.support.daemons import PATIENCE, Daemon, daemon, wait_until

pytestmark = pytest.mark.slow

READY = "adoption-exporter is ready.\n"
EXPORTS, FAILURES = "adoption_exporter_otlp_exports_total", "adoption_exporter_otlp_export_failures_total"


@contextmanager
def pushing(
    folder: Path, otlp: str, environ: Mapping[str, str] | None = None, clock: Callable[[], datetime] = utc_now
) -> Iterator[Daemon]:
    """The daemon over an Augment source, simulated by a clock, with an `otlp` section, once it has polled."""
    with serve(build(busy(), clock, {"augment": augment_app})) as vendor:
        config = folder / "config.yaml"
        config.write_text(
            f'state: {{url: "sqlite:///{folder}/state.db"}}\n'
            f"otlp: {{{otlp}}}\n"
            "sources:\n"
            f'  tool: {{vendor: augment, base_url: "{vendor.url}/augment", token: demo-token, history: 9d,'
            " requests_per_minute: 1000000}\n"
        )
        with daemon(folder, "run", "--config.file", str(config), **(environ or {})) as running:
            wait_until(lambda: running.get("/-/ready").text == READY)
            yield running


def shown(running: Daemon) -> dict[tuple[str, Labels], float]:
    """Every series on /metrics."""
    families = text_string_to_metric_families(running.get("/metrics").text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def of_vendor(series: dict[tuple[str, Labels], float]) -> dict[tuple[str, Labels], float]:
    own = ("adoption_exporter_", "process_", "python_")
    return {key: value for key, value in series.items() if not key[0].startswith(own)}


def lines(running: Daemon, message: str) -> list[str]:
    return [line for line in running.log.read_text().splitlines() if f'msg="{message}"' in line]


def foreign_lines(running: Daemon) -> list[str]:
    """What the log holds beside our own lines and those of the web server."""
    every = [line.replace(" logger=uvicorn.error ", " ") for line in running.log.read_text().splitlines()]
    return [line for line in every if not line.startswith("ts=") or " logger=" in line]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_every_series_of_metrics_is_pushed_and_a_last_time_at_the_end(protocol: str, tmp_path: Path) -> None:
    with http_collector() if protocol == "http/protobuf" else grpc_collector() as collector:
        otlp = f'endpoint: "{collector.url}", protocol: {protocol}, interval: 1h'

        def after_the_first_push() -> datetime:
            collector.wait_for(1)
            return utc_now()

        with pushing(tmp_path, otlp, clock=after_the_first_push) as running:
            wait_until(lambda: running.values(EXPORTS)[()] == 1)
            pushed_at_start = of_vendor(collector.series())
            expected = shown(running)
            code = running.stop()

    assert pushed_at_start == {}
    assert len(of_vendor(expected)) > 100
    assert of_vendor(collector.series()) == of_vendor(expected)
    assert collector.series().keys() == expected.keys()
    assert code == 0
    assert foreign_lines(running) == []


def test_variables_fill_what_the_section_leaves_out(tmp_path: Path) -> None:
    with http_collector() as collector:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-scope-orgid=acme"}
        with pushing(tmp_path, "", environ):
            collector.wait_for(1)

    assert collector.headers[0]["x-scope-orgid"] == "acme"


def test_a_wrong_variable_ends_the_daemon_with_one_line(tmp_path: Path) -> None:
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
    with pytest.raises(AssertionError) as ended, pushing(tmp_path, "", environ):
        pass

    assert (
        str(ended.value)
        .splitlines()[0]
        .startswith('environment: OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf or grpc, not "http/json"')
    )


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_collector_that_never_answers_delays_neither_polls_nor_scrapes_nor_the_end(
    protocol: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        # Longer than anything is waited for: whatever waited for the push would not come to its end.
        otlp = f'endpoint: "{endpoint}", protocol: {protocol}, interval: 1h, timeout: {2 * PATIENCE:.0f}s'
        with pushing(tmp_path, otlp) as running:
            silent.settimeout(PATIENCE)
            with silent.accept()[0]:
                polls = running.values("adoption_exporter_poll_success")
                failures = running.values(FAILURES)
                code = running.stop()

    assert list(polls.values()) == [1.0]
    assert failures == {(): 0.0}
    assert code == 0
    assert foreign_lines(running) == []


@pytest.mark.parametrize(
    ("how", "protocol"),
    [("dead", "http/protobuf"), ("dead", "grpc"), ("silent", "http/protobuf"), ("silent", "grpc"), ("no TLS", "grpc")],
)
def test_a_collector_that_is_not_there_is_logged_once_and_retried(how: str, protocol: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, faulty_server.serve(faulty_server.body(b"")) as plain:
        port = {"dead": 1, "silent": listener.getsockname()[1], "no TLS": int(plain.url.rpartition(":")[2])}[how]
        scheme = "https" if how == "no TLS" else "http"
        otlp = f'endpoint: "{scheme}://127.0.0.1:{port}", protocol: {protocol}, interval: 1s, timeout: 1s'
        with pushing(tmp_path, otlp) as running:
            wait_until(lambda: running.values(FAILURES)[()] >= 2)
            code = running.stop()

    assert code == 0
    assert len(lines(running, "otlp export failed")) == 1
    assert "reason=unreachable" in lines(running, "otlp export failed")[0]
    assert foreign_lines(running) == []


def test_an_outage_is_logged_once_and_so_is_its_end(tmp_path: Path) -> None:
    with (
        http_collector(lambda number: Reply(401 if number < 4 else 200)) as collector,
        pushing(tmp_path, f'endpoint: "{collector.url}", interval: 1s') as running,
    ):
        wait_until(lambda: bool(lines(running, "otlp export recovered")))
        counted = running.values(FAILURES)[()]

    assert counted == 3
    assert len(lines(running, "otlp export failed")) == len(lines(running, "otlp export recovered")) == 1


def test_partial_successes_are_counted(tmp_path: Path) -> None:
    with (
        http_collector(lambda number: partial(2, "too old") if number == 1 else Reply()) as collector,
        pushing(tmp_path, f'endpoint: "{collector.url}", interval: 1h') as running,
    ):
        wait_until(lambda: running.values(FAILURES)[()] == 1)
        rejected = running.values("adoption_exporter_otlp_rejected_items_total")

    assert rejected == {(): 2.0}


def test_traces_hold_polls_and_their_requests_and_no_token(tmp_path: Path) -> None:
    with (
        http_collector() as collector,
        pushing(tmp_path, f'endpoint: "{collector.url}", interval: 1h, traces: true') as running,
    ):
        wait_until(lambda: "poll" in {span.name for span in collector.sent_spans()})
        assert running.stop() == 0

    spans = collector.sent_spans()
    (poll,) = [span for span in spans if span.name == "poll"]
    assert {span.name for span in spans if span.parent_span_id == poll.span_id} >= {"GET /analytics/v0/daily-usage"}
    assert {span.trace_id for span in spans} == {poll.trace_id}
    assert "demo-token" not in str(collector.spans)


def test_without_a_section_nothing_is_pushed_and_nothing_counted(tmp_path: Path) -> None:
    with http_collector() as collector, serve(build(busy(), utc_now, {"augment": augment_app})) as vendor:
        config = tmp_path / "config.yaml"
        config.write_text(
            f'state: {{url: "sqlite:///{tmp_path}/state.db"}}\n'
            f'sources: {{tool: {{vendor: augment, base_url: "{vendor.url}/augment", token: demo-token}}}}\n'
        )
        variable = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        with daemon(tmp_path, "run", "--config.file", str(config), **variable) as running:
            text = running.get("/metrics").text
            assert running.stop() == 0

    assert "otlp" not in text
    assert collector.sizes == []
