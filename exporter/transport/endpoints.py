"""Which requests a vendor's code may send, and the rate limit of each.

Keys that read can often write too, and reads can be POSTs (Cursor, 2026-11): so each vendor lists its exact requests in
`Vendor.endpoints`, and the client sends nothing else, whatever the configuration holds.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from exporter.transport.rate_limit import BURST, Budget

# What one segment of a path may hold; httpx would cut a path at the others.
_SEGMENT = re.compile(r"[^/?#\\\x00-\x20\x7f]+")
_PLACE = re.compile(r"\{\w+\}")
_SEPARATOR = re.compile(r"[/\\]")


class UnlistedRequestError(Exception):
    """Our code asks for what its vendor does not list. A bug, and nothing was sent."""


class Endpoint(NamedTuple):
    """What a request goes to; `path` has no query."""

    method: str
    path: str


@dataclass(frozen=True)
class Allowed:
    """A request that may be sent: a method, and a path below `base_url` in which `{name}` stands for one segment.

    It takes from the source's `requests_per_minute`, or with `times` from a rate limit of its own, which is so many
    times as high and allows `burst` requests at once. `Allowed("POST", "/teams/events", times=2.5, burst=10)` is 50 a
    minute where the source has 20, and half of that where an operator gives it 10.
    """

    method: str
    path: str
    times: float | None = None
    burst: int = BURST

    def permits(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is this one. A segment that a server could take for a step upwards is none."""
        if endpoint.method != self.method:
            return False
        wanted, given = self.path.split("/"), endpoint.path.split("/")
        return len(wanted) == len(given) and all(map(_fits, wanted, given))


class Endpoints:
    """The requests that may be sent to one source, within their rate limits. It outlives clients; threads may share it.

    `per_minute` is the source's rate limit.
    """

    def __init__(self, allowed: Sequence[Allowed], per_minute: float, *, monotonic: Callable[[], float]) -> None:
        self._allowed = allowed
        self._shared = Budget(per_minute, monotonic=monotonic)
        self._own: Mapping[Allowed, Budget] = {
            one: Budget(per_minute * one.times, monotonic=monotonic, burst=one.burst)
            for one in allowed
            if one.times is not None
        }

    def budget(self, vendor: str, endpoint: Endpoint) -> Budget:
        """The rate limit of a request; raises UnlistedRequestError for one that is not listed."""
        for one in self._allowed:
            if one.permits(endpoint):
                return self._own.get(one, self._shared)
        raise UnlistedRequestError(f"{vendor} lists no request {endpoint.method} {endpoint.path}")


def _fits(wanted: str, given: str) -> bool:
    if not _PLACE.fullmatch(wanted):
        return wanted == given
    steps = _SEPARATOR.split(unquote(given))
    return _SEGMENT.fullmatch(given) is not None and "." not in steps and ".." not in steps
