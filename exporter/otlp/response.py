"""The response of a collector, over HTTP or gRPC, as one plain value; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from exporter.otlp.target import Signal

_PROTOBUF = "application/x-protobuf"
_PAGE = "text/html"
_BUSY = ("429", "RESOURCE_EXHAUSTED")
_TIMEOUT_CODE = "DEADLINE_EXCEEDED"
# OTLP's gRPC codes of transient failures, without the busy one (2026-11). Over HTTP these are 5xx.
_TRANSIENT_CODES = ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")
_RESPONSES: Mapping[Signal, Any] = {"metrics": ExportMetricsServiceResponse, "traces": ExportTraceServiceResponse}
_REJECTED: Mapping[Signal, str] = {"metrics": "rejected_data_points", "traces": "rejected_spans"}

Reason = Literal["unreachable", "busy", "refused"]


@dataclass(frozen=True)
class ExportFailure:
    """Why a request was not taken: the collector is unreachable, is busy, or refuses this request.

    With `timed_out` no response came within the timeout.
    """

    reason: Reason
    message: str
    timed_out: bool = False


@dataclass(frozen=True)
class CollectorResponse:
    """The outcome of a request: a failure, or it was taken without `rejected` items, which `remark` explains."""

    failure: ExportFailure | None = None
    rejected: int = 0
    remark: str = ""

    @property
    def complete(self) -> bool:
        """Whether everything was taken."""
        return self.failure is None and not self.rejected


def no_response(error: BaseException) -> CollectorResponse:
    """The outcome of a failed connection or handshake; the message is that of the root cause."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    message = f"{type(error).__name__} {error}"
    return CollectorResponse(ExportFailure("unreachable", message, timed_out=isinstance(error, TimeoutError)))


def http_response(status: int, content_type: str, body: bytes, signal: Signal) -> CollectorResponse:
    """The outcome that an HTTP response reports. A redirect is a refusal: it is never followed."""
    if not 200 <= status < 300:
        return CollectorResponse(_failure(str(status), body.decode(errors="replace"), transient=status >= 500))
    kind = content_type.partition(";")[0].strip().lower()
    try:
        # An HTML page, such as one to sign in, is no protobuf: parsing it fails, as it should.
        return taken(_RESPONSES[signal].FromString(body if kind in (_PROTOBUF, _PAGE) else b""), signal)
    except DecodeError:
        return CollectorResponse(ExportFailure("refused", f"{status} with a body that is not what OTLP answers"))


def grpc_response(code: str, details: str) -> CollectorResponse:
    """The outcome that a gRPC status other than OK reports."""
    # gRPC puts the same words before every error: failed to connect to all addresses; last error: ...
    words = details.rpartition("last error: ")[2]
    return CollectorResponse(_failure(code, words, transient=code in _TRANSIENT_CODES))


def taken(response: Any, signal: Signal) -> CollectorResponse:
    """The outcome that OTLP's response message reports: its partial success counts the rejected items."""
    partial = response.partial_success
    return CollectorResponse(rejected=getattr(partial, _REJECTED[signal]), remark=partial.error_message)


def _failure(code: str, words: str, *, transient: bool) -> ExportFailure:
    message = f"{code}: {words}" if words else code
    if code in _BUSY:
        return ExportFailure("busy", message)
    return ExportFailure("unreachable" if transient else "refused", message, timed_out=code == _TIMEOUT_CODE)
