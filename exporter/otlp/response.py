"""What a collector answers to a request, over HTTP and over gRPC, as one plain value; pure."""

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
# OTLP's codes for what may go well later, without the busy one (2026-11). Over HTTP it is 5xx.
_PASSING_CODES = ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")
_RESPONSES: Mapping[Signal, Any] = {"metrics": ExportMetricsServiceResponse, "traces": ExportTraceServiceResponse}
_REJECTED: Mapping[Signal, str] = {"metrics": "rejected_data_points", "traces": "rejected_spans"}


Reason = Literal["unreachable", "busy", "refused"]


@dataclass(frozen=True)
class ExportFailure:
    """Why a request was not taken: nobody is there, too much is asked, or this request is not wanted."""

    reason: Reason
    words: str


@dataclass(frozen=True)
class CollectorResponse:
    """What came of a request: a fault, or it was taken, perhaps without `rejected` items of which `remark` tells."""

    fault: ExportFailure | None = None
    rejected: int = 0
    remark: str = ""

    @property
    def complete(self) -> bool:
        """Whether everything was taken."""
        return self.fault is None and not self.rejected


def no_answer(error: BaseException) -> CollectorResponse:
    """What a failing network or handshake means; the words are those of the error at the bottom of it."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return CollectorResponse(ExportFailure("unreachable", f"{type(error).__name__} {error}"))


def http_answer(status: int, content_type: str, body: bytes, signal: Signal) -> CollectorResponse:
    """What an HTTP response means. A redirect is refused: nobody follows it."""
    if not 200 <= status < 300:
        return CollectorResponse(_fault(str(status), body.decode(errors="replace"), passing=status >= 500))
    kind = content_type.partition(";")[0].strip().lower()
    try:
        # A page, such as one to sign in, is no protobuf either, and says that nothing was taken.
        return taken(_RESPONSES[signal].FromString(body if kind in (_PROTOBUF, _PAGE) else b""), signal)
    except DecodeError:
        return CollectorResponse(ExportFailure("refused", f"{status} with a body that is not what OTLP answers"))


def grpc_answer(code: str, details: str) -> CollectorResponse:
    """What a gRPC status other than OK means."""
    # gRPC begins with what is the same for every fault: failed to connect to all addresses; last error: ...
    return CollectorResponse(_fault(code, details.rpartition("last error: ")[2], passing=code in _PASSING_CODES))


def taken(response: Any, signal: Signal) -> CollectorResponse:
    """What OTLP's response message means: its partial success counts what was rejected."""
    partial = response.partial_success
    return CollectorResponse(rejected=getattr(partial, _REJECTED[signal]), remark=partial.error_message)


def _fault(code: str, said: str, *, passing: bool) -> ExportFailure:
    words = f"{code}: {said}" if said else code
    if code in _BUSY:
        return ExportFailure("busy", words)
    return ExportFailure("unreachable" if passing else "refused", words)
