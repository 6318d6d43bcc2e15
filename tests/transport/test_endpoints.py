import re
from contextlib import suppress
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.transport.endpoints import Allowed, Endpoint, Endpoints, UnlistedRequestError
from exporter.vendors.base import Vendor
from exporter.vendors.example import EXAMPLE
from exporter.vendors.registry import VENDORS
from tests.support.clients import TOKEN, World
from tests.support.pauses import Pauses

READS = (Allowed("GET", "/teams/members"), Allowed("GET", "/orgs/{org}/seats"), Allowed("POST", "/teams/events"))
EVERY = (*VENDORS.values(), EXAMPLE)


def world_of(allowed: tuple[Allowed, ...], sent: list[httpx.Request], per_minute: float = 600) -> World:
    world = World()

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={})

    pauses = world.stop
    world.defaults = {
        "endpoints": Endpoints(allowed, per_minute, monotonic=pauses.monotonic),
        "transport": httpx.MockTransport(answer),
    }
    return world


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/teams/members"),
        ("GET", "/teams/members?page=2"),
        ("GET", "/orgs/acme/seats"),
        ("GET", "/orgs/group%2Fapp/seats"),
        ("GET", "/orgs/a.b..c/seats"),
        ("POST", "/teams/events"),
    ],
)
def test_a_listed_request_is_sent(method: str, path: str) -> None:
    sent: list[httpx.Request] = []
    with world_of(READS, sent).client() as client:
        client.request(method, path)

    assert [(request.method, request.url.raw_path.decode()) for request in sent] == [(method, path)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/teams/members"),
        ("get", "/teams/members"),
        ("GET", "/teams/members/"),
        ("GET", "//teams/members"),
        ("GET", "/teams/Members"),
        ("GET", "/teams"),
        ("DELETE", "/orgs/acme/seats"),
        ("GET", "/orgs//seats"),
        ("GET", "/orgs/a/b/seats"),
        ("GET", "/orgs/../seats"),
        ("GET", "/orgs/./seats"),
        ("GET", "/orgs/%2e%2E/seats"),
        ("GET", "/orgs/a%2f..%2fb/seats"),
        ("GET", "/orgs/..%5Ca/seats"),
        ("GET", "/orgs/a\\b/seats"),
        ("GET", "/orgs/a#b/seats"),
        ("GET", "/orgs/a\r\nb/seats"),
        ("GET", "/teams/members/../remove-member"),
        ("POST", "/teams/remove-member"),
    ],
)
def test_any_other_request_is_a_bug_and_is_not_sent(method: str, path: str) -> None:
    sent: list[httpx.Request] = []
    with world_of(READS, sent).client() as client, pytest.raises(UnlistedRequestError) as raised:
        client.request(method, path)

    assert str(raised.value) == f"augment lists no request {method} {path.partition('?')[0]}"
    assert sent == []


def test_a_download_must_be_listed_too() -> None:
    sent: list[httpx.Request] = []
    with world_of(READS, sent).client() as client, pytest.raises(UnlistedRequestError):
        client.download("/report", None, NotImplemented)

    assert sent == []


def test_no_vendor_may_send_anything_but_these() -> None:
    assert {vendor.name: [f"{one.method} {one.path}" for one in vendor.endpoints] for vendor in EVERY} == {
        "augment": [
            "GET /analytics/v0/dau-count",
            "GET /analytics/v0/daily-usage",
            "GET /analytics/v0/dau",
            "GET /analytics/v0/user-activity",
            "GET /analytics/v0/daily-user-activity-by-editor-language",
        ],
        "claude-code": [
            "GET /v1/organizations/usage_report/claude_code",
            "GET /v1/organizations/me",
            "GET /v1/organizations/users",
            "GET /v1/organizations/api_keys",
            "GET /v1/organizations/analytics/users",
            "GET /v1/organizations/analytics/summaries",
            "GET /v1/organizations/analytics/usage_report",
            "GET /v1/organizations/analytics/cost_report",
            "GET /v1/organizations/analytics/user_usage_report",
        ],
        "coder": [
            "GET /api/v2/buildinfo",
            "GET /api/v2/insights/daus",
            "GET /api/v2/insights/templates",
            "GET /api/v2/insights/user-activity",
            "GET /api/v2/insights/user-status-counts",
            "GET /api/v2/organizations",
            "GET /api/v2/organizations/{id}/templates",
        ],
        "coder-classic": ["GET /api/private/metrics/activity"],
        "copilot": [
            "GET /orgs/{org}/copilot/metrics/reports/users-1-day",
            "GET /orgs/{org}/copilot/metrics/reports/user-teams-1-day",
            "GET /orgs/{org}/copilot/metrics/reports/organization-1-day",
            "GET /enterprises/{enterprise}/copilot/metrics/reports/users-1-day",
            "GET /enterprises/{enterprise}/copilot/metrics/reports/user-teams-1-day",
            "GET /enterprises/{enterprise}/copilot/metrics/reports/enterprise-1-day",
            "GET /orgs/{org}/copilot/billing/seats",
            "GET /enterprises/{enterprise}/copilot/billing/seats",
            "GET /organizations/{org}/settings/billing/ai_credit/usage",
            "GET /enterprises/{enterprise}/settings/billing/ai_credit/usage",
            "POST /graphql",
            "GET /orgs/{org}/installation",
            "GET /enterprises/{enterprise}/installation",
            "POST /app/installations/{id}/access_tokens",
        ],
        "cursor": [
            "GET /teams/members",
            "POST /teams/daily-usage-data",
            "POST /teams/filtered-usage-events",
            "GET /teams/groups",
            "GET /analytics/by-user/agent-edits",
            "GET /analytics/by-user/tabs",
            "GET /analytics/by-user/mcp",
            "GET /analytics/by-user/commands",
            "GET /analytics/by-user/plans",
            "GET /analytics/by-user/skills",
            "GET /analytics/by-user/ask-mode",
            "GET /analytics/by-user/top-file-extensions",
        ],
        "gitlab": [
            "GET /api/v4/groups/{group}/projects",
            "GET /api/v4/projects/{project}",
            "POST /api/v4/projects/{project}/product_analytics/request/load",
            "POST /api/v4/projects/{project}/product_analytics/request/dry-run",
            "POST /api/v4/projects/{project}/product_analytics/request/meta",
            "GET /api/v4/projects/{project}/product_analytics/request/meta",
        ],
        "sourcegraph": ["GET /api/reports/by-user-client-date", "GET /api/reports/user-registry"],
        "example": ["GET /v1/workspaces", "GET /v1/workspaces/{id}/days/{day}", "GET /v1/workspaces/{id}/licences"],
    }


STEPS = st.sampled_from(
    ["", ".", "..", "%2e%2e", "acme", "a%2F..", "x?y", "#", "api", "v2", "v4", "projects", "organizations", "42"]
) | st.text(st.characters(codec="ascii"), max_size=6)
LISTED = st.sampled_from([one.path for vendor in EVERY for one in vendor.endpoints])


@st.composite
def filled(draw: st.DrawFn) -> str:
    """A listed path with anything in its places."""
    return re.sub(r"\{\w+\}", lambda _: draw(STEPS), draw(LISTED))


@pytest.mark.parametrize("vendor", EVERY, ids=lambda vendor: vendor.name)
def test_what_reaches_a_server_is_listed_whatever_is_asked_for(vendor: Vendor) -> None:
    """What a server sees, after httpx has made a URL of it, is one of the vendor's own patterns."""
    sent: list[httpx.Request] = []
    patterns = [(one.method, one.path.split("/")) for one in vendor.endpoints]
    with world_of(tuple(vendor.endpoints), sent).client() as client:

        @given(
            method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "get", ""]),
            path=st.lists(STEPS, max_size=7).map("/".join).map("/{}".format) | filled(),
        )
        def search(method: str, path: str) -> None:
            sent.clear()
            with suppress(UnlistedRequestError):
                client.request(method, path)
            for request in sent:
                seen = request.url.raw_path.decode().partition("?")[0].split("/")
                assert any(
                    request.method == listed and len(seen) == len(parts) and all(map(fits, parts, seen))
                    for listed, parts in patterns
                )

        search()


def fits(wanted: str, seen: str) -> bool:
    return wanted == seen or (wanted.startswith("{") and not {"", ".", ".."} & set(re.split("/", unquote(seen))))


def test_an_endpoint_may_have_a_rate_limit_of_its_own_beside_the_sources() -> None:
    pauses = Pauses()
    events = Allowed("POST", "/teams/events", times=2.5, burst=10)
    endpoints = Endpoints(
        [Allowed("GET", "/teams/members"), Allowed("GET", "/teams/{id}"), events], 20, monotonic=pauses.monotonic
    )
    members, other, own = (
        endpoints.budget("cursor", Endpoint(*asked.split()))
        for asked in ("GET /teams/members", "GET /teams/7", "POST /teams/events")
    )

    assert members is other
    assert [own.reserve() for _ in range(12)] == [0.0] * 10 + [pytest.approx(60 / 50), pytest.approx(120 / 50)]
    assert [members.reserve() for _ in range(22)] == [0.0] * 20 + [3.0, 6.0]


def test_the_rate_limit_of_an_endpoint_is_kept_by_the_client() -> None:
    sent: list[httpx.Request] = []
    world = world_of((Allowed("GET", "/slow"), Allowed("POST", "/quick", times=3, burst=1)), sent, per_minute=20)
    with world.client() as client:
        for _ in range(3):
            client.post_json("/quick", {})
        client.get_json("/slow")

    assert world.stop.taken == [1.0, 1.0]
    assert TOKEN not in repr(client)
