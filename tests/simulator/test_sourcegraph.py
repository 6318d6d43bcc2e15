"""The simulated Sourcegraph Analytics server: its reports, its registry and its tokens."""

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette

from exporter.simulator.company import Company
from exporter.simulator.sourcegraph import REGISTRY, REPORT, TOKENS, Instances, sourcegraph_app
from exporter.simulator.sourcegraph_usage import CLOUD, SELF_HOSTED, Account, Counts, Row, rows
from tests.support.asgi import request

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
ONE, TWO = date(2026, 10, 31), date(2026, 11, 1)
HEADER = (
    "Instance user ID,User Email,Username,Active Sourcegraph User,Client Name,Timestamp Date,Language,Searches,"
    "Code Navigation Events,Code Insight Views,Chat Events,Command Events,Combined Completion Suggestions,"
    "Combined Completion Acceptances,Total Accepted Char Count,Combined CAR,Weighted CAR,"
    "Total Characters Written by Cody,Total Characters Written,Percentage of Code Written by Cody,"
    "Auto-edit suggested events,Auto-edit accepted events,Auto-edit acceptance rate,"
    "Lines changed by chats and commands,Lines changed by completions and auto-edits"
)


def made(user: str, day: date, client: str, language: str, *, active: bool = True, **counts: int) -> Row:
    return Row(user, "", "", active, client, day, language, Counts(**counts), NOW)


ROWS = [
    made("7", ONE, "vscode.cody", "Go", suggestions=8, acceptances=2, accepted_chars=60, cody_chars=60, chars=240),
    made("7", ONE, "server.web", "", active=False, searches=3),
    made("7", TWO, "server.web", ""),
    made("", TWO, "vscode.cody", "Rust", active=False, auto_edits_suggested=4, auto_edits_accepted=3),
]
FIXED = Instances(
    rows=lambda host, day, _now: [row for row in ROWS if row.day == day and host == CLOUD],
    accounts=lambda host, _now: [Account("7", service=False, admin=True)] if host == CLOUD else None,
    first_day=ONE,
)


def ask(
    app: Starlette, path: str, params: Mapping[str, str] | None = None, token: str = "demo-token", **headers: str
) -> httpx.Response:
    return request(app, "GET", path, params=params, headers={"authorization": f"Bearer {token}", **headers})


def session(app: Starlette, method: str, path: str, body: object = None, cookie: str = "demo-token") -> httpx.Response:
    return request(app, method, path, json=body, headers={"cookie": f"cas={cookie}"})


def fixed(*, inclusive_end: bool = True) -> Starlette:
    return sourcegraph_app(Company(), lambda: NOW, instances=FIXED, inclusive_end=inclusive_end)


def report(app: Starlette, **params: str) -> list[str]:
    answer = ask(app, REPORT, {"instanceURL": CLOUD, **params})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return answer.text.splitlines()


def test_a_report_has_a_row_for_each_user_day_client_and_language() -> None:
    assert report(fixed()) == [
        HEADER,
        "7,,,true,vscode.cody,2026-10-31,Go,,,,,,8,2,60,0.2500,0.2500,60,240,25.0000,,,,,",
        "7,,,false,server.web,2026-10-31,,3,,,,,,,,,,,,,,,,,",
        "7,,,true,server.web,2026-11-01,,,,,,,,,,,,,,,,,,,",
        ",,,false,vscode.cody,2026-11-01,Rust,,,,,,,,,,,,,,4,3,0.7500,,",
    ]


def test_a_report_by_user_day_adds_up_clients_and_languages() -> None:
    assert report(fixed(), granularity="by_user_day")[1:] == [
        "7,,,true,,2026-10-31,,3,,,,,8,2,60,0.2500,0.2500,60,240,25.0000,,,,,",
        "7,,,true,,2026-11-01,,,,,,,,,,,,,,,,,,,",
        ",,,false,,2026-11-01,,,,,,,,,,,,,,,4,3,0.7500,,",
    ]


def test_a_report_by_month_has_months_and_one_by_user_no_time_at_all() -> None:
    month, user = (report(fixed(), granularity=granularity) for granularity in ("by_user_month", "by_user"))

    assert [line.split(",")[:8] for line in month] == [
        [*HEADER.split(",")[:5], "Timestamp Month", "Language", "Searches"],
        ["7", "", "", "true", "", "2026-10", "", "3"],
        ["7", "", "", "true", "", "2026-11", "", ""],
        ["", "", "", "false", "", "2026-11", "", ""],
    ]
    assert [line.split(",")[:7] for line in user] == [
        [*HEADER.split(",")[:5], "Language", "Searches"],
        ["7", "", "", "true", "", "", "3"],
        ["", "", "", "false", "", "", ""],
    ]


@pytest.mark.parametrize(("inclusive_end", "days"), [(True, {"2026-10-31", "2026-11-01"}), (False, {"2026-10-31"})])
def test_the_end_date_may_be_inclusive_or_exclusive(inclusive_end: bool, days: set[str]) -> None:
    lines = report(fixed(inclusive_end=inclusive_end), startDate="2026-10-31", endDate="2026-11-01")

    assert {line.split(",")[5] for line in lines[1:]} == days


def test_a_span_without_days_has_a_header_alone() -> None:
    assert report(fixed(), startDate="2026-11-05", endDate="2026-11-01") == [HEADER]


def test_the_registry_lists_accounts_with_two_flags() -> None:
    assert ask(fixed(), REGISTRY, {"instanceURL": CLOUD}).text == (
        "Instance user ID,Service Account,Site Admin\n7,false,true\n"
    )


@pytest.mark.parametrize(
    ("path", "params", "token", "status"),
    [
        (REPORT, {"instanceURL": CLOUD}, "wrong", 401),
        (REPORT, {}, "demo-token", 400),
        (REPORT, {"instanceURL": f"https://{CLOUD}"}, "demo-token", 404),
        (REPORT, {"instanceURL": CLOUD, "granularity": "daily"}, "demo-token", 400),
        (REPORT, {"instanceURL": CLOUD, "startDate": "yesterday"}, "demo-token", 400),
        (REGISTRY, {"instanceURL": SELF_HOSTED}, "demo-token", 404),
        (REGISTRY, {"instanceURL": CLOUD}, "wrong", 401),
    ],
)
def test_a_request_that_is_wrong_is_refused(path: str, params: Mapping[str, str], token: str, status: int) -> None:
    assert ask(fixed(), path, params, token).status_code == status


def test_reports_are_chunked_and_compressed_for_those_who_take_gzip() -> None:
    app = sourcegraph_app(Company(people=50), lambda: NOW)
    answer = ask(app, REPORT, {"instanceURL": CLOUD, "startDate": "2026-11-01"}, **{"accept-encoding": "gzip"})
    plain = ask(
        sourcegraph_app(Company(people=50), lambda: NOW, compressed=False),
        REPORT,
        {"instanceURL": CLOUD, "startDate": "2026-11-01"},
        **{"accept-encoding": "gzip"},
    )

    assert (answer.headers["content-encoding"], plain.headers.get("content-encoding")) == ("gzip", None)
    assert "content-length" not in answer.headers
    assert "content-length" not in plain.headers
    assert answer.text == plain.text


def of_company(host: str, day: date, now: datetime = NOW) -> Sequence[Row]:
    return rows(Company(), host, day, now)


def test_a_company_has_every_trap_of_real_reports() -> None:
    days = [date(2026, 10, 1) + timedelta(days=offset) for offset in range(40)]
    cloud = [row for day in days for row in of_company(CLOUD, day)]
    hosted = [row for day in days for row in of_company(SELF_HOSTED, day)]
    by_user_day: dict[tuple[date, str], list[Row]] = {}
    for row in cloud:
        by_user_day.setdefault((row.day, row.id), []).append(row)

    assert any(len(found) > 2 for found in by_user_day.values()), "one person on many rows"
    assert any({row.active for row in found} == {True, False} for found in by_user_day.values()), "flags that differ"
    assert any(row.active and row.counts == Counts() for row in cloud), "flagged and blank"
    assert any(not row.active and row.counts != Counts() for row in cloud), "used and not flagged"
    assert any(not row.id for row in cloud), "no id"
    assert any(row.id and not row.client for row in cloud), "no client"
    assert not any(row.email or row.username for row in hosted), "self-hosted instances send no names"
    names = {row.id: row.username for row in cloud if row.id}
    assert {row.id for row in hosted} & names.keys(), "ids on both instances"


def test_a_day_appears_hour_by_hour_and_late_rows_revise_yesterday() -> None:
    day = date(2026, 11, 19)
    midnight = datetime(2026, 11, 19, tzinfo=UTC)
    seen = [len(of_company(CLOUD, day, midnight + timedelta(hours=hours))) for hours in (0, 12, 12.9, 23, 26, 60)]

    assert seen[0] == 0
    assert 0 < seen[1] == seen[2] < seen[3] == seen[4] < seen[5]


def test_many_people_use_both_tools_and_some_only_one() -> None:
    company = Company()
    day = date(2026, 11, 18)
    emails = {row.email for row in rows(company, CLOUD, day, NOW) if row.email}
    others = {entry.person.email for entry in company.day(day)}

    assert emails < others
    assert len(emails) > len(others) / 2


def test_the_cell_text_of_a_company_reads_as_csv() -> None:
    lines = report(sourcegraph_app(Company(people=30), lambda: NOW), startDate="2026-11-01")

    assert {len(cells) for cells in csv.reader(lines)} == {25}
    assert len(lines) > 100


def test_a_token_is_made_listed_used_and_revoked() -> None:
    app = fixed()
    made = session(app, "POST", TOKENS, {"displayName": "exporter", "expiresAt": "2027-01-01T00:00:00Z"}).json()
    plain = session(app, "POST", TOKENS, {}).json()

    assert made == {
        "id": made["id"],
        "displayName": "exporter",
        "secret": made["secret"],
        "createdAt": "2026-11-20T12:30:00Z",
        "expiresAt": "2027-01-01T00:00:00Z",
    }
    assert made["secret"].startswith("sams_at_")
    assert set(plain) == {"id", "secret", "createdAt"}
    assert ask(app, REGISTRY, {"instanceURL": CLOUD}, made["secret"]).status_code == 200
    revoked = session(app, "DELETE", f"{TOKENS}/{made['id']}")
    listed = session(app, "GET", TOKENS).json()["tokens"]

    assert (revoked.status_code, revoked.content) == (200, b"")
    assert [(token["id"], token["isExpired"], "secret" in token) for token in listed] == [
        (made["id"], True, False),
        (plain["id"], False, False),
    ]
    assert ask(app, REGISTRY, {"instanceURL": CLOUD}, made["secret"]).status_code == 401


def test_an_expired_token_is_listed_as_expired_and_refused() -> None:
    app = fixed()
    made = session(app, "POST", TOKENS, {"expiresAt": "2026-11-20T12:30:00Z"}).json()

    assert [token["isExpired"] for token in session(app, "GET", TOKENS).json()["tokens"]] == [True]
    assert ask(app, REGISTRY, {"instanceURL": CLOUD}, made["secret"]).status_code == 401


@pytest.mark.parametrize(("method", "path"), [("POST", TOKENS), ("GET", TOKENS), ("DELETE", f"{TOKENS}/1")])
def test_tokens_are_for_who_is_signed_in(method: str, path: str) -> None:
    assert session(fixed(), method, path, {}, cookie="old").status_code == 401


def test_a_token_that_is_not_there_cannot_be_revoked() -> None:
    assert session(fixed(), "DELETE", f"{TOKENS}/unknown").status_code == 404
