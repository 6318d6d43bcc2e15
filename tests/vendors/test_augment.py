"""Augment Code: the published bodies give the numbers printed there, and bodies that cannot be right give none."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.failures import failure_of, reason_and_message
from tests.support.json_bodies import change
from tests.support.vendor_polls import VendorPolls

SAMPLES = Path(__file__).parents[1] / "recorded" / "augment"
GOLDEN = Path(__file__).parents[1] / "golden" / "augment.txt"
NOW = datetime(2025, 10, 21, 4, tzinfo=UTC)
FIRST = date(2025, 10, 15)
PEOPLE = "/analytics/v0/dau"
RECORDS = "/analytics/v0/daily-user-activity-by-editor-language"

Bodies = dict[str, Any]


def sample(name: str) -> Any:
    """A body that the vendor publishes in its documentation."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


def published(name: str) -> Any:
    """A published list, ended: the documentation shows its first page only."""
    body = sample(name)
    body["pagination"] = {"next_cursor": "", "has_more": False}
    return body


def answers(bodies: Bodies) -> Callable[[httpx.Request], httpx.Response]:
    """A server that answers a path with its body, the single-day lists only for the day that the samples are of."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = copy.deepcopy(bodies[request.url.path])
        params = dict(request.url.params)
        if isinstance(body, httpx.Response):
            return httpx.Response(body.status_code, headers=body.headers, content=body.content)
        if callable(body):
            made: httpx.Response = body(params)
            return made
        if "date" in params and params["date"] != FIRST.isoformat():
            key = "users" if request.url.path == PEOPLE else "records"
            body[key] = []
            body["metadata"]["effective_date"] = params["date"]
        for name in ("start_date", "end_date"):
            if name in params:
                body["metadata"][f"effective_{name}"] = params[name]
        return httpx.Response(200, json=body)

    return answer


def the_published() -> Bodies:
    """Every published body under its path."""
    return {
        "/analytics/v0/dau-count": sample("dau-count"),
        "/analytics/v0/daily-usage": sample("daily-usage"),
        "/analytics/v0/user-activity": published("user-activity"),
        PEOPLE: published("dau"),
        RECORDS: published("editor-language"),
    }


def polls(bodies: Bodies, **settings: Any) -> VendorPolls:
    """An Augment source over the bodies, a few hours after the last published day was ready."""
    transport = httpx.MockTransport(answers(bodies))
    return VendorPolls("augment", {"history": timedelta(days=6), **settings}, NOW, transport)


def test_the_published_bodies_give_the_numbers_printed_there() -> None:
    bench = polls(the_published())
    bench.poll()

    assert bench.exposition() == GOLDEN.read_text()


def at(body: Any, *path: Any) -> Any:
    """The part of a body at a path."""
    for step in path:
        body = body[step]
    return body


def changed(endpoint: str, path: tuple[Any, ...], value: Any) -> Bodies:
    """The published bodies with one value changed; `...` removes it."""
    bodies = the_published()
    change(bodies[endpoint], path, value)
    return bodies


RECORD = ("records", 1, "metrics", "chat_messages")


@pytest.mark.parametrize(
    ("endpoint", "path", "value", "message"),
    [
        (PEOPLE, ("users",), ..., "augment GET /analytics/v0/dau: users is missing"),
        (PEOPLE, ("pagination",), ..., "augment GET /analytics/v0/dau: pagination is missing"),
        (PEOPLE, ("pagination", "has_more"), ..., "augment GET /analytics/v0/dau: pagination.has_more is missing"),
        (
            PEOPLE,
            ("pagination", "has_more"),
            True,
            "augment GET /analytics/v0/dau: pagination has more pages and an empty next_cursor",
        ),
        (
            PEOPLE,
            ("users", 0, "service_account_name"),
            "ci-bot",
            "augment GET /analytics/v0/dau: users[0] has both of user_email and service_account_name",
        ),
        (
            PEOPLE,
            ("users", 1),
            {},
            "augment GET /analytics/v0/dau: users[1] has neither of user_email and service_account_name",
        ),
        (
            PEOPLE,
            ("metadata", "effective_date"),
            "2025-10-14",
            "augment GET /analytics/v0/dau: asked for date 2025-10-15, got 2025-10-14",
        ),
        (
            "/analytics/v0/dau-count",
            ("daily_active_user_counts", 0, "user_count"),
            -1,
            (
                "augment GET /analytics/v0/dau-count: daily_active_user_counts[0].user_count is the number -1, "
                "not a whole number from 0 to 2^63 - 1"
            ),
        ),
        (
            "/analytics/v0/dau-count",
            ("daily_active_user_counts", 2, "date"),
            "October",
            "augment GET /analytics/v0/dau-count: daily_active_user_counts[2].date is not a day as YYYY-MM-DD",
        ),
        (
            "/analytics/v0/daily-usage",
            ("daily_usage",),
            ...,
            "augment GET /analytics/v0/daily-usage: daily_usage is missing",
        ),
        (
            "/analytics/v0/daily-usage",
            ("daily_usage", 0, "metrics", "total_messages"),
            12.5,
            (
                "augment GET /analytics/v0/daily-usage: daily_usage[0].metrics.total_messages is the number 12.5, "
                "not a whole number from 0 to 2^63 - 1"
            ),
        ),
        (
            RECORDS,
            RECORD,
            "5",
            (
                "augment GET /analytics/v0/daily-user-activity-by-editor-language: records[1].metrics.chat_messages "
                "is text, not a whole number from 0 to 2^63 - 1"
            ),
        ),
        (
            RECORDS,
            RECORD,
            2**63,
            (
                "augment GET /analytics/v0/daily-user-activity-by-editor-language: records[1].metrics.chat_messages is "
                "the number 9223372036854775808, not a whole number from 0 to 2^63 - 1"
            ),
        ),
        (
            RECORDS,
            RECORD,
            2**63 - 1,
            (
                "augment editor-language records of 2025-10-15: the sum of usage|chat_messages is 9223372036854775817, "
                "beyond 2^63"
            ),
        ),
        (
            RECORDS,
            ("records", 0, "editor"),
            None,
            "augment GET /analytics/v0/daily-user-activity-by-editor-language: records[0].editor is null, not text",
        ),
    ],
)
def test_a_body_that_cannot_be_right_is_a_payload_error_and_stores_nothing(
    endpoint: str, path: tuple[Any, ...], value: Any, message: str
) -> None:
    bench = polls(changed(endpoint, path, value))
    status = bench.poll()

    assert reason_and_message(status) == ("payload", f"all: {message}")
    assert bench.samples() == []


def test_pages_are_read_to_the_end_and_a_person_on_two_of_them_is_one_person() -> None:
    pages = {
        "": (["alice", "bob"], "c1"),
        "c1": (["bob", "carol"], "c2"),
        "c2": ([], None),
    }

    def page(params: dict[str, str]) -> httpx.Response:
        if params["date"] != FIRST.isoformat():
            return httpx.Response(200, json={"users": [], "pagination": {"has_more": False}})
        names, cursor = pages[params.get("cursor", "")]
        users = [{"user_email": f"{name}@example.com"} for name in names]
        return httpx.Response(
            200, json={"users": users, "pagination": {"has_more": bool(cursor), "next_cursor": cursor}}
        )

    bench = polls({**the_published(), PEOPLE: page})
    bench.poll()

    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}


def test_a_cursor_that_comes_again_is_an_error_and_not_an_endless_loop() -> None:
    body = published("dau")
    body["pagination"] = {"next_cursor": "again", "has_more": True}
    status = polls({**the_published(), PEOPLE: body}).poll()

    assert (
        failure_of(status).message
        == "all: augment GET /analytics/v0/dau: page 2 names a next page that was there before"
    )


@pytest.mark.slow
def test_pages_without_end_are_an_error() -> None:
    numbers = iter(range(10**9))

    def page(_params: dict[str, str]) -> httpx.Response:
        pagination = {"next_cursor": str(next(numbers)), "has_more": True}
        return httpx.Response(200, json={"users": [], "pagination": pagination})

    status = polls({**the_published(), PEOPLE: page}).poll()

    assert reason_and_message(status) == (
        "payload",
        "all: augment GET /analytics/v0/dau: more than 5000 pages",
    )


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        (
            httpx.Response(401, json={"error": {"code": "Unauthenticated", "message": "invalid token"}}),
            "rejected",
            "all: augment GET /analytics/v0/dau: 401, the token was refused; check token/token_file: invalid token",
        ),
        (
            httpx.Response(400, json=json.loads((SAMPLES / "error-400.json").read_text())),
            "rejected",
            "all: augment GET /analytics/v0/dau: 400: end_date cannot be later than yesterday (UTC)",
        ),
        (httpx.Response(429), "rate_limited", "all: augment GET /analytics/v0/dau: 429 in 4 attempts"),
        (
            httpx.Response(429, headers={"retry-after": "3600"}),
            "rate_limited",
            "all: augment GET /analytics/v0/dau: 429, the vendor asks to wait 3600 s",
        ),
        (httpx.Response(500), "unreachable", "all: augment GET /analytics/v0/dau: 500 in 4 attempts"),
        (
            httpx.Response(200, html="<html>log in</html>"),
            "payload",
            "all: augment GET /analytics/v0/dau: the body looks like an HTML page, not JSON",
        ),
        (
            httpx.Response(200, text='{"users": ['),
            "payload",
            "all: augment GET /analytics/v0/dau: not JSON: Expecting value (character 11 of 11)",
        ),
    ],
)
def test_a_fault_leaves_the_old_values_and_the_next_poll_recovers(
    answer: httpx.Response, reason: str, message: str
) -> None:
    bodies = the_published()
    bench = polls(bodies)
    bench.poll()
    good = bodies[PEOPLE]
    bodies[PEOPLE] = answer
    bench.transport = httpx.MockTransport(answers(bodies))
    status = bench.poll()

    assert reason_and_message(status) == (reason, message)
    assert bench.exposition() == GOLDEN.read_text()
    bodies[PEOPLE] = good
    bench.transport = httpx.MockTransport(answers(bodies))

    assert bench.poll().success


def test_a_missing_field_is_absent_and_touches_no_other_field() -> None:
    bodies = changed("/analytics/v0/daily-usage", ("daily_usage", 0, "metrics", "chat_messages"), ...)
    del bodies[RECORDS]["records"][0]["metrics"]["total_tool_calls"]
    bench = polls(bodies)
    bench.poll()
    whole = polls(the_published())
    whole.poll()
    gone = set(whole.samples()) - set(bench.samples())

    assert {(sample.metric, sample.labels[3:]) for sample in gone} == {
        ("adoption_usage", ("1d", "chat_messages")),
        ("adoption_activity_active_users", ("1d", "tool_calls")),
        ("adoption_client_usage", ("1d", "tool_calls", "VSCode")),
        ("adoption_language_usage", ("1d", "tool_calls", "Python")),
        ("adoption_language_usage", ("1d", "tool_calls", "TypeScript")),
    }
    assert set(bench.samples()) < set(whole.samples())


def test_unknown_keys_change_nothing() -> None:
    bodies = changed(RECORDS, ("records", 0, "metrics", "total_edits"), "many")
    bodies[PEOPLE]["users"][0]["display_name"] = None
    bench = polls(bodies)
    bench.poll()

    assert bench.exposition() == GOLDEN.read_text()


def test_blank_editors_and_languages_are_unknown() -> None:
    bench = polls(changed(RECORDS, ("records", 0, "editor"), "  "))
    bench.poll()

    assert bench.values("adoption_client_active_users") == {("all", "1d", "VSCode"): 1.0, ("all", "1d", "unknown"): 1.0}


def test_a_day_without_activity_is_zero_in_every_field_that_the_other_days_have() -> None:
    bodies = the_published()
    bodies["/analytics/v0/dau-count"]["daily_active_user_counts"] = [
        {"date": "2025-10-15", "user_count": 3},
        {"date": "2025-10-16", "user_count": 0},
    ]
    bench = polls(bodies)
    bench.poll()
    values = {labels: value for labels, value in bench.values("adoption_usage").items() if labels[1] == "1d"}

    assert bench.values("adoption_active_users") == {("all", "1d"): 0.0}
    assert bench.values("adoption_active_service_accounts") == {("all", "1d"): 0.0}
    assert len(values) == 9
    assert set(values.values()) == {0.0}


def test_a_day_whose_daily_usage_is_there_without_any_field_is_incomplete() -> None:
    bench = polls(changed("/analytics/v0/daily-usage", ("daily_usage", 0, "metrics"), {}))
    status = bench.poll()

    assert status.success
    assert bench.samples() == []


@pytest.mark.parametrize(
    ("endpoint", "array", "message"),
    [
        (
            "/analytics/v0/daily-usage",
            "daily_usage",
            (
                "all: augment GET /analytics/v0/daily-usage: daily_usage[0].metrics.chat_messages is the number -1, "
                "not a whole number from 0 to 2^63 - 1"
            ),
        ),
        (
            RECORDS,
            "records",
            (
                "all: augment GET /analytics/v0/daily-user-activity-by-editor-language: records[0].metrics."
                "chat_messages is the number -1, not a whole number from 0 to 2^63 - 1"
            ),
        ),
    ],
)
def test_a_number_that_cannot_be_right_costs_its_day_alone(endpoint: str, array: str, message: str) -> None:
    bodies = three_days()
    wrong = copy.deepcopy(bodies)
    at(wrong[endpoint], array, 0, "metrics")["chat_messages"] = -1

    def answer(request: httpx.Request) -> httpx.Response:
        days = dict(request.url.params)
        is_wrong = endpoint != RECORDS or days.get("date") == "2025-10-19"
        body = copy.deepcopy((wrong if is_wrong else bodies)[request.url.path])
        body.pop("metadata")
        return httpx.Response(200, json=body)

    bench = VendorPolls("augment", {"history": timedelta(days=3)}, NOW, httpx.MockTransport(answer))
    status = bench.poll()

    assert reason_and_message(status) == ("payload", message)
    assert set(bench.store.days("tool", "all")) == {date(2025, 10, 20), date(2025, 10, 18)}


def three_days() -> Bodies:
    """The published bodies with the same activity on the three newest days; 2025-10-19 is the first in every list."""
    bodies = the_published()
    days = ["2025-10-19", "2025-10-20", "2025-10-18"]
    metrics = bodies["/analytics/v0/daily-usage"]["daily_usage"][0]["metrics"]
    bodies["/analytics/v0/dau-count"]["daily_active_user_counts"] = [{"date": day, "user_count": 3} for day in days]
    bodies["/analytics/v0/daily-usage"]["daily_usage"] = [{"date": day, "metrics": {**metrics}} for day in days]
    return bodies


def test_windows_of_days_that_are_not_read_come_from_user_activity() -> None:
    bodies = the_published()
    days = [FIRST - timedelta(days=back) for back in range(28)]
    bodies["/analytics/v0/dau-count"]["daily_active_user_counts"] = [
        {"date": day.isoformat(), "user_count": 3} for day in days
    ]
    metrics = bodies["/analytics/v0/daily-usage"]["daily_usage"][0]["metrics"]
    bodies["/analytics/v0/daily-usage"]["daily_usage"] = [
        {"date": day.isoformat(), "metrics": metrics} for day in days[:9]
    ]
    bench = VendorPolls(
        "augment",
        {"history": timedelta(days=1), "lookback": timedelta(days=1)},
        datetime(2025, 10, 16, 4, tzinfo=UTC),
        httpx.MockTransport(answers(bodies)),
    )
    bench.poll()

    assert bench.values("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 2.0}
    assert bench.values("adoption_active_service_accounts") == {("all", "1d"): 1.0, ("all", "7d"): 1.0}


def test_a_window_in_which_fewer_people_are_listed_than_counted_on_one_of_its_days_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bodies = the_published()
    days = [FIRST - timedelta(days=back) for back in range(7)]
    bodies["/analytics/v0/dau-count"]["daily_active_user_counts"] = [
        {"date": day.isoformat(), "user_count": 4 if day == days[5] else 3} for day in days
    ]
    metrics = bodies["/analytics/v0/daily-usage"]["daily_usage"][0]["metrics"]
    bodies["/analytics/v0/daily-usage"]["daily_usage"] = [{"date": day.isoformat(), "metrics": metrics} for day in days]
    bench = polls(bodies, history=timedelta(days=1))
    bench.now = datetime(2025, 10, 16, 4, tzinfo=UTC)
    bench.poll()

    assert bench.values("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 2.0}
    assert (
        "7d to 2025-10-15: dau-count says 4 on one of the days, user-activity lists 3; the list is what counts"
        in caplog.messages
    )


@pytest.mark.parametrize(
    ("endpoint", "array"),
    [("/analytics/v0/dau-count", "daily_active_user_counts"), ("/analytics/v0/daily-usage", "daily_usage")],
)
def test_a_day_that_is_told_twice_costs_itself_alone(endpoint: str, array: str) -> None:
    bodies = three_days()
    rows = bodies[endpoint][array]
    rows.append(rows[0])

    def answer(request: httpx.Request) -> httpx.Response:
        body = copy.deepcopy(bodies[request.url.path])
        body.pop("metadata")
        return httpx.Response(200, json=body)

    bench = VendorPolls("augment", {"history": timedelta(days=3)}, NOW, httpx.MockTransport(answer))
    status = bench.poll()

    assert failure_of(status).message == f"all: augment GET {endpoint}: {array}[3] is a second row of 2025-10-19"
    assert set(bench.store.days("tool", "all")) == {date(2025, 10, 20), date(2025, 10, 18)}


@pytest.mark.parametrize(("moment", "asked"), [("02:59:59", "2025-10-19"), ("03:00:00", "2025-10-20")])
def test_the_newest_day_that_is_asked_for_changes_at_the_ready_hour(moment: str, asked: str) -> None:
    seen: list[str] = []

    def count(params: dict[str, str]) -> httpx.Response:
        seen.append(params["end_date"])
        return httpx.Response(200, json={"daily_active_user_counts": []})

    bench = polls({**the_published(), "/analytics/v0/dau-count": count})
    bench.now = datetime.fromisoformat(f"2025-10-21T{moment}Z")
    bench.poll()

    assert seen == [asked]


def test_requests_stay_within_90_days_and_two_years() -> None:
    spans: list[tuple[str, str]] = []

    def count(params: dict[str, str]) -> httpx.Response:
        spans.append((params["start_date"], params["end_date"]))
        return httpx.Response(200, json={"daily_active_user_counts": []})

    bench = polls({**the_published(), "/analytics/v0/dau-count": count}, history=timedelta(days=800))
    bench.poll()
    days = [date.fromisoformat(end) - date.fromisoformat(start) for start, end in spans]

    assert len(spans) == 9
    assert max(days) == timedelta(days=89)
    assert spans[-1][0] == "2023-10-22"
