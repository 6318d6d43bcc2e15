"""Sends samples to an OTLP collector: those of now for the daemon, those of past days for a backfill."""

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from exporter import __version__
from exporter.config.sections import OtlpSettings
from exporter.metrics import Sample
from exporter.otlp.environment import check_link
from exporter.otlp.link import OtlpClient
from exporter.otlp.points import Point, batches, nanoseconds, sample_point
from exporter.otlp.response import CollectorResponse, ExportFailure
from exporter.otlp.target import resolve


@dataclass(frozen=True)
class ExportSummary:
    """What came of points: how many were taken and how many rejected, and the first fault or remark on them."""

    taken: int = 0
    rejected: int = 0
    fault: ExportFailure | None = None
    remark: str = ""


class Sender:
    """A link for metrics with the resource that they belong to; `count` hears the answer to each request."""

    def __init__(
        self, link: OtlpClient, resource: Resource, count: Callable[[CollectorResponse], None] = lambda _: None
    ) -> None:
        self.endpoint = link.endpoint
        self._link = link
        self._resource = resource
        self._count = count

    def send(self, samples: Iterable[tuple[Sample, datetime]]) -> ExportSummary:
        """Sends samples with the moments that they are of."""
        return self.send_points(sample_point(sample, nanoseconds(moment)) for sample, moment in samples)

    def send_points(self, points: Iterable[Point]) -> ExportSummary:
        """Sends points in batches. Leaves the rest unsent once nobody is there or the collector has too much to do."""
        sent = ExportSummary()
        for batch in batches(points, self._resource):
            answer = self._link.send(batch.data)
            self._count(answer)
            sent = ExportSummary(
                taken=sent.taken + (batch.points - answer.rejected if answer.fault is None else 0),
                rejected=sent.rejected + answer.rejected,
                fault=sent.fault or answer.fault,
                remark=sent.remark or answer.remark,
            )
            if answer.fault is not None and answer.fault.reason != "refused":
                break
        return sent

    def close(self) -> None:
        """Closes the link."""
        self._link.close()


def connect(
    settings: OtlpSettings,
    environ: Mapping[str, str],
    resource: Resource,
    count: Callable[[CollectorResponse], None] = lambda _: None,
) -> Sender:
    """A sender to the configured collector. Raises ConfigError for variables and files that cannot be used."""
    target = resolve(settings, environ, "metrics")
    check_link(target, environ)
    return Sender(OtlpClient(target, "metrics"), resource, count)


def resource(port: int) -> Resource:
    """What is sent belongs to it. OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME add to it and go before it.

    The instance is host:port of the web server, as Prometheus names what it scrapes: the same after a restart, so that
    no series begins anew.
    """
    own = {
        "service.name": "adoption-exporter",
        "service.version": __version__,
        "service.instance.id": f"{socket.gethostname()}:{port}",
    }
    return Resource(own).merge(OTELResourceDetector().detect())
