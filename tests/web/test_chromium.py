"""The status page in a real browser: no overflow, nothing empty, no script, and the values of /api/v1/status."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from exporter.config.sections import Address
from exporter.publish.status import Report
from exporter.web.access import Guard, WebAccess
from exporter.web.bundled import shipped
from exporter.web.config_file import WebConfig
from tests.publish.test_label_texts import ODD
from tests.support import real_servers
from tests.support.daemons import PATIENCE
from tests.support.page_values import expected, shown
from tests.support.reports import Web, everything, report, scope, source
from tests.support.web_server import serving

pytestmark = pytest.mark.servers("chromium")

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WIDTHS = [320, 360, 768, 1280]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=real_servers.installed("chromium"), args=FLAGS, timeout=1000 * PATIENCE
        )
        yield browser
        browser.close()


@contextmanager
def page_of(made: Report, browser: Browser, **options: object) -> Iterator[tuple[Page, Address, list[str]]]:
    """The page about a report in a browser, its address, and what the browser complained about."""
    app = Guard(Web(report=made).application(), WebAccess(WebConfig()))
    with serving(app) as address:
        context = browser.new_context(**options)  # type: ignore[arg-type]  # the names and types are playwright's
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto(f"http://{address}/")
        yield page, address, complaints
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_every_screen_and_is_not_empty(browser: Browser, width: int, scheme: str, tmp_path: Path) -> None:
    with page_of(everything(), browser, viewport={"width": width, "height": 800}, color_scheme=scheme) as (
        page,
        _,
        said,
    ):
        overflow = page.evaluate("document.documentElement.scrollWidth")
        wide = page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.outerHTML.slice(0, 80))"
        )
        picture = page.screenshot(full_page=True, path=tmp_path / "page.png")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert (overflow, wide, said) == (width, [], [])
    # A blank page of this size compresses to next to nothing.
    assert len(zlib.compress(picture)) > 20_000
    assert ground == ("rgb(243, 245, 249)" if scheme == "light" else "rgb(14, 19, 26)")


def test_every_value_in_the_browser_is_that_of_the_api(browser: Browser) -> None:
    with page_of(everything(), browser) as (page, address, _):
        values = shown(page.content())
        document = httpx.get(f"http://{address}/api/v1/status", timeout=PATIENCE).json()

    assert values == expected(document)
    assert len(values) > 60


def test_it_is_the_same_without_javascript(browser: Browser) -> None:
    with page_of(everything(), browser) as (page, _, _said):
        with_it = page.screenshot(full_page=True)
    with page_of(everything(), browser, java_script_enabled=False) as (page, _, _said):
        without_it = page.screenshot(full_page=True)

    assert without_it == with_it


def test_every_scope_has_a_picture_that_can_be_seen(browser: Browser) -> None:
    with page_of(report(source("a", scope("one"), scope("two"))), browser) as (page, _, _said):
        boxes = page.evaluate("[...document.querySelectorAll('svg path')].map(e => e.getBoundingClientRect().height)")
        fills = page.evaluate(
            "[...document.querySelectorAll('path.days, path.last')].map(e => getComputedStyle(e).fill)"
        )

    assert len(boxes) == 6
    assert min(boxes) > 20
    assert set(fills) == {"rgb(154, 165, 238)", "rgb(68, 83, 214)"}


def test_an_inline_script_or_style_would_not_run(browser: Browser) -> None:
    with page_of(everything(), browser) as (page, _, said):
        ran = page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
            " document.body.append(s); document.body.setAttribute('style', 'display: none');"
            " return [window.ran, getComputedStyle(document.body).display] }"
        )

    assert ran == [None, "block"]
    assert sum("Content Security Policy" in complaint for complaint in said) == 2


def test_every_link_leads_somewhere(browser: Browser) -> None:
    with page_of(everything(), browser) as (page, address, _):
        links = page.evaluate("[...document.querySelectorAll('a, link')].map(e => e.href)")
        answers = {link: httpx.get(link, timeout=PATIENCE).status_code for link in links}

    assert all(link.startswith(f"http://{address}/") for link in links)
    assert set(answers.values()) == {200}


def test_a_thousand_scopes_are_shown_at_once(browser: Browser) -> None:
    made = report(source("product", *[scope(f"group/project-{number:04}", number) for number in range(1000)]))
    with page_of(made, browser, viewport={"width": 360, "height": 800}) as (page, _, said):
        rows = page.locator("li.scope").count()
        more = page.locator(".more").inner_text()
        with page.expect_navigation(wait_until="load"):
            page.locator(".more a").click()
        alone = page.locator("li.scope").count()

    assert (rows, alone, said) == (20, 500, [])
    assert more == "980 more scopes of 1,000: show product alone."


def test_the_page_of_dashboards_fits_a_phone(browser: Browser) -> None:
    with page_of(report(source()), browser, viewport={"width": 360, "height": 800}) as (page, _, said):
        with page.expect_navigation(wait_until="load"):
            page.get_by_role("link", name="Dashboards").click()
        overflow = page.evaluate("document.documentElement.scrollWidth")
        files = page.locator(".files a").count()

    assert (overflow, said) == (360, [])
    assert files == len(shipped())


def test_a_scope_has_the_very_name_that_the_vendor_gives_it(browser: Browser) -> None:
    names = {"".join(ODD), "".join(map(chr, range(1, 0x300)))}
    with page_of(report(source("product", *map(scope, names))), browser) as (page, _, said):
        found = page.evaluate(
            "[...document.querySelectorAll('li.scope')].map(e => [e.dataset.scope, e.querySelector('h3').textContent])"
        )

    assert (sorted(found), said) == (sorted([name, name] for name in names), [])
