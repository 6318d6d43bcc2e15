"""One signal's link to its collector: sends what it is given, and says what came of it."""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.trace import ReadableSpan

from exporter.otlp.response import CollectorResponse, ExportFailure
from exporter.otlp.target import Signal, Target
from exporter.redaction import presentable, secrets

# Switches of the whole process: both would write a line of their own for each attempt, gRPC past every logger.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

# Over gRPC and over HTTP.
_OUT_OF_TIME = ("DEADLINE_EXCEEDED", "TimeoutError")


class OtlpClient:
    """An exporter of the SDK, whose retries end with the target's timeout; for one thread at a time.

    Raises OSError where a TLS file cannot be read.
    """

    def __init__(self, target: Target, signal: Signal) -> None:
        self.endpoint = target.endpoint
        self._hidden = secrets(target.headers)
        self._exporter = _sdk_exporter(target, signal, self._hear)
        self._answer: CollectorResponse | None = None

    def send(self, data: MetricsData | Sequence[ReadableSpan]) -> CollectorResponse:
        """Sends one request, again after a passing fault, and gives the last answer."""
        self._answer = None
        result = self._exporter.export(data)
        answer = self._answer or CollectorResponse(ExportFailure("refused", "no request could be made of it"))
        if answer.fault is None and result.name != "SUCCESS":
            answer = CollectorResponse(ExportFailure("refused", "the answer could not be read"))
        return self._presentable(answer)

    def close(self) -> None:
        """Closes the connection; a retry that waits ends."""
        self._exporter.shutdown()

    def _hear(self, answer: CollectorResponse) -> None:
        # A last attempt that only ran out of time says less than the one before it.
        if self._answer is None or answer.fault is None or not answer.fault.words.startswith(_OUT_OF_TIME):
            self._answer = answer

    def _presentable(self, answer: CollectorResponse) -> CollectorResponse:
        """The answer without anything in it that belongs into no log."""
        fault = answer.fault and replace(answer.fault, words=presentable(answer.fault.words, self._hidden))
        return replace(answer, fault=fault, remark=presentable(answer.remark, self._hidden))


def _sdk_exporter(target: Target, signal: Signal, hear: Callable[[CollectorResponse], None]) -> Any:
    # Imported here since each costs megabytes, and only one is in use.
    if target.protocol == "grpc":
        from exporter.otlp import over_grpc

        return over_grpc.exporter(target, signal, hear)
    from exporter.otlp import over_http

    return over_http.exporter(target, signal, hear)
