"""Checks what only Grafana's own front end can tell, on the built page in Chromium.

No name is cut at two widths of a screen, be it as long as those of `LONG`; and the days of a chart lie on the days of
their names in browsers of several zones.

First `npm install --ignore-scripts && npm run build` in this folder, and then, from the top of the repository,
`python -m docs.render.check`. It needs prometheus, promtool and chromium, and ten minutes.
"""

import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import ViewportSize

from docs.render import pictures
from exporter.simulator.company import Company
from exporter.simulator.server import serve
from tests.support import ninety_days
from tests.support.companies import utc_now

WIDTHS = (1280, 1920)
TALL = 5000
ZONES = ("UTC", "Europe/Berlin", "America/New_York")
# What the demo's sources and teams are called instead.
LONG = {
    "assistant": "assistant-of-the-whole-engineering",
    "workspaces-classic": "classic-workspaces-of-the-subsidiary",
    "payments": "payments-settlements-and-accounting",
    "guild-of-testing": "guild-of-testing-in-all-time-zones",
}
# Elements whose own text is wider than they are.
CUT = """() => [...document.querySelectorAll('#dashboard *')].filter((each) =>
  [...each.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim())
  && getComputedStyle(each).overflowX !== 'visible' && each.scrollWidth > each.clientWidth
  && !each.closest('[class*="sr-only"], button')).map((each) => each.textContent)"""
# The label of a day beside the moment at which it is drawn, as the browser's own clock shows it.
DAYS = """() => drawn.panels
  .filter(({panel}) => panel.type === 'timeseries' && panel.transformations?.some(({id}) => id === 'prepareTimeSeries'))
  .flatMap(({data}) => data.flatMap(({fields}) => fields[0].values))
  .map((time) => [new Date(time).toISOString().slice(0, 10), new Date(time).toLocaleDateString('sv')])"""


def main() -> None:
    """Prints what is wrong, and fails if anything is."""
    today = utc_now().date()
    company = Company(first_day=today - timedelta(days=400))
    with tempfile.TemporaryDirectory() as folder, ninety_days.serving(Path(folder), company, today) as servers:
        wrong = [*checked(servers.prometheus)]
    if wrong:
        sys.exit("\n".join(wrong))


def checked(prometheus: str) -> Iterator[str]:
    """What is wrong, in words."""
    with serve(pictures.pages(prometheus, LONG)) as site, pictures.chromium() as browser:
        for width in WIDTHS:
            page = browser.new_page(viewport=ViewportSize(width=width, height=TALL))
            for name in pictures.dashboards():
                pictures.show(page, f"{site.url}/index.html?dashboard={name}&width={width}")
                yield from (f"{name}, {width} pixels: {text}" for text in sorted({*page.evaluate(CUT)}))
            page.close()
        for zone in ZONES:
            page = browser.new_page(timezone_id=zone)
            pictures.show(page, f"{site.url}/index.html?dashboard=adoption-augment")
            moments = page.evaluate(DAYS)
            if len(moments) < ninety_days.DAYS:
                yield f"{zone}: {len(moments)} days are drawn"
            yield from (f"{zone}: {day} is drawn on {drawn}" for day, drawn in moments if day != drawn)
            page.close()


if __name__ == "__main__":
    main()
