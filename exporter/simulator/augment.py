"""Augment Code's Analytics API, preview v0: five endpoints over a synthetic company.

Written from https://docs.augmentcode.com/analytics/api-reference (read 2026-11). Where that page is silent, the
stricter behaviour was chosen: a client that passes here passes there.
"""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exporter.simulator import CREDENTIAL
from exporter.simulator.augment_request import Ask, Body, RequestError, Sizes, Span, invalid
from exporter.simulator.company import History, PersonDay
from exporter.simulator.limiter import Limiter
from exporter.simulator.people import Person
from exporter.simulator.work import Metrics

BASE = "/analytics/v0"

_BURST = 20


def dau_count(ask: Ask) -> Body:
    """The number of active people on each published day, including days without any."""
    span = ask.span()
    shown = {day: ask.shown(day) for day in span.days()}
    return {
        "daily_active_user_counts": [
            {
                "date": day.isoformat(),
                "user_count": sum(ask.service_accounts_count or not entry.person.service for entry in entries),
            }
            for day, entries in shown.items()
            if entries is not None
        ],
        "metadata": _range(ask, span, total_days=len(shown)),
    }


def dau(ask: Ask) -> Body:
    """The people who were active on a day."""
    day = ask.day()
    people = [entry.person for entry in ask.shown(day) or ()]
    page, pagination = ask.page({_name(person): _identity(person) for person in people})
    return {"users": page, "pagination": pagination, "metadata": _single(ask, day, returned_user_count=len(page))}


def daily_usage(ask: Ask) -> Body:
    """The sums of each day with activity; `total_days` counts those days alone."""
    span = ask.span()
    usage = [
        {
            "date": day.isoformat(),
            "metrics": ask.metrics(work.metrics for entry in entries for work in entry.works),
        }
        for day in span.days()
        if (entries := ask.shown(day))
    ]
    return {"daily_usage": usage, "metadata": _range(ask, span, total_days=len(usage))}


def user_activity(ask: Ask) -> Body:
    """The sums over the range for each active person, with the number of their active days."""
    span = ask.span()
    people: dict[str, list[PersonDay]] = {}
    for day in span.days():
        for entry in ask.shown(day) or ():
            people.setdefault(_name(entry.person), []).append(entry)
    rows = {
        name: {
            **_identity(entries[0].person),
            "active_days": len(entries),
            "metrics": ask.metrics(work.metrics for entry in entries for work in entry.works),
        }
        for name, entries in people.items()
    }
    page, pagination = ask.page(rows)
    metadata = _range(ask, span, total_days=len(span.days()), returned_user_count=len(page))
    return {"users": page, "pagination": pagination, "metadata": metadata}


def daily_user_activity_by_editor_language(ask: Ask) -> Body:
    """The activity of each person on a day, by language and editor."""
    day = ask.day()
    rows = {
        f"{_name(entry.person)}\n{work.language}\n{work.editor}": {
            **_identity(entry.person),
            "language": work.language,
            "editor": work.editor,
            "metrics": ask.metrics([work.metrics]),
        }
        for entry in ask.shown(day) or ()
        for work in entry.works
    }
    page, pagination = ask.page(rows)
    return {"records": page, "pagination": pagination, "metadata": _single(ask, day, returned_record_count=len(page))}


class Endpoint(NamedTuple):
    """An endpoint: its response, the dates that it takes, and its page sizes if it has pages."""

    answer: Callable[[Ask], Body]
    dates: tuple[str, ...]
    sizes: Sizes | None = None


ENDPOINTS = {
    "dau-count": Endpoint(dau_count, ("start_date", "end_date")),
    "dau": Endpoint(dau, ("date",), Sizes(100, 250)),
    "daily-usage": Endpoint(daily_usage, ("start_date", "end_date")),
    "user-activity": Endpoint(user_activity, ("start_date", "end_date"), Sizes(50, 100)),
    "daily-user-activity-by-editor-language": Endpoint(
        daily_user_activity_by_editor_language, ("date",), Sizes(50, 100)
    ),
}


def augment_app(
    company: History,
    now: Callable[[], datetime],
    *,
    token: str = CREDENTIAL,
    requests_per_minute: float | None = None,
    retry_after: bool = False,
    suggested_lines: bool = False,
    service_accounts_count: bool = True,
) -> Starlette:
    """The vendor's server. `now` is an aware clock; the vendor's limit is 10 requests a minute, None is no limit.

    `suggested_lines` adds the key that no published body has. The vendor does not say whether `dau-count` counts
    service accounts: `service_accounts_count`.
    """
    fields = [field for field in Metrics._fields if suggested_lines or field != "completions_suggested_lines_of_code"]
    limiter = None if requests_per_minute is None else Limiter(requests_per_minute, _BURST, now)

    def answer(request: Request, endpoint: Endpoint) -> Body:
        if request.headers.get("authorization") != f"Bearer {token}":
            raise RequestError(401, "Unauthenticated", "missing or invalid API token")
        wait = 0.0 if limiter is None else limiter.take()
        if wait:
            seconds = math.ceil(wait) if retry_after else None
            raise RequestError(429, "ResourceExhausted", "rate limit exceeded", seconds)
        allowed = endpoint.dates if endpoint.sizes is None else (*endpoint.dates, "page_size", "cursor")
        for name in request.query_params:
            if name not in allowed:
                raise invalid(f"unknown query parameter: {name}")
        moment = now().astimezone(UTC)
        return endpoint.answer(
            Ask(request.query_params, moment, company, fields, service_accounts_count, endpoint.sizes)
        )

    def route(name: str, endpoint: Endpoint) -> Route:
        async def respond(request: Request) -> JSONResponse:
            return JSONResponse(answer(request, endpoint))

        return Route(f"{BASE}/{name}", respond, methods=["GET"])

    return Starlette(
        routes=[route(name, endpoint) for name, endpoint in ENDPOINTS.items()],
        exception_handlers={RequestError: _refuse},
    )


def _refuse(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, RequestError)
    headers = None if refused.retry_after is None else {"Retry-After": str(refused.retry_after)}
    return JSONResponse({"error": {"code": refused.code, "message": refused.message}}, refused.status, headers)


def _name(person: Person) -> str:
    return person.username if person.service else person.email


def _identity(person: Person) -> Body:
    return {"service_account_name" if person.service else "user_email": _name(person)}


def _single(ask: Ask, day: date, **counts: int) -> Body:
    return {"effective_date": day.isoformat(), "generated_at": ask.generated_at(), **counts}


def _range(ask: Ask, span: Span, **counts: int) -> Body:
    return {
        "effective_start_date": span.start.isoformat(),
        "effective_end_date": span.end.isoformat(),
        "generated_at": ask.generated_at(),
        **counts,
    }
