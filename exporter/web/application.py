"""The pages and their routes. Only a reload causes calls to a vendor, for sources that it adds or changes."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from exporter import __version__
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.publish.status import Reload, Report
from exporter.web.bundled import shipped
from exporter.web.exposition import exposition
from exporter.web.status_json import as_json
from exporter.web.status_page import status_page
from exporter.web.templates import render


@dataclass(frozen=True)
class Pages:
    """The data of the pages, as functions if it changes."""

    cache: ExpositionCache
    self_metrics: SelfMetrics
    healthy: Callable[[], bool]
    ready: Callable[[], bool]
    report: Callable[[], Report]
    config: Callable[[], Mapping[str, object]]
    reload: Callable[[], Reload]


def application(pages: Pages, prefix: str = "") -> Starlette:
    """The web application; `prefix` starts every path, "" or /like/this."""
    # Slow work runs in a thread, one request at a time.
    reporting, reloading = asyncio.Lock(), asyncio.Lock()

    async def metrics(request: Request) -> Response:
        snapshot = pages.cache.snapshot
        if not snapshot.body.is_made:
            # The first scrape after publications that followed each other fast; others are answered meanwhile.
            await run_in_threadpool(snapshot.body.make)
        return exposition(request, snapshot, pages.self_metrics)

    async def healthy(_request: Request) -> Response:
        if pages.healthy():
            return PlainTextResponse("adoption-exporter is healthy.\n")
        return PlainTextResponse("The scheduler does not run: nothing is polled, restart me.\n", status_code=503)

    async def ready(_request: Request) -> Response:
        if pages.ready():
            return PlainTextResponse("adoption-exporter is ready.\n")
        return PlainTextResponse("Not every source was polled yet.\n", status_code=503)

    async def reload(_request: Request) -> Response:
        async with reloading:
            outcome = await run_in_threadpool(pages.reload)
        if outcome.mistakes:
            return PlainTextResponse(_lines("The configuration is kept as it was.", *outcome.mistakes), status_code=500)
        return PlainTextResponse(_lines(*outcome.changes, *outcome.credentials))

    async def config(_request: Request) -> Response:
        return PlainTextResponse(yaml.safe_dump(pages.config(), allow_unicode=True, sort_keys=False))

    async def status(request: Request) -> Response:
        source = request.query_params.get("source")
        async with reporting:
            return HTMLResponse(await run_in_threadpool(lambda: status_page(pages.report(), source)))

    async def status_json(_request: Request) -> Response:
        async with reporting:
            return await run_in_threadpool(lambda: JSONResponse(as_json(pages.report())))

    async def dashboards(_request: Request) -> Response:
        return HTMLResponse(
            await run_in_threadpool(lambda: render("dashboards.html", version=__version__, names=files))
        )

    async def dashboard(request: Request) -> Response:
        path = files.get(request.path_params["name"])
        if path is None:
            return PlainTextResponse("Not Found", status_code=404)
        return FileResponse(path, media_type="application/json" if path.suffix == ".json" else "text/plain")

    files = shipped()
    routes = [
        Route("/", status),
        Route("/metrics", metrics),
        Route("/config", config),
        Route("/api/v1/status", status_json),
        Route("/dashboards", dashboards),
        Route("/dashboards/{name:path}", dashboard),
        Route("/-/healthy", healthy),
        Route("/-/ready", ready),
        Route("/-/reload", reload, methods=["POST"]),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]
    if not prefix:
        return Starlette(routes=routes)

    async def elsewhere(_request: Request) -> Response:
        return RedirectResponse(f"{prefix}/")

    return Starlette(routes=[Route("/", elsewhere), Route(prefix, elsewhere), Mount(prefix, routes=routes)])


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)
