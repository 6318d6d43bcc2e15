"""Clients of a made-up vendor with a test's own responses and pauses that take no time."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from exporter.errors import VendorError
from exporter.transport.client import Client
from exporter.transport.rate_limit import Budget
from tests.support.any_endpoint import AnyEndpoint
from tests.support.daemons import PATIENCE
from tests.support.pauses import Pauses

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TOKEN = "s3cret-token"


@dataclass
class World:
    """Makes clients and records the status codes that they count and the seconds that they wait."""

    closing: ExitStack = field(default_factory=ExitStack)
    defaults: dict[str, Any] = field(default_factory=dict)
    stop: Pauses = field(default_factory=Pauses)
    statuses: list[int | None] = field(default_factory=list)

    def client(self, **changes: Any) -> Client:
        budget = changes.pop("budget", Budget(600, monotonic=self.stop.monotonic))
        given: dict[str, Any] = {
            "vendor": "augment",
            "base_url": "https://api.example.com",
            "headers": {"Authorization": f"Bearer {TOKEN}"},
            "timeout": PATIENCE,
            "endpoints": AnyEndpoint(budget),
            "stop": self.stop,
            "count": self.statuses.append,
            "now": lambda: NOON + timedelta(seconds=self.stop.monotonic()),
            "monotonic": self.stop.monotonic,
            "jitter": lambda: 0.5,
        }
        return self.closing.enter_context(Client(**{**given, **self.defaults, **changes}))

    def answering(self, *answers: httpx.Response | Exception, **changes: Any) -> Client:
        """A client whose n-th request gets the n-th answer, or raises it."""
        left = iter(answers)

        def answer(request: httpx.Request) -> httpx.Response:
            reply = next(left)
            if isinstance(reply, Exception):
                raise reply
            return reply

        return self.client(transport=httpx.MockTransport(answer), **changes)


def json_answer(status: int, body: object = "", **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})


def failure(call: Callable[[], object]) -> VendorError:
    with pytest.raises(VendorError) as raised:
        call()
    return raised.value
