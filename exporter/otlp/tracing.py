"""Spans of polls with a child for each vendor request. They name sources and endpoints, never a person or a token."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from opentelemetry import context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode, Tracer, get_current_span

from exporter import __version__
from exporter.config.sections import OtlpSettings
from exporter.otlp.client import OtlpClient
from exporter.otlp.environment import check_connection
from exporter.otlp.outage import Outage
from exporter.otlp.response import CollectorResponse
from exporter.otlp.target import resolve
from exporter.state.store import PollStatus
from exporter.transport.endpoints import Endpoint

# Path segments that may name somebody: those after a collection, and all that are no plain word.
_MEMBER = re.compile(r"(?<=/)(groups|organizations|projects|users)/[^/]+")
_PLAIN = re.compile(r"[a-z][a-z_-]*|v[0-9]+|")
_PLACEHOLDER = "{id}"


@dataclass(frozen=True)
class Tracing:
    """Makes spans; `close` sends those that are still queued."""

    tracer: Tracer
    close: Callable[[], None] = lambda: None

    def poll(self, source: str, vendor: str, poll: Callable[[], PollStatus | None]) -> PollStatus | None:
        """Runs a poll in a span."""
        attributes = {"adoption.source": source, "adoption.vendor": vendor}
        with self.tracer.start_as_current_span("poll", attributes=attributes, record_exception=False) as span:
            status = poll()
            if status is not None and status.failure is not None:
                span.set_attribute("error.type", status.failure.reason)
                span.set_status(StatusCode.ERROR)
            return status

    def requests(self) -> Callable[[Endpoint], AbstractContextManager[object]]:
        """Makes the span of each attempt at a request, a child of the current span, which is that of the poll."""
        parent = context.get_current()

        @contextmanager
        def request(endpoint: Endpoint) -> Iterator[None]:
            method, template = endpoint.method, path_template(endpoint.path)
            with self.tracer.start_as_current_span(
                f"{method} {template}",
                context=parent,
                kind=SpanKind.CLIENT,
                attributes={"http.request.method": method, "url.template": template},
                record_exception=False,  # message and traceback belong into the log, which redacts secrets
                set_status_on_exception=False,
            ) as span:
                try:
                    yield
                except Exception as error:
                    span.set_attribute("error.type", type(error).__name__)
                    span.set_status(StatusCode.ERROR)
                    raise

        return request

    def counting(self, count: Callable[[int | None], None]) -> Callable[[int | None], None]:
        """Wraps `count`: sets the HTTP status of each attempt in its span, then counts it."""

        def count_in_span(status: int | None) -> None:
            if status is not None:
                get_current_span().set_attribute("http.response.status_code", status)
            count(status)

        return count_in_span


def connect(
    settings: OtlpSettings, environ: Mapping[str, str], resource: Resource, count: Callable[[CollectorResponse], None]
) -> Tracing:
    """Tracing to the configured collector; `count` is called with the response to each request. Raises ConfigError."""
    target = resolve(settings, environ, "traces")
    check_connection(target, environ)
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    client = OtlpClient(target, "traces")
    provider.add_span_processor(BatchSpanProcessor(_Exporter(client, count)))
    return Tracing(provider.get_tracer("adoption-exporter", __version__), provider.shutdown)


def path_template(path: str) -> str:
    """A path with `{id}` in place of every segment that may name a person, a project or a group."""
    path = _MEMBER.sub(rf"\1/{_PLACEHOLDER}", path)
    return "/".join(
        part if part == _PLACEHOLDER or _PLAIN.fullmatch(part) else _PLACEHOLDER for part in path.split("/")
    )


class _Exporter(SpanExporter):
    """Sends finished spans."""

    def __init__(self, client: OtlpClient, count: Callable[[CollectorResponse], None]) -> None:
        self._client = client
        self._count = count
        self._outage = Outage("traces", client.endpoint)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        response = self._client.send(spans)
        self._count(response)
        self._outage.report(response.failure, response.rejected, response.remark)
        return SpanExportResult.SUCCESS if response.failure is None else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._client.close()
