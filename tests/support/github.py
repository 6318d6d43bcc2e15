"""A GitHub that answers as documented, from a test's own reports, seats, identities and bills."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.support.vendor_polls import VendorPolls

RECORDED = Path(__file__).parents[1] / "recorded" / "copilot"
REPORTS = "copilot-reports.github.com"
ACME = "/orgs/acme"
SEATS = "/copilot/billing/seats"

# A response, or the files of a report as bytes.
Answer = httpx.Response | Sequence[bytes]


def recorded(name: str) -> Any:
    """A recorded body of JSON."""
    return json.loads((RECORDED / name).read_text())


def file(name: str) -> bytes:
    """A recorded file of a report."""
    return (RECORDED / name).read_bytes()


def refusal(name: str) -> httpx.Response:
    """A recorded refusal, `403-policy` for example, with its headers."""
    headers = RECORDED / "errors" / f"{name}.headers.txt"
    lines = headers.read_text().splitlines()[1:] if headers.exists() else []
    pairs = dict(line.split(": ", 1) for line in lines if line)
    return httpx.Response(int(name[:3]), json=recorded(f"errors/{name}.json"), headers=pairs)


def lines(*rows: dict[str, Any]) -> bytes:
    """NDJSON."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def row(user_id: int | None, day: date, /, **fields: Any) -> dict[str, Any]:
    """A row of users-1-day with everything at zero."""
    counters = dict.fromkeys(
        (
            "user_initiated_interaction_count",
            "code_generation_activity_count",
            "code_acceptance_activity_count",
            "loc_suggested_to_add_sum",
            "loc_suggested_to_delete_sum",
            "loc_added_sum",
            "loc_deleted_sum",
        ),
        0,
    )
    kinds = ("ide", "feature", "language_feature", "model_feature")
    parts: dict[str, Any] = {f"totals_by_{kind}": [] for kind in kinds}
    who = {} if user_id is None else {"user_id": user_id, "user_login": f"dev-{user_id}"}
    return {"day": str(day), **who, **counters, **parts, "used_chat": False, **fields}


@dataclass
class GitHub:
    """`reports` are by place, kind and day (`/orgs/acme/users-1-day/2026-04-20`); what is not there is a 204.

    `pages` are lists of seats by place, `identities` the answers of GraphQL one after the other, `bills` those by path
    and day. `host` is where links lead; another token than `token` and `tokens` is refused, and so are links to
    the files that are `gone`. `installations` of an App are by place.
    `asked` are the requests, each as `GET /path day`.
    """

    reports: dict[str, Answer] = field(default_factory=dict)
    pages: dict[str, list[Any]] = field(default_factory=dict)
    identities: list[Any] = field(default_factory=list)
    bills: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    host: str = f"https://{REPORTS}"
    token: str = "secret-token"
    tokens: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    installations: dict[str, int] = field(default_factory=dict)

    def put(self, report: str, day: date, *files: bytes, place: str = ACME) -> None:
        """Publishes a report."""
        self.reports[f"{place}/{report}/{day}"] = files

    def polls(self, now: datetime, **settings: Any) -> VendorPolls:
        """A source of one organization and one day."""
        place = {} if {"enterprise", "organizations"} & settings.keys() else {"organizations": ["acme"]}
        given = {"history": timedelta(days=1), "lookback": timedelta(days=1), **place, **settings}
        return VendorPolls("copilot", given, now, httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        path, params = request.url.path, request.url.params
        self.requests.append(request)
        if request.url.host == REPORTS:
            self.asked.append(f"file {path}")
            return self._file(path)
        self.asked.append(" ".join(filter(None, (request.method, path, params.get("day", params.get("page", ""))))))
        if path.endswith(("/installation", "/access_tokens")):
            return self._app(path)
        if request.headers["authorization"].removeprefix("Bearer ") not in {self.token, *self.tokens}:
            return refusal("401-bad-credentials")
        if "/metrics/reports/" in path:
            return self._envelope(path.replace("/copilot/metrics/reports", ""), params["day"])
        if path.endswith(SEATS):
            return self._seats(path.removesuffix(SEATS), int(params.get("page", "1")))
        if path == "/graphql":
            return self._answered(self.identities.pop(0))
        if "/billing/" in path:
            day = date(*(int(params[part]) for part in ("year", "month", "day")))
            return self._answered(self.bills[f"{path.split('/settings')[0]}/{day}"])
        return refusal("404-not-found")

    def _envelope(self, report: str, day: str) -> httpx.Response:
        found = self.reports.get(f"{report}/{day}", httpx.Response(204))
        if isinstance(found, httpx.Response):
            return httpx.Response(found.status_code, content=found.content, headers=found.headers)
        links = [f"{self.host}{report}/{day}/part-{number}?sig=c2lnbmF0dXJl" for number in range(len(found))]
        return httpx.Response(200, json={"download_links": links, "report_day": day})

    def _file(self, path: str) -> httpx.Response:
        if path in self.gone:
            return httpx.Response(403, content=b"<Error><Code>AuthenticationFailed</Code></Error>")
        report, _, number = path.rpartition("/part-")
        files = self.reports[report]
        assert not isinstance(files, httpx.Response)
        return httpx.Response(200, content=files[int(number)])

    def _app(self, path: str) -> httpx.Response:
        place = path.removesuffix("/installation")
        if place in self.installations:
            return httpx.Response(200, json={**recorded("app-installation.json"), "id": self.installations[place]})
        number = path.removeprefix("/app/installations/").removesuffix("/access_tokens")
        if not number.isdecimal():
            return refusal("404-not-found")
        self.tokens.add(f"ghs_{number}")
        body = {**recorded("app-access-token.json"), "token": f"ghs_{number}", "expires_at": "2100-01-01T00:00:00Z"}
        return httpx.Response(201, json=body)

    def _seats(self, place: str, number: int) -> httpx.Response:
        if place not in self.pages:
            return httpx.Response(200, json={"total_seats": 0, "seats": []})
        pages = self.pages[place]
        found = pages[number - 1]
        if isinstance(found, httpx.Response) or number == len(pages):
            return self._answered(found)
        link = f'<https://api.github.com/organizations/999{SEATS}?per_page=100&page={number + 1}>; rel="next"'
        return httpx.Response(200, json=found, headers={"link": link})

    def _answered(self, found: Any) -> httpx.Response:
        if isinstance(found, httpx.Response):
            return httpx.Response(found.status_code, content=found.content, headers=found.headers)
        return httpx.Response(200, json=found)


def at(year: int, month: int, day: int, hour: int = 7) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)
