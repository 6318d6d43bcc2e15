"""The simulated Coder v2: its rules for requests, its half hours, and its odd ways with days and permissions."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from exporter.simulator.coder import RATE, VERSION, coder_app, organization_id, template_id, user_id
from exporter.simulator.coder_work import Session
from exporter.simulator.company import Company
from tests.support.asgi import request
from tests.support.coder_days import NEWEST, Workspaces, person

NOW = datetime(2025, 10, 21, 10, 30, tzinfo=UTC)
ADA, BO = user_id(person("ada")), user_id(person("bo"))
DAY = {"start_time": "2025-10-20T00:00:00Z", "end_time": "2025-10-21T00:00:00Z"}
BUILTIN = {"vscode": 0, "jetbrains": 0, "reconnecting-pty": 0, "ssh": 0, "sftp": 0}

COMPANY = Workspaces(
    {
        # Ten minutes in two templates at once: 10:00 to 10:30 has forty minutes, of which thirty count.
        ("ada", NEWEST): [
            Session("vscode", "web", 590, 40),
            Session("reconnecting-pty", "web", 590, 10),
            Session("code-server", "data", 610, 10),
        ],
        ("bo", NEWEST): [Session("code-server", "mobile", 0, 7)],
        ("bo", NEWEST - timedelta(days=3)): [Session("ssh", "web", 1439, 1)],
    }
)


def ask(app: Starlette, path: str, params: Mapping[str, str], token: str = "demo-token") -> httpx.Response:
    return request(app, "GET", f"/api/v2/{path}", params=params, headers={"coder-session-token": token})


def response(path: str, params: Mapping[str, str] | None = None, now: datetime = NOW, **options: Any) -> httpx.Response:
    return ask(coder_app(COMPANY, lambda: now, sessions=COMPANY.sessions, **options), path, params or {})


def body(path: str, params: Mapping[str, str] | None = None, now: datetime = NOW) -> Any:
    answer = response(path, params, now)
    assert answer.status_code == 200, answer.text
    return answer.json()


def seconds(params: Mapping[str, str]) -> dict[str, int]:
    users = body("insights/user-activity", params)["report"]["users"]
    return {user["user_id"]: user["seconds"] for user in users}


def apps(params: Mapping[str, str]) -> dict[str, int]:
    """Seconds of apps that somebody used, by slug and icon."""
    rows = body("insights/templates", params)["report"]["apps_usage"]
    return {f"{row['slug']} {row['icon']}": row["seconds"] for row in rows if row["seconds"]}


def test_user_activity_counts_at_most_thirty_minutes_of_a_half_hour() -> None:
    report = body("insights/user-activity", DAY)["report"]

    assert report["users"] == sorted(
        [
            {
                "template_ids": report["template_ids"],
                "user_id": user,
                "username": name,
                "avatar_url": "",
                "seconds": spent,
            }
            for user, name, spent in ((ADA, "ada", 40 * 60), (BO, "bo", 7 * 60))
        ],
        key=lambda row: row["user_id"],
    )
    assert (report["start_time"], report["end_time"], len(report["template_ids"])) == (*DAY.values(), 5)


def test_templates_add_up_people_and_not_apps_that_run_side_by_side() -> None:
    answer = body("insights/templates", {**DAY, "interval": "day"})
    rows = answer["report"]["apps_usage"]

    assert apps(DAY) == {
        "vscode /icon/code.svg": 40 * 60,
        "reconnecting-pty /icon/terminal.svg": 10 * 60,
        "code-server /icon/widgets.svg": 10 * 60,
        "code-server /icon/code.svg": 7 * 60,
    }
    assert {row["slug"] for row in rows if row["type"] == "builtin"} == set(BUILTIN)
    assert answer["report"]["active_users"] == 2
    assert [part["active_users"] for part in answer["interval_reports"]] == [2]


def test_a_template_has_its_own_people_and_apps() -> None:
    data = {**DAY, "template_ids": f"{template_id('data')},{template_id('mobile')}"}

    assert seconds(data) == {ADA: 600, BO: 420}
    assert apps(data) == {"code-server /icon/widgets.svg": 600, "code-server /icon/code.svg": 420}


def test_intervals_are_filled_with_zeros_and_sections_may_be_left_out() -> None:
    week = {"start_time": "2025-10-14T00:00:00Z", "end_time": "2025-10-21T00:00:00Z", "interval": "day"}
    parts = body("insights/templates", week)["interval_reports"]

    assert [(part["start_time"][:10], part["active_users"]) for part in parts] == [
        (f"2025-10-{day}", active) for day, active in ((14, 0), (15, 0), (16, 0), (17, 1), (18, 0), (19, 0), (20, 2))
    ]
    assert set(body("insights/templates", DAY)) == {"report"}
    assert set(body("insights/templates", {**week, "sections": "interval_reports"})) == {"interval_reports"}


def test_a_half_hour_counts_only_where_it_is_whole_within_the_range() -> None:
    # Midnight at 05:45 east of UTC is 18:15 there: the half hour of bo's last minute, 23:30 to 24:00, is in the 18th.
    kathmandu = {"start_time": "2025-10-18T00:00:00+05:45", "end_time": "2025-10-19T00:00:00+05:45"}
    # A quarter of an hour more, and that half hour lies across midnight.
    chatham = {"start_time": "2025-10-18T00:00:00+00:15", "end_time": "2025-10-19T00:00:00+00:15"}

    assert seconds(kathmandu) == {BO: 60}
    assert seconds(chatham) == {}


@pytest.mark.parametrize(
    ("params", "field", "detail"),
    [
        (
            {"start_time": "2025-10-20T10:00:00Z"},
            "start_time",
            'Query param "start_time" must have the clock set to 00:00:00, got 2025-10-20T10:00:00Z',
        ),
        (
            {"end_time": "2025-10-20T10:00:00Z"},
            "end_time",
            'Query param "end_time" must have the clock set to 00:00:00, got 2025-10-20T10:00:00Z',
        ),
        (
            {"end_time": "2025-10-21T10:30:00Z"},
            "end_time",
            'Query param "end_time" must have the clock set to 10:00:00, got 2025-10-21T10:30:00Z',
        ),
        ({"end_time": "2025-10-22T00:00:00Z"}, "end_time", 'Query param "end_time" must not be in the future'),
        ({"start_time": "0001-01-01T00:00:00Z"}, "start_time", 'Query param "start_time" must not be zero'),
        (
            {"end_time": "2025-10-19T00:00:00Z"},
            "end_time",
            'Query param "end_time" must be after than "start_time"',
        ),
        # An unencoded plus is a space.
        (
            {"start_time": "2025-10-20T00:00:00 02:00"},
            "start_time",
            (
                'Query param "start_time" must be a valid date format (2006-01-02T15:04:05Z07:00): '
                "time data '2025-10-20T00:00:00 02:00' does not match format '%Y-%m-%dT%H:%M:%S%z'"
            ),
        ),
        ({"interval": "month"}, "interval", "must be one of [day week]"),
        (
            {"interval": "week", "start_time": "2025-10-18T00:00:00Z"},
            "end_time",
            "Last report interval should have at least 6 days.",
        ),
    ],
)
def test_a_range_that_is_not_as_it_must_be_is_refused(params: dict[str, str], field: str, detail: str) -> None:
    answer = response("insights/templates", {**DAY, **params})

    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "Query parameter has invalid value.", "validations": [{"field": field, "detail": detail}]},
    )


@pytest.mark.parametrize(
    ("path", "params", "field", "detail"),
    [
        ("insights/daus", {"tz_offset": "0", "_": "1"}, "_", '"_" is not a valid query param'),
        ("insights/daus", {"tz_offset": "east"}, "tz_offset", 'Query param "tz_offset" must be a valid integer'),
        (
            "insights/user-activity",
            {"end_time": "2025-10-21T00:00:00Z"},
            "start_time",
            'Query param "start_time" is required and cannot be empty',
        ),
        ("insights/user-activity", {**DAY, "interval": "day"}, "interval", '"interval" is not a valid query param'),
        ("insights/user-status-counts", {"interval": "86400"}, "interval", '"interval" is not a valid query param'),
    ],
)
def test_parameters_that_are_missing_or_unknown_are_refused(path: str, params: Any, field: str, detail: str) -> None:
    answer = response(path, params)

    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "Query parameters have invalid values.", "validations": [{"field": field, "detail": detail}]},
    )


def test_today_may_end_at_a_whole_hour() -> None:
    assert seconds({"start_time": "2025-10-20T00:00:00Z", "end_time": "2025-10-21T10:00:00Z"}) == {ADA: 2400, BO: 420}


@pytest.mark.parametrize(
    ("clock", "tz_offset", "first", "last", "count"),
    [
        ("2025-10-21T10:30:00Z", "0", "2025-08-22", "2025-10-21", 61),
        ("2025-10-21T23:05:00Z", "0", "2025-08-23", "2025-10-21", 60),
        # Still days of UTC, under the label of the day before.
        ("2025-10-21T10:30:00Z", "-2", "2025-08-21", "2025-10-20", 61),
        ("2025-10-21T10:30:00Z", "2", "2025-08-22", "2025-10-21", 61),
    ],
)
def test_daus_are_sixty_days_of_utc_and_today(clock: str, tz_offset: str, first: str, last: str, count: int) -> None:
    answer = body("insights/daus", {"tz_offset": tz_offset}, datetime.fromisoformat(clock))
    entries = answer["entries"]

    assert (entries[0]["date"], entries[-1]["date"], len(entries)) == (first, last, count)
    assert [entry["amount"] for entry in entries if entry["amount"]] == [1, 2]
    assert answer["tz_hour_offset"] == int(tz_offset)


def test_accounts_are_counted_on_some_days_in_no_order() -> None:
    counts = body("insights/user-status-counts")["status_counts"]

    assert [row["date"][:10] for row in counts["active"]] == ["2025-09-21", "2025-10-21", "2025-08-23", "2025-10-07"]
    assert {row["count"] for row in counts["active"]} == {4}
    assert response("insights/user-status-counts", {"timezone": "Europe/Berlin", "tz_offset": "1"}).json() == {
        "message": 'Provide either "timezone" or "tz_offset", not both.'
    }


def test_organizations_have_templates_and_deprecated_ones_for_who_asks() -> None:
    path = f"organizations/{organization_id('engineering')}/templates"

    assert [row["name"] for row in body("organizations")] == ["engineering", "products"]
    assert [row["name"] for row in body(path)] == ["platform", "payments"]
    assert [row["name"] for row in body(path, {"q": "deprecated:true"})] == ["web"]
    assert response(f"organizations/{template_id('web')}/templates").status_code == 404


INSIGHTS = {
    "insights/daus": {},
    "insights/user-status-counts": {},
    "insights/user-activity": DAY,
    "insights/templates": DAY,
}
NOT_FOUND = "Resource not found or you do not have access to this resource"


@pytest.mark.parametrize(
    ("options", "statuses"),
    [
        ({"role": "auditor"}, [200, 200, 200, 200]),
        ({"role": "template-admin"}, [403, 403, 200, 200]),
        ({"role": "member"}, [403, 403, 404, 404]),
        ({"usage_stats": False}, [200, 200, 404, 404]),
    ],
)
def test_permissions_and_the_switch_for_statistics_decide(options: dict[str, Any], statuses: list[int]) -> None:
    answers = [response(path, params, **options) for path, params in INSIGHTS.items()]

    assert [answer.status_code for answer in answers] == statuses
    assert {answer.json()["message"] for answer in answers if answer.status_code == 404} <= {NOT_FOUND, "Not Found."}


def test_a_template_that_is_not_there_is_not_found() -> None:
    answer = response("insights/user-activity", {**DAY, "template_ids": organization_id("engineering")})

    assert (answer.status_code, answer.json()) == (404, {"message": NOT_FOUND})


def test_the_version_needs_no_token_and_everything_else_does() -> None:
    app = coder_app(COMPANY, lambda: NOW, sessions=COMPANY.sessions)

    assert ask(app, "buildinfo", {}, token="other").json()["version"] == VERSION
    assert ask(app, "organizations", {}, token="other").status_code == 401


def test_an_endpoint_answers_512_requests_a_minute() -> None:
    moments = [NOW]
    app = coder_app(COMPANY, lambda: moments[-1], sessions=COMPANY.sessions)
    statuses = [ask(app, "organizations", {}).status_code for _ in range(RATE + 1)]
    refused = ask(app, "organizations", {})
    other = ask(app, "insights/user-status-counts", {})
    moments.append(NOW + timedelta(minutes=1))

    assert statuses == [200] * RATE + [429]
    assert refused.json() == {"message": "You've been rate limited for sending more than 512 requests in 1m0s."}
    assert other.status_code == 200
    assert ask(app, "organizations", {}).status_code == 200


def test_both_generations_of_the_demo_have_the_same_people() -> None:
    company = Company(first_day=date(2025, 1, 1))
    users = ask(coder_app(company, lambda: NOW), "insights/user-activity", DAY).json()["report"]["users"]

    assert len(users) > 50
    assert all(user["username"].startswith("person-") for user in users)
