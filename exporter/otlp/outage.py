"""Says once that a collector does not take what it is sent, and once that it does again."""

import logging

from exporter.log import event
from exporter.otlp.response import ExportFailure
from exporter.otlp.target import Signal

logger = logging.getLogger(__name__)


class Outage:
    """What was last logged of one signal."""

    def __init__(self, signal: Signal, endpoint: str) -> None:
        self._fields = {"signal": signal, "endpoint": endpoint}
        self._logged: str | None = None

    def heard(self, fault: ExportFailure | None, rejected: int, remark: str) -> None:
        """Takes in how an export went: the same trouble again is said at debug level only."""
        trouble = fault.reason if fault else "partial" if rejected else None
        level = logging.DEBUG if trouble == self._logged else logging.ERROR
        if fault is not None:
            event(logger, level, "otlp export failed", **self._fields, reason=fault.reason, error=fault.words)
        elif rejected:
            event(logger, level, "otlp export taken in part", **self._fields, rejected=rejected, error=remark)
        elif self._logged is not None:
            event(logger, logging.INFO, "otlp export recovered", **self._fields)
        self._logged = trouble
