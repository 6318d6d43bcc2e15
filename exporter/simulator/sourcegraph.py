"""Sourcegraph Analytics: two reports as CSV, and access tokens for the holder of the session cookie.

Written from https://sourcegraph.com/docs/analytics and its page on the API (read 2026-11), which show no body of a
report: how cells are written, and that endDate is inclusive, are guesses that can be told otherwise.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Literal
from uuid import uuid4

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from exporter.simulator import CREDENTIAL
from exporter.simulator.company import Company
from exporter.simulator.sourcegraph_usage import INSTANCES, Account, Counts, Row, accounts, rows

REPORT = "/api/reports/by-user-client-date"
REGISTRY = "/api/reports/user-registry"
TOKENS = "/api/service-access-tokens"
COOKIE = "cas"

Granularity = Literal["by_user", "by_user_month", "by_user_day", "by_user_day_client_language"]
# The header of the column with the day or month; by_user has none.
_TIMESTAMPS: Mapping[str, str | None] = {
    "by_user": None,
    "by_user_month": "Timestamp Month",
    "by_user_day": "Timestamp Date",
    "by_user_day_client_language": "Timestamp Date",
}
_BEFORE = ("Instance user ID", "User Email", "Username", "Active Sourcegraph User", "Client Name")
_AFTER = (
    "Language",
    "Searches",
    "Code Navigation Events",
    "Code Insight Views",
    "Chat Events",
    "Command Events",
    "Combined Completion Suggestions",
    "Combined Completion Acceptances",
    "Total Accepted Char Count",
    "Combined CAR",
    "Weighted CAR",
    "Total Characters Written by Cody",
    "Total Characters Written",
    "Percentage of Code Written by Cody",
    "Auto-edit suggested events",
    "Auto-edit accepted events",
    "Auto-edit acceptance rate",
    "Lines changed by chats and commands",
    "Lines changed by completions and auto-edits",
)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Instances:
    """The data of the reports: an instance's rows of a day, and its registry if it has one."""

    rows: Callable[[str, date, datetime], Sequence[Row]]
    accounts: Callable[[str, datetime], Sequence[Account] | None]
    first_day: date
    hosts: Sequence[str] = INSTANCES


@dataclass
class Tokens:
    """The access tokens created with the cookie, by id: their listings and secrets."""

    listed: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)

    def expired(self, token: str, now: datetime) -> bool:
        """Whether a token has expired; a revoked one stays listed as expired."""
        expiry = self.listed[token].get("expiresAt")
        return token in self.revoked or (expiry is not None and datetime.fromisoformat(expiry) <= now)


def company_instances(company: Company) -> Instances:
    """The instances of the synthetic company."""
    return Instances(partial(rows, company), partial(accounts, company), company.first_day)


def sourcegraph_app(
    company: Company,
    now: Callable[[], datetime],
    *,
    token: str = CREDENTIAL,
    cookie: str = CREDENTIAL,
    instances: Instances | None = None,
    inclusive_end: bool = True,
    compressed: bool = True,
) -> Starlette:
    """The vendor's server. Reports are chunked, and gzipped for clients that accept it unless `compressed` is False."""
    shown = company_instances(company) if instances is None else instances
    tokens = Tokens()

    def instance(request: Request) -> str:
        valid = {token, *(secret for key, secret in tokens.secrets.items() if not tokens.expired(key, now()))}
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in valid:
            raise HTTPException(401, "invalid access token")
        host = request.query_params.get("instanceURL", "")
        if not host:
            raise HTTPException(400, "instanceURL is required")
        if host not in shown.hosts:
            raise HTTPException(404, "instance not found")
        return host

    async def report(request: Request) -> Response:
        host = instance(request)
        granularity = request.query_params.get("granularity", "by_user_day_client_language")
        if granularity not in _TIMESTAMPS:
            raise HTTPException(400, f"unknown granularity: {granularity}")
        start = max(_date(request, "startDate") or shown.first_day, shown.first_day)
        today = now().astimezone(UTC).date()
        end = min((_date(request, "endDate") or today) - (0 if inclusive_end else 1) * _DAY, today)
        days = [start + offset * _DAY for offset in range((end - start).days + 1)]
        of_days = (shown.rows(host, day, now()) for day in days)
        return StreamingResponse(_report(granularity, of_days), media_type="text/csv")

    async def registry(request: Request) -> Response:
        found = shown.accounts(instance(request), now())
        if found is None:
            raise HTTPException(404, "not found")
        lines = [(account.id, _flag(account.service), _flag(account.admin)) for account in found]
        body = _csv([("Instance user ID", "Service Account", "Site Admin"), *lines])
        return PlainTextResponse(body, media_type="text/csv")

    def check_cookie(request: Request) -> None:
        if request.cookies.get(COOKIE) != cookie:
            raise HTTPException(401, "not signed in")

    async def create(request: Request) -> Response:
        check_cookie(request)
        asked = await request.json()
        key, secret = str(uuid4()), f"sams_at_{uuid4().hex}"
        given = {name: asked[name] for name in ("displayName", "expiresAt") if name in asked}
        tokens.secrets[key] = secret
        tokens.listed[key] = {"id": key, **given, "createdAt": now().strftime("%Y-%m-%dT%H:%M:%SZ")}
        return JSONResponse({**tokens.listed[key], "secret": secret})

    async def listing(request: Request) -> Response:
        check_cookie(request)
        return JSONResponse(
            {"tokens": [{**entry, "isExpired": tokens.expired(key, now())} for key, entry in tokens.listed.items()]}
        )

    async def revoke(request: Request) -> Response:
        check_cookie(request)
        if request.path_params["key"] not in tokens.listed:
            raise HTTPException(404, "token not found")
        tokens.revoked.add(request.path_params["key"])
        return Response()

    return Starlette(
        routes=[
            Route(REPORT, report),
            Route(REGISTRY, registry),
            Route(TOKENS, create, methods=["POST"]),
            Route(TOKENS, listing),
            Route(f"{TOKENS}/{{key}}", revoke, methods=["DELETE"]),
        ],
        middleware=[Middleware(GZipMiddleware)] if compressed else [],
    )


def _report(granularity: str, of_days: Iterator[Sequence[Row]]) -> Iterator[str]:
    """The lines of a report, in one piece per day if it has lines per day."""
    timestamp = _TIMESTAMPS[granularity]
    yield _csv([(*_BEFORE, *([timestamp] if timestamp else []), *_AFTER)])
    if granularity.startswith("by_user_day"):
        for found in of_days:
            yield _csv(map(partial(_cells, granularity), _grouped(granularity, found)))
    else:
        every = [row for found in of_days for row in found]
        yield _csv(map(partial(_cells, granularity), _grouped(granularity, every)))


def _grouped(granularity: str, found: Sequence[Row]) -> Sequence[Row]:
    if granularity == "by_user_day_client_language":
        return found
    groups: dict[tuple[str, str], Row] = {}
    for row in found:
        key = (row.id, row.day.isoformat()[: {"by_user": 0, "by_user_month": 7, "by_user_day": 10}[granularity]])
        before = groups.get(key)
        if before is None:
            groups[key] = row._replace(client="", language="")
        else:
            counts = Counts(*map(_plus, before.counts, row.counts))
            groups[key] = before._replace(active=before.active or row.active, counts=counts)
    return list(groups.values())


def _cells(granularity: str, row: Row) -> Sequence[object]:
    counts = row.counts
    timestamps = {"by_user": [], "by_user_month": [row.day.isoformat()[:7]]}.get(granularity, [row.day.isoformat()])
    car = _ratio(counts.acceptances, counts.suggestions)
    return (
        *(row.id, row.email, row.username, _flag(row.active), row.client, *timestamps, row.language),
        *(counts.searches, counts.code_navigation, counts.code_insight_views, counts.chats, counts.commands),
        *(counts.suggestions, counts.acceptances, counts.accepted_chars, car, car),
        *(counts.cody_chars, counts.chars, _ratio(counts.cody_chars, counts.chars, 100)),
        *(counts.auto_edits_suggested, counts.auto_edits_accepted),
        _ratio(counts.auto_edits_accepted, counts.auto_edits_suggested),
        *(counts.lines_by_chats, counts.lines_by_completions),
    )


def _plus(one: int | None, other: int | None) -> int | None:
    return sum(count for count in (one, other) if count is not None) if (one, other) != (None, None) else None


def _ratio(part: int | None, whole: int | None, scale: int = 1) -> str:
    return f"{part * scale / whole:.4f}" if part is not None and whole else ""


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _date(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise HTTPException(400, f"{name} is no date: {text}") from None


def _csv(lines: Iterator[Sequence[object]] | Sequence[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
