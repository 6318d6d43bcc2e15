"""A GitLab with Product Analytics over the synthetic company's products: projects, groups, and a Cube behind a proxy.

Written from https://docs.gitlab.com/api/product_analytics/ and what its proxy does in GitLab 15.4 to 18 (read 2026-11).
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from exporter.simulator import CREDENTIAL, cube
from exporter.simulator.company import History
from exporter.simulator.cube import CubeError, Json
from exporter.simulator.gitlab_products import Generation, Project, products
from exporter.simulator.gitlab_proxy import as_gitlab, with_zeros
from exporter.simulator.limiter import Limiter

API = "/api/v4"

_BURST = 20
_PER_PAGE = 20
_MOST_PER_PAGE = 100
_FIRST_GROUP = 101
_NO_DATABASE = "Error: Code: 81. DB::Exception: Database gitlab_project_{} does not exist. (UNKNOWN_DATABASE)"


@dataclass(frozen=True)
class Quirks:
    """Differences between GitLab servers. `waits` is the number of Continue wait answers before a first result."""

    generation: Generation = "current"
    waits: int = 0
    wait_is_400: bool = False
    json_numbers: bool = False
    meta_method: Literal["POST", "GET"] = "POST"
    keyset: bool = False
    retry_after: bool = True


STANDARD = Quirks()


class RefusalError(Exception):
    """An error response: its HTTP status, body (text is plain text) and headers."""

    def __init__(self, status: int, body: Json | str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status, self.body, self.headers = status, body, headers


def gitlab_app(
    history: History,
    now: Callable[[], datetime],
    *,
    token: str = CREDENTIAL,
    projects: Callable[[], Sequence[Project]] | None = None,
    quirks: Quirks = STANDARD,
    requests_per_minute: float | None = None,
) -> Starlette:
    """The vendor's server. `projects` is called for each request, as they may change; None means the company's own.

    `app.state.loads` counts load requests by project number, `app.state.tokens_made` the access tokens that GitLab
    made because a request had `include_token`.
    """
    own = products(history, now)
    limiter = None if requests_per_minute is None else Limiter(requests_per_minute, _BURST, now)
    server = _Server(projects or (lambda: own), now, token, quirks, limiter)
    analytics = f"{API}/projects/{{id}}/product_analytics/request"
    app = Starlette(
        routes=[
            Route(f"{analytics}/load", server.load, methods=["POST"]),
            Route(f"{analytics}/dry-run", server.dry_run, methods=["POST"]),
            Route(f"{analytics}/meta", server.meta, methods=[quirks.meta_method]),
            Route(f"{API}/groups/{{reference:path}}/projects", server.group, methods=["GET"]),
            Route(f"{API}/projects/{{reference:path}}", server.project, methods=["GET"]),
            Route("/{rest:path}", _no_route, methods=["GET", "POST"]),
        ],
        exception_handlers={RefusalError: _refuse},
    )
    app.state.loads, app.state.tokens_made = server.loads, server.tokens_made
    return app


@dataclass
class _Server:
    """Answers requests and counts them."""

    projects: Callable[[], Sequence[Project]]
    now: Callable[[], datetime]
    token: str
    quirks: Quirks
    limiter: Limiter | None
    loads: Counter[int] = field(default_factory=Counter)
    tokens_made: Counter[int] = field(default_factory=Counter)
    waited: Counter[str] = field(default_factory=Counter)

    async def project(self, request: Request) -> Response:
        """One project by number or path; a former path redirects to the number."""
        self._admit(request)
        reference = _reference(request)
        for one in self.projects():
            if reference in (str(one.id), one.path):
                return JSONResponse(_shown(one))
            if reference in one.former:
                return RedirectResponse(f"{request.base_url}api/v4/projects/{one.id}", 302)
        raise RefusalError(404, {"message": "404 Project Not Found"})

    async def group(self, request: Request) -> Response:
        """The projects of a group, in pages: by number, or by key with only a link to the next page."""
        self._admit(request)
        params = request.query_params
        tops = sorted({one.path.partition("/")[0] for one in self.projects()})
        names = {str(number): name for number, name in enumerate(tops, start=_FIRST_GROUP)}
        reference = _reference(request)
        group = names.get(reference, reference)
        inside = [one for one in self.projects() if one.path.startswith(f"{group}/")]
        if not inside:
            raise RefusalError(404, {"message": "404 Group Not Found"})
        if params.get("include_subgroups") != "true":
            inside = [one for one in inside if one.path.rpartition("/")[0] == group]
        if params.get("archived") == "false":
            inside = [one for one in inside if not one.archived]
        inside.sort(key=lambda one: one.id)
        size = min(int(params.get("per_page", _PER_PAGE)), _MOST_PER_PAGE)
        return _by_key(request, inside, size) if self.quirks.keyset else _by_number(request, inside, size)

    async def load(self, request: Request) -> Response:
        """The response to a query."""
        project, query = await self._query(request)
        self.loads[project.id] += 1
        if not project.database:
            return self._from_cube({"error": _NO_DATABASE.format(project.id)})
        asked = json.dumps([project.id, query])
        if self.waited[asked] < self.quirks.waits:
            self.waited[asked] += 1
            return self._from_cube({"error": "Continue wait", "requestId": "simulated-span-1"})
        cubes, refreshed = project.cubes(self.quirks.generation), self.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
        try:
            body = cube.load(cubes, query, refreshed, json_numbers=self.quirks.json_numbers)
        except CubeError as error:
            return self._from_cube({"type": "UserError", "error": str(error), "requestId": "simulated-span-1"})
        return JSONResponse(with_zeros(body, query))

    async def dry_run(self, request: Request) -> Response:
        """The response to a query that is checked but not run."""
        project, query = await self._query(request)
        try:
            body = cube.dry_run(project.cubes(self.quirks.generation), query)
        except CubeError as error:
            return self._from_cube({"type": "UserError", "error": str(error), "requestId": "simulated-span-1"})
        return JSONResponse({**body, "results": None})

    async def meta(self, request: Request) -> Response:
        """The response that lists every member."""
        project = self._analysed(request)
        return JSONResponse(cube.meta(project.cubes(self.quirks.generation)))

    async def _query(self, request: Request) -> tuple[Project, Json]:
        project = self._analysed(request)
        body = json.loads(await request.body())
        if "query" not in body:
            raise RefusalError(400, {"error": "query is missing"})
        if not isinstance(body["query"], dict):
            raise RefusalError(400, {"error": "query is invalid"})
        if body.get("include_token") is True:
            self.tokens_made[project.id] += 1
        return project, body["query"]

    def _analysed(self, request: Request) -> Project:
        self._admit(request)
        number = request.path_params["id"]
        if not number.isdecimal():
            raise RefusalError(400, {"error": "project_id is invalid"})
        for one in self.projects():
            if one.id == int(number):
                if one.refusal is not None:
                    raise RefusalError(*one.refusal)
                return one
        raise RefusalError(404, {"message": "404 Project Not Found"})

    def _admit(self, request: Request) -> None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.token not in (request.headers.get("private-token"), bearer):
            raise RefusalError(401, {"message": "401 Unauthorized"})
        wait = 0.0 if self.limiter is None else self.limiter.take()
        if wait:
            reset = math.ceil(self.now().timestamp() + wait)
            headers = {"RateLimit-Remaining": "0", "RateLimit-Reset": str(reset)}
            if self.quirks.retry_after:
                headers["Retry-After"] = str(math.ceil(wait))
            raise RefusalError(429, "Retry later", headers)

    def _from_cube(self, body: Json) -> Response:
        status, made = as_gitlab(body, wait_is_400=self.quirks.wait_is_400)
        return JSONResponse(made, status)


def _by_number(request: Request, projects: Sequence[Project], size: int) -> Response:
    page = int(request.query_params.get("page", 1))
    shown = projects[(page - 1) * size : page * size]
    following = str(page + 1) if page * size < len(projects) else ""
    headers = {"X-Page": str(page), "X-Per-Page": str(size), "X-Next-Page": following}
    if following:
        headers["Link"] = f'<{request.url.include_query_params(page=following)}>; rel="next"'
    return JSONResponse([_shown(one) for one in shown], headers=headers)


def _by_key(request: Request, projects: Sequence[Project], size: int) -> Response:
    after = int(request.query_params.get("id_after", -1))
    left = [one for one in projects if one.id > after]
    headers = {}
    if len(left) > size:
        headers["Link"] = f'<{request.url.include_query_params(id_after=left[size - 1].id)}>; rel="next"'
    return JSONResponse([_shown(one) for one in left[:size]], headers=headers)


def _shown(project: Project) -> Json:
    return {"id": project.id, "path_with_namespace": project.path, "archived": project.archived}


def _reference(request: Request) -> str:
    """A number or a path, whose slashes must be written %2F."""
    reference: str = request.path_params["reference"]
    if quote(reference, safe="") not in bytes(request.scope["raw_path"]).decode():
        raise RefusalError(404, {"error": "404 Not Found"})
    return reference


async def _no_route(_: Request) -> Response:
    raise RefusalError(404, {"error": "404 Not Found"})


async def _refuse(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, RefusalError)
    if isinstance(refused.body, str):
        return PlainTextResponse(refused.body, refused.status, refused.headers)
    return JSONResponse(refused.body, refused.status, refused.headers)
