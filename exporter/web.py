"""What answers HTTP: cached bytes, health, and nothing that could make anybody call a vendor."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from exporter.expose.prometheus import CONTENT_TYPES, Format, body, gzip_body, render_collector
from exporter.health import Health
from exporter.snapshot import Board


@dataclass(frozen=True)
class Pages:
    """What the web shows; functions where the answer changes."""

    board: Board
    health: Health
    ready: Callable[[], bool]


def application(pages: Pages) -> Starlette:
    """The web application."""

    async def metrics(request: Request) -> Response:
        form = negotiate(request.headers.get("accept", ""))
        first = pages.board.snapshot.parts[form]
        rest = render_collector(pages.health.registry, form)
        headers = {"content-type": CONTENT_TYPES[form], "vary": "Accept, Accept-Encoding"}
        if accepts_gzip(request.headers.get("accept-encoding", "")):
            return Response(gzip_body(first, rest, form), headers={**headers, "content-encoding": "gzip"})
        return Response(body(first, rest, form), headers=headers)

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


def negotiate(accept: str) -> Format:
    """The exposition format that an Accept header asks for; text where it does not name OpenMetrics."""
    qualities = _qualities(accept)
    openmetrics = qualities.get("application/openmetrics-text", 0)
    return "openmetrics" if 0 < openmetrics >= qualities.get("text/plain", 0) else "text"


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    qualities = _qualities(accept_encoding)
    return qualities.get("gzip", qualities.get("*", 0)) > 0


def _qualities(header: str) -> dict[str, float]:
    """The best quality of each item of an Accept header; parameters other than q are ignored."""
    best: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter.removeprefix("q="))
                except ValueError:
                    quality = 0.0
        best[name] = max(quality, best.get(name, 0.0))
    return best
