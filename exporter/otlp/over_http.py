"""OTLP over HTTP: the SDK's exporters on a session that hears the answers, which the SDK does not read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from requests.adapters import HTTPAdapter

from exporter.otlp.response import CollectorResponse, http_answer, no_answer
from exporter.otlp.target import Signal, Target

_EXPORTERS: dict[Signal, type[OTLPMetricExporter | OTLPSpanExporter]] = {
    "metrics": OTLPMetricExporter,
    "traces": OTLPSpanExporter,
}


def exporter(target: Target, signal: Signal, hear: Callable[[CollectorResponse], None]) -> Any:
    """The SDK's exporter of a signal; `hear` is told the answer to each of its attempts."""
    session = requests.Session()
    session.mount("http://", _Listener(target, signal, hear))
    session.mount("https://", _Listener(target, signal, hear))
    # Otherwise a password for the host in ~/.netrc would replace an authorization header.
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


class _Listener(HTTPAdapter):
    """Sends as requests does, and tells what came of it."""

    def __init__(self, target: Target, signal: Signal, hear: Callable[[CollectorResponse], None]) -> None:
        super().__init__()
        self._signal = signal
        self._hear = hear
        # Said again for each request: requests lets REQUESTS_CA_BUNDLE go before the CA that its session was given.
        self._authority = {} if target.ca_file is None else {"verify": str(target.ca_file)}
        self._timeout = target.timeout

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        try:
            # The SDK takes what is left until a time of day, which a clock that goes back puts off.
            timeout = min(options["timeout"], self._timeout)
            response = super().send(request, *arguments, **{**options, **self._authority, "timeout": timeout})
            body = response.content
        except OSError as error:
            self._hear(no_answer(error))
            raise
        self._hear(http_answer(response.status_code, response.headers.get("content-type", ""), body, self._signal))
        return response
