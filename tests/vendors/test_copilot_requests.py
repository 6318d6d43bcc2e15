"""GitHub Copilot through real servers: what goes to the host of reports, and how many requests a poll takes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from exporter.model import ONE_DAY
from exporter.simulator.company import Company
from exporter.simulator.copilot import copilot_app, reports_app
from exporter.simulator.server import serve
from tests.support.github import ACME, GitHub, at, lines, recorded, row
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

TOKEN = "ghp_s3cretOfTheVendor"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
COMPANY = Company(people=40, first_day=NOW.date() - timedelta(days=100), rests=False)


@dataclass
class Watched:
    """An application, with the headers and queries of every request to it."""

    app: ASGIApp
    heard: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            head = b"\n".join(b": ".join(pair) for pair in scope["headers"])
            self.heard.append(f"{scope['path']}?{scope['query_string'].decode()}\n{head.decode('latin-1')}")
        await self.app(scope, receive, send)


@contextmanager
def two_hosts(**settings: Any) -> Iterator[tuple[VendorPolls, Watched, Watched]]:
    """A source at GitHub whose reports are on a host of their own."""
    reports = Watched(reports_app(COMPANY, lambda: NOW))
    with serve(reports) as second:
        github = Watched(copilot_app(COMPANY, lambda: NOW, token=TOKEN, reports_at=second.url))
        with serve(github) as first:
            given = {
                "base_url": first.url,
                "token": TOKEN,
                "organizations": ["acme"],
                "report_hosts": [second.url.removeprefix("http://")],
                "history": timedelta(days=7),
                **settings,
            }
            yield VendorPolls("copilot", given, NOW), github, reports


def test_the_second_host_never_sees_a_secret_of_the_first(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with two_hosts(teams={"from": "vendor"}, identity="saml") as (bench, github, reports):
        status = bench.poll()

    assert status.failure is None
    assert len(reports.heard) == 7 * 3
    assert [head for head in reports.heard if TOKEN in head or "authorization" in head or "cookie" in head] == []
    assert all(f"authorization: Bearer {TOKEN}" in head for head in github.heard)
    assert [head for head in github.heard if "sig=" in head] == []
    assert [line for line in caplog.messages if "sig=" in line or TOKEN in line] == []


def test_without_its_host_among_report_hosts_no_link_is_followed() -> None:
    with two_hosts(report_hosts=["copilot-reports.github.com"]) as (bench, _, reports):
        status = bench.poll()

    assert status.failure is not None
    assert "a download link leads to 127.0.0.1:" in status.failure.message
    assert reports.heard == []


# Requests


def organization(now: datetime, days: int) -> GitHub:
    """An organization with teams, with one file a day and one page of seats."""
    made = GitHub()
    for back in range(days + 3):
        day = now.date() - back * ONE_DAY
        usage = {"token_usage": {"prompt_tokens_sum": 9, "output_tokens_sum": 1}}
        made.put("users-1-day", day, lines(row(1, day, totals_by_cli=usage, ai_credits_used=1)))
        member = {"day": str(day), "user_id": 1, "team_id": 4, "slug": "web"}
        made.put("user-teams-1-day", day, lines(member))
    made.pages[ACME] = [recorded("seats-page-2.json")]
    return made


def test_sixty_days_of_an_organization_with_teams_take_240_requests_and_one_for_the_seats() -> None:
    now = at(2026, 9, 15)
    made = organization(now, 60)
    bench = made.polls(now, history=timedelta(days=60), lookback=timedelta(days=7), teams={"from": "vendor"})
    bench.poll()

    assert len(bench.store.days("tool", "acme")) == 60
    assert [len([asked for asked in made.asked if ("seats" in asked) == seats]) for seats in (False, True)] == [240, 1]


def test_an_ordinary_poll_takes_one_request_and_one_after_a_publication_what_is_read_again() -> None:
    start = at(2026, 9, 15)
    made = organization(start + timedelta(days=2), 12)
    bench = made.polls(start, history=timedelta(days=9), lookback=timedelta(days=7), teams={"from": "vendor"})
    taken = []
    for hours in range(27):
        bench.now = start + timedelta(hours=hours)
        made.asked.clear()
        bench.poll()
        taken.append(len(made.asked))

    # A page of seats at each poll; once after a publication the new day and the six that are read again.
    assert taken == [9 * 4 + 1, *[1] * 22, 4 + 6 * 4 + 1, *[1] * 3]
    assert bench.poller().failed == {}


def test_a_long_list_of_seats_is_read_once_after_each_publication() -> None:
    start = at(2026, 9, 15)
    made = organization(start + timedelta(days=2), 12)
    made.pages[ACME] = [recorded("seats-page-2.json")] * 11
    bench = made.polls(start)
    taken = []
    for hours in (0, 1, 2, 24, 25):
        bench.now = start + timedelta(hours=hours)
        made.asked.clear()
        bench.poll()
        taken.append(sum("seats" in asked for asked in made.asked))

    assert taken == [11, 0, 0, 11, 0]
    assert bench.values("adoption_seats") == {("acme",): 2}


def test_without_teams_the_newest_week_is_read_at_every_poll() -> None:
    start = at(2026, 9, 15)
    made = organization(start, 12)
    bench = made.polls(start, history=timedelta(days=9), lookback=timedelta(days=7))
    bench.poll()
    made.asked.clear()
    bench.poll()

    assert len(made.asked) == 7 * 2 + 1 <= 20


def test_an_organization_that_is_new_costs_an_ordinary_poll_no_more() -> None:
    start = at(2026, 9, 15)
    made = organization(start, 2)
    oldest = start.date() - timedelta(days=4)
    for key in [key for key in made.reports if date.fromisoformat(key[-10:]) < oldest]:
        del made.reports[key]
    bench = made.polls(start, history=timedelta(days=60), lookback=timedelta(days=7), teams={"from": "vendor"})
    bench.poll()
    made.asked.clear()
    bench.poll()

    assert len(made.asked) <= 20
