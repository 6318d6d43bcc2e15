"""How the Cube of a GitLab project is asked: refusals are told apart by their words, and outages are retried."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from exporter.errors import BadPayload, Rejected, Unreachable
from exporter.transport.client import Client, Response
from exporter.transport.endpoints import Allowed
from exporter.transport.json_object import JsonObject, json_object, refusal_text
from exporter.transport.retries import ATTEMPTS, RetryableError, retrying
from exporter.vendors.gitlab.answers import Days, Row, by_day, parse_page
from exporter.vendors.gitlab.query import PAGE_SIZE, Query, Question, day_query
from exporter.vendors.gitlab.schema import Meta, parse_meta
from exporter.vendors.gitlab.verdicts import EXPLAINED, Verdict, judge

API = "/api/v4"
_REQUEST = f"{API}/projects/{{project}}/product_analytics/request"
ENDPOINTS = (
    Allowed("GET", f"{API}/groups/{{group}}/projects"),
    Allowed("GET", f"{API}/projects/{{project}}"),
    Allowed("POST", f"{_REQUEST}/load"),
    Allowed("POST", f"{_REQUEST}/dry-run"),
    Allowed("POST", f"{_REQUEST}/meta"),
    Allowed("GET", f"{_REQUEST}/meta"),
)

# Cube holds a query that it has not finished for about 5 s; then the same query must be sent again. Cube's own client
# repeats it at once and without end (2026-11).
DEADLINE = 300.0
PAUSE = 1.0
_MOST_PAGES = 1_000


class NoDatabaseError(Exception):
    """The project is set up but has not received an event yet."""


class NoProjectError(Rejected):
    """The project does not exist any more, or the token's user may not see it."""


class NoRouteError(Rejected):
    """This GitLab has no such endpoint."""


def load(client: Client, project: int, query: Query) -> JsonObject:
    """The answer to a query. Raises NoDatabaseError, or the VendorError that the words of the answer stand for."""
    return _ask(client, "POST", project, "load", _body(query))


def load_days(client: Client, project: int, question: Question, start: date, end: date) -> Days:
    """The numbers of each day that has some, from all pages."""
    rows: list[Row] = []
    for page in range(_MOST_PAGES):
        answer = load(client, project, day_query(question, start, end, offset=page * PAGE_SIZE))
        found, size = parse_page(answer, question, start, end)
        if found and found == rows[-len(found) :]:
            # Single rows may come twice. A server that ignores the offset would return the first page again and again.
            raise BadPayload(f"{answer.where}: page {page + 1} repeats the one before")
        rows.extend(found)
        if size < PAGE_SIZE:
            return by_day(rows, answer.where)
    raise BadPayload(f"{answer.where}: more than {_MOST_PAGES} pages of {PAGE_SIZE} rows")


def dry_run(client: Client, project: int, query: Query) -> None:
    """Has Cube check a query: raises what `load` would raise, except for what only the database can find."""
    _ask(client, "POST", project, "dry-run", _body(query))


def load_meta(client: Client, project: int) -> Meta | None:
    """The members that a project's Cube has; None where GitLab has no such endpoint.

    Its documentation says GET, its code POST (2026-11).
    """
    for method in ("POST", "GET"):
        try:
            return parse_meta(_ask(client, method, project, "meta", None))
        except NoRouteError:
            continue
    return None


def _body(query: Query) -> Mapping[str, object]:
    # Never with include_token: for each such request GitLab creates an access token to the project.
    return {"query": query, "queryType": "multi"}


def _ask(
    client: Client,
    method: str,
    project: int,
    endpoint: Literal["load", "dry-run", "meta"],
    body: Mapping[str, object] | None,
) -> JsonObject:
    path = f"{API}/projects/{project}/product_analytics/request/{endpoint}"
    where = f"gitlab {method} {path}"
    began = client.monotonic()

    def pause(seconds: float) -> None:
        if client.stop.wait(seconds):
            raise Unreachable(f"{where}: stopping")

    def attempt() -> JsonObject:
        while True:
            answer = _answer(client.request(method, path, json=body, accept_status=EXPLAINED), client)
            if answer is not None:
                return answer
            if client.monotonic() - began + PAUSE > DEADLINE:
                raise Unreachable(f"{where}: Cube still says Continue wait after {DEADLINE:.0f} s", status=200)
            pause(PAUSE)

    return retrying(attempt, pause, client.jitter)


def _answer(response: Response, client: Client) -> JsonObject | None:
    """The body of an answer; None where it says that the query must be sent again."""
    if response.status in EXPLAINED:
        said = refusal_text(response.body)
    else:
        answer = json_object(response.json(), response.where)
        if not answer.fields.get("error"):
            return answer
        said = answer.text("error")
    verdict, advice = judge(response.status if response.status in EXPLAINED else 200, said)
    words = f": {client.presentable(said)}" if said else ""
    message = f"{response.where}: {response.status}{words}{f' ({advice})' if advice else ''}"
    match verdict:
        case Verdict.WAIT:
            return None
        case Verdict.NO_DATABASE:
            raise NoDatabaseError
        case Verdict.TRANSIENT:
            attempts = f"{response.where}: {response.status} in {ATTEMPTS} attempts{words}"
            raise RetryableError(Unreachable(attempts, status=response.status))
        case Verdict.TOKEN:
            raise Rejected(message, status=response.status)
        case Verdict.NO_PROJECT:
            raise NoProjectError(message, status=response.status)
        case Verdict.NO_ROUTE:
            raise NoRouteError(message, status=response.status)
        case Verdict.REFUSED:
            # A 401 about one project must not look like a refused token: the other projects can still be read.
            raise Rejected(message, status=None if response.status == 401 else response.status)
