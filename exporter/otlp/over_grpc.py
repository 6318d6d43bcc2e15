"""OTLP over gRPC: the SDK's exporters with a stub that hears the answers, which the SDK does not read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

from exporter.otlp.response import CollectorResponse, grpc_answer, taken
from exporter.otlp.target import Signal, Target

_EXPORTERS: dict[Signal, type[OTLPMetricExporter | OTLPSpanExporter]] = {
    "metrics": OTLPMetricExporter,
    "traces": OTLPSpanExporter,
}


def exporter(target: Target, signal: Signal, hear: Callable[[CollectorResponse], None]) -> Any:
    """The SDK's exporter of a signal; `hear` is told the answer to each of its attempts. Raises OSError for a file."""
    tls = target.endpoint.startswith("https://")
    made = _EXPORTERS[signal](
        endpoint=target.endpoint,
        insecure=not tls,
        credentials=_credentials(target) if tls else None,
        headers=dict(target.headers),
        timeout=target.timeout,
        compression=grpc.Compression.Gzip if target.gzip else grpc.Compression.NoCompression,
    )
    _listen(made, signal, hear, target.timeout)
    return made


def _listen(made: Any, signal: Signal, hear: Callable[[CollectorResponse], None], timeout: float) -> None:
    # There is no public way to the response (SDK 1.45). The SDK makes its channel anew when a server goes away, and
    # then asks `_stub` for what it calls.
    make_stub = made._stub
    made._stub = lambda channel: _Listener(make_stub(channel).Export, signal, hear, timeout)
    made._client = made._stub(made._channel)


class _Listener:
    """Calls as a stub does, and tells what came of it."""

    def __init__(
        self, call: Callable[..., Any], signal: Signal, hear: Callable[[CollectorResponse], None], timeout: float
    ) -> None:
        self._call = call
        self._signal = signal
        self._hear = hear
        self._timeout = timeout

    def Export(self, *, timeout: float, **request: Any) -> Any:  # noqa: N802 - the method's name in OTLP's service
        try:
            # The SDK takes what is left until a time of day, which a clock that goes back puts off.
            response = self._call(**request, timeout=min(timeout, self._timeout))
        except grpc.RpcError as error:
            self._hear(grpc_answer(error.code().name, error.details() or ""))
            raise
        self._hear(taken(response, self._signal))
        return response


def _credentials(target: Target) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        _content(target.ca_file), _content(target.client_key_file), _content(target.client_certificate_file)
    )


def _content(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
