"""Counts that cannot be right, at every vendor and in every field that is read: their day is not stored, others are."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.cursor_team import CursorTeam, event
from tests.support.failures import failure_of
from tests.support.sourcegraph_reports import HEADERS
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAYS = [date(2026, 11, 19), date(2026, 11, 18), date(2026, 11, 17)]
# The day in the middle has the wrong count: neither the newer nor the older one may be lost to it.
WRONG_DAY = DAYS[1].isoformat()
MARK = "<count>"

# What stands in a JSON answer in the place of a count.
WRONG = ["-1", "-1.0", "12.5", "1e-3", str(2**63), "9" * 40, "1e400", "NaN", "Infinity", "-Infinity"]
NO_NUMBERS = ['"many"', '"12"', '""', "true", "[]", "{}"]
# GitLab's Cube gives numbers as text.
TEXTS = [
    '"-1"',
    '"12.5"',
    f'"{2**63}"',
    '"1e30"',
    '"NaN"',
    '"Infinity"',
    '"many"',
    '" 12"',
    '"0x10"',
    '"1_000"',
    '"１２"',
]
# What stands in a cell of a report.
CELLS = [
    "-1",
    "-0",
    "12.5",
    "1e3",
    str(2**63),
    "9" * 40,
    "NaN",
    "inf",
    "many",
    "0x10",
    "1_000",
    "１２",
    "true",
    "-",
    "1 2",
]

Body = Callable[[httpx.Request], object]


@dataclass(frozen=True)
class Answers:
    """What a vendor answers: MARK stands for the wrong count of one field on one day."""

    vendor: str
    body: Body
    settings: Mapping[str, Any]

    def polls(self, spelt: str) -> VendorPolls:
        """A source that reads three days."""

        def respond(request: httpx.Request) -> httpx.Response:
            body = self.body(request)
            text = body if isinstance(body, str) else json.dumps(body).replace(f'"{MARK}"', MARK)
            return httpx.Response(200, content=text.replace(MARK, spelt).encode())

        given = {"base_url": "https://vendor.example.com", "history": timedelta(days=3), **self.settings}
        return VendorPolls(self.vendor, given, NOW, httpx.MockTransport(respond))


def marked(field: str, wrong: str, day: str, right: object = 7) -> object:
    """MARK where this is the wrong field and its day."""
    return MARK if (field, day) == (wrong, WRONG_DAY) else right


def sourcegraph(wrong: str) -> Answers:
    """Reports with a row of each day."""

    def body(request: httpx.Request) -> str:
        if request.url.path.endswith("user-registry"):
            return "Instance user ID,Service Account,Site Admin\n1,false,false\n"
        texts = {"Instance user ID": "1", "Active Sourcegraph User": "true", "Client Name": "web", "Language": "Go"}
        lines = [
            [
                str(texts.get(name, day if name == "Timestamp Date" else marked(name, wrong, day, "")))
                for name in HEADERS
            ]
            for day in map(str, DAYS)
        ]
        return "\n".join(",".join(line) for line in [HEADERS, *lines])

    return Answers("sourcegraph", body, {"instances": ["acme.sourcegraphcloud.com"]})


def augment(wrong: str) -> Answers:
    """Overviews and lists with somebody on each day."""

    def body(request: httpx.Request) -> object:
        endpoint, params = request.url.path.rpartition("/")[2], request.url.params
        ended = {"has_more": False, "next_cursor": ""}
        days = [str(day) for day in DAYS]
        person = {"user_email": "ann@example.com"}
        if endpoint == "dau-count":
            return {
                "daily_active_user_counts": [
                    {"date": day, "user_count": marked(endpoint, wrong, day, 1)} for day in days
                ]
            }
        if endpoint == "daily-usage":
            metrics = [{"chat_messages": marked(endpoint, wrong, day)} for day in days]
            return {"daily_usage": [{"date": day, "metrics": one} for day, one in zip(days, metrics, strict=True)]}
        if endpoint in ("dau", "user-activity"):
            return {"users": [person], "pagination": ended}
        metrics_of_day = {"chat_messages": marked("records", wrong, params["date"])}
        record = {**person, "editor": "VSCode", "language": "Go", "metrics": metrics_of_day}
        return {"records": [record], "pagination": ended}

    return Answers("augment", body, {})


def gitlab(wrong: str) -> Answers:
    """Rows of each day in both cubes."""

    def body(request: httpx.Request) -> object:
        if request.method == "GET":
            return {"id": 42, "path_with_namespace": "group/app"}
        query = json.loads(request.content)["query"]
        (time,) = query["timeDimensions"]
        if "granularity" not in time:
            return {"results": [{"data": [dict.fromkeys(query["measures"], "7")]}]}
        rows = [
            {
                f"{time['dimension']}.day": f"{day}T00:00:00.000",
                **{measure: marked(measure, wrong, str(day), "7") for measure in query["measures"]},
            }
            for day in DAYS
        ]
        return {"results": [{"data": rows}]}

    return Answers("gitlab", body, {"projects": [42], "generation": "current"})


def coder(wrong: str) -> Answers:
    """Somebody and an app on each day."""

    def body(request: httpx.Request) -> object:
        endpoint, day = request.url.path.rpartition("/")[2], request.url.params.get("start_time", "")[:10]
        user = {"user_id": "a", "username": "ann", "seconds": marked(endpoint, wrong, day)}
        app = {"slug": "vscode", "seconds": marked(endpoint, wrong, day)}
        return {
            "buildinfo": {"version": "v2.37.1"},
            "user-activity": {"report": {"users": [user]}},
            "templates": {"report": {"apps_usage": [app]}},
            "daus": {"entries": []},
            "user-status-counts": {"status_counts": {}},
        }[endpoint]

    return Answers("coder", body, {})


def coder_classic(wrong: str) -> Answers:
    """A bucket of each day in every category."""

    def body(request: httpx.Request) -> object:
        buckets = [
            {
                "time": f"{day}T00:00:00Z",
                "duration": 86_400 * 10**9,
                "user_activity": [
                    {"user_id": "a", **{key: marked(key, wrong, str(day)) for key in ("duration", "count")}},
                ],
            }
            for day in DAYS
        ]
        return {"activity": buckets, "users": None}

    return Answers("coder-classic", body, {})


def copilot(wrong: str) -> Answers:
    """A row of each day with every kind of counter."""

    def body(request: httpx.Request) -> object:
        if request.url.host != "vendor.example.com":
            day = request.url.path.removeprefix("/")
            part = {key: marked(f"{kind}.{key}", wrong, day) for kind, key in PARTS if kind == "totals_by_ide"}
            cli = {key: marked(f"{kind}.{key}", wrong, day) for kind, key in PARTS if kind == "totals_by_cli"}
            usage = {key: marked(f"{kind}.{key}", wrong, day) for kind, key in PARTS if kind == "token_usage"}
            top = {key: marked(f"{kind}.{key}", wrong, day) for kind, key in PARTS if kind == "row"}
            ide, objects = [{"ide": "vscode", **part}], {**cli, "token_usage": usage}
            return {
                "day": day,
                "user_id": 1,
                "user_login": "ann",
                **top,
                "totals_by_ide": ide,
                "totals_by_cli": objects,
            }
        if request.url.path.endswith("seats"):
            return {"total_seats": 0, "seats": []}
        if request.url.path.endswith("users-1-day"):
            return {"download_links": [f"https://reports.example.com/{request.url.params['day']}"]}
        return {}

    settings = {"organizations": ["acme"], "ready_at": timedelta(), "report_hosts": ["reports.example.com"]}
    return Answers("copilot", body, settings)


PARTS = [
    ("row", "user_initiated_interaction_count"),
    ("row", "loc_deleted_sum"),
    ("totals_by_ide", "loc_added_sum"),
    ("totals_by_cli", "prompt_count"),
    ("token_usage", "output_tokens_sum"),
]


def cursor(wrong: str) -> Answers:
    """A row and an event of each day."""
    team = CursorTeam(users={1: "ann@example.com"})
    for day in DAYS:
        counters = {name: marked(name, wrong, str(day)) for name in ("agentRequests", "acceptedLinesAdded")}
        team.works(1, day, subscriptionIncludedReqs=marked("subscriptionIncludedReqs", wrong, str(day)), **counters)
        tokens = {name: marked(name, wrong, str(day)) for name in ("inputTokens", "cacheReadTokens")}
        team.events.append(event(day, tokenUsage=tokens))

    def body(request: httpx.Request) -> object:
        return team.answer(request).json()

    return Answers("cursor", body, {})


def claude_console(wrong: str) -> Answers:
    """Somebody in a terminal on each day."""

    def body(request: httpx.Request) -> object:
        if request.url.path.endswith("/users"):
            return {"data": [], "has_more": False}
        day = request.url.params["starting_at"]
        kinds = ("input", "output", "cache_read", "cache_creation")
        row = {
            "date": f"{day}T00:00:00Z",
            "actor": {"type": "user_actor", "email_address": "ann@example.com"},
            "customer_type": "api",
            "terminal_type": "vscode",
            "core_metrics": {
                "num_sessions": marked("num_sessions", wrong, day),
                "commits_by_claude_code": 1,
                "pull_requests_by_claude_code": 1,
                "lines_of_code": {"added": marked("added", wrong, day), "removed": 1},
            },
            "tool_actions": {"edit_tool": {"accepted": 1, "rejected": marked("rejected", wrong, day)}},
            "model_breakdown": [
                {
                    "model": "claude-opus-5",
                    "tokens": {kind: marked(kind, wrong, day) for kind in kinds},
                    "estimated_cost": {"currency": "USD", "amount": marked("amount", wrong, day)},
                }
            ],
        }
        return {"data": [row], "has_more": False}

    return Answers("claude-code", body, {"api": "console"})


def claude_enterprise(wrong: str) -> Answers:
    """Somebody with a seat on each day."""

    def body(request: httpx.Request) -> object:
        if not request.url.path.endswith("/analytics/users"):
            return {"data": [], "has_more": False, "next_page": None, "data_refreshed_at": None}
        day = request.url.params["date"]
        core = {"distinct_session_count": marked("distinct_session_count", wrong, day)}
        tools = {"edit_tool": {"accepted_count": marked("accepted_count", wrong, day), "rejected_count": 1}}
        row = {"user": {"id": "user_1"}, "claude_code_metrics": {"core_metrics": core, "tool_actions": tools}}
        return {"data": [row], "next_page": None}

    return Answers("claude-code", body, {"api": "enterprise", "ready_at": timedelta(hours=2)})


FIELDS = {
    "Searches": (sourcegraph, CELLS),
    "Total Characters Written": (sourcegraph, CELLS),
    "Lines changed by completions and auto-edits": (sourcegraph, CELLS),
    "dau-count": (augment, [*WRONG, *NO_NUMBERS, "null"]),
    "daily-usage": (augment, [*WRONG, *NO_NUMBERS, "null"]),
    "records": (augment, [*WRONG, *NO_NUMBERS, "null"]),
    "user-activity": (coder, [*WRONG, *NO_NUMBERS, "null"]),
    "templates": (coder, [*WRONG, *NO_NUMBERS, "null"]),
    # null is a counter that Cursor leaves out.
    "agentRequests": (cursor, [*WRONG, *NO_NUMBERS]),
    "acceptedLinesAdded": (cursor, [*WRONG, *NO_NUMBERS]),
    "subscriptionIncludedReqs": (cursor, [*WRONG, *NO_NUMBERS]),
    "inputTokens": (cursor, [*WRONG, *NO_NUMBERS]),
    "cacheReadTokens": (cursor, [*WRONG, *NO_NUMBERS]),
    "duration": (coder_classic, [*WRONG, *NO_NUMBERS, "null"]),
    "count": (coder_classic, [*WRONG, *NO_NUMBERS, "null"]),
    **{f"{kind}.{key}": (copilot, [*WRONG, *NO_NUMBERS]) for kind, key in PARTS},
    "num_sessions": (claude_console, [*WRONG, *NO_NUMBERS, "null"]),
    "added": (claude_console, [*WRONG, *NO_NUMBERS, "null"]),
    "rejected": (claude_console, [*WRONG, *NO_NUMBERS, "null"]),
    "cache_read": (claude_console, [*WRONG, *NO_NUMBERS, "null"]),
    # Money may be a fraction, below zero, text and large.
    "amount": (
        claude_console,
        ["9" * 40, "1e400", "NaN", "Infinity", "-Infinity", '"many"', '""', "true", "null", "{}"],
    ),
    # A count of sessions may be null.
    "distinct_session_count": (claude_enterprise, [*WRONG, *NO_NUMBERS]),
    "accepted_count": (claude_enterprise, [*WRONG, *NO_NUMBERS, "null"]),
    # null is a number that Cube does not know.
    "TrackedEvents.uniqueUsersCount": (gitlab, [*WRONG, *TEXTS, "true", "[]", "{}"]),
    "TrackedEvents.count": (gitlab, [*WRONG, *TEXTS, "true", "[]", "{}"]),
    "Sessions.count": (gitlab, [*WRONG, *TEXTS, "true", "[]", "{}"]),
    "Sessions.averageDurationMinutes": (
        gitlab,
        ["-1", "NaN", "Infinity", str(2**63), "1e400", '"-1"', '"many"', '"Infinity"', '"-0.5"', "true", "[]"],
    ),
}


@pytest.mark.parametrize(
    ("field", "make", "spelt"),
    [(field, make, spelt) for field, (make, every) in FIELDS.items() for spelt in every],
)
def test_a_count_that_cannot_be_right_costs_its_day_alone(
    field: str, make: Callable[[str], Answers], spelt: str
) -> None:
    polls = make(field).polls(spelt)
    status = polls.poll()
    (scope,) = polls.store.scopes("tool")

    assert failure_of(status).reason == "payload"
    assert f"{polls.vendor} " in failure_of(status).message
    assert sorted(polls.store.days("tool", scope), reverse=True) == [DAYS[0], DAYS[2]]


@pytest.mark.parametrize(
    "make", [sourcegraph, augment, gitlab, coder, coder_classic, claude_console, claude_enterprise, copilot, cursor]
)
def test_the_same_answers_with_counts_that_are_right_lose_nothing(make: Callable[[str], Answers]) -> None:
    polls = make("none").polls("7")
    status = polls.poll()
    (scope,) = polls.store.scopes("tool")

    assert status.success
    assert sorted(polls.store.days("tool", scope), reverse=True) == DAYS


@pytest.mark.parametrize("spelt", ["7", "7.0", "0", "-0.0", "7e3", "9007199254740993"])
@pytest.mark.parametrize("field", ["records", "count", "TrackedEvents.count", "agentRequests", "inputTokens"])
def test_a_whole_number_is_right_however_json_spells_it(field: str, spelt: str) -> None:
    assert FIELDS[field][0](field).polls(spelt).poll().success
