"""Makes docs/pictures: ninety days of the demo in a real Prometheus, drawn in Chromium.

First `npm install --ignore-scripts && npm run build` in this folder, and then, from the top of the repository,
`python -m docs.render.pictures`. It needs prometheus, promtool and chromium, and twelve minutes.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import sleep

import httpx
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from exporter.simulator.company import Company
from exporter.simulator.server import VENDORS as SIMULATED
from exporter.simulator.server import serve
from exporter.vendors.registry import VENDORS
from tests.support import ninety_days
from tests.support.companies import utc_now

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PICTURES = ROOT / "docs" / "pictures"
DASHBOARDS = ROOT / "grafana" / "dashboards"
# So that the dashboard about the exporter has something to show.
MINUTES = 10
# Vendors of which the demo has no source.
NOT_SIMULATED = VENDORS.keys() - SIMULATED.keys()
# Drawn in light colors too.
LIGHT = ("adoption-overview", "adoption-augment")
PHONE = ViewportSize(width=390, height=844)
SCREEN = ViewportSize(width=1600, height=1200)
# Tables outside the window are drawn empty.
WHOLE = ViewportSize(width=1600, height=5000)
# What is not shown as it opens: the exporter has only minutes of its own history here.
QUERIES = {"adoption-exporter": f"&from={MINUTES}m"}


def main() -> None:
    """Starts the servers, waits, and draws."""
    today = utc_now().date()
    company = Company(first_day=today - timedelta(days=400))
    with (
        tempfile.TemporaryDirectory() as folder,
        ninety_days.serving(Path(folder), company, today, interval="1m") as servers,
    ):
        sleep(60 * MINUTES)
        draw(servers)


def draw(servers: ninety_days.Servers) -> None:
    """Writes pictures of each dashboard and of the status page, which is drawn for a phone too."""
    PICTURES.mkdir(exist_ok=True)
    with serve(pages(servers.prometheus)) as site, chromium() as browser:
        page = browser.new_page(viewport=SCREEN)
        page.goto(servers.exporter)
        for name, size in (("status-page-phone", PHONE), ("status-page", SCREEN)):
            page.set_viewport_size(size)
            page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
        page.set_viewport_size(WHOLE)
        for name in dashboards():
            picture(page, f"{site.url}/index.html?dashboard={name}{QUERIES.get(name, '')}", name)
            if name in LIGHT:
                picture(page, f"{site.url}/index.html?dashboard={name}&theme=light", f"{name}-light")


def dashboards() -> list[str]:
    """The names of those of which the demo has something to show."""
    names = sorted(file.stem for file in DASHBOARDS.glob("*.json"))
    return [name for name in names if name.removeprefix("adoption-") not in NOT_SIMULATED]


def picture(page: Page, address: str, name: str) -> None:
    """Writes a picture of the dashboard at the address."""
    show(page, address)
    page.locator("#dashboard").screenshot(path=PICTURES / f"{name}.png")


def show(page: Page, address: str) -> None:
    """Waits until the dashboard at the address is drawn."""
    page.goto(address)
    page.wait_for_function("/^(ready|error)/.test(document.title)", timeout=120_000)
    if page.title() != "ready":
        raise SystemExit(f"{address}: {page.title()}")


def pages(prometheus: str, names: Mapping[str, str] | None = None) -> Starlette:
    """The built page, the dashboards, and Prometheus under /prometheus, where values of labels have other `names`."""
    called = names or {}
    own = {other: name for name, other in called.items()}

    async def ask(request: Request) -> Response:
        parameters = dict(request.query_params)
        for other, name in own.items():
            parameters["query"] = parameters["query"].replace(f'"{other}"', f'"{name}"')
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.get(prometheus + request.url.path.removeprefix("/prometheus"), params=parameters)
        body = answer.json()
        for found in body["data"]["result"] if called else ():
            found["metric"] = {label: _called(value, called) for label, value in found["metric"].items()}
        return Response(json.dumps(body), answer.status_code, media_type="application/json")

    return Starlette(
        routes=[
            Route("/prometheus/{path:path}", ask),
            Mount("/dashboards", StaticFiles(directory=DASHBOARDS)),
            Mount("/", StaticFiles(directory=HERE / "dist")),
        ]
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium that is installed."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        yield browser
        browser.close()


def _called(value: str, names: Mapping[str, str]) -> str:
    """The value of a label, in which a source, a scope and the like may stand one after the other."""
    return " · ".join(names.get(part, part) for part in value.split(" · "))


if __name__ == "__main__":
    main()
