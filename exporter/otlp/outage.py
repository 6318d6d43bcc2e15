"""Logs once that a collector does not take data, and once that it recovered."""

import logging

from exporter.log import event
from exporter.otlp.response import ExportFailure
from exporter.otlp.target import Signal

logger = logging.getLogger(__name__)


class Outage:
    """Remembers what was last logged about one signal."""

    def __init__(self, signal: Signal, endpoint: str) -> None:
        self._fields = {"signal": signal, "endpoint": endpoint}
        self._logged: str | None = None

    def report(self, failure: ExportFailure | None, rejected: int, remark: str) -> None:
        """Logs how an export went; the same trouble again is logged at debug level."""
        trouble = failure.reason if failure else "partial" if rejected else None
        level = logging.DEBUG if trouble == self._logged else logging.ERROR
        if failure is not None:
            event(logger, level, "otlp export failed", **self._fields, reason=failure.reason, error=failure.message)
        elif rejected:
            event(logger, level, "otlp export taken in part", **self._fields, rejected=rejected, error=remark)
        elif self._logged is not None:
            event(logger, logging.INFO, "otlp export recovered", **self._fields)
        self._logged = trouble
