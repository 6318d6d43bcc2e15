import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from exporter.config.sections import OtlpSettings
from exporter.errors import Failure, Rejected
from exporter.otlp.response import CollectorResponse
from exporter.otlp.tracing import Tracing, connect, path_template
from exporter.state.store import PollStatus
from exporter.transport.client import Client
from exporter.transport.rate_limit import Budget
from tests.support.any_endpoint import AnyEndpoint
from tests.support.collectors import http_collector

TOKEN = "not-for-any-span"
FINE = PollStatus(ended=0, duration=1, last_success=0)
FAILED = PollStatus(ended=0, duration=1, last_success=None, failure=Failure("rejected", f"401 {TOKEN}", 401))


def traced() -> tuple[Tracing, InMemorySpanExporter]:
    spans = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Tracing(provider.get_tracer("test")), spans


def asking(tracing: Tracing, answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    """A client as a poll makes it."""
    return Client(
        vendor="coder",
        base_url="https://coder.example.com",
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=5,
        endpoints=AnyEndpoint(Budget(60_000, monotonic=lambda: 0)),
        stop=threading.Event(),
        count=tracing.counting(lambda _: None),
        traced=tracing.requests(),
        now=lambda: datetime(2026, 3, 9, tzinfo=UTC),
        monotonic=lambda: 0,
        transport=httpx.MockTransport(answer),
    )


def shown(span: ReadableSpan) -> tuple[str, dict[str, Any], StatusCode]:
    return span.name, dict(span.attributes or {}), span.status.status_code


def test_a_poll_is_a_span_with_a_child_for_each_request_even_from_another_thread() -> None:
    tracing, spans = traced()

    def poll() -> PollStatus:
        client = asking(tracing, lambda _: httpx.Response(200, json={}))
        reader = threading.Thread(target=client.get_json, args=("/api/v2/insights/user-activity", {"user": "alice"}))
        reader.start()
        reader.join()
        return FINE

    assert tracing.poll("dev", "coder", poll) == FINE
    child, parent = spans.get_finished_spans()
    assert shown(parent) == ("poll", {"adoption.source": "dev", "adoption.vendor": "coder"}, StatusCode.UNSET)
    assert shown(child) == (
        "GET /api/v2/insights/user-activity",
        {
            "http.request.method": "GET",
            "url.template": "/api/v2/insights/user-activity",
            "http.response.status_code": 200,
        },
        StatusCode.UNSET,
    )
    assert child.kind == SpanKind.CLIENT
    assert child.parent is not None
    assert parent.context is not None
    assert child.parent.span_id == parent.context.span_id


def test_a_failed_poll_and_a_refused_request_say_why_without_words_that_may_name_somebody() -> None:
    tracing, spans = traced()

    def poll() -> PollStatus:
        client = asking(tracing, lambda _: httpx.Response(401, json={"error": f"{TOKEN} of alice@example.com"}))
        with pytest.raises(Rejected):
            client.get_json("/api/v2/users/alice/orgs")
        return FAILED

    tracing.poll("dev", "coder", poll)

    assert [shown(span) for span in spans.get_finished_spans()] == [
        (
            "GET /api/v2/users/{id}/orgs",
            {
                "http.request.method": "GET",
                "url.template": "/api/v2/users/{id}/orgs",
                "http.response.status_code": 401,
                "error.type": "Rejected",
            },
            StatusCode.ERROR,
        ),
        (
            "poll",
            {"adoption.source": "dev", "adoption.vendor": "coder", "error.type": "rejected"},
            StatusCode.ERROR,
        ),
    ]
    everything = "".join(span.to_json() for span in spans.get_finished_spans())
    assert TOKEN not in everything
    assert "alice" not in everything


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/analytics/v0/daily-usage", "/analytics/v0/daily-usage"),
        ("/api/v4/projects/42/product_analytics/request/load", "/api/v4/projects/{id}/product_analytics/request/load"),
        ("/api/v4/projects/alice%2Fapp", "/api/v4/projects/{id}"),
        ("/api/v4/groups/alice/projects", "/api/v4/groups/{id}/projects"),
        ("/api/v2/templates/0b7e4b1c-1f5b-4b8e-9a51-61bd3f4b1c11", "/api/v2/templates/{id}"),
        ("/instances/acme.example.com/Alice", "/instances/{id}/{id}"),
    ],
)
def test_a_template_keeps_plain_words_alone(path: str, template: str) -> None:
    assert path_template(path) == template


def test_spans_reach_the_collector_at_the_end_and_are_counted() -> None:
    counted: list[CollectorResponse] = []
    resource = Resource({"service.name": "adoption-exporter"})
    with http_collector() as collector:
        tracing = connect(OtlpSettings(endpoint=collector.url, traces=True), {}, resource, counted.append)
        tracing.poll("dev", "coder", lambda: FINE)
        tracing.close()

    assert [span.name for span in collector.sent_spans()] == ["poll"]
    assert collector.paths == ["/v1/traces"]
    assert counted == [CollectorResponse()]
