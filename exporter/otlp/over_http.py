"""OTLP over HTTP: the SDK's exporters on a session that reports the responses, which the SDK does not read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from requests.adapters import HTTPAdapter

from exporter.otlp.response import CollectorResponse, http_response, no_response
from exporter.otlp.target import Signal, Target

_EXPORTERS: dict[Signal, type[OTLPMetricExporter | OTLPSpanExporter]] = {
    "metrics": OTLPMetricExporter,
    "traces": OTLPSpanExporter,
}


def exporter(target: Target, signal: Signal, on_response: Callable[[CollectorResponse], None]) -> Any:
    """The SDK's exporter of a signal; `on_response` is called after each attempt."""
    session = requests.Session()
    session.mount("http://", _ReportingAdapter(target, signal, on_response))
    session.mount("https://", _ReportingAdapter(target, signal, on_response))
    # Otherwise a password in ~/.netrc would replace an authorization header.
    session.auth = lambda request: request
    return _EXPORTERS[signal](
        endpoint=target.endpoint,
        certificate_file=_text(target.ca_file),
        client_certificate_file=_text(target.client_certificate_file),
        client_key_file=_text(target.client_key_file),
        headers=target.headers,
        timeout=target.timeout,
        compression=Compression.Gzip if target.gzip else Compression.NoCompression,
        session=session,
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


class _ReportingAdapter(HTTPAdapter):
    """An adapter that reports the response to each request."""

    def __init__(self, target: Target, signal: Signal, on_response: Callable[[CollectorResponse], None]) -> None:
        super().__init__()
        self._signal = signal
        self._on_response = on_response
        # Passed with each request: requests prefers REQUESTS_CA_BUNDLE to the CA of its session.
        self._authority = {} if target.ca_file is None else {"verify": str(target.ca_file)}
        self._timeout = target.timeout

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        try:
            # The SDK computes its timeout from the time of day, so a clock set back would extend it.
            timeout = min(options["timeout"], self._timeout)
            response = super().send(request, *arguments, **{**options, **self._authority, "timeout": timeout})
            body = response.content
        except OSError as error:
            self._on_response(no_response(error))
            raise
        self._on_response(
            http_response(response.status_code, response.headers.get("content-type", ""), body, self._signal)
        )
        return response
