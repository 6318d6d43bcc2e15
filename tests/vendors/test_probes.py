"""Each vendor is asked at every poll: a token that was revoked is told though there is nothing new to read."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from exporter.errors import VendorError
from exporter.simulator.company import Company
from exporter.simulator.server import build, serve
from exporter.transport.client import Client
from exporter.vendors.base import PollContext
from exporter.vendors.registry import VENDORS
from tests.support.claude_code_server import console_server
from tests.support.cursor_team import CursorTeam
from tests.support.failures import failure_of
from tests.support.vendor_polls import VendorPolls

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SETTINGS: dict[str, dict[str, Any]] = {
    "augment": {},
    "claude-code": {"api": "console", "base_url": "https://claude.example.com"},
    "coder": {"seats": 9},
    "coder-classic": {},
    "copilot": {"organizations": ["acme"]},
    "cursor": {"base_url": "https://cursor.example.com"},
    "gitlab": {"projects": ["platform/portal"]},
    "sourcegraph": {"instances": ["acme.sourcegraphcloud.com"]},
}


@pytest.fixture(scope="module")
def simulators() -> Iterator[str]:
    """The address of every simulated vendor, each under its name."""
    company = Company(people=30, first_day=date(2026, 1, 1), rests=False)
    with serve(build(company, lambda: NOW)) as server:
        yield server.url


def polls(simulators: str, vendor: str) -> VendorPolls:
    """A source that reads two days and none again."""
    settings = {"token": "demo-token", "base_url": f"{simulators}/{vendor}", **SETTINGS[vendor]}
    settings |= {"history": timedelta(days=2), "lookback": timedelta(0)}
    return VendorPolls(vendor, settings, NOW, NOT_SIMULATED[vendor]() if vendor in NOT_SIMULATED else None)


def cursor() -> httpx.MockTransport:
    """A team at Cursor that was active on both days."""
    team = CursorTeam(key="demo-token")
    for day in (8, 9):
        team.works(1, date(2026, 3, day))
    return httpx.MockTransport(team.answer)


def claude_code() -> httpx.MockTransport:
    """A Console organization in which somebody was active on both days."""
    return console_server(key="demo-token").transport


NOT_SIMULATED = {"claude-code": claude_code, "cursor": cursor}


def requests(made: VendorPolls) -> dict[str, float]:
    """How many requests were answered with each status."""
    return {
        sample.labels["code"]: sample.value
        for family in made.self_metrics.registry.collect()
        for sample in family.samples
        if sample.name == "adoption_exporter_vendor_requests_total"
    }


def test_every_vendor_has_settings_here() -> None:
    assert SETTINGS.keys() == VENDORS.keys()


@pytest.mark.parametrize("vendor", SETTINGS)
def test_a_poll_with_nothing_to_read_asks_the_vendor_once_or_more_and_succeeds(simulators: str, vendor: str) -> None:
    made = polls(simulators, vendor)
    made.poll()
    before = requests(made)["200"]
    status = made.poll()

    assert (status.success, made.poller().failed) == (True, {})
    assert requests(made)["200"] > before


@pytest.mark.parametrize("vendor", SETTINGS)
def test_a_token_that_was_revoked_fails_a_poll_with_nothing_to_read(simulators: str, vendor: str) -> None:
    made = polls(simulators, vendor)
    made.poll()
    made.settings["token"] = "revoked-token"
    made.made = None
    status = made.poll()

    assert (failure_of(status).reason, failure_of(status).status) == ("rejected", 401)
    assert set(made.poller().readings.values()) == {failure_of_scope(made)}


def failure_of_scope(made: VendorPolls) -> object:
    (failure,) = made.poller().failed.values()
    return failure


PROBES: dict[str, list[tuple[str, dict[str, str]]]] = {
    "augment": [("/analytics/v0/dau-count", {"start_date": "2026-03-09", "end_date": "2026-03-09"})],
    "claude-code": [("/v1/organizations/me", {})],
    "coder": [
        (
            "/api/v2/insights/user-activity",
            {"start_time": "2026-03-09T00:00:00Z", "end_time": "2026-03-10T00:00:00Z"},
        )
    ],
    "coder-classic": [
        (
            "/api/private/metrics/activity",
            {
                "start": "2026-03-09T00:00:00.000000Z",
                "end": "2026-03-10T00:00:00.000000Z",
                "category": "any",
                "interval": "1 day",
            },
        )
    ],
    "copilot": [("/orgs/acme/copilot/metrics/reports/users-1-day", {"day": "2026-03-07"})],
    "cursor": [("/teams/daily-usage-data", {})],
    "gitlab": [("/api/v4/projects/platform/portal", {})],
    "sourcegraph": [("/api/reports/user-registry", {"instanceURL": "acme.sourcegraphcloud.com"})],
}
"""What is asked for, with its parameters, by vendor."""


def probe(vendor: str, status: int, **settings: Any) -> list[tuple[str, dict[str, str]]]:
    """What a probe asks for, where each answer has a status. Raises its VendorError."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, dict(request.url.params)))
        return httpx.Response(status, json=[] if "projects" in request.url.path else {}, headers={"Location": "/x"})

    settings = {"base_url": "https://vendor.example.com", **SETTINGS[vendor], **settings}
    made = VendorPolls(vendor, settings, NOW, httpx.MockTransport(answer))
    source = made.poller().source
    with source.connect(lambda _code: None) as client:
        context = context_of(made, client)
        try:
            source.vendor.probe(context)
        except VendorError as error:
            if error.reason != "payload":
                raise
    return asked


def context_of(made: VendorPolls, client: Client) -> PollContext:
    source = made.poller().source
    session = source.vendor.open_session()
    return PollContext(client, source.settings, made.poller().accounts, NOW, session, lambda _kind, _remark: None)


@pytest.mark.parametrize("vendor", SETTINGS)
def test_a_probe_is_one_cheap_request(vendor: str) -> None:
    assert probe(vendor, 200) == PROBES[vendor]


@pytest.mark.parametrize("vendor", SETTINGS)
@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_probe_that_is_not_answered_fails(vendor: str, status: int) -> None:
    with pytest.raises(VendorError) as raised:
        probe(vendor, status)

    assert raised.value.status == status


def test_a_probe_of_organizations_of_coder_asks_for_them() -> None:
    assert probe("coder", 200, organizations=["sales"]) == [("/api/v2/organizations", {})]


@pytest.mark.parametrize("status", [302, 404])
def test_a_project_of_gitlab_that_is_gone_or_has_moved_says_that_the_token_is_taken(status: int) -> None:
    assert probe("gitlab", status) == PROBES["gitlab"]


def test_a_group_of_gitlab_is_asked_for_one_project() -> None:
    asked = probe("gitlab", 404, projects=[], groups=["platform/apps"])

    assert asked == [("/api/v4/groups/platform/apps/projects", {"per_page": "1"})]


@pytest.mark.parametrize("status", [402, 403, 404])
def test_without_a_registry_of_sourcegraph_the_report_of_a_day_is_asked_for(status: int) -> None:
    with pytest.raises(VendorError) as raised:
        probe("sourcegraph", status)

    assert raised.value.status == status
    assert "/api/reports/by-user-client-date" in str(raised.value)
