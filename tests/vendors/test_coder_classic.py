"""Coder v1: the documented answer gives its numbers in spite of itself, and answers that cannot be right give none."""

import copy
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from pydantic import ValidationError

from exporter.poll.online_check import online_check
from exporter.state.accounts import AccountBook
from exporter.vendors.coder_classic.activity import parse_activity, whole_days
from exporter.vendors.coder_classic.vendor import CODER_CLASSIC
from tests.support.failures import failure_of, reason_and_message
from tests.support.json_bodies import change
from tests.support.sample_options import known_names
from tests.support.vendor_polls import VendorPolls

SAMPLE = Path(__file__).parents[1] / "recorded" / "coder-classic" / "activity.json"
GOLDEN = Path(__file__).parents[1] / "golden" / "coder-classic.txt"
PATH = "/api/private/metrics/activity"
WHERE = f"coder-classic GET {PATH}"
# A Monday, and the morning after.
DAY = date(2022, 8, 1)
NOW = datetime(2022, 8, 2, 4, tzinfo=UTC)
DAY_LENGTH = 86_400 * 10**9
JOE, BOB, ALICE = (
    "6004ad77-a7a69a24d779dd9f44357014",
    "627935e2-838713a0437b43f006b26244",
    "5f905429-ba6e4ac480eb4c0ead160b47",
)

Params = dict[str, str]
Answer = Callable[[Params], Any]


def week() -> Any:
    """The answer that the documentation shows: a week."""
    return json.loads(SAMPLE.read_text())


def day_of(*people: str, day: date = DAY) -> Any:
    """The documented answer as that of one day, with these people in it."""
    body = week()
    bucket = body["activity"][0]
    bucket |= {"time": f"{day}T00:00:00Z", "duration": DAY_LENGTH}
    bucket["user_activity"] = [row for row in bucket["user_activity"] if row["user_id"] in people]
    return body


def documented(params: Params) -> Any:
    """A server on which each of the three documented people did one thing, and two of them another."""
    people = {"any": (JOE, BOB, ALICE), "ide": (JOE, ALICE), "tunnel": (JOE,), "login": (JOE, BOB, ALICE)}
    return day_of(*people.get(params["category"], ()))


def polls(answer: Answer, now: datetime = NOW, **settings: Any) -> VendorPolls:
    """A source over a server that answers with a body or with a whole response."""

    def respond(request: httpx.Request) -> httpx.Response:
        given = answer(dict(request.url.params))
        return given if isinstance(given, httpx.Response) else httpx.Response(200, json=given)

    given = {"base_url": "https://coder.example.com", "history": timedelta(days=1), **settings}
    return VendorPolls("coder-classic", given, now, httpx.MockTransport(respond))


def only_any(body: Any) -> Answer:
    """A server that has something for the category any, and nothing for the others."""
    return lambda params: body if params["category"] == "any" else {"activity": None, "users": None}


def test_the_documented_answer_is_three_people_and_exact_times() -> None:
    activity = parse_activity(SAMPLE.read_bytes(), WHERE)
    (bucket,) = activity.buckets

    assert (bucket.start, bucket.length) == (datetime(2022, 8, 1, tzinfo=UTC), 7 * DAY_LENGTH)
    assert isinstance(bucket.rows, pl.DataFrame)
    assert bucket.rows.rows() == [
        (JOE, 72_000 * 10**9, 1200),
        (ALICE, 30_780 * 10**9, 513),
        (BOB, 2_760 * 10**9, 46),
    ]
    assert activity.usernames == {JOE: "joe2", BOB: "bob12", ALICE: "alice92"}


def test_a_week_is_no_day() -> None:
    buckets = parse_activity(SAMPLE.read_bytes(), WHERE).buckets
    status = polls(lambda _: week()).poll()

    assert str(whole_days(buckets, [DAY], NOW, WHERE)[DAY]) == (
        f"{WHERE}: a bucket of 604800000000000 nanoseconds, asked were buckets of one day"
    )
    assert reason_and_message(status) == (
        "payload",
        f"all: {WHERE} (category any): a bucket of 604800000000000 nanoseconds, asked were buckets of one day",
    )


def test_the_documented_numbers_as_a_day_are_published() -> None:
    bench = polls(documented)
    bench.poll()

    assert bench.exposition() == GOLDEN.read_text()
    assert bench.values("adoption_active_time_seconds") == {("all", "1d"): 72_000 + 30_780 + 2_760}


def test_each_category_is_asked_for_once_with_v1s_own_header_and_whole_days() -> None:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"activity": None, "users": None})

    bench = polls(lambda _: None)
    bench.transport = httpx.MockTransport(respond)
    bench.poll()

    assert [dict(request.url.params) for request in requests] == [
        {
            "start": "2022-08-01T00:00:00.000000Z",
            "end": "2022-08-02T00:00:00.000000Z",
            "category": category,
            "interval": "1 day",
        }
        for category in ("any", "ide", "login", "app", "tunnel", "web_terminal")
    ]
    assert str(requests[0].url) == (
        "https://coder.example.com/api/private/metrics/activity?start=2022-08-01T00%3A00%3A00.000000Z"
        "&end=2022-08-02T00%3A00%3A00.000000Z&category=any&interval=1+day"
    )
    assert {request.headers["session-token"] for request in requests} == {"secret-token"}
    assert not any({"authorization", "coder-session-token"} & set(request.headers) for request in requests)


def test_a_long_history_is_asked_for_in_ranges_of_at_most_thirty_days() -> None:
    asked: list[tuple[str, str]] = []

    def answer(params: Params) -> Any:
        if params["category"] == "any":
            asked.append((params["start"][:10], params["end"][:10]))
        return {"activity": [], "users": {}}

    polls(answer, history=timedelta(days=61)).poll()

    assert asked == [("2022-07-03", "2022-08-02"), ("2022-06-03", "2022-07-03"), ("2022-06-02", "2022-06-03")]


def test_the_servers_own_words_and_organizations_go_over_the_wire_as_they_are() -> None:
    asked: list[tuple[str | None, str]] = []

    def answer(params: Params) -> Any:
        asked.append((params.get("org"), params["category"]))
        return documented({"category": params["category"].lower()})

    organizations = ["5f905429-ba6e4ac480eb4c0ead160b47", "default"]
    words = {"any": "ANY", "web_terminal": "Web Terminal/+", "ide": "Ide"}
    bench = polls(answer, categories=words, organizations=organizations)
    bench.poll()

    assert asked == [
        (organization, category)
        for organization in organizations
        for category in ("ANY", "Ide", "login", "app", "tunnel", "Web Terminal/+")
    ]
    assert bench.values("adoption_active_users") == {(organization, "1d"): 3.0 for organization in organizations}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("categories", {"terminal": "x"}, "Input should be 'any', 'ide', 'login', 'app', 'tunnel' or 'web_terminal'"),
        ("categories", {"ide": ""}, "String should have at least 1 character"),
        ("organizations", [""], "String should have at least 1 character"),
        ("base_url", ..., "Field required"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused(key: str, value: Any, message: str) -> None:
    given = {"vendor": "coder-classic", "token": "t", "base_url": "https://coder.example.com", key: value}

    with pytest.raises(ValidationError, match=message):
        CODER_CLASSIC.settings.model_validate({name: given[name] for name in given if given[name] is not ...})


@pytest.mark.parametrize(
    "body", [{"activity": None, "users": None}, {"activity": [], "users": {}}, day_of(), day_of() | {"users": None}]
)
def test_null_and_empty_are_the_same_nothing(body: Any) -> None:
    empty = copy.deepcopy(body)
    if empty["activity"]:
        empty["activity"][0]["user_activity"] = None
    benches = [polls(lambda _: body), polls(lambda _: empty)]
    for bench in benches:
        bench.poll()

    assert benches[0].samples() == benches[1].samples()
    assert benches[0].values("adoption_active_users") == {("all", "1d"): 0.0}
    assert benches[0].values("adoption_active_time_seconds") == {("all", "1d"): 0.0}
    assert benches[0].values("adoption_usage") == {
        ("all", "1d", activity): 0.0 for activity in ("app", "ide", "login", "tunnel", "web_terminal")
    }


def test_people_are_found_by_name_and_by_id_whatever_key_they_stand_under() -> None:
    body = day_of(JOE, BOB, ALICE)
    body["users"][ALICE].pop("id")
    del body["users"][JOE]
    bench = polls(only_any(body))
    bench.poll()

    assert known_names(AccountBook(bench.store, "tool"), ["joe2", "bob12", "alice92", "Joe", JOE, BOB, ALICE]) == {
        "bob12",
        "alice92",
        JOE,
        BOB,
        ALICE,
    }
    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}


def test_two_rows_of_a_person_are_one_person_and_rows_without_an_id_nobody() -> None:
    body = day_of(JOE, BOB, ALICE)
    body["activity"][0]["user_activity"] += [
        {"user_id": JOE, "duration": 1, "count": 1},
        {"user_id": " ", "duration": 2, "count": 1},
    ]
    bench = polls(lambda _: body)
    bench.poll()

    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}
    assert bench.values("adoption_active_time_seconds") == {("all", "1d"): 105540.000000003}
    assert bench.values("adoption_usage")["all", "1d", "ide"] == 1200 + 513 + 46 + 2


@pytest.mark.parametrize(
    ("start", "length"),
    [
        ("2022-08-02T00:00:00Z", 4 * 3600 * 10**9),
        ("2022-08-02T00:00:00Z", DAY_LENGTH),
        ("2022-07-31T00:00:00Z", DAY_LENGTH - 1),
        ("2022-07-30T23:59:59.999999Z", DAY_LENGTH),
        ("9999-12-31T00:00:00Z", DAY_LENGTH),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_buckets_of_other_times_are_ignored(start: str, length: int) -> None:
    body = day_of(JOE, BOB, ALICE)
    body["activity"] += [{**body["activity"][0], "time": start, "duration": length}]
    bench = polls(only_any(body))
    bench.poll()

    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}
    assert bench.values("adoption_active_time_seconds") == {("all", "1d"): 105_540.0}


@pytest.mark.parametrize(
    ("start", "length"),
    [
        ("2022-08-01T00:00:00+02:00", DAY_LENGTH),
        ("2022-08-01T00:00:00Z", DAY_LENGTH - 1),
        ("2022-08-01T23:59:59Z", 0),
        ("2022-08-01T00:00:00Z", 0),
        ("2022-07-31T12:00:00Z", DAY_LENGTH // 2 + 1),
    ],
)
def test_a_day_that_only_other_buckets_touch_is_left_out_and_never_zero(
    start: str, length: int, caplog: pytest.LogCaptureFixture
) -> None:
    body = day_of(JOE)
    body["activity"][0] |= {"time": start, "duration": length}
    bench = polls(lambda _: body, NOW + timedelta(days=3))
    bench.now = NOW
    status = bench.poll()

    assert status.success
    assert bench.samples() == []
    assert "days are left out: the server's buckets are no whole days of UTC" in caplog.messages


@pytest.mark.parametrize("length", [DAY_LENGTH, DAY_LENGTH + 1])
def test_a_day_with_two_buckets_or_a_longer_one_costs_itself_alone(length: int) -> None:
    body = day_of(JOE, BOB, ALICE)
    before = {**body["activity"][0], "time": "2022-07-31T00:00:00Z"}
    body["activity"] += [before, {**before, "time": "2022-07-30T00:00:00Z", "duration": length}]
    body["activity"] += [{**before, "time": "2022-07-30T00:00:00Z"}]
    bench = polls(only_any(body), history=timedelta(days=3))
    status = bench.poll()

    assert failure_of(status).reason == "payload"
    assert bench.store.days("tool", "all").keys() >= {DAY}
    assert date(2022, 7, 30) not in bench.store.days("tool", "all")


def test_a_check_tells_of_buckets_that_are_no_whole_days() -> None:
    body = {**day_of(JOE)["activity"][0], "time": "2022-08-01T02:00:00Z"}
    bench = polls(lambda _: {"activity": [body], "users": {}})
    bench.poll()
    assert bench.made is not None
    lines = online_check(bench.made.source, NOW).problems

    assert lines[0] == f"all: {WHERE} (category any): its buckets are no whole days of UTC"


def test_a_day_in_another_offset_is_a_day_of_utc() -> None:
    body = day_of(JOE)
    body["activity"][0]["time"] = "2022-08-01T02:00:00+02:00"
    bench = polls(lambda _: body)
    bench.poll()

    assert bench.values("adoption_active_users") == {("all", "1d"): 1.0}


def changed(path: tuple[Any, ...], value: Any) -> Any:
    """The documented answer as a day with one value changed; `...` removes it."""
    body = day_of(JOE, BOB, ALICE)
    change(body, path, value)
    return body


ROW = ("activity", 0, "user_activity", 1)
NO_COUNT = "not a whole number from 0 to 2^63 - 1"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("activity",), ..., "activity is missing"),
        (("users",), ..., "users is missing"),
        (("activity",), {}, "activity is an object, not an array"),
        (("activity", 0), None, "activity[0] is null, not an object"),
        (("activity", 0, "user_activity"), ..., "activity[0].user_activity is missing"),
        (("activity", 0, "duration"), ..., "activity[0].duration is missing"),
        (("activity", 0, "time"), "2022-08-01", "activity[0].time is no time such as 2022-08-01T00:00:00Z"),
        (
            ("activity", 0, "time"),
            "0001-01-01T00:00:00+10:00",
            "activity[0].time is no time such as 2022-08-01T00:00:00Z",
        ),
        ((*ROW, "user_id"), ..., "activity[0].user_activity[1].user_id is missing"),
        ((*ROW, "user_id"), 7, "activity[0].user_activity[1].user_id is the number 7, not text"),
        ((*ROW, "duration"), None, f"activity[0].user_activity[1].duration is null, {NO_COUNT}"),
        ((*ROW, "duration"), -1, f"activity[0].user_activity[1].duration is the number -1, {NO_COUNT}"),
        ((*ROW, "duration"), 1.5, f"activity[0].user_activity[1].duration is the number 1.5, {NO_COUNT}"),
        (
            (*ROW, "count"),
            2**63,
            f"activity[0].user_activity[1].count is the number 9223372036854775808, {NO_COUNT}",
        ),
        (("users", JOE), "joe2", "users[0] is text, not an object"),
        (("users", JOE, "username"), 7, "users[0].username is the number 7, not text"),
        (("activity",), [day_of(JOE)["activity"][0]] * 2, "two buckets of 2022-08-01"),
    ],
)
def test_a_body_that_cannot_be_right_is_a_payload_error(path: tuple[Any, ...], value: Any, message: str) -> None:
    bench = polls(lambda _: changed(path, value))
    status = bench.poll()

    assert reason_and_message(status) == (
        "payload",
        f"all: {WHERE} (category any): {message}",
    )
    assert bench.samples() == []


@pytest.mark.parametrize("category", ["any", "login"])
def test_a_number_that_cannot_be_right_costs_its_day_alone(category: str) -> None:
    before = DAY - timedelta(days=1)

    def answer(params: Params) -> Any:
        body, wrong = (day_of(JOE, BOB, day=day) for day in (before, DAY))
        if params["category"] == category:
            wrong["activity"][0]["user_activity"][1]["count"] = -1
        return {**body, "activity": [*wrong["activity"], *body["activity"]]}

    bench = polls(answer, history=timedelta(days=2))
    status = bench.poll()

    assert reason_and_message(status) == (
        "payload",
        f"all: {WHERE} (category {category}): activity[0].user_activity[1].count is the number -1, {NO_COUNT}",
    )
    assert bench.store.days("tool", "all").keys() == {before}
    assert bench.values("adoption_active_users") == {("all", "1d"): 2.0}


def test_a_sum_beyond_any_time_is_a_payload_error() -> None:
    status = polls(lambda _: changed((*ROW, "duration"), 2**63 - 1)).poll()

    assert reason_and_message(status) == (
        "payload",
        "all: coder-classic activity of 2022-08-01: the sum of active_time| is 9223446796854775807, beyond 2^63",
    )


def test_an_any_without_people_beside_others_with_people_is_a_word_that_the_server_does_not_know() -> None:
    status = polls(lambda params: day_of(*([JOE] if params["category"] == "tunnel" else []))).poll()

    assert reason_and_message(status) == (
        "payload",
        (
            f"all: {WHERE}: category any, asked as any, has nobody on 2022-08-01, but tunnel has somebody; "
            "set the server's own word for it under categories:"
        ),
    )


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        (
            httpx.Response(401, json={"error": {"msg": "invalid authentication", "code": "x", "details": None}}),
            "rejected",
            f"{WHERE}: 401, the token was refused; check token/token_file: invalid authentication",
        ),
        (
            httpx.Response(400, json={"error": {"msg": "invalid category", "code": "x", "details": {}}}),
            "rejected",
            (
                f"{WHERE}: 400: invalid category (category app); where the server calls the category otherwise, "
                "say so under categories: (its own metrics page asks the same)"
            ),
        ),
        (
            httpx.Response(403, text="insufficient permissions"),
            "rejected",
            (
                f"{WHERE}: 403 (category app); the token's user needs the role site manager, "
                "or organization manager of every one of organizations:"
            ),
        ),
        (
            httpx.Response(404, json={"error": {"msg": "resource not found"}}),
            "rejected",
            (
                f"{WHERE}: 404: resource not found (category app); the server is older than Coder 1.35, "
                "or it is Coder v2 (vendor: coder)"
            ),
        ),
        (httpx.Response(500), "unreachable", f"{WHERE}: 500 in 4 attempts"),
        (httpx.Response(429), "rate_limited", f"{WHERE}: 429 in 4 attempts"),
        (
            httpx.Response(200, text='{"activity": [{"time": '),
            "payload",
            f"{WHERE} (category app): not JSON: Expecting value (character 23 of 23)",
        ),
    ],
)
def test_a_fault_in_one_category_leaves_the_old_values_and_the_next_poll_recovers(
    answer: httpx.Response, reason: str, message: str
) -> None:
    faulty = False
    bench = polls(lambda params: answer if faulty and params["category"] == "app" else documented(params))
    bench.poll()
    faulty = True
    status = bench.poll()

    assert reason_and_message(status) == (reason, f"all: {message}")
    assert bench.exposition() == GOLDEN.read_text()
    faulty = False

    assert bench.poll().success


@pytest.mark.parametrize(
    ("status", "categories"),
    [(400, ["login", "app", "web_terminal"]), (404, ["login"]), (200, [])],
)
def test_a_check_tells_each_category_that_is_unknown_and_one_reason_for_all(status: int, categories: list[str]) -> None:
    def answer(params: Params) -> httpx.Response:
        known = params["category"] in ("any", "ide", "tunnel")
        return httpx.Response(200 if known else status, json={"activity": None, "users": None})

    bench = polls(answer)
    bench.poll()
    assert bench.made is not None
    lines = online_check(bench.made.source, NOW).problems

    assert [line.rpartition("(category ")[2].partition(")")[0] for line in lines] == categories
    assert all(line.startswith(f"all: {WHERE}: {status} (category ") for line in lines)


WEAK = (
    "scope all should have {} people and shows at most one: the token's user needs the role site manager, "
    "without which the server shows it nobody but itself"
)


def test_a_token_that_suddenly_sees_itself_alone_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    people = [JOE, BOB, ALICE]
    bench = polls(only_any_people(people))
    bench.poll()
    del people[1:]
    bench.poll()
    bench.poll()

    assert [line for line in caplog.messages if "site manager" in line] == [WEAK.format(3)]


def test_a_token_that_sees_itself_alone_after_a_restart_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    people = [JOE, BOB, ALICE]
    bench = polls(only_any_people(people))
    bench.poll()
    del people[1:]
    bench.made = None
    bench.poll()

    assert [line for line in caplog.messages if "site manager" in line] == [WEAK.format(3)]


def only_any_people(people: list[str]) -> Answer:
    """A server that shows whoever is in the list at the moment."""
    return lambda params: day_of(*people) if params["category"] == "any" else day_of()


@pytest.mark.parametrize(
    ("settings", "now", "people", "lines"),
    [
        ({"seats": 250}, NOW, [JOE], [WEAK.format(250)]),
        ({"seats": 250}, NOW, [], [WEAK.format(250)]),
        ({"seats": 250}, NOW, [JOE, BOB], []),
        ({"seats": 1}, NOW, [JOE], []),
        ({}, NOW, [JOE], []),
        # A Sunday may be quiet.
        ({"seats": 250}, NOW - timedelta(days=1), [JOE], []),
        ({"seats": 250, "calendar": {"weekend": ["sun", "mon"]}}, NOW, [JOE], []),
    ],
)
def test_nobody_but_oneself_is_suspicious_on_a_working_day_of_many(
    settings: Any, now: datetime, people: list[str], lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    polls(only_any_people(people), now, **settings).poll()

    assert [line for line in caplog.messages if "site manager" in line] == lines


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
