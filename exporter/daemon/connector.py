"""From the settings of a source to a client of its vendor, whose token and certificates are read at every poll."""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

from exporter.config.load import read_token
from exporter.config.source import SourceSettings
from exporter.errors import Rejected
from exporter.transport.client import Client
from exporter.transport.rate_limit import Budget
from exporter.vendors.base import Vendor

if TYPE_CHECKING:
    from exporter.otlp.tracing import Tracing


def connector(
    vendor: Vendor,
    settings: SourceSettings,
    stop: threading.Event,
    tracing: "Callable[[], Tracing | None]",
    *,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
) -> Callable[[Callable[[str], None]], Client]:
    """Makes a client for each poll, given what counts its requests; all of them share the source's budget."""
    budget = Budget(settings.requests_per_minute, monotonic=monotonic)

    def connect(count: Callable[[str], None]) -> Client:
        traced_by = tracing()
        try:
            token = read_token(settings)
        except (OSError, ValueError) as error:
            raise Rejected(f"token_file cannot be used: {error}") from error
        return Client(
            vendor=vendor.name,
            base_url=settings.base_url,
            headers=vendor.headers(token),
            timeout=settings.timeout.total_seconds(),
            budget=budget,
            stop=stop,
            count=count if traced_by is None else traced_by.counting(count),
            traced=nullcontext if traced_by is None else traced_by.requests(),
            now=now,
            monotonic=monotonic,
            ca_file=settings.ca_file,
        )

    return connect
