"""The response to a scrape: parts rendered before, sent in pieces."""

import asyncio
from collections.abc import Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exporter.publish.body import gzipped
from exporter.publish.prometheus import CONTENT_TYPES, END
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import Snapshot
from exporter.web.negotiation import accepts_gzip, negotiate

_SMALLEST = 64 * 2**10
_LARGEST = 2**20


class Exposition(Response):
    """A body in parts, sent in pieces that grow while the client keeps up.

    A client that does not read keeps one small piece in memory, not a copy of 20 MB; one that does gets few large ones.
    """

    def __init__(self, parts: Sequence[bytes], headers: dict[str, str]) -> None:
        super().__init__(headers={**headers, "content-length": str(sum(map(len, parts)))})
        self._parts = parts
        self._size = _SMALLEST

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the parts as fast as the client takes them."""
        loop = asyncio.get_running_loop()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self._pieces():
            waited = asyncio.Event()
            # Where `send` waits for the client, the loop has a turn.
            turn = loop.call_soon(waited.set)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            turn.cancel()
            self._size = _SMALLEST if waited.is_set() else min(2 * self._size, _LARGEST)
        await send({"type": "http.response.body"})

    def _pieces(self) -> Iterator[bytes]:
        waiting: list[bytes] = []
        size = 0
        for part in self._parts:
            start = 0
            while start < len(part):
                waiting.append(part[start : start + self._size - size])
                start += len(waiting[-1])
                size += len(waiting[-1])
                if size >= self._size:
                    yield b"".join(waiting)
                    waiting, size = [], 0
        if waiting:
            yield b"".join(waiting)


def exposition(request: Request, snapshot: Snapshot, self_metrics: SelfMetrics) -> Exposition:
    """The published samples as text or OpenMetrics, gzipped if the client accepts that."""
    form = negotiate(_whole(request, "accept"))
    first, rest = snapshot.parts[form], self_metrics.render(form) + END[form]
    headers = {"content-type": CONTENT_TYPES[form], "vary": "Accept, Accept-Encoding"}
    if accepts_gzip(_whole(request, "accept-encoding")):
        return Exposition(gzipped(first, rest), {**headers, "content-encoding": "gzip"})
    return Exposition((*first.pieces, rest), headers)


def _whole(request: Request, header: str) -> str:
    """A list header, joined from all its lines."""
    return ", ".join(request.headers.getlist(header))
