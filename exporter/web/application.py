"""The pages by their addresses; none of them could make anybody call a vendor."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from exporter.health import Health
from exporter.snapshot import Board
from exporter.web.exposition import exposition


@dataclass(frozen=True)
class Pages:
    """What the web shows; functions where the answer changes."""

    board: Board
    health: Health
    ready: Callable[[], bool]


def application(pages: Pages) -> Starlette:
    """The web application."""

    async def metrics(request: Request) -> Response:
        return exposition(request, pages.board.snapshot, pages.health)

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("adoption-exporter is healthy.\n")

    async def ready(_request: Request) -> Response:
        if pages.ready():
            return PlainTextResponse("adoption-exporter is ready.\n")
        return PlainTextResponse("Not every source was polled yet.\n", status_code=503)

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/-/healthy", healthy),
            Route("/-/ready", ready),
        ]
    )
