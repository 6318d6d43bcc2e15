"""From the configuration to the pusher of metrics, and of traces where configured, over OTLP."""

import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from exporter.config.load import Config
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache

if TYPE_CHECKING:
    from exporter.otlp.push import Pusher
    from exporter.otlp.tracing import Tracing


def pushing(
    config: Config,
    cache: ExpositionCache,
    self_metrics: SelfMetrics,
    *,
    ready_at: Callable[[str], timedelta],
    now: Callable[[], datetime],
    stop: threading.Event,
) -> "tuple[Pusher, Tracing | None]":
    """The pusher of a configuration with an `otlp` section, and its tracing where configured.

    `ready_at` is called with a source's name at each push: a reload may have changed the configuration by then.
    """
    # Imported here: OpenTelemetry costs 10 MB and 0.2 s, which only those who push should pay.
    from exporter.otlp import client, push, tracing
    from exporter.otlp.response import CollectorResponse

    settings = config.otlp
    assert settings is not None

    def count(answer: CollectorResponse) -> None:
        self_metrics.exported(failed=not answer.complete, rejected=answer.rejected)

    resource = client.resource(config.web.listen_address.port)
    sender = client.connect(settings, os.environ, resource, count)
    traces = tracing.connect(settings, os.environ, resource, count) if settings.traces else None
    self_metrics.otlp()
    pusher = push.Pusher(
        sender=sender,
        cache=cache,
        self_metrics=self_metrics,
        interval=settings.interval.total_seconds(),
        ready_at=ready_at if settings.timestamp == "published" else None,
        now=now,
        monotonic=monotonic,
        stop=stop,
        at_end=traces.close if traces is not None else lambda: None,
    )
    return pusher, traces
