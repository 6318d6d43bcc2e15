"""OTLP over gRPC: the SDK's exporters with a stub that reports the responses, which the SDK does not read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

from exporter.otlp.response import CollectorResponse, grpc_response, taken
from exporter.otlp.target import Signal, Target

_EXPORTERS: dict[Signal, type[OTLPMetricExporter | OTLPSpanExporter]] = {
    "metrics": OTLPMetricExporter,
    "traces": OTLPSpanExporter,
}


def exporter(target: Target, signal: Signal, on_response: Callable[[CollectorResponse], None]) -> Any:
    """The SDK's exporter of a signal; `on_response` is called after each attempt. Raises OSError for a TLS file."""
    tls = target.endpoint.startswith("https://")
    made = _EXPORTERS[signal](
        endpoint=target.endpoint,
        insecure=not tls,
        credentials=_credentials(target) if tls else None,
        headers=dict(target.headers),
        timeout=target.timeout,
        compression=grpc.Compression.Gzip if target.gzip else grpc.Compression.NoCompression,
    )
    _report_responses(made, signal, on_response, target.timeout)
    return made


def _report_responses(
    made: Any, signal: Signal, on_response: Callable[[CollectorResponse], None], timeout: float
) -> None:
    # There is no public access to the response (SDK 1.45). The SDK opens a new channel when a server goes away and then
    # calls `_stub` for it.
    make_stub = made._stub
    made._stub = lambda channel: _ReportingStub(make_stub(channel).Export, signal, on_response, timeout)
    made._client = made._stub(made._channel)


class _ReportingStub:
    """A stub that reports the response of each call."""

    def __init__(
        self, call: Callable[..., Any], signal: Signal, on_response: Callable[[CollectorResponse], None], timeout: float
    ) -> None:
        self._call = call
        self._signal = signal
        self._on_response = on_response
        self._timeout = timeout

    def Export(self, *, timeout: float, **request: Any) -> Any:  # noqa: N802 - the method's name in OTLP's service
        try:
            # The SDK computes its timeout from the time of day, so a clock set back would extend it.
            response = self._call(**request, timeout=min(timeout, self._timeout))
        except grpc.RpcError as error:
            self._on_response(grpc_response(error.code().name, error.details() or ""))
            raise
        self._on_response(taken(response, self._signal))
        return response


def _credentials(target: Target) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        _content(target.ca_file), _content(target.client_key_file), _content(target.client_certificate_file)
    )


def _content(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
