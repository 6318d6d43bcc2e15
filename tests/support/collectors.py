"""OTLP collectors in the test's own process: they keep what arrives and reply as a test wants."""

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.daemons import PATIENCE

PROTOBUF = "application/x-protobuf"
# The suffixes that Prometheus makes of units in OTLP; units in braces are dropped.
_SUFFIXES = {"s": "_seconds", "By": "_bytes"}

Labels = tuple[tuple[str, str], ...]


def prometheus_name(name: str, unit: str, *, counter: bool) -> str:
    """The name that Prometheus gives to a metric received over OTLP."""
    return name.replace(".", "_") + _SUFFIXES.get(unit, "") + ("_total" if counter else "")


@dataclass
class Collector:
    """The requests that arrived, in order: messages, sizes, paths and headers (lower case)."""

    url: str = ""
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list)
    spans: list[ExportTraceServiceRequest] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def points(self) -> dict[str, dict[Labels, Any]]:
        """The newest data points by metric name and sorted attributes."""
        found: dict[str, dict[Labels, Any]] = {}
        for metric in self.sent_metrics():
            found.setdefault(metric.name, {}).update(_points(metric))
        return found

    def series(self) -> dict[tuple[str, Labels], float]:
        """The newest values by Prometheus' name and sorted labels."""
        return {
            (prometheus_name(metric.name, metric.unit, counter=metric.HasField("sum")), labels): point.as_double
            for metric in self.sent_metrics()
            for labels, point in _points(metric).items()
        }

    def sent_metrics(self) -> list[Any]:
        """Every metric message in the order of arrival."""
        return [
            metric
            for request in self.metrics
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def sent_spans(self) -> list[Any]:
        """Every span message in the order of arrival."""
        return [
            span
            for request in self.spans
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait_for(self, requests: int) -> None:
        """Waits until so many requests have arrived; AssertionError otherwise."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.sizes) >= requests, PATIENCE), f"{len(self.sizes)} arrived"

    def keep(self, message: Any, size: int, path: str, headers: dict[str, str]) -> None:
        with self.arrived:
            (self.metrics if isinstance(message, ExportMetricsServiceRequest) else self.spans).append(message)
            self.sizes.append(size)
            self.paths.append(path)
            self.headers.append(headers)
            self.arrived.notify_all()


def _points(metric: Any) -> dict[Labels, Any]:
    points = metric.gauge.data_points if metric.HasField("gauge") else metric.sum.data_points
    return {tuple(sorted((pair.key, pair.value.string_value) for pair in point.attributes)): point for point in points}


@dataclass
class Reply:
    """An HTTP answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = PROTOBUF
    headers: dict[str, str] = field(default_factory=dict)


def partial(rejected: int, message: str = "") -> Reply:
    """A 200 with a number of rejected data points."""
    response = ExportMetricsServiceResponse()
    response.partial_success.rejected_data_points = rejected
    response.partial_success.error_message = message
    return Reply(body=response.SerializeToString())


@contextmanager
def http_collector(
    reply: Callable[[int], Reply] = lambda number: Reply(), tls: ssl.SSLContext | None = None
) -> Iterator[Collector]:
    """A collector over HTTP; `reply` gets the number of the request, from 1, in the thread that answers it."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            kind = ExportTraceServiceRequest if self.path.endswith("traces") else ExportMetricsServiceRequest
            headers = {name.lower(): value for name, value in self.headers.items()}
            collector.keep(kind.FromString(body), len(body), self.path, headers)
            answer = reply(len(collector.sizes))
            self.send_response(answer.status)
            for name, value in {"content-type": answer.content_type, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    collector.url = f"{'https' if tls else 'http'}://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def grpc_collector(
    reply: Callable[[int, grpc.ServicerContext], Any] = lambda number, context: ExportMetricsServiceResponse(),
    credentials: grpc.ServerCredentials | None = None,
) -> Iterator[Collector]:
    """A collector over gRPC; `reply` gets the number of the request, from 1, and may abort its context."""
    collector = Collector()

    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        headers = {str(name): str(value) for name, value in context.invocation_metadata()}
        collector.keep(request, request.ByteSize(), "", headers)
        given = reply(len(collector.sizes), context)
        return ExportTraceServiceResponse() if isinstance(request, ExportTraceServiceRequest) else given

    class Metrics(metrics_grpc.MetricsServiceServicer):
        def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
            return answer(request, context)

    class Traces(trace_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
            return answer(request, context)

    server = grpc.server(ThreadPoolExecutor(4))
    # Generated code, without types.
    add_metrics: Any = metrics_grpc.add_MetricsServiceServicer_to_server
    add_traces: Any = trace_grpc.add_TraceServiceServicer_to_server
    add_metrics(Metrics(), server)
    add_traces(Traces(), server)
    if credentials is None:
        port = server.add_insecure_port("localhost:0")
    else:
        port = server.add_secure_port("localhost:0", credentials)
    collector.url = f"{'http' if credentials is None else 'https'}://localhost:{port}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(None).wait()
