"""Coder v1's private metrics API: the people active in each category, and their time.

Written from the guide on user activity in the documentation of Coder 1.35 to 1.44 (read 2026-11). Where it is silent,
the stricter or the more awkward behaviour was chosen: a client that passes here passes there.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import blake2b
from typing import NoReturn

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exporter.simulator import CREDENTIAL
from exporter.simulator.coder_work import ORGANIZATIONS, Session, Sessions, open_spans, sessions
from exporter.simulator.company import History
from exporter.simulator.people import Person

PATH = "/api/private/metrics/activity"
# Our names for the categories, with the vendor's words; only ide and tunnel are documented.
WORDS = {name: name for name in ("any", "ide", "login", "app", "tunnel", "web_terminal")}

_CATEGORIES_OF = {
    "vscode": ("tunnel",),
    "jetbrains": ("tunnel",),
    "ssh": ("tunnel",),
    "sftp": ("tunnel",),
    "reconnecting-pty": ("web_terminal",),
    "code-server": ("ide",),
    "jupyter": ("ide", "app"),
}
_INTERVAL = re.compile(r"([1-9][0-9]{0,3}) (day|week|month|year)")
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_SAMPLE = 60 * 10**9

Body = Mapping[str, object]


class RefusalError(Exception):
    """An error response: its HTTP status, and the message and code of its body."""

    def __init__(self, status: int, words: str, code: str) -> None:
        super().__init__(words)
        self.status, self.words, self.code = status, words, code


@dataclass(frozen=True)
class Server:
    """What a response depends on beside the request. `only` is the one person that the token may see, if limited."""

    history: History
    sessions: Sessions
    now: datetime
    words: Mapping[str, str]
    only: str | None
    end_included: bool


@dataclass(frozen=True)
class Ask:
    """A valid request; `teams` are those of the organization."""

    start: datetime
    end: datetime
    interval: timedelta
    category: str
    teams: Sequence[str] | None

    def spans(self, made: Sequence[Session]) -> list[tuple[int, int]]:
        """The minutes of a person's day that belong to the category and the organization."""
        here = [session for session in made if self.teams is None or session.team in self.teams]
        if self.category == "login":
            return open_spans(session._replace(minutes=1) for session in here)
        return open_spans(session for session in here if self.category in ("any", *_CATEGORIES_OF[session.app]))


def organization_id(name: str) -> str:
    """The id of an organization; not a UUID."""
    return _id(f"organization/{name}")


def user_id(person: Person) -> str:
    """The id of a person; not a UUID."""
    return _id(f"user/{person.username}")


def coder_classic_app(
    company: History,
    now: Callable[[], datetime],
    *,
    token: str = CREDENTIAL,
    words: Mapping[str, str] = WORDS,
    only: str | None = None,
    end_included: bool = False,
    sessions: Sessions = sessions,
) -> Starlette:
    """The vendor's server. `now` is an aware clock; `words` are its words for our names of the categories.

    A token that is no site manager's is answered as if nobody were there but its owner: `only`, a user name. Whether
    the end of a range belongs to it is not documented: `end_included`.
    """

    async def activity(request: Request) -> Response:
        if request.headers.get("session-token") != token:
            raise RefusalError(401, "invalid authentication", "unauthenticated")
        server = Server(company, sessions, now().astimezone(UTC), words, only, end_included)
        return JSONResponse(_answer(server, _ask(request.query_params, server)))

    async def elsewhere(_: Request) -> Response:
        raise RefusalError(404, "resource not found", "not_found")

    return Starlette(
        routes=[Route(PATH, activity, methods=["GET"]), Route("/{path:path}", elsewhere)],
        exception_handlers={RefusalError: _refuse},
    )


def _answer(server: Server, ask: Ask) -> Body:
    buckets = []
    samples: Counter[Person] = Counter()
    for start, end in _buckets(server, ask):
        active = _minutes(server, ask, start, end)
        rows = [
            {"user_id": user_id(person), "duration": minutes * _SAMPLE, "count": minutes}
            for person, minutes in active.items()
        ]
        length = (end - start) // timedelta(microseconds=1) * 1000
        buckets.append({"time": _rfc3339(start), "duration": length, "user_activity": rows or None})
        samples.update(active)
    users = {
        # The documentation shows a user under another key than the id, and a total in seconds called nanoseconds.
        user_id(person) if index != 1 else "needs-id": {
            "id": user_id(person),
            "name": person.username.title(),
            "username": person.username,
            "roles": ["site-member"],
            "avatar_hash": blake2b(person.username.encode(), digest_size=32).hexdigest(),
            "total_count": minutes,
            "total_duration": minutes * (_SAMPLE if index != 1 else 60),
        }
        for index, (person, minutes) in enumerate(samples.items())
    }
    return {"activity": buckets or None, "users": users or None}


def _buckets(server: Server, ask: Ask) -> Iterator[tuple[datetime, datetime]]:
    """The intervals of the range; the last one is shorter if they do not fill the range."""
    start = ask.start
    while start < ask.end:
        yield start, min(start + ask.interval, ask.end)
        start += ask.interval
    if server.end_included:
        yield ask.end, ask.end + ask.interval


def _minutes(server: Server, ask: Ask, start: datetime, end: datetime) -> Mapping[Person, int]:
    found: Counter[Person] = Counter()
    midnight = datetime.combine(start.date(), time(), UTC)
    while midnight < end:
        for entry in server.history.published(midnight.date(), server.now, timedelta()) or ():
            if server.only not in (None, entry.person.username):
                continue
            low, high = (moment // _MINUTE for moment in (start - midnight, end - midnight))
            spans = ask.spans(server.sessions(entry))
            minutes = sum(max(0, min(last, high) - max(first, low)) for first, last in spans)
            if minutes:
                found[entry.person] += minutes
        midnight += _DAY
    return found


def _ask(params: Mapping[str, str], server: Server) -> Ask:
    names = {word: name for name, word in server.words.items()}
    organizations = {organization_id(name): teams for name, teams in ORGANIZATIONS.items()}
    interval = _INTERVAL.fullmatch(params.get("interval", ""))
    if interval is None:
        _invalid("interval must be a number and a unit, such as 1 week")
    category = params.get("category", server.words["any"])
    if category not in names:
        _invalid("category is unknown")
    if "org" in params and params["org"] not in organizations:
        raise RefusalError(404, "resource not found", "not_found")
    start, end = _moment(params, "start"), _moment(params, "end")
    if end <= start:
        _invalid("end must be after start")
    return Ask(
        start=start,
        end=end,
        interval=int(interval[1]) * _UNITS[interval[2]] * _DAY,
        category=names[category],
        teams=organizations[params["org"]] if "org" in params else None,
    )


def _moment(params: Mapping[str, str], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(params.get(name, ""))
    except ValueError:
        _invalid(f"{name} must be a time as in RFC 3339")
    return moment.astimezone(UTC) if moment.tzinfo else _invalid(f"{name} must be a time as in RFC 3339")


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _id(name: str) -> str:
    digits = blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:]}"


def _invalid(words: str) -> NoReturn:
    raise RefusalError(400, words, "invalid_parameter")


def _refuse(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, RefusalError)
    error = {"msg": refusal.words, "code": refusal.code, "details": None}
    return JSONResponse({"error": error}, refusal.status)
