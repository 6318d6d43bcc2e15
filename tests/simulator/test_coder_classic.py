"""The simulated Coder v1: answers as the documentation shows them, and errors as its client read them."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from exporter.simulator.coder_classic import PATH, coder_classic_app, organization_id, user_id
from exporter.simulator.coder_work import Session
from exporter.simulator.company import Company
from tests.support.asgi import request
from tests.support.coder_days import NEWEST, Workspaces, person

SAMPLE = Path(__file__).parents[1] / "recorded" / "coder-classic" / "activity.json"
NOW = datetime(2025, 10, 21, 10, 30, tzinfo=UTC)
BEFORE = NEWEST - timedelta(days=1)
MINUTE = 60 * 10**9
DAY = 86_400 * 10**9
ADA, BO = user_id(person("ada")), user_id(person("bo"))

COMPANY = Workspaces(
    {
        # In web's workspace an hour of tunnel, and for half of it the web terminal too; later Jupyter in data's.
        ("ada", NEWEST): [
            Session("vscode", "web", 600, 60),
            Session("reconnecting-pty", "web", 630, 30),
            Session("jupyter", "data", 720, 10),
        ],
        ("ada", BEFORE): [Session("ssh", "web", 0, 5)],
        ("bo", NEWEST): [Session("code-server", "data", 1430, 10)],
    }
)


def ask(app: Starlette, params: Mapping[str, str], token: str = "demo-token", path: str = PATH) -> httpx.Response:
    return request(app, "GET", path, params=params, headers={"session-token": token})


def asked(start: str, end: str, interval: str = "1 day", **more: str) -> dict[str, str]:
    return {"start": f"{start}.000000Z", "end": f"{end}.000000Z", "interval": interval, **more}


ONE_DAY = asked("2025-10-20T00:00:00", "2025-10-21T00:00:00")


def body(params: Mapping[str, str], **options: Any) -> Any:
    response = ask(coder_classic_app(COMPANY, lambda: NOW, sessions=COMPANY.sessions, **options), params)
    assert response.status_code == 200, response.text
    return response.json()


def rows(params: Mapping[str, str], **options: Any) -> list[dict[str, int]]:
    """The samples of each bucket by user id."""
    activity = body(params, **options)["activity"]
    return [{row["user_id"]: row["count"] for row in bucket["user_activity"] or ()} for bucket in activity]


def test_a_day_looks_like_the_documented_answer() -> None:
    answer = body({**ONE_DAY, "category": "any"})

    assert answer["activity"] == [
        {
            "time": "2025-10-20T00:00:00Z",
            "duration": DAY,
            "user_activity": [
                {"user_id": ADA, "duration": 70 * MINUTE, "count": 70},
                {"user_id": BO, "duration": 10 * MINUTE, "count": 10},
            ],
        }
    ]
    # As in the documentation, one user stands under another key, and its total is in another unit.
    assert {key: (user["id"], user["username"], user["total_duration"]) for key, user in answer["users"].items()} == {
        ADA: (ADA, "ada", 70 * MINUTE),
        "needs-id": (BO, "bo", 600),
    }


def test_every_key_of_the_documented_answer_is_there() -> None:
    documented = httpx.Response(200, content=SAMPLE.read_bytes()).json()
    answer = body(ONE_DAY)
    parts: list[Callable[[Any], Any]] = [
        (lambda whole: whole),
        (lambda whole: whole["activity"][0]),
        (lambda whole: whole["activity"][0]["user_activity"][0]),
        (lambda whole: next(iter(whole["users"].values()))),
    ]

    assert [part(answer).keys() for part in parts] == [part(documented).keys() for part in parts]
    assert len(ADA) == len(next(iter(documented["users"]))) == 33


@pytest.mark.parametrize(
    ("category", "samples"),
    [
        ("any", {ADA: 70, BO: 10}),
        ("ide", {ADA: 10, BO: 10}),
        ("login", {ADA: 3, BO: 1}),
        ("app", {ADA: 10}),
        ("tunnel", {ADA: 60}),
        ("web_terminal", {ADA: 30}),
    ],
)
def test_categories_overlap(category: str, samples: dict[str, int]) -> None:
    assert rows({**ONE_DAY, "category": category}) == [samples]


def test_a_category_has_the_servers_own_word() -> None:
    words = {"any": "all", "tunnel": "ssh"}

    assert rows({**ONE_DAY, "category": "ssh"}, words=words) == [{ADA: 60}]
    assert rows(ONE_DAY, words=words) == [{ADA: 70, BO: 10}]


def test_an_organization_has_its_own_workspaces() -> None:
    assert rows({**ONE_DAY, "org": organization_id("products")}) == [{ADA: 10, BO: 10}]


@pytest.mark.parametrize(
    ("params", "buckets"),
    [
        (
            asked("2025-10-19T00:00:00", "2025-10-21T00:00:00"),
            [("2025-10-19T00:00:00Z", DAY, {ADA: 5}), ("2025-10-20T00:00:00Z", DAY, {ADA: 70, BO: 10})],
        ),
        (
            asked("2025-10-14T00:00:00", "2025-10-21T00:00:00", "1 week"),
            [("2025-10-14T00:00:00Z", 7 * DAY, {ADA: 75, BO: 10})],
        ),
        # No whole number of intervals: the rest is a shorter one. 10:30 to 12:05 is in it, and nothing later.
        (
            asked("2025-10-20T10:30:00", "2025-10-20T12:05:00"),
            [("2025-10-20T10:30:00Z", 95 * MINUTE, {ADA: 35})],
        ),
        (asked("2025-10-20T23:55:00", "2025-10-21T23:55:00"), [("2025-10-20T23:55:00Z", DAY, {BO: 5})]),
        (asked("2025-10-21T00:00:00", "2025-10-22T00:00:00"), [("2025-10-21T00:00:00Z", DAY, {})]),
    ],
)
def test_a_range_is_cut_into_intervals(params: Mapping[str, str], buckets: Any) -> None:
    activity = body(params)["activity"]

    assert [
        (bucket["time"], bucket["duration"], {row["user_id"]: row["count"] for row in bucket["user_activity"] or ()})
        for bucket in activity
    ] == buckets


def test_nobody_is_null() -> None:
    assert body(asked("2025-10-21T00:00:00", "2025-10-22T00:00:00")) == {
        "activity": [{"time": "2025-10-21T00:00:00Z", "duration": DAY, "user_activity": None}],
        "users": None,
    }


def test_the_end_may_belong_to_the_range() -> None:
    yesterday = asked("2025-10-19T00:00:00", "2025-10-20T00:00:00")

    assert rows(yesterday) == [{ADA: 5}]
    assert rows(yesterday, end_included=True) == [{ADA: 5}, {ADA: 70, BO: 10}]


def test_a_token_of_no_manager_sees_its_owner_alone() -> None:
    assert rows(ONE_DAY, only="bo") == [{BO: 10}]


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({**ONE_DAY, "interval": "1 days"}, 400, "interval must be a number and a unit, such as 1 week"),
        ({**ONE_DAY, "interval": ""}, 400, "interval must be a number and a unit, such as 1 week"),
        ({**ONE_DAY, "category": "web-terminal"}, 400, "category is unknown"),
        ({**ONE_DAY, "start": "2025-10-20"}, 400, "start must be a time as in RFC 3339"),
        ({**ONE_DAY, "end": "soon"}, 400, "end must be a time as in RFC 3339"),
        ({**ONE_DAY, "end": "2025-10-20T00:00:00Z"}, 400, "end must be after start"),
        ({**ONE_DAY, "org": "engineering"}, 404, "resource not found"),
    ],
)
def test_what_is_wrong_with_a_request_is_said_in_v1s_form(params: Any, status: int, words: str) -> None:
    response = ask(coder_classic_app(COMPANY, lambda: NOW, sessions=COMPANY.sessions), params)

    assert (response.status_code, response.json()["error"]["msg"]) == (status, words)
    assert set(response.json()["error"]) == {"msg", "code", "details"}


def test_a_wrong_token_and_a_wrong_path_are_refused() -> None:
    app = coder_classic_app(COMPANY, lambda: NOW, sessions=COMPANY.sessions)

    assert ask(app, ONE_DAY, token="other").json()["error"]["msg"] == "invalid authentication"
    assert ask(app, ONE_DAY, token="other").status_code == 401
    assert ask(app, ONE_DAY, path="/api/v2/buildinfo").status_code == 404


def test_the_company_of_the_demo_has_people_in_every_category() -> None:
    app = coder_classic_app(Company(first_day=date(2025, 1, 1)), lambda: NOW)
    week = asked("2025-10-13T00:00:00", "2025-10-20T00:00:00", "1 week")
    people = {
        category: len(ask(app, {**week, "category": category}).json()["users"])
        for category in ("any", "ide", "login", "app", "tunnel", "web_terminal")
    }

    assert people["any"] == people["login"] == max(people.values())
    assert min(people.values()) > 0
