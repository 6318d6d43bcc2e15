"""Sending over both protocols to collectors that take, refuse, delay and break."""

import itertools
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from exporter import __version__
from exporter.config.sections import OtlpSettings
from exporter.metrics import Sample, sample
from exporter.otlp.client import ExportSummary, OtlpClient, Sender, connect, resource
from exporter.otlp.points import nanoseconds
from exporter.otlp.response import CollectorResponse, ExportFailure
from exporter.otlp.target import Protocol, resolve
from tests.support.collectors import PROTOBUF, Collector, Reply, grpc_collector, http_collector, partial
from tests.support.daemons import PATIENCE

pytestmark = pytest.mark.slow

MONDAY = datetime(2026, 3, 9, 3, tzinfo=UTC)
TOKEN = "not-for-any-log"
# For a failure that lasts: enough for the first response, and retried until 3 s have passed.
A_WHILE = "5s"


def seats(number: int) -> list[tuple[Sample, datetime]]:
    """So many series, each with a value of its own."""
    return [
        (sample("adoption_seats", seat, source="tool", vendor="coder", scope=f"scope {seat}"), MONDAY)
        for seat in range(number)
    ]


@contextmanager
def sending_to(
    url: str, count: Callable[[CollectorResponse], None] = lambda _: None, **section: Any
) -> Iterator[Sender]:
    settings = OtlpSettings(**{"endpoint": url, "timeout": f"{PATIENCE:.0f}s", **section})
    sender = connect(settings, {}, resource(10723), count)
    try:
        yield sender
    finally:
        sender.close()


@contextmanager
def over(protocol: str) -> Iterator[Collector]:
    with http_collector() if protocol == "http/protobuf" else grpc_collector() as collector:
        yield collector


both = pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])


@both
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_points_arrive_with_their_moment_labels_and_value(protocol: str, compression: str) -> None:
    with over(protocol) as collector, sending_to(collector.url, protocol=protocol, compression=compression) as sender:
        sent = sender.send(seats(2))

    assert sent == ExportSummary(taken=2)
    points = collector.points()["adoption.seats"]
    assert {labels: (point.as_double, point.time_unix_nano) for labels, point in points.items()} == {
        (("scope", "scope 0"), ("source", "tool"), ("vendor", "coder")): (0.0, nanoseconds(MONDAY)),
        (("scope", "scope 1"), ("source", "tool"), ("vendor", "coder")): (1.0, nanoseconds(MONDAY)),
    }


@both
def test_headers_and_the_resource_go_with_every_request(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod,service.version=custom")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with over(protocol) as collector, sending_to(collector.url, protocol=protocol, headers=headers) as sender:
        sender.send(seats(1))

    assert collector.headers[0]["authorization"] == f"Bearer {TOKEN}"
    attributes = collector.metrics[0].resource_metrics[0].resource.attributes
    assert {pair.key: pair.value.string_value for pair in attributes} == {
        "service.name": "adoption-exporter",
        "service.version": "custom",
        "service.instance.id": f"{socket.gethostname()}:10723",
        "deployment.environment.name": "prod",
    }


def test_the_resource_without_variables_is_the_same_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES", raising=False)
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)

    assert resource(10723) == resource(10723)
    assert resource(10723).attributes["service.version"] == __version__


@pytest.mark.slow
@both
def test_100_000_series_arrive_whole_in_requests_below_4_megabytes(protocol: str) -> None:
    counted: list[CollectorResponse] = []
    with over(protocol) as collector, sending_to(collector.url, counted.append, protocol=protocol) as sender:
        sent = sender.send(seats(100_000))

    assert sent == ExportSummary(taken=100_000)
    assert len(counted) == len(collector.sizes) > 1
    assert max(collector.sizes) < 4 * 2**20
    assert len(collector.points()["adoption.seats"]) == 100_000


def test_a_partial_success_over_http_is_counted() -> None:
    counted: list[CollectorResponse] = []
    with (
        http_collector(lambda _: partial(1, "out of bounds")) as collector,
        sending_to(collector.url, counted.append) as sender,
    ):
        sent = sender.send(seats(3))

    assert sent == ExportSummary(taken=2, rejected=1, remark="out of bounds")
    assert counted == [CollectorResponse(rejected=1, remark="out of bounds")]
    assert not counted[0].complete


def test_a_partial_success_over_grpc_is_counted() -> None:
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = 1
    answer.partial_success.error_message = "out of bounds"
    with grpc_collector(lambda *_: answer) as collector, sending_to(collector.url, protocol="grpc") as sender:
        sent = sender.send(seats(3))

    assert sent == ExportSummary(taken=2, rejected=1, remark="out of bounds")


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(400, b"bad point", "text/plain"), ExportFailure("refused", "400: bad point")),
        (Reply(400, b"\x08\x03\x12\x09bad point"), ExportFailure("refused", "400: bad point")),
        (Reply(401), ExportFailure("refused", "401")),
        (Reply(307, headers={"location": "http://elsewhere.example.com/"}), ExportFailure("refused", "307")),
        (
            Reply(200, b"<html>Please log in", PROTOBUF),
            ExportFailure("refused", "200 with a body that is not what OTLP answers"),
        ),
        (
            Reply(200, b"<html>Please log in", "text/html; charset=utf-8"),
            ExportFailure("refused", "200 with a body that is not what OTLP answers"),
        ),
        (Reply(500, b"oops", "text/plain"), ExportFailure("unreachable", "500: oops")),
        (
            Reply(403, f"token {TOKEN} of alice@example.com".encode()),
            ExportFailure("refused", "403: token <token> of <email>"),
        ),
    ],
)
def test_a_refusal_over_http_is_reported_in_one_line_without_secrets(reply: Reply, failure: ExportFailure) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with http_collector(lambda _: reply) as collector, sending_to(collector.url, headers=headers) as sender:
        sent = sender.send(seats(1))

    assert sent == ExportSummary(failure=failure)
    assert len(collector.sizes) == 1


def test_an_answer_that_is_no_protobuf_counts_as_success() -> None:
    reply = Reply(200, b"{}", "application/json")
    with http_collector(lambda _: reply) as collector, sending_to(collector.url) as sender:
        assert sender.send(seats(1)) == ExportSummary(taken=1)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, ExportFailure("refused", "INVALID_ARGUMENT: no")),
        (grpc.StatusCode.UNAUTHENTICATED, ExportFailure("refused", "UNAUTHENTICATED: no")),
        (grpc.StatusCode.UNAVAILABLE, ExportFailure("unreachable", "UNAVAILABLE: no")),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ExportFailure("busy", "RESOURCE_EXHAUSTED: no")),
    ],
)
def test_a_refusal_over_grpc_is_reported_in_one_line(code: grpc.StatusCode, failure: ExportFailure) -> None:
    with (
        grpc_collector(lambda _, context: context.abort(code, "no")) as collector,
        sending_to(collector.url, protocol="grpc", timeout=A_WHILE) as sender,
    ):
        sent = sender.send(seats(1))

    assert sent == ExportSummary(failure=failure)


@pytest.mark.parametrize("status", [429, 503])
def test_a_transient_failure_is_tried_again_within_the_timeout(status: int) -> None:
    counted: list[CollectorResponse] = []
    with (
        http_collector(lambda number: Reply(status if number == 1 else 200)) as collector,
        sending_to(collector.url, counted.append) as sender,
    ):
        sent = sender.send(seats(1))

    assert sent == ExportSummary(taken=1)
    assert len(collector.sizes) == 2
    assert len(counted) == 1


def test_a_transient_failure_over_grpc_is_tried_again_within_the_timeout() -> None:
    def reply(number: int, context: grpc.ServicerContext) -> ExportMetricsServiceResponse:
        if number == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "starting")
        return ExportMetricsServiceResponse()

    with grpc_collector(reply) as collector, sending_to(collector.url, protocol="grpc") as sender:
        sent = sender.send(seats(1))

    assert sent == ExportSummary(taken=1)
    assert len(collector.sizes) == 2


@both
def test_a_dead_collector_is_left_alone_after_the_first_batch(protocol: str) -> None:
    counted: list[CollectorResponse] = []
    with sending_to("http://127.0.0.1:1", counted.append, protocol=protocol, timeout=A_WHILE) as sender:
        sent = sender.send(seats(20_000))

    assert len(counted) == 1
    assert sent.taken == 0
    assert sent.failure is not None
    assert sent.failure.reason == "unreachable"
    assert "Connection refused" in sent.failure.message


@both
def test_a_collector_that_never_answers_costs_no_more_than_the_timeout(protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = monotonic()
        with sending_to(f"http://127.0.0.1:{silent.getsockname()[1]}", protocol=protocol, timeout="1s") as sender:
            sent = sender.send(seats(1))

    assert sent.failure is not None
    assert sent.failure.reason == "unreachable"
    assert monotonic() - began < PATIENCE


@both
def test_a_request_is_not_repeated_after_the_timeout_though_the_time_of_day_would_allow_it(protocol: Protocol) -> None:
    def unavailable(_: int, context: grpc.ServicerContext) -> ExportMetricsServiceResponse:
        context.abort(grpc.StatusCode.UNAVAILABLE, "starting")

    replying = http_collector(lambda _: Reply(503)) if protocol == "http/protobuf" else grpc_collector(unavailable)
    with replying as collector:
        settings = OtlpSettings(endpoint=collector.url, protocol=protocol, timeout=timedelta(seconds=PATIENCE))
        target = resolve(settings, {}, "metrics")
        client = OtlpClient(target, "metrics", monotonic=itertools.count(0, target.timeout).__next__)
        with closing(client):
            sent = Sender(client, resource(10723)).send(seats(1))

    failure = "503" if protocol == "http/protobuf" else "UNAVAILABLE: starting"
    assert sent == ExportSummary(failure=ExportFailure("unreachable", failure))
    assert len(collector.sizes) == 1


def test_one_refused_batch_does_not_hold_back_the_others() -> None:
    with (
        http_collector(lambda number: Reply(400 if number == 1 else 200)) as collector,
        sending_to(collector.url) as sender,
    ):
        sent = sender.send(seats(20_000))

    assert sent.failure == ExportFailure("refused", "400")
    assert 0 < sent.taken < 20_000
    assert len(collector.points()["adoption.seats"]) == 20_000


def test_a_busy_collector_gets_no_further_batch() -> None:
    counted: list[CollectorResponse] = []
    with (
        http_collector(lambda _: Reply(429)) as collector,
        sending_to(collector.url, counted.append, timeout=A_WHILE) as sender,
    ):
        sent = sender.send(seats(20_000))

    assert sent == ExportSummary(failure=ExportFailure("busy", "429"))
    assert counted == [CollectorResponse(ExportFailure("busy", "429"))]


def test_an_attempt_that_runs_out_of_time_does_not_hide_what_was_answered_before() -> None:
    silent = threading.Event()

    def reply(number: int) -> Reply:
        if number > 1:
            silent.wait(PATIENCE)
        return Reply(429)

    with http_collector(reply) as collector, sending_to(collector.url, timeout=A_WHILE) as sender:
        sent = sender.send(seats(1))
        silent.set()

    assert sent == ExportSummary(failure=ExportFailure("busy", "429"))
    assert len(collector.sizes) == 2


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that is its own CA, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run([*make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def test_tls_over_http_with_an_own_ca_and_a_client_certificate(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Path(__file__)))
    certificate, key = pair
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate)
    tls.load_cert_chain(certificate, key)
    tls.verify_mode = ssl.CERT_REQUIRED
    files: dict[str, Any] = {"ca_file": certificate, "client_certificate_file": certificate, "client_key_file": key}
    with http_collector(tls=tls) as collector:
        with sending_to(collector.url, **files) as sender:
            assert sender.send(seats(1)) == ExportSummary(taken=1)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with sending_to(collector.url, timeout=A_WHILE) as sender:
            refused = sender.send(seats(1))

    assert refused.failure is not None
    assert "certificate verify failed" in refused.failure.message


def test_tls_over_grpc_with_an_own_ca_and_a_client_certificate(pair: tuple[Path, Path]) -> None:
    certificate, key = pair
    chain = [(key.read_bytes(), certificate.read_bytes())]
    credentials = grpc.ssl_server_credentials(chain, certificate.read_bytes(), require_client_auth=True)
    files: dict[str, Any] = {"ca_file": certificate, "client_certificate_file": certificate, "client_key_file": key}
    with grpc_collector(credentials=credentials) as collector:
        with sending_to(collector.url, protocol="grpc", **files) as sender:
            assert sender.send(seats(1)) == ExportSummary(taken=1)
        with sending_to(collector.url, protocol="grpc", timeout=A_WHILE) as sender:
            refused = sender.send(seats(1))

    assert refused.failure is not None
    assert refused.failure.reason == "unreachable"
    assert "CERTIFICATE_VERIFY_FAILED" in refused.failure.message


def test_no_password_of_a_netrc_file_replaces_a_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login somebody password something")
    monkeypatch.setenv("NETRC", str(netrc))
    with http_collector() as collector, sending_to(collector.url, headers={"authorization": "Bearer mine"}) as sender:
        sender.send(seats(1))

    assert collector.headers[0]["authorization"] == "Bearer mine"


def test_the_sdk_logs_nothing_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with sending_to("http://127.0.0.1:1", timeout="1s") as sender:
        sender.send(seats(1))
    with sending_to("http://127.0.0.1:1", protocol="grpc", timeout="1s") as sender:
        sender.send(seats(1))

    assert [record.name for record in caplog.records if record.name.startswith("opentelemetry")] == []
