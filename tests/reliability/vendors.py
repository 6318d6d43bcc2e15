"""The eight vendors over a script: each answers what the script shows at the moment, in the vendor's own format."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import httpx
from starlette.types import ASGIApp

from exporter.simulator.augment import augment_app
from exporter.simulator.coder import coder_app
from exporter.simulator.coder_classic import coder_classic_app
from exporter.simulator.coder_work import Session
from exporter.simulator.company import Company, PersonDay
from exporter.simulator.cube import Row as CubeRow
from exporter.simulator.gitlab import gitlab_app
from exporter.simulator.gitlab_products import Project
from exporter.simulator.people import Person
from exporter.simulator.sourcegraph import Instances, sourcegraph_app
from exporter.simulator.sourcegraph_usage import Counts
from exporter.simulator.sourcegraph_usage import Row as SourcegraphRow
from exporter.simulator.work import Metrics, Work
from tests.reliability.script import DAY, NAME, STAFF, Place, Script
from tests.support import asgi
from tests.support.claude_code_server import ACTIVITY, MEMBERS, Server
from tests.support.cursor_team import CursorTeam
from tests.support.github import GitHub, lines, row
from tests.support.gitlab_server import NoHistory
from tests.support.simulated_people import somebody

Answer = Callable[[httpx.Request], httpx.Response]
Clock = Callable[[], datetime]

HOSTS = ("one.sourcegraphcloud.com", "two.sourcegraphcloud.com")
ORGANIZATIONS = ("acme", "globex")
PROJECTS = ("shop/app", "shop/site", "shop/old")
SCOPES: Mapping[str, Sequence[str]] = {
    "augment": ["all"],
    "claude-code": ["all"],
    "coder": ["all"],
    "coder-classic": ["all"],
    "copilot": ORGANIZATIONS,
    "cursor": ["all"],
    "gitlab": PROJECTS,
    "sourcegraph": HOSTS,
}
# What the counts of the script become: a metric, its labels after the window, and a factor.
MEASURES: Mapping[str, tuple[str, tuple[str, ...], int]] = {
    "augment": ("adoption_usage", ("chat_messages",), 1),
    "claude-code": ("adoption_usage", ("sessions",), 1),
    "coder": ("adoption_active_time_seconds", (), 60),
    "coder-classic": ("adoption_active_time_seconds", (), 60),
    "copilot": ("adoption_usage", ("messages",), 1),
    "cursor": ("adoption_usage", ("chat_messages",), 1),
    "gitlab": ("adoption_usage", ("page_views",), 1),
    "sourcegraph": ("adoption_usage", ("chat_messages",), 1),
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "augment": {"base_url": "http://127.0.0.1", "token": "demo-token"},
    "claude-code": {"api": "console"},
    "coder": {"base_url": "http://127.0.0.1", "token": "demo-token"},
    "coder-classic": {"base_url": "http://127.0.0.1", "token": "demo-token"},
    "copilot": {"organizations": list(ORGANIZATIONS), "seats": 9},
    "cursor": {},
    "gitlab": {"base_url": "http://127.0.0.1", "groups": ["shop"]},
    "sourcegraph": {"base_url": "http://127.0.0.1", "token": "demo-token", "instances": list(HOSTS)},
}

_EVERYBODY = range(STAFF + 1)


def who(number: int) -> Person:
    """A person of the script."""
    return somebody(f"{NAME}-{number}", number=number)


class Vendors:
    """`vanished` are projects of GitLab that are not there; `now` is the right time."""

    def __init__(self, script: Script, now: Clock) -> None:
        self.vanished: set[str] = set()
        self._script = script
        self._now = now
        self._answers: dict[str, Answer] = {
            "augment": _asked(augment_app(_Days(script, ("augment", "all")), now)),
            "claude-code": self._claude_code,
            "coder": self._coder(coder_app),
            "coder-classic": self._coder(coder_classic_app),
            "copilot": self._copilot,
            "cursor": self._cursor,
            "gitlab": _asked(gitlab_app(NoHistory(), now, token="secret-token", projects=self._projects)),
            "sourcegraph": self._sourcegraph(),
        }

    def answer(self, source: str, request: httpx.Request) -> httpx.Response:
        """The vendor's answer, without a fault."""
        return self._answers[source](request)

    def _counts(self, source: str, scope: str, day: date) -> Mapping[int, int]:
        version = self._script.shown((source, scope), day, self._now())
        return {} if version is None or version.counts is None else version.counts

    def _sourcegraph(self) -> Answer:
        def rows(host: str, day: date, now: datetime) -> list[SourcegraphRow]:
            return [
                SourcegraphRow(
                    id=str(person),
                    email=who(person).email,
                    username=who(person).username,
                    active=True,
                    client="vscode.cody",
                    day=day,
                    language="Go",
                    counts=Counts(chats=count),
                    arrives=now,
                )
                for person, count in self._counts("sourcegraph", host, day).items()
            ]

        instances = Instances(rows, lambda _host, _now: None, date(2000, 1, 1), HOSTS)
        return _asked(sourcegraph_app(Company(), self._now, instances=instances, compressed=False))

    def _projects(self) -> list[Project]:
        def events(path: str) -> Callable[[date, date], Iterable[CubeRow]]:
            return lambda start, end: [
                CubeRow(day, who(person).username, count, traits=_PAGE_VIEW)
                for day in _days(max(start, (self._now() - 800 * DAY).date()), min(end, self._now().date()))
                for person, count in self._counts("gitlab", path, day).items()
            ]

        return [
            Project(number, path, events(path))
            for number, path in enumerate(PROJECTS, start=1)
            if path not in self.vanished
        ]

    def _coder(self, app: Any) -> Answer:
        source = "coder" if app is coder_app else "coder-classic"

        def sessions(entry: PersonDay) -> Sequence[Session]:
            return [Session("vscode", "web", 0, self._counts(source, "all", entry.day)[entry.person.number])]

        return _asked(app(_Days(self._script, (source, "all")), self._now, sessions=sessions))

    def _claude_code(self, request: httpx.Request) -> httpx.Response:
        def page(params: Mapping[str, str]) -> Any:
            day = date.fromisoformat(params["starting_at"])
            counts = self._counts("claude-code", "all", day)
            return {"data": [_claude_row(day, *one) for one in counts.items()], "has_more": False, "next_page": None}

        members = {"data": [], "has_more": False, "first_id": None, "last_id": None}
        answer = Server({ACTIVITY: page, MEMBERS: members}).transport.handle_request(request)
        assert isinstance(answer, httpx.Response)
        return answer

    def _cursor(self, request: httpx.Request) -> httpx.Response:
        team = CursorTeam(users={person: who(person).email for person in _EVERYBODY}, most_users=10)
        today = self._now().date()
        for day in _days(today - 45 * DAY, today):
            for person, count in self._counts("cursor", "all", day).items():
                team.works(person, day, chatRequests=count)
        return team.answer(request)

    def _copilot(self, request: httpx.Request) -> httpx.Response:
        hub = GitHub()
        if "/metrics/reports/" in request.url.path:
            days = [date.fromisoformat(request.url.params["day"])]
        else:
            days = [date.fromisoformat(part) for part in request.url.path.split("/") if part[:3] == "202"]
        for day in days:
            for organization in ORGANIZATIONS:
                version = self._script.shown(("copilot", organization), day, self._now())
                if version is None or version.counts is None:
                    continue
                place = f"/orgs/{organization}"
                rows = [
                    {**row(person, day, user_initiated_interaction_count=count), "user_login": who(person).username}
                    for person, count in version.counts.items()
                ]
                hub.put("users-1-day", day, lines(*rows[::2]), lines(*rows[1::2]), place=place)
                hub.put(
                    "organization-1-day", day, lines({"day": str(day), "daily_active_users": len(rows)}), place=place
                )
                if not rows:
                    del hub.reports[f"{place}/users-1-day/{day}"]
        return hub.answer(request)


_PAGE_VIEW: Mapping[str, str | None] = {"event": "page_view", "eventName": None, "agentName": None}


class _Days:
    """One scope of the script as the days of a simulated company."""

    def __init__(self, script: Script, place: Place) -> None:
        self._script = script
        self._place = place

    def published(self, day: date, now: datetime, after: timedelta) -> Sequence[PersonDay] | None:
        version = self._script.shown(self._place, day, now)
        if version is None or version.counts is None:
            return None
        return [
            PersonDay(who(person), day, (Work("VSCode", "Go", Metrics(chat_messages=count, total_messages=count)),))
            for person, count in version.counts.items()
        ]

    def roster(self, day: date) -> Sequence[Person]:
        return [who(person) for person in _EVERYBODY]


def _claude_row(day: date, person: int, count: int) -> dict[str, Any]:
    core = {"commits_by_claude_code": 0, "pull_requests_by_claude_code": 0, "num_sessions": count}
    return {
        "date": f"{day}T00:00:00Z",
        "actor": {"type": "user_actor", "email_address": who(person).email},
        "customer_type": "api",
        "terminal_type": "vscode",
        "core_metrics": {**core, "lines_of_code": {"added": 0, "removed": 0}},
        "tool_actions": {},
        "model_breakdown": [],
    }


def _days(first: date, last: date) -> list[date]:
    return [first + number * DAY for number in range((last - first).days + 1)]


def _asked(app: ASGIApp) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        found = asgi.request(
            app, request.method, str(request.url), headers=dict(request.headers), content=request.read()
        )
        return httpx.Response(found.status_code, content=found.content, headers=_whole(found.headers))

    return answer


def _whole(headers: httpx.Headers) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name not in ("content-encoding", "content-length")}
