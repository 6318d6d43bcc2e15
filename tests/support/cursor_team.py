"""A Cursor team as its Admin API shows it: pages, inclusive bounds, rows of zeros, refusals."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.support.vendor_polls import VendorPolls

RECORDED = Path(__file__).parents[1] / "recorded" / "cursor"

MEMBERS = "/teams/members"
DAILY = "/teams/daily-usage-data"
EVENTS = "/teams/filtered-usage-events"
GROUPS = "/teams/groups"
ANALYTICS = "/analytics/by-user"

# In the order of the documentation.
COUNTERS = (
    "totalLinesAdded",
    "totalLinesDeleted",
    "acceptedLinesAdded",
    "acceptedLinesDeleted",
    "totalApplies",
    "totalAccepts",
    "totalRejects",
    "totalTabsShown",
    "totalTabsAccepted",
    "composerRequests",
    "chatRequests",
    "agentRequests",
    "cmdkUsages",
    "subscriptionIncludedReqs",
    "apiKeyReqs",
    "usageBasedReqs",
    "bugbotUsages",
)

Row = dict[str, Any]


def recorded(name: str) -> Any:
    """A body of the documentation, or made after it (made-…), with other names of people."""
    return json.loads((RECORDED / f"{name}.json").read_text())


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def event(day: date, email: str | None = "ann@example.com", *, hour: int = 12, **more: Any) -> Row:
    """An event that the plan includes, with tokens; `more` replaces fields, and removes those that are `...`."""
    whole = {
        "timestamp": str(milliseconds(midnight(day) + timedelta(hours=hour))),
        "userEmail": ... if email is None else email,
        "model": "claude-4.5-sonnet",
        "kind": "Included in Business",
        "isTokenBasedCall": True,
        "isChargeable": False,
        "tokenUsage": {"inputTokens": 1, "outputTokens": 2, "cacheReadTokens": 3, "cacheWriteTokens": 4},
        "chargedCents": 8,
        **more,
    }
    return {key: value for key, value in whole.items() if value is not ...}


@dataclass
class CursorTeam:
    """A team at Cursor: `users` by number with their e-mail, and what they `did` on days; all others get zeros.

    `analytics` holds rows by metric and e-mail; without any the team is not on Enterprise. `answers` replace what a
    path answers, and `shift` is called with each page of a list before it is sent.
    """

    users: dict[int, str | None] = field(default_factory=lambda: {1: "ann@example.com", 2: "bob@example.com"})
    did: dict[tuple[date, int], Row] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    members: list[Row] | None = None
    cycles: list[Any] = field(default_factory=list)
    analytics: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    answers: dict[str, Callable[[httpx.Request], httpx.Response]] = field(default_factory=dict)
    shift: Callable[[str, Any], None] = lambda _path, _page: None
    key: str = "secret-token"
    most_users: int = 1000
    most_events: int = 1000
    most_analytics: int = 500
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def works(self, user: int, day: date, **counts: Any) -> None:
        """Makes a user active on a day."""
        self.did[day, user] = {"isActive": True, **counts}

    def polls(self, now: datetime, **settings: Any) -> VendorPolls:
        """A source that polls the team."""
        given = {"base_url": "https://cursor.example.com", "late_grace": timedelta(), **settings}
        return VendorPolls("cursor", given, now, httpx.MockTransport(self.answer))

    def requests(self, path: str) -> list[Any]:
        """What was asked of a path: bodies or parameters."""
        return [sent for _, asked, sent in self.asked if asked == path]

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request."""
        path = request.url.path
        sent = json.loads(request.content) if request.content else dict(request.url.params)
        self.asked.append((request.method, path, sent))
        if request.headers["authorization"] != f"Basic {base64.b64encode(f'{self.key}:'.encode()).decode()}":
            return httpx.Response(401, json=recorded("error-401-team-key"))
        if path in self.answers:
            return self.answers[path](request)
        match request.method, path:
            case "GET", "/teams/members":
                return httpx.Response(200, json={"teamMembers": self._members()})
            case "POST", "/teams/daily-usage-data":
                return self._page(path, sent, self._daily_page)
            case "POST", "/teams/filtered-usage-events":
                return self._page(path, sent, self._event_page)
            case "GET", "/teams/groups" if self.cycles:
                return httpx.Response(200, json=self._cycle(sent.get("billingCycle")))
        if request.method == "GET" and self.analytics and path.startswith(f"{ANALYTICS}/"):
            return httpx.Response(200, json=self._analytics_page(path, sent))
        return httpx.Response(401, json=recorded("error-401-not-enterprise"))

    def _members(self) -> list[Row]:
        if self.members is not None:
            return self.members
        return [{"id": f"user_{number}", "email": email, "role": "member"} for number, email in self.users.items()]

    def _page(self, path: str, sent: Row, page: Callable[[Row], Any]) -> httpx.Response:
        if not all(type(sent.get(key)) is int for key in ("startDate", "endDate", "page", "pageSize")):
            return httpx.Response(400, json={"error": "Bad Request", "message": "numbers are wanted"})
        if sent["endDate"] - sent["startDate"] > 30 * 86_400_000:
            return httpx.Response(400, json={"error": "Bad Request", "message": "more than 30 days"})
        body = page(sent)
        self.shift(path, body)
        return httpx.Response(200, json=body)

    def _daily_page(self, sent: Row) -> Any:
        size, number = min(self.most_users, sent["pageSize"]), sent["page"]
        users = list(self.users.items())[size * (number - 1) : size * number]
        start = datetime.fromtimestamp(sent["startDate"] / 1000, UTC).date()
        days = [start + timedelta(days=after) for after in range(31)]
        days = [day for day in days if milliseconds(midnight(day)) <= sent["endDate"]]
        pages = -(-len(self.users) // size)
        return {
            "data": [self._row(day, user, email) for user, email in users for day in days],
            "period": {"startDate": sent["startDate"], "endDate": sent["endDate"]},
            "pagination": {
                "page": number,
                "pageSize": size,
                "totalUsers": len(self.users),
                "totalPages": pages,
                "hasNextPage": number < pages,
                "hasPreviousPage": number > 1,
            },
        }

    def _row(self, day: date, user: int, email: str | None) -> Row:
        row = {
            "userId": user,
            "day": day.isoformat(),
            "date": milliseconds(midnight(day)),
            "isActive": False,
            **dict.fromkeys(COUNTERS, 0),
            "mostUsedModel": None,
            "email": ... if email is None else email,
            **self.did.get((day, user), {}),
        }
        return {key: value for key, value in row.items() if value is not ...}

    def _event_page(self, sent: Row) -> Any:
        size, number = min(self.most_events, sent["pageSize"]), sent["page"]
        wanted = [row for row in self.events if sent["startDate"] <= int(row["timestamp"]) <= sent["endDate"]]
        wanted.sort(key=lambda row: int(row["timestamp"]), reverse=True)
        pages = -(-len(wanted) // size)
        return {
            "totalUsageEventsCount": len(wanted),
            "pagination": {
                "numPages": pages,
                "currentPage": number,
                "pageSize": size,
                "hasNextPage": number < pages,
                "hasPreviousPage": number > 1,
            },
            "usageEvents": wanted[size * (number - 1) : size * number],
            "period": {"startDate": sent["startDate"], "endDate": sent["endDate"]},
        }

    def _analytics_page(self, path: str, sent: dict[str, str]) -> Any:
        size, number = min(self.most_analytics, int(sent["pageSize"])), int(sent["page"])
        days = {
            email: [row for row in rows if sent["startDate"] <= row["event_date"] <= sent["endDate"]]
            for email, rows in self.analytics.get(path.removeprefix(f"{ANALYTICS}/"), {}).items()
        }
        pages = -(-len(days) // size)
        body = {
            "data": dict(list(days.items())[size * (number - 1) : size * number]),
            "pagination": {
                "page": number,
                "pageSize": size,
                "totalUsers": len(days),
                "totalPages": pages,
                "hasNextPage": number < pages,
                "hasPreviousPage": number > 1,
            },
            "params": {"startDate": sent["startDate"], "endDate": sent["endDate"]},
        }
        self.shift(path, body)
        return body

    def _cycle(self, day: str | None) -> Any:
        """The newest cycle, or the one in which a day begins, if there is one."""
        held = [
            cycle
            for cycle in self.cycles
            if day is not None
            and cycle["billingCycle"]["cycleStart"] <= f"{day}T00:00:00.000Z" < cycle["billingCycle"]["cycleEnd"]
        ]
        return (held or self.cycles)[0]


def answering(*bodies: Any) -> Callable[[httpx.Request], httpx.Response]:
    """Answers to the pages of a list, or the same to every request; bodies or whole responses."""

    def answer(request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content) if request.content else {}
        body = bodies[min(sent.get("page", 1), len(bodies)) - 1]
        return body if isinstance(body, httpx.Response) else httpx.Response(200, json=body)

    return answer


def of_one_day(polled: VendorPolls, metric: str) -> dict[tuple[str, ...], float]:
    """The values of a metric in the window 1d, by its labels after the window."""
    return {labels[2:]: value for labels, value in polled.values(metric).items() if labels[1] == "1d"}


def group(name: str, *members: tuple[str, str, str | None], former: Sequence[tuple[str, str, str | None]] = ()) -> Row:
    """A billing group of members: e-mail, when they joined, when they left."""

    def rows(people: Sequence[tuple[str, str, str | None]]) -> list[Row]:
        return [
            {"userId": f"user_{email}", "email": email, "joinedAt": joined, "leftAt": left}
            for email, joined, left in people
        ]

    return {"id": f"group_{name}", "name": name, "currentMembers": rows(members), "formerMembers": rows(former)}


def billing_cycle(start: date, end: date, *groups: Row) -> Any:
    """What groups answers for a billing cycle."""
    return {
        "groups": list(groups),
        "unassignedGroup": {"id": "group_unassigned", "name": "Unassigned", "currentMembers": [], "formerMembers": []},
        "billingCycle": {"cycleStart": f"{start}T00:00:00.000Z", "cycleEnd": f"{end}T00:00:00.000Z"},
    }
