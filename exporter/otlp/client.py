"""Sends data to an OTLP collector: one client per signal, and a sender of samples for daemon and backfill."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan

from exporter import __version__
from exporter.config.sections import OtlpSettings
from exporter.metrics import Sample
from exporter.otlp.environment import check_connection
from exporter.otlp.points import Point, batches, nanoseconds, sample_point
from exporter.otlp.response import CollectorResponse, ExportFailure
from exporter.otlp.target import Signal, Target, resolve
from exporter.redaction import presentable, secrets

# For the whole process: the SDK and gRPC would log each attempt, gRPC without going through a logger.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


class _OutOfTime(Exception):
    """Ends the retries of the SDK, which repeats a request only after errors of the network."""


class OtlpClient:
    """Sends one signal with an exporter of the SDK, which retries within the target's timeout; for one thread.

    Raises OSError where a TLS file cannot be read.
    """

    def __init__(self, target: Target, signal: Signal, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.endpoint = target.endpoint
        self._timeout = target.timeout
        self._monotonic = monotonic
        self._began = 0.0
        self._hidden = secrets(target.headers)
        self._exporter = _sdk_exporter(target, signal, self._on_response)
        self._response: CollectorResponse | None = None

    def send(self, data: MetricsData | Sequence[ReadableSpan]) -> CollectorResponse:
        """Sends one request, again after a transient failure, and returns the last response."""
        self._response = None
        self._began = self._monotonic()
        try:
            taken = self._exporter.export(data).name == "SUCCESS"
        except _OutOfTime:
            taken = False
        response = self._response or CollectorResponse(ExportFailure("refused", "no request could be made of it"))
        if response.failure is None and not taken:
            response = CollectorResponse(ExportFailure("refused", "the answer could not be read"))
        return self._presentable(response)

    def close(self) -> None:
        """Closes the connection and ends a retry that waits."""
        self._exporter.shutdown()

    def _on_response(self, response: CollectorResponse) -> None:
        # A last attempt that only timed out says less than the attempt before it.
        if self._response is None or response.failure is None or not response.failure.timed_out:
            self._response = response
        # The SDK computes how long it retries from the time of day, so a clock set back would extend that.
        if response.failure is not None and self._monotonic() - self._began >= self._timeout:
            raise _OutOfTime

    def _presentable(self, response: CollectorResponse) -> CollectorResponse:
        """The response without secrets and e-mail addresses."""
        failure = response.failure
        if failure is not None:
            failure = replace(failure, message=presentable(failure.message, self._hidden))
        return replace(response, failure=failure, remark=presentable(response.remark, self._hidden))


@dataclass(frozen=True)
class ExportSummary:
    """The outcome of an export: points taken, points rejected, and the first failure and remark."""

    taken: int = 0
    rejected: int = 0
    failure: ExportFailure | None = None
    remark: str = ""


class Sender:
    """Sends metrics of one resource; `count` is called with the response to each request."""

    def __init__(
        self, client: OtlpClient, resource: Resource, count: Callable[[CollectorResponse], None] = lambda _: None
    ) -> None:
        self.endpoint = client.endpoint
        self._client = client
        self._resource = resource
        self._count = count

    def send(self, samples: Iterable[tuple[Sample, datetime]]) -> ExportSummary:
        """Sends samples, each with its moment."""
        return self.send_points(sample_point(sample, nanoseconds(moment)) for sample, moment in samples)

    def send_points(self, points: Iterable[Point]) -> ExportSummary:
        """Sends points in batches; stops at the first batch for which the collector is unreachable or busy."""
        sent = ExportSummary()
        for batch in batches(points, self._resource):
            response = self._client.send(batch.data)
            self._count(response)
            sent = ExportSummary(
                taken=sent.taken + (batch.points - response.rejected if response.failure is None else 0),
                rejected=sent.rejected + response.rejected,
                failure=sent.failure or response.failure,
                remark=sent.remark or response.remark,
            )
            if response.failure is not None and response.failure.reason != "refused":
                break
        return sent

    def close(self) -> None:
        """Closes the client."""
        self._client.close()


def connect(
    settings: OtlpSettings,
    environ: Mapping[str, str],
    resource: Resource,
    count: Callable[[CollectorResponse], None] = lambda _: None,
) -> Sender:
    """A sender to the configured collector. Raises ConfigError for variables and files that cannot be used."""
    target = resolve(settings, environ, "metrics")
    check_connection(target, environ)
    return Sender(OtlpClient(target, "metrics"), resource, count)


def resource(port: int) -> Resource:
    """The resource of all data. OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME add attributes and override these.

    The instance is host:port of the web server, as Prometheus names a target. It is the same after a restart, so that
    series continue.
    """
    own = {
        "service.name": "adoption-exporter",
        "service.version": __version__,
        "service.instance.id": f"{socket.gethostname()}:{port}",
    }
    return Resource(own).merge(OTELResourceDetector().detect())


def _sdk_exporter(target: Target, signal: Signal, on_response: Callable[[CollectorResponse], None]) -> Any:
    # Imported here: each costs megabytes, and only one is used.
    if target.protocol == "grpc":
        from exporter.otlp import over_grpc

        return over_grpc.exporter(target, signal, on_response)
    from exporter.otlp import over_http

    return over_http.exporter(target, signal, on_response)
