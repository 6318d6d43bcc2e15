"""Asking GitLab: what each layer's refusals mean, waiting for Cube, and what is never sent."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from exporter.errors import BadPayload, RateLimited, Rejected, Unreachable, VendorError
from exporter.vendors.gitlab.api import NoDatabaseError, load, load_days, load_meta
from exporter.vendors.gitlab.query import Question
from tests.support.gitlab_requests import Asked

LOAD = "gitlab POST /api/v4/projects/42/product_analytics/request/load"
QUERY = {"measures": ["TrackedEvents.count"]}
RESULT: dict[str, Any] = {"results": [{"data": []}]}
WAIT = {"error": "Continue wait", "requestId": "72161d3e-1c6d-4d1f-b6d8-544f82f34dbf-span-1"}


def in_turn(*answers: httpx.Response) -> tuple[Asked, list[httpx.Request]]:
    """A GitLab that gives one answer after the other, and the requests that it has seen; the last answer stays."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        reply = answers[min(len(seen), len(answers)) - 1]
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    return Asked(answer), seen


def says(status: int, body: object = None, text: str | None = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, text=text, headers=named) if text is not None else httpx.Response(status, json=body)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (says(400, {"error": "query is missing"}), Rejected, "400: query is missing"),
        (says(400, {"error": "query is invalid"}), Rejected, "400: query is invalid"),
        (says(400, {"error": "project_id is invalid"}), Rejected, "400: project_id is invalid"),
        (
            says(400, {"message": "Error: Code: 202. DB::Exception: Too many simultaneous queries"}),
            Unreachable,
            "400 in 4 attempts: Error: Code: 202. DB::Exception: Too many simultaneous queries",
        ),
        (says(400, text="<html>Bad Request</html>"), Unreachable, "400 in 4 attempts"),
        (
            says(401, {"message": "401 Unauthorized"}),
            Rejected,
            "401: 401 Unauthorized (the token was refused; check token/token_file)",
        ),
        (
            says(401, {"error": "invalid_token", "error_description": "Token is expired."}),
            Rejected,
            "401: Token is expired. (the token was refused; check token/token_file)",
        ),
        (
            says(401, {"message": "Access Denied"}),
            Rejected,
            "401: Access Denied (the token's user needs a higher role in the project)",
        ),
        (
            says(401, {"message": "Access to product analytics is restricted.\n          Please consider purchasing"}),
            Rejected,
            "401: Access to product analytics is restricted. Please consider purchasing",
        ),
        (
            says(
                403,
                {
                    "error": "insufficient_scope",
                    "error_description": "The request requires higher privileges than provided by the access token.",
                    "scope": "api",
                },
            ),
            Rejected,
            (
                "403: The request requires higher privileges than provided by the access token. "
                "(the token needs the scope api)"
            ),
        ),
        (
            says(404, {"message": "Product Analytics is not enabled"}),
            Rejected,
            "404: Product Analytics is not enabled (switch it on for the project and its group)",
        ),
        (
            says(404, {"message": "404 Project Not Found"}),
            Rejected,
            "404: 404 Project Not Found (there is none, or the token's user may not see it)",
        ),
        (
            says(404, {"error": "404 Not Found"}),
            Rejected,
            ("404: 404 Not Found (no Product Analytics API here: check base_url, and edition and version of GitLab)"),
        ),
        (
            says(404, text="<html>nginx</html>"),
            Rejected,
            "404 (no Product Analytics API here: check base_url, and edition and version of GitLab)",
        ),
        (says(429, text="Retry later"), RateLimited, "429 in 4 attempts"),
        (
            says(429, {"message": {"error": "This endpoint has been requested too many times. Try again later."}}),
            RateLimited,
            "429 in 4 attempts: This endpoint has been requested too many times. Try again later.",
        ),
        (
            says(500, {"message": "500 Internal Server Error"}),
            Unreachable,
            "500 in 4 attempts: 500 Internal Server Error",
        ),
        (
            says(502, {"message": "Connection refused - connect(2) for 10.0.0.7:4000"}),
            Unreachable,
            "502 in 4 attempts: Connection refused - connect(2) for 10.0.0.7:4000",
        ),
        (says(502, text="<html>Bad Gateway</html>"), Unreachable, "502 in 4 attempts"),
        (
            says(302, text="", location="https://sso.example.com/login"),
            Rejected,
            "302, redirected to sso.example.com; the token is never sent elsewhere, check base_url",
        ),
        (
            says(200, {"error": "Error: connect ECONNREFUSED"}),
            Unreachable,
            "200 in 4 attempts: Error: connect ECONNREFUSED",
        ),
        (says(200, {"error": 7}), BadPayload, "error is the number 7, not text"),
        (says(200, text="<html>Sign in</html>"), BadPayload, "the body looks like an HTML page, not JSON"),
        (says(200, text=""), BadPayload, "the body is empty"),
        (says(200, ["results"]), BadPayload, "the body is an array, not an object"),
    ],
)
def test_a_refusal_of_any_layer_says_what_it_means(
    answer: httpx.Response, error: type[VendorError], message: str
) -> None:
    asked, _ = in_turn(answer)

    with asked.client() as client, pytest.raises(VendorError) as raised:
        load(client, 42, QUERY)

    assert isinstance(raised.value, error)
    assert str(raised.value) == f"{LOAD}: {message}"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (says(401, {"message": "401 Unauthorized"}), 401),
        (says(401, {"message": "Access Denied"}), None),
        (says(401, {"message": "Access to product analytics is restricted."}), None),
        (says(400, {"message": "Error: connect ECONNREFUSED"}), 400),
    ],
)
def test_only_a_refused_token_looks_hopeless_for_the_other_projects(answer: httpx.Response, status: int | None) -> None:
    asked, _ = in_turn(answer)

    with asked.client() as client, pytest.raises(VendorError) as raised:
        load(client, 42, QUERY)

    assert raised.value.status == status


@pytest.mark.parametrize("text", ["404 Clickhouse Database Not Found", "404 Database Not Found"])
def test_a_project_without_its_database_is_no_error(text: str) -> None:
    asked, _ = in_turn(says(404, {"message": text}))

    with asked.client() as client, pytest.raises(NoDatabaseError):
        load(client, 42, QUERY)


def test_no_message_holds_the_token() -> None:
    asked, _ = in_turn(says(400, {"message": "secret-token not found for path 'secret-token'"}))

    with asked.client() as client, pytest.raises(Rejected) as raised:
        load(client, 42, QUERY)

    assert "<token> not found for path '<token>'" in str(raised.value)
    assert "secret" not in str(raised.value)


# Continue wait


@pytest.mark.parametrize("wait", [says(200, WAIT), says(400, {"message": "Continue wait"})])
def test_a_query_that_takes_long_is_sent_again_as_it_was_with_a_pause(wait: httpx.Response) -> None:
    asked, seen = in_turn(wait, wait, wait, says(200, RESULT))

    with asked.client() as client:
        answer = load(client, 42, QUERY)

    assert answer.fields == RESULT
    assert asked.pauses.taken == [1.0, 1.0, 1.0]
    assert len(seen) == 4
    assert len({(request.method, str(request.url), request.content) for request in seen}) == 1


def test_waiting_has_an_end_over_all_attempts() -> None:
    asked, seen = in_turn(says(200, WAIT))

    with asked.client() as client, pytest.raises(Unreachable) as raised:
        load(client, 42, QUERY)

    assert str(raised.value) == f"{LOAD}: Cube still says Continue wait after 300 s"
    assert (asked.pauses.monotonic(), len(seen)) == (300.0, 301)


def test_waiting_ends_when_the_exporter_stops() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) == 3:
            asked.pauses.set()
        return says(200, WAIT)

    asked = Asked(answer)
    with asked.client() as client, pytest.raises(Unreachable, match=f"{LOAD}: stopping"):
        load(client, 42, QUERY)

    assert len(seen) == 3


def test_an_outage_that_passes_is_no_failure() -> None:
    down = says(400, {"message": "Error: connect ECONNREFUSED 127.0.0.1:55432"})
    asked, seen = in_turn(down, says(200, WAIT), down, says(200, RESULT))

    with asked.client() as client:
        answer = load(client, 42, QUERY)

    assert answer.fields == RESULT
    assert len(seen) == 4
    assert asked.pauses.taken == [1.5, 1.0, 3.0]


def test_a_limit_without_retry_after_is_waited_for_until_it_resets() -> None:
    reset = says(429, text="Retry later", ratelimit_reset=str(int(Asked.now.timestamp()) + 17))
    asked, _ = in_turn(reset, says(429, text="Retry later", retry_after="3"), says(200, RESULT))

    with asked.client() as client:
        load(client, 42, QUERY)

    assert asked.pauses.taken == [17.0, 3.0]


# What is sent


def test_a_query_goes_to_the_path_below_the_base_url_and_never_asks_for_a_token() -> None:
    asked, seen = in_turn(says(200, RESULT))

    with asked.client() as client:
        load(client, 42, QUERY)

    assert str(seen[0].url) == "https://gitlab.example.com/gitlab/api/v4/projects/42/product_analytics/request/load"
    assert (seen[0].method, seen[0].headers["private-token"]) == ("POST", "secret-token")
    assert "authorization" not in seen[0].headers
    assert json.loads(seen[0].content) == {"query": QUERY, "queryType": "multi"}


def test_pages_are_read_until_one_is_short() -> None:
    values = {f"value {number:02}": f"activity_{number:02}" for number in range(50)}
    question = Question("T.time", {"": "T.count"}, "T.name", values)
    start = date(2025, 1, 1)
    rows = [
        {"T.time.day": f"{date.fromordinal(start.toordinal() + day)}T00:00:00.000", "T.name": value, "T.count": "1"}
        for day in range(410)
        for value in values
    ]
    offsets: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        query = json.loads(request.content)["query"]
        offsets.append(query["offset"])
        page = rows[query["offset"] : query["offset"] + query["limit"]]
        return httpx.Response(200, json={"results": [{"data": page}]})

    with Asked(answer).client() as client:
        found = load_days(client, 42, question, start, date(2026, 12, 31))

    assert offsets == [0, 10_000, 20_000]
    assert (len(found), sum(len(numbers) for numbers in found.values() if not isinstance(numbers, BadPayload))) == (
        410,
        20_500,
    )


def test_a_server_that_ignores_the_offset_is_found_out() -> None:
    values = {f"value {number}": f"activity_{number}" for number in range(50)}
    question = Question("T.time", {"": "T.count"}, "T.name", values)
    start = date(2025, 1, 1)
    rows = [
        {"T.time.day": f"{date.fromordinal(start.toordinal() + day)}T00:00:00.000", "T.name": value, "T.count": "1"}
        for day in range(200)
        for value in values
    ]
    calls: Iterator[int] = iter(range(3))

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"results": [{"data": rows if next(calls) < 2 else []}]})

    with Asked(answer).client() as client, pytest.raises(BadPayload, match="page 2 repeats the one before"):
        load_days(client, 42, question, start, date(2026, 12, 31))


# meta

META = {"cubes": [{"measures": [{"name": "T.count", "aggType": "count"}], "dimensions": []}]}


def by_method(**answers: httpx.Response) -> tuple[Asked, list[str]]:
    methods: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        return answers[request.method]

    return Asked(answer), methods


@pytest.mark.parametrize("missing", [says(404, {"error": "404 Not Found"}), says(405, {"error": "405 Not Allowed"})])
def test_meta_is_asked_by_post_and_then_as_documented(missing: httpx.Response) -> None:
    asked, methods = by_method(POST=missing, GET=says(200, META))

    with asked.client() as client:
        assert load_meta(client, 42) == {"T.count": "count"}
    assert methods == ["POST", "GET"]


def test_a_gitlab_that_does_not_tell_its_members_is_no_error() -> None:
    missing = {"error": "404 Not Found"}
    asked, methods = by_method(POST=says(404, missing), GET=says(404, missing))

    with asked.client() as client:
        assert load_meta(client, 42) is None
    assert methods == ["POST", "GET"]


def test_meta_of_a_project_without_analytics_is_an_error() -> None:
    asked, methods = by_method(POST=says(404, {"message": "Product Analytics is not enabled"}))

    with asked.client() as client, pytest.raises(Rejected, match="Product Analytics is not enabled"):
        load_meta(client, 42)
    assert methods == ["POST"]
