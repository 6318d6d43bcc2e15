"""In which pieces a scrape is sent."""

import asyncio

import pytest
from starlette.types import Message

from exporter.web.exposition import Exposition

KIB = 2**10


async def never() -> Message:
    raise AssertionError("nothing is received")


@pytest.mark.parametrize(
    ("keeps_up", "sizes"),
    [(True, [64, 128, 256, 512, 1024, 1024, 92]), (False, [*[64] * 48, 28])],
)
def test_pieces_grow_while_the_client_keeps_up(keeps_up: bool, sizes: list[int]) -> None:
    body = bytes(range(250)) * 4 * KIB * 3 + bytes(100 * KIB)
    sent = []

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))
        if not keeps_up:
            await asyncio.sleep(0)

    parts = [body[: 1500 * KIB], b"", body[1500 * KIB :]]
    asyncio.run(Exposition(parts, {})({"type": "http"}, never, send))

    assert b"".join(sent) == body
    assert [len(piece) // KIB for piece in sent if piece] == sizes


def test_a_client_that_stops_reading_gets_small_pieces_again() -> None:
    sizes = []

    async def send(message: Message) -> None:
        sizes.append(len(message.get("body", b"")) // KIB)
        if len(sizes) == 5:
            await asyncio.sleep(0)

    asyncio.run(Exposition([bytes(1200 * KIB)], {})({"type": "http"}, never, send))

    assert sizes == [0, 64, 128, 256, 512, 64, 128, 48, 0]
