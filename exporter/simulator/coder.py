"""Coder v2's insights: people, their time and their apps.

Written from https://coder.com/docs/reference/api/insights (v2.37) and the handlers behind it (read 2026-11).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exporter.simulator import CREDENTIAL
from exporter.simulator.coder_request import RefusalError, Span, intervals, offset, refuse_unknown, span
from exporter.simulator.coder_usage import Company, Deployment, midnights
from exporter.simulator.coder_work import ORGANIZATIONS, Sessions, sessions
from exporter.simulator.limiter import Limiter
from exporter.simulator.people import TEAMS, Person

VERSION = "v2.37.1+7c1a2e3"
RATE = 512

# Type, display name and icon by slug. Builtin apps are in every answer.
_APPS = {
    "vscode": ("builtin", "Visual Studio Code", "/icon/code.svg"),
    "jetbrains": ("builtin", "JetBrains", "/icon/intellij.svg"),
    "reconnecting-pty": ("builtin", "Web Terminal", "/icon/terminal.svg"),
    "ssh": ("builtin", "SSH", "/icon/terminal.svg"),
    "sftp": ("builtin", "SFTP", "/icon/terminal.svg"),
    "code-server": ("app", "code-server", "/icon/code.svg"),
    "jupyter": ("app", "Jupyter", "/icon/jupyter.svg"),
}
# The templates of these teams are deprecated, and still in use.
_DEPRECATED = ("web",)
_RANGE = ("start_time", "end_time", "template_ids")
_NOT_FOUND = "Resource not found or you do not have access to this resource"
_DAY = timedelta(days=1)

Role = Literal["auditor", "template-admin", "member"]
Body = object


@dataclass(frozen=True)
class Ask:
    """A request, its user, and the data of its response."""

    params: Mapping[str, str]
    role: Role
    usage_stats: bool
    deployment: Deployment

    @property
    def now(self) -> datetime:
        return self.deployment.now

    def check_insight(self, *known: str) -> None:
        """Refuses users who may not read insights, and unknown parameters."""
        if not self.usage_stats:
            raise RefusalError(404, "Not Found.", detail="Template insights are disabled.")
        if self.role == "member":
            raise RefusalError(404, _NOT_FOUND)
        refuse_unknown(self.params, known)

    def check_deployment(self, *known: str) -> None:
        """Refuses users who may not read about the whole deployment, and unknown parameters."""
        if self.role != "auditor":
            raise RefusalError(403, "Forbidden.", detail="You don't have permission to view this content.")
        refuse_unknown(self.params, known)

    def teams(self) -> Sequence[str]:
        """The teams whose templates are requested."""
        if not self.params.get("template_ids"):
            return tuple(TEAMS)
        teams = {template_id(team): team for team in TEAMS}
        wanted = self.params["template_ids"].split(",")
        if not teams.keys() >= set(wanted):
            raise RefusalError(404, _NOT_FOUND)
        return [teams[template] for template in wanted]


def daus(ask: Ask) -> Body:
    """The number of active people on each of 60 days and so far today."""
    ask.check_deployment("tz_offset")
    hours = offset(ask.params)
    hour = ask.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    # Cut to days of UTC whatever the offset, which only moves their labels; after 23:00 today is one of the 60.
    first = datetime.combine(hour.date(), time(), UTC) - 60 * _DAY
    zone = timezone(timedelta(hours=hours))
    entries = [
        {
            "date": midnight.astimezone(zone).date().isoformat(),
            "amount": len(ask.deployment.usage(Span(midnight, midnight + _DAY)).people),
        }
        for midnight in midnights(Span(first, hour))
    ]
    return {"entries": entries, "tz_hour_offset": hours}


def user_activity(ask: Ask) -> Body:
    """The active people and their time."""
    ask.check_insight(*_RANGE)
    whole, teams = span(ask.params, ask.now), ask.teams()
    users = {
        user_id(person): {
            "template_ids": [template_id(team) for team in teams],
            "user_id": user_id(person),
            "username": person.username,
            "avatar_url": "",
            "seconds": minutes * 60,
        }
        for person, minutes in ask.deployment.usage(whole, teams).people.items()
    }
    return {"report": {**_frame(whole, teams), "users": [users[user] for user in sorted(users)]}}


def templates(ask: Ask) -> Body:
    """The time of each app over all people, and the number of active people in each interval."""
    ask.check_insight(*_RANGE, "interval", "sections")
    whole, teams = span(ask.params, ask.now), ask.teams()
    parts = intervals(ask.params, whole)
    usage = ask.deployment.usage(whole, teams)
    seconds = Counter({(slug, icon): 0 for slug, (kind, _, icon) in _APPS.items() if kind == "builtin"})
    for (slug, team), minutes in usage.apps.items():
        # Templates give an app different icons: it has one row for each.
        icon = "/icon/widgets.svg" if (slug, team) == ("code-server", "data") else _APPS[slug][2]
        seconds[slug, icon] += minutes * 60
    report = {
        **_frame(whole, teams),
        "active_users": len(usage.people),
        "apps_usage": [
            {
                "template_ids": [template_id(team) for team in teams],
                "type": _APPS[slug][0],
                "display_name": _APPS[slug][1],
                "slug": slug,
                "icon": icon,
                "seconds": total,
                "times_used": 0,
            }
            for (slug, icon), total in seconds.items()
        ],
        # The values that people typed when they created a workspace.
        "parameters_usage": [
            {
                "template_ids": [template_id(team) for team in teams],
                "display_name": "",
                "name": "license_key",
                "type": "string",
                "description": "",
                "values": [{"value": "typed-by-a-person", "count": 3}],
            }
        ],
    }
    reports = [
        {
            **_frame(part, teams),
            "interval": ask.params["interval"],
            "active_users": len(ask.deployment.usage(part, teams).people),
        }
        for part in parts
    ]
    sections = ask.params.get("sections", "report,interval_reports").split(",")
    answer = {"report": report, "interval_reports": reports}
    return {name: section for name, section in answer.items() if name in sections and section}


def user_status_counts(ask: Ask) -> Body:
    """Accounts by status on some of 60 days, neither sorted nor without gaps."""
    ask.check_deployment("timezone", "tz_offset")
    if ask.params.get("timezone") and offset(ask.params):
        raise RefusalError(400, 'Provide either "timezone" or "tz_offset", not both.')
    days = [ask.now.date() - back * _DAY for back in (30, 0, 59, 14)]
    active = [{"date": f"{day}T00:00:00Z", "count": ask.deployment.accounts(day)} for day in days]
    suspended = [{"date": f"{day}T00:00:00Z", "count": 3} for day in days]
    return {"status_counts": {"active": active, "dormant": [], "suspended": suspended}}


def organizations(_: Ask) -> Body:
    """Every organization."""
    return [
        {
            "id": organization_id(name),
            "name": name,
            "display_name": name.title(),
            "description": "",
            "icon": "",
            "is_default": index == 0,
            "created_at": "2024-01-01T00:00:00Z",
            "updated_at": "2024-01-01T00:00:00Z",
        }
        for index, name in enumerate(ORGANIZATIONS)
    ]


def organization_templates(ask: Ask, organization: str) -> Body:
    """The templates of an organization; the deprecated ones only on request."""
    names = {organization_id(name): name for name in ORGANIZATIONS}
    if organization not in names:
        raise RefusalError(404, _NOT_FOUND)
    deprecated = ask.params.get("q") == "deprecated:true"
    return [
        {"id": template_id(team), "organization_id": organization, "name": team, "deprecated": deprecated}
        for team in ORGANIZATIONS[names[organization]]
        if (team in _DEPRECATED) == deprecated
    ]


def coder_app(
    company: Company,
    now: Callable[[], datetime],
    *,
    token: str = CREDENTIAL,
    role: Role = "auditor",
    usage_stats: bool = True,
    sessions: Sessions = sessions,
) -> Starlette:
    """The vendor's server. `now` is an aware clock; without `usage_stats` the server collects nothing."""
    limiters: dict[str, Limiter] = {}

    def ask(request: Request) -> Ask:
        if request.headers.get("coder-session-token") != token:
            raise RefusalError(401, "You are signed out or your session has expired. Please sign in again to continue.")
        limiter = limiters.setdefault(request.url.path, Limiter(RATE, RATE, now))
        if limiter.take():
            raise RefusalError(429, f"You've been rate limited for sending more than {RATE} requests in 1m0s.")
        deployment = Deployment(company, sessions, now().astimezone(UTC))
        return Ask(request.query_params, role, usage_stats, deployment)

    def route(path: str, answer: Callable[[Ask], Body]) -> Route:
        async def respond(request: Request) -> Response:
            return JSONResponse(answer(ask(request)))

        return Route(f"/api/v2/{path}", respond, methods=["GET"])

    async def list_templates(request: Request) -> Response:
        return JSONResponse(organization_templates(ask(request), request.path_params["organization"]))

    async def buildinfo(_: Request) -> Response:
        return JSONResponse({"external_url": "https://github.com/coder/coder", "version": VERSION})

    endpoints = {
        "insights/daus": daus,
        "insights/user-activity": user_activity,
        "insights/templates": templates,
        "insights/user-status-counts": user_status_counts,
        "organizations": organizations,
    }
    return Starlette(
        routes=[
            *(route(path, answer) for path, answer in endpoints.items()),
            Route("/api/v2/organizations/{organization}/templates", list_templates, methods=["GET"]),
            Route("/api/v2/buildinfo", buildinfo, methods=["GET"]),
        ],
        exception_handlers={RefusalError: _refuse},
    )


def user_id(person: Person) -> str:
    """The id of a person."""
    return _uuid(f"user/{person.username}")


def template_id(team: str) -> str:
    """The id of a team's template."""
    return _uuid(f"template/{team}")


def organization_id(name: str) -> str:
    """The id of an organization."""
    return _uuid(f"organization/{name}")


def _frame(whole: Span, teams: Sequence[str]) -> Mapping[str, object]:
    """The fields that begin every report."""
    start, end = (moment.isoformat().replace("+00:00", "Z") for moment in whole)
    return {"start_time": start, "end_time": end, "template_ids": [template_id(team) for team in teams]}


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


def _refuse(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, RefusalError)
    return JSONResponse(refusal.body, refusal.status)
