"""Answers like the two APIs of Claude Code: bodies as the vendor documents them, or a made-up organization."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

RECORDED = Path(__file__).parents[1] / "recorded" / "claude-code"
ORGANIZATION = "/v1/organizations"
ACTIVITY = f"{ORGANIZATION}/usage_report/claude_code"
ANALYTICS = f"{ORGANIZATION}/analytics"
MEMBERS = f"{ORGANIZATION}/users"

Body = Any
Answer = Callable[[Mapping[str, str]], Body]


def recorded(name: str) -> Body:
    """A body by its file: `console/day-empty`."""
    return json.loads((RECORDED / f"{name}.json").read_text())


def error(name: str, status: int, **headers: str) -> httpx.Response:
    """A refusal with a recorded body."""
    return httpx.Response(status, json=recorded(name), headers=headers)


@dataclass
class Server:
    """Answers by path: a body, a whole response, or what a function makes of the parameters.

    Any key but `key` is refused, if there is one. `asked` holds the path and parameters of every request, `sent` its
    headers.
    """

    answers: dict[str, Body | httpx.Response | Answer]
    key: str | None = None
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    sent: list[httpx.Headers] = field(default_factory=list)

    @property
    def transport(self) -> httpx.MockTransport:
        """What a client sends its requests to."""
        return httpx.MockTransport(self._respond)

    def paths(self) -> list[str]:
        """The paths that were asked for, below that of organizations."""
        return [path.removeprefix(f"{ORGANIZATION}/") for path, _ in self.asked]

    def _respond(self, request: httpx.Request) -> httpx.Response:
        params = dict(request.url.params)
        self.asked.append((request.url.path, params))
        self.sent.append(request.headers)
        if self.key is not None and request.headers["x-api-key"] != self.key:
            return error("error-401-key", 401)
        if request.url.path not in self.answers:
            return error("error-404", 404)
        answer = self.answers[request.url.path]
        if callable(answer):
            answer = answer(params)
        return answer if isinstance(answer, httpx.Response) else json_response(answer)


def json_response(body: Body) -> httpx.Response:
    """A 200 in which each Decimal is a number with all of its digits."""
    text = json.dumps(body, default=lambda number: f"<{number}>")
    return httpx.Response(200, content=re.sub(r'"<(-?[0-9.]+(?:E[+-]?[0-9]+)?)>"', r"\1", text).encode())


def by_page(*bodies: Body, key: str = "page") -> Answer:
    """Pages in their order, each asked for with the cursor of the one before."""
    last = "last_id" if key == "after_id" else "next_page"
    cursors = {None: bodies[0], **{body[last]: after for body, after in pairwise(bodies)}}
    return lambda params: cursors[params.get(key)]


def rows_of(body: Body | httpx.Response) -> Answer:
    """The rows of a body, dated on the day that is asked for."""

    def answer(params: Mapping[str, str]) -> Body:
        if isinstance(body, httpx.Response):
            return body
        dated = [{**row, "date": f"{params['starting_at']}T00:00:00Z"} for row in body["data"]]
        return {**body, "data": dated}

    return answer


def console_server(day: Body | httpx.Response | None = None, key: str | None = None) -> Server:
    """A Console organization with the same rows on every day that is asked for."""
    rows = rows_of(recorded("console/day-odd-rows") if day is None else day)
    members = by_page(recorded("console/users"), recorded("console/users-last-page"), key="after_id")
    me = recorded("console/organization-me")
    keys = recorded("console/api-keys")
    answers = {ACTIVITY: rows, MEMBERS: members, f"{ORGANIZATION}/me": me, f"{ORGANIZATION}/api_keys": keys}
    return Server(answers, key)
