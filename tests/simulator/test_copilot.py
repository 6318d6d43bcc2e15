"""The simulated GitHub refuses what GitHub refuses, and its company has what real ones have."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from exporter.simulator.company import Company
from exporter.simulator.copilot import copilot_app
from tests.support.asgi import request

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = date(2026, 11, 16)
COMPANY = Company(people=120, first_day=NOW.date() - timedelta(days=100), rests=False)
HEADERS = {"authorization": "Bearer demo-token", "user-agent": "test"}
REPORTS = "/orgs/acme/copilot/metrics/reports"


def get(path: str, now: datetime = NOW, company: Company = COMPANY, **changes: Any) -> httpx.Response:
    headers = {**HEADERS, **changes.pop("headers", {})}
    return request(copilot_app(company, lambda: now), changes.pop("method", "GET"), path, headers=headers, **changes)


def of_day(report: str, day: date = DAY, now: datetime = NOW, company: Company = COMPANY) -> list[list[dict[str, Any]]]:
    """The rows of each file of a report."""
    links = get(f"{REPORTS}/{report}?day={day}", now, company).json()["download_links"]
    app = copilot_app(company, lambda: now)
    bodies = [request(app, "GET", link.removeprefix("http://vendor.example.com")).text for link in links]
    return [[json.loads(line) for line in body.splitlines()] for body in bodies]


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"authorization": "Bearer other"}, 401, "Bad credentials"),
        ({"x-github-api-version": "2020-01-01"}, 400, "The API version is not supported"),
    ],
)
def test_a_request_is_refused_in_githubs_words(headers: dict[str, str], status: int, message: str) -> None:
    answer = get(f"{REPORTS}/users-1-day?day={DAY}", headers=headers)

    assert (answer.status_code, answer.json()["message"]) == (status, message)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/orgs/other/copilot/metrics/reports/users-1-day?day=2026-11-16", 404),
        ("/enterprises/acme/copilot/metrics/reports/users-1-day?day=2026-11-16", 404),
        ("/enterprises/acme-inc/copilot/metrics/reports/users-1-day?day=2026-11-16", 200),
        (f"{REPORTS}/users-1-day?day=yesterday", 422),
        (f"{REPORTS}/users-1-day", 422),
        (f"{REPORTS}/users-1-day?day=2026-01-01", 404),
        (f"{REPORTS}/users-1-day?day=2026-11-20", 204),
        (f"{REPORTS}/users-1-day/?day=2026-11-16", 404),
        ("/orgs/ACME/copilot/metrics/reports/users-1-day?day=2026-11-16", 200),
    ],
)
def test_what_there_is_no_report_of_is_answered_as_github_does(path: str, status: int) -> None:
    assert get(path).status_code == status


def test_before_four_in_the_morning_there_is_a_text_in_place_of_yesterdays_report() -> None:
    answer = get(f"{REPORTS}/users-1-day?day=2026-11-19", NOW.replace(hour=3))

    assert (answer.status_code, answer.json()) == (200, "No report available")


def test_a_report_grows_until_the_third_day() -> None:
    sizes = []
    for hours in (28, 60, 72, 100):
        now = datetime(2026, 11, 16, tzinfo=UTC) + timedelta(hours=hours)
        sizes.append(len({row["user_id"] for file in of_day("users-1-day", now=now) for row in file}))

    assert sizes[0] == sizes[1] < sizes[2] == sizes[3]


def test_the_second_file_repeats_a_row_of_the_first() -> None:
    first, second = of_day("users-1-day")

    assert [number for number, times in Counter(row["user_id"] for row in first + second).items() if times > 1] == [
        first[0]["user_id"]
    ]


def test_features_add_up_to_the_whole_and_clients_do_not_hold_the_terminal() -> None:
    rows = [row for file in of_day("users-1-day") for row in file]
    counters = [key for key in rows[0] if key.endswith(("_count", "_sum"))]

    assert len(counters) == 7
    assert [
        row["user_login"]
        for row in rows
        if any(row[key] != sum(part[key] for part in row["totals_by_feature"]) for key in counters)
    ] == []
    assert {part["ide"] for row in rows for part in row["totals_by_ide"]} <= {"vscode", "jetbrains", "vim", "others"}
    assert any(row["used_chat"] is None for row in rows)
    assert any(row["user_login"].endswith("[bot]") for row in rows)


def test_small_teams_are_left_out_and_somebody_is_in_two() -> None:
    ((*rows,),) = of_day("user-teams-1-day")
    members = Counter(row["slug"] for row in rows)

    assert min(members.values()) >= 5
    assert max(Counter(row["user_id"] for row in rows).values()) == 2


def test_a_link_is_refused_with_a_token_with_another_signature_and_an_hour_later() -> None:
    link = get(f"{REPORTS}/users-1-day?day={DAY}").json()["download_links"][0].removeprefix("http://vendor.example.com")
    alone = {"authorization": ""}

    def status(path: str, now: datetime = NOW, headers: dict[str, str] | None = None) -> int:
        return request(copilot_app(COMPANY, lambda: now), "GET", path, headers=headers).status_code

    assert status(link) == 200
    assert [status(link, headers=alone), status(link, headers=HEADERS)] == [400, 400]
    assert status(link.replace("users-1-day", "user-teams-1-day")) == 403
    assert status(link, NOW + timedelta(minutes=61)) == 403


def test_seats_have_pages_and_one_that_is_nobodys() -> None:
    path = "/orgs/acme/copilot/billing/seats"
    first = get(f"{path}?per_page=20")
    second = get(f"{path}?per_page=20&page=2")
    total = first.json()["total_seats"]

    assert first.headers["link"] == (
        '<http://vendor.example.com/organizations/999/copilot/billing/seats?per_page=20&page=2>; rel="next"'
    )
    assert (len(first.json()["seats"]), "link" in second.headers) == (20, total > 40)
    everything = get(f"{path}?per_page=1000").json()["seats"]
    assert [seat["assignee"] for seat in everything].count(None) == 1
    assert {seat["last_activity_at"] is None for seat in everything} == {True, False}


def test_identities_have_pages_and_an_unknown_name_is_an_error_with_200() -> None:
    def ask(name: str, after: str | None = None) -> dict[str, Any]:
        body = {"query": "", "variables": {"name": name, "after": after}}
        answer: dict[str, Any] = get("/graphql", method="POST", json=body).json()
        return answer

    page = ask("acme")["data"]["organization"]["samlIdentityProvider"]["externalIdentities"]
    assert page["pageInfo"] == {"hasNextPage": False, "endCursor": "100"}
    assert page["nodes"][0]["samlIdentity"]["nameId"].endswith("@example.com")
    assert ask("other")["errors"] == [{"message": "Could not resolve"}]


@pytest.mark.parametrize("scenario", ["late-data", "revised"])
def test_scenarios_hold_for_reports_too(scenario: Any) -> None:
    company = Company(people=60, first_day=COMPANY.first_day, scenario=scenario, today=NOW.date(), rests=False)
    at = datetime(2026, 11, 19, 6, tzinfo=UTC) if scenario == "late-data" else datetime(2026, 11, 19, 1, tzinfo=UTC)
    later = at + timedelta(days=2)
    sizes = [
        len({row["user_id"] for file in of_day("users-1-day", now=now, company=company) for row in file})
        if get(f"{REPORTS}/users-1-day?day={DAY}", now, company).status_code == 200
        else None
        for now in (at, later)
    ]

    assert sizes[1] is not None
    assert sizes[0] is None if scenario == "late-data" else sizes[0] is not None and sizes[0] < sizes[1]
