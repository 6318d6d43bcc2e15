"""Cursor: which requests may be sent. The same key can remove members and set limits, by POST as most reads are."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import httpx
import pytest

from exporter.poll.online_check import online_check
from exporter.transport.endpoints import UnlistedRequestError
from exporter.vendors.cursor.api import ENDPOINTS
from exporter.vendors.cursor.vendor import CURSOR
from tests.support.cursor_team import (
    ANALYTICS,
    DAILY,
    EVENTS,
    GROUPS,
    MEMBERS,
    CursorTeam,
    answering,
    billing_cycle,
    event,
    recorded,
)
from tests.support.vendor_polls import VendorPolls

DAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
REFUSED = "401, the token was refused; check token/token_file"
NO_SCOPE = "Organization API key missing required scope: members:*"
LOST = "tokens, spend, models and service accounts"
CAN_WRITE = (
    "a key with the scope admin:* can also remove members and set limits; this exporter sends none of that, and a key "
    "that may only read is better where Cursor accepts it"
)
BY_USER = ("agent-edits", "tabs", "mcp", "commands", "plans", "skills", "ask-mode", "top-file-extensions")
READS = {
    ("GET", MEMBERS),
    ("POST", DAILY),
    ("POST", EVENTS),
    ("GET", GROUPS),
    *(("GET", f"{ANALYTICS}/{metric}") for metric in BY_USER),
}
# Of the same host and key.
WRITES = [
    ("POST", "/teams/user-spend-limit"),
    ("POST", "/teams/remove-member"),
    ("POST", "/teams/members"),
    ("DELETE", "/teams/members"),
    ("POST", "/teams/groups"),
    ("PATCH", "/teams/groups"),
    ("PATCH", "/teams/groups/group_1"),
    ("DELETE", "/teams/groups/group_1"),
    ("POST", "/teams/groups/group_1/members"),
    ("DELETE", "/teams/groups/group_1/members"),
    ("POST", "/settings/repo-blocklists/repos/upsert"),
    ("DELETE", "/settings/repo-blocklists/repos/1"),
    ("PUT", "/teams/model-access/models"),
    ("POST", "/organizations/team-memberships/sync"),
    ("POST", "/organizations/groups"),
    ("POST", "/teams/spend"),
    ("PUT", DAILY),
    ("GET", DAILY),
    ("POST", f"{EVENTS}/"),
    ("POST", f"{DAILY}/../remove-member"),
]


def test_the_list_of_what_may_be_sent_is_that_of_the_reads() -> None:
    assert {(one.method, one.path) for one in ENDPOINTS} == READS
    # No place for a name that a configuration or an answer could fill.
    assert [one.path for one in ENDPOINTS if "{" in one.path] == []


def configurations() -> Iterator[dict[str, Any]]:
    """Every choice of the settings by which something is asked or not."""
    choices = product((True, False), (True, False), (None, {"from": "vendor"}), (1, 40), (0, 7))
    for events, analytics, teams, history, lookback in choices:
        spans = {"history": timedelta(days=history), "lookback": timedelta(days=lookback)}
        wanted = {"events": events, "analytics": analytics, "unpaid_roles": ["owner"]}
        yield {**wanted, **spans, **({} if teams is None else {"teams": teams})}


def hostile_team() -> CursorTeam:
    """A team whose names and ids are paths of writes."""
    path = "../teams/remove-member"
    team = CursorTeam(users={1: path, 2: "ann@example.com"})
    team.members = [{"id": path, "email": path, "role": path}]
    team.cycles = [billing_cycle(date(2026, 3, 1), date(2026, 4, 1), {"id": path, "name": path})]
    team.analytics = {metric: {path: [{"event_date": str(DAY), "usage": 1}]} for metric in BY_USER}
    team.works(1, DAY)
    team.events = [event(DAY, model=path, serviceAccountId=path, automationId=path)]
    return team


@pytest.mark.parametrize("settings", [*configurations()])
def test_polls_and_checks_send_nothing_but_the_reads_whatever_is_configured(settings: dict[str, Any]) -> None:
    team = hostile_team()
    made = team.polls(NOW, **settings)
    assert made.poll().success
    online_check(made.poller().source, NOW, with_people=True)

    asked = {(method, path) for method, path, _ in team.asked}
    assert asked <= READS
    assert ("POST", EVENTS) not in asked or settings["events"]
    assert ("GET", GROUPS) not in asked or "teams" in settings
    assert all(("GET", f"{ANALYTICS}/{metric}") not in asked for metric in BY_USER) is not settings["analytics"]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_no_other_request_can_be_sent_with_the_client_of_the_vendor(method: str, path: str) -> None:
    team = CursorTeam()
    source = team.polls(NOW, base_url="https://cursor.example.com/teams/remove-member").poller().source
    with source.connect(lambda _code: None) as client, pytest.raises(UnlistedRequestError):
        client.request(method, path, json={"email": "ann@example.com"})

    assert team.asked == []


def test_the_key_is_the_user_of_basic_authentication_without_a_password() -> None:
    sent: list[httpx.Request] = []
    team = CursorTeam()

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return team.answer(request)

    VendorPolls("cursor", {"base_url": "https://cursor.example.com"}, NOW, httpx.MockTransport(answer)).poll()

    assert {one.headers["authorization"] for one in sent} == {f"Basic {base64.b64encode(b'secret-token:').decode()}"}


def test_a_query_that_fails_is_sent_again_as_it_was() -> None:
    team = CursorTeam()
    team.works(1, DAY)
    failures: list[httpx.Response | Exception] = [
        httpx.Response(500, json=recorded("error-500")),
        httpx.ConnectError("reset"),
    ]
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        if failures:
            failure = failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure
        del team.answers[DAILY]
        return team.answer(request)

    team.answers[DAILY] = answer

    assert team.polls(NOW, history=timedelta(days=1)).poll().success
    assert bodies == [bodies[0]] * 3


def test_each_endpoint_has_a_rate_limit_of_its_own_below_that_of_the_vendor() -> None:
    # At most so many in the first minute: the burst, and what comes back meanwhile, at the default of 20 a minute.
    most = {one.path: one.burst + 20 * (one.times or 0) for one in ENDPOINTS}

    by_user = {f"{ANALYTICS}/{metric}": 50 for metric in BY_USER}
    assert most == {MEMBERS: 20, DAILY: 20, EVENTS: 60, GROUPS: 20, **by_user}


def test_the_online_check_asks_for_little_and_says_what_is_refused_without_failing() -> None:
    team = CursorTeam()
    team.answers[EVENTS] = answering(httpx.Response(403, json=recorded("error-403")))
    team.answers[MEMBERS] = answering(httpx.Response(401, json=recorded("error-401-scope-organization")))
    checked = online_check(team.polls(NOW).poller().source, NOW)

    assert checked.problems == []
    assert [words.partition(": ") for words in checked.remarks] == [
        (CAN_WRITE, "", ""),
        ("there is nothing of seats", ": ", f"cursor GET {MEMBERS}: {REFUSED}: {NO_SCOPE}"),
        (f"there is nothing of {LOST}", ": ", f"cursor POST {EVENTS}: 403: Enterprise access required"),
    ]
    assert {sent["pageSize"] for path in (DAILY, EVENTS) for sent in team.requests(path)} == {1}


def test_the_online_check_names_configured_groups_that_the_plan_does_not_have_as_a_problem() -> None:
    team = CursorTeam()
    checked = online_check(team.polls(NOW, teams={"from": "vendor"}).poller().source, NOW)

    words = "You must be a member of an enterprise team to access this resource"
    assert checked.problems == [
        f"cursor GET /teams/groups: 401, the token was refused; check token/token_file: {words}"
    ]


def test_the_online_check_names_configured_analytics_that_the_plan_does_not_have_as_a_problem() -> None:
    checked = online_check(CursorTeam().polls(NOW, analytics=True).poller().source, NOW)

    words = "You must be a member of an enterprise team to access this resource"
    assert checked.problems == [f"cursor GET {ANALYTICS}/agent-edits: {REFUSED}: {words}"]


def test_the_online_check_names_a_wrong_key_once() -> None:
    checked = online_check(CursorTeam().polls(NOW, token="user-key").poller().source, NOW)

    assert checked.problems == [f"cursor POST {DAILY}: {REFUSED}: Invalid Team API Key"]


def test_it_takes_at_least_as_many_requests_as_it_says() -> None:
    for days in (1, 30, 31, 60):
        team = CursorTeam()
        for ago in range(days):
            team.works(1, DAY - timedelta(days=ago))
        team.polls(NOW, history=timedelta(days=days)).poll()

        assert CURSOR.least_requests(days, 1) <= len(team.asked)
