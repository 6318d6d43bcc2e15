"""GitHub's Copilot usage metrics, seats, identities and bills over a synthetic company.

Written from https://docs.github.com/en/rest/copilot (read 2026-11). Where GitHub is silent, the stricter behaviour was
chosen: a client that passes here passes there. Reports lie behind signed links, which fail where a token comes along.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from exporter.simulator import CREDENTIAL
from exporter.simulator.company import Company, PersonDay
from exporter.simulator.copilot_rows import aggregate, memberships, users
from exporter.simulator.copilot_staff import ENTERPRISE, ORGANIZATIONS, belongs, login, moment, seats, user_id

_DAY = timedelta(days=1)
# A report is made in the night after its day, and grows for two days more.
_MADE = timedelta(hours=4)
_WHOLE = timedelta(days=2)
_LINK_LASTS = timedelta(hours=1)
_VERSIONS = ("2022-11-28", "2026-03-10")
_TEAMS_BEGIN = date(2026, 5, 14)
_FILES = 2
_PAGE = 100
_KEY = b"the report host's own"
_HELD_BACK = 0.2


@dataclass(frozen=True)
class Reports:
    """What is published: the rows of a report of a place and day at a moment."""

    company: Company

    def made(self, day: date, now: datetime) -> Sequence[PersonDay] | None:
        """What GitHub knows of a day: None before the first report, then a part of it, then all of it."""
        whole = self.company.published(day, now, _WHOLE)
        out = datetime.combine(day + _DAY, time(), UTC) + _MADE
        if whole is not None or self.company.scenario == "late-data" or now < out:
            return whole
        entries = self.company.day(day)
        return [one for one in entries if not self.company.stream(day, one.person, "growth").chance(_HELD_BACK)]

    def has(self, place: str, report: str, day: date, now: datetime) -> bool:
        """Whether there is a report. There is none of people where nobody did anything."""
        entries = self.made(day, now)
        if report == "users-1-day":
            return any(belongs(entry.person, place) for entry in entries or ())
        return entries is not None and (report != "user-teams-1-day" or day >= _TEAMS_BEGIN)

    def rows(self, place: str, report: str, day: date, now: datetime) -> Sequence[Mapping[str, Any]]:
        """The rows of a report."""
        if report == "user-teams-1-day":
            return memberships(self.company, place, day)
        found = users(self.company, place, day, self.made(day, now) or ())
        return found if report == "users-1-day" else [aggregate(day, found)]


def copilot_app(
    company: Company,
    now: Callable[[], datetime],
    *,
    token: str = CREDENTIAL,
    reports_at: str | None = None,
) -> Starlette:
    """The vendor's server. Links lead to `reports_at`, where `reports_app` is served, or to a path of this server."""
    reports = Reports(company)

    def signed_in(request: Request) -> datetime:
        if "user-agent" not in request.headers:
            raise HTTPException(403, "Request forbidden by administrative rules. Please send a User-Agent header")
        if request.headers.get("x-github-api-version", _VERSIONS[0]) not in _VERSIONS:
            raise HTTPException(400, "The API version is not supported")
        if request.headers.get("authorization") != f"Bearer {token}":
            raise HTTPException(401, "Bad credentials")
        return now().astimezone(UTC)

    async def envelope(request: Request) -> Response:
        moment_of_request, place = signed_in(request), _place(request)
        report, day = request.path_params["report"], _day(request.query_params.get("day", ""))
        if day < company.first_day:
            raise HTTPException(404, "Not Found")
        if day == moment_of_request.date() - _DAY and moment_of_request.hour < _MADE.seconds // 3600:
            return JSONResponse("No report available")
        if not reports.has(place, report, day, moment_of_request):
            return Response(status_code=204)
        base = reports_at or f"{_root(request)}/reports"
        files = range(_FILES if report == "users-1-day" else 1)
        links = [_signed(base, f"{place}/{report}/{day}/part-{number:05}", moment_of_request) for number in files]
        return JSONResponse({"download_links": links, "report_day": day.isoformat()})

    async def seat_list(request: Request) -> JSONResponse:
        today, place = signed_in(request).date(), _place(request)
        found = seats(company, place, today)
        number, size = (int(request.query_params.get(key, usual)) for key, usual in (("page", 1), ("per_page", 50)))
        size = min(size, _PAGE)
        link = {}
        if number * size < len(found):
            # GitHub's own links may have another path.
            url = f"{_root(request)}/organizations/999/copilot/billing/seats?per_page={size}&page={number + 1}"
            link = {"link": f'<{url}>; rel="next"'}
        shown = found[(number - 1) * size : number * size]
        rows = [
            {
                "created_at": moment(seat.since, seat.holder),
                "pending_cancellation_date": None if seat.ends is None else seat.ends.isoformat(),
                "last_activity_at": None if seat.last_active is None else moment(seat.last_active, seat.holder),
                "plan_type": "business",
                "assignee": None
                if seat.holder is None
                else {"id": user_id(seat.holder), "login": login(company, seat.holder, today), "type": "User"},
            }
            for seat in shown
        ]
        return JSONResponse({"total_seats": len(found), "seats": rows}, headers=link)

    async def graphql(request: Request) -> JSONResponse:
        today = signed_in(request).date()
        asked = await request.json()
        name, after = asked["variables"]["name"], asked["variables"]["after"]
        if name != ENTERPRISE and name not in ORGANIZATIONS:
            return JSONResponse({"data": {"organization": None}, "errors": [{"message": "Could not resolve"}]})
        people = [person for person in company.roster(today) if belongs(person, name) and not person.service]
        start = int(after or "0")
        shown = people[start : start + _PAGE]
        page = {"hasNextPage": start + _PAGE < len(people), "endCursor": str(start + _PAGE)}
        nodes = [
            {
                "samlIdentity": {"nameId": person.email, "emails": [{"value": person.email}]},
                "scimIdentity": None,
                "user": {"login": login(company, person, today), "databaseId": user_id(person)},
            }
            for person in shown
        ]
        found = {"samlIdentityProvider": {"externalIdentities": {"pageInfo": page, "nodes": nodes}}}
        return JSONResponse(
            {"data": {"enterprise": {"ownerInfo": found}} if name == ENTERPRISE else {"organization": found}}
        )

    async def bill(request: Request) -> JSONResponse:
        moment_of_request, place = signed_in(request), _place(request)
        year, month, number = (int(request.query_params[part]) for part in ("year", "month", "day"))
        rows = reports.rows(place, "users-1-day", date(year, month, number), moment_of_request)
        credit = sum(row["ai_credits_used"] for row in rows if "ai_credits_used" in row)
        gross, net = round(credit / 100, 6), round(credit / 500, 6)
        item = {
            "product": "Copilot",
            "sku": "Copilot AI Credits",
            "model": "Claude Sonnet 4.6",
            "unitType": "ai-credits",
        }
        return JSONResponse(
            {
                "timePeriod": {"year": year, "month": month, "day": number},
                "usageItems": [{**item, "grossAmount": gross, "netAmount": net}] if rows else [],
            }
        )

    app = Starlette(
        routes=[
            *(
                Route(f"/{kind}/{{place}}/copilot/metrics/reports/{{report}}", envelope)
                for kind in ("orgs", "enterprises")
            ),
            *(Route(f"/{kind}/{{place}}/copilot/billing/seats", seat_list) for kind in ("orgs", "enterprises")),
            *(
                Route(f"/{kind}/{{place}}/settings/billing/ai_credit/usage", bill)
                for kind in ("organizations", "enterprises")
            ),
            Route("/graphql", graphql, methods=["POST"]),
            Mount("/reports", reports_app(company, now)),
        ],
        exception_handlers={HTTPException: _refuse},
    )
    app.router.redirect_slashes = False
    return app


def reports_app(company: Company, now: Callable[[], datetime]) -> Starlette:
    """The host of reports, which knows nobody and looks at signatures alone."""
    reports = Reports(company)

    async def part(request: Request) -> Response:
        moment_of_request = now().astimezone(UTC)
        path = request.path_params["path"]
        if {"authorization", "cookie"} & {*request.headers}:
            return Response("<Error><Code>InvalidAuthenticationInfo</Code></Error>", 400)
        ends = request.query_params.get("se", "")
        if request.query_params.get("sig") != _signature(path, ends) or ends <= moment_of_request.isoformat():
            return Response("<Error><Code>AuthenticationFailed</Code></Error>", 403)
        place, report, day, name = path.split("/")
        rows = reports.rows(place, report, date.fromisoformat(day), moment_of_request)
        number = int(name.removeprefix("part-"))
        mine = rows[number::_FILES] if report == "users-1-day" else rows
        # The second file begins with the last row of the first.
        shown = [*rows[:1], *mine] if report == "users-1-day" and number else mine
        return Response("".join(f"{json.dumps(row)}\n" for row in shown), media_type="application/octet-stream")

    return Starlette(routes=[Route("/{path:path}", part)])


def _place(request: Request) -> str:
    place = str(request.path_params["place"]).lower()
    enterprise = request.scope["path"].removeprefix(request.scope.get("root_path", "")).startswith("/enterprises/")
    if place not in ((ENTERPRISE,) if enterprise else ORGANIZATIONS):
        raise HTTPException(404, "Not Found")
    return place


def _root(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise HTTPException(422, "Invalid day") from None


def _signed(base: str, path: str, moment_of_request: datetime) -> str:
    ends = (moment_of_request + _LINK_LASTS).isoformat()
    return f"{base}/{path}?{urlencode({'se': ends, 'sig': _signature(path, ends)})}"


def _signature(path: str, ends: str) -> str:
    return blake2b(f"{path} {ends}".encode(), key=_KEY, digest_size=16).hexdigest()


async def _refuse(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, HTTPException)
    return JSONResponse({"message": refused.detail, "status": str(refused.status_code)}, refused.status_code)
