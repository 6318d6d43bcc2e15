import base64
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator.augment import augment_app
from exporter.simulator.company import Company, History, PersonDay
from exporter.simulator.work import Metrics, Work, total
from tests.support.augment_days import ALICE, DAYS, NOW, PYTHON, RANGES, Days, every_row, page_of
from tests.support.simulated_people import somebody

SAMPLES = Path(__file__).parents[1] / "recorded" / "augment"
GENERATED = "2025-10-21T10:30:00Z"
NOTHING = {name: 0 for name in Metrics._fields if name != "completions_suggested_lines_of_code"}


def body(history: History, path: str, now: datetime = NOW, **params: str) -> object:
    response = page_of(augment_app(history, lambda: now), path, **params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()


# Whole bodies, keys as in the vendor's published samples.


def test_dau_count_has_a_row_for_every_day_of_the_range() -> None:
    assert body(DAYS, "dau-count", start_date="2025-10-15", end_date="2025-10-18") == {
        "daily_active_user_counts": [
            {"date": "2025-10-15", "user_count": 3},
            {"date": "2025-10-16", "user_count": 1},
            {"date": "2025-10-17", "user_count": 0},
            {"date": "2025-10-18", "user_count": 1},
        ],
        "metadata": {
            "effective_start_date": "2025-10-15",
            "effective_end_date": "2025-10-18",
            "generated_at": GENERATED,
            "total_days": 4,
        },
    }


def test_whether_dau_count_counts_service_accounts_can_be_chosen() -> None:
    app = augment_app(DAYS, lambda: NOW, service_accounts_count=False)
    rows = page_of(app, "dau-count", start_date="2025-10-15", end_date="2025-10-18").json()["daily_active_user_counts"]

    assert [row["user_count"] for row in rows] == [2, 1, 0, 0]


def test_dau_lists_people_and_service_accounts_of_a_day() -> None:
    assert body(DAYS, "dau", date="2025-10-15") == {
        "users": [
            {"user_email": "alice@example.com"},
            {"user_email": "bob@example.com"},
            {"service_account_name": "ci-bot"},
        ],
        "pagination": {"next_cursor": "", "has_more": False},
        "metadata": {"effective_date": "2025-10-15", "generated_at": GENERATED, "returned_user_count": 3},
    }


def test_daily_usage_omits_days_without_activity_and_counts_only_the_others() -> None:
    assert body(DAYS, "daily-usage", start_date="2025-10-15", end_date="2025-10-17") == {
        "daily_usage": [
            {
                "date": "2025-10-15",
                "metrics": {
                    **NOTHING,
                    "total_modified_lines_of_code": 10,
                    "total_messages": 4,
                    "total_tool_calls": 8,
                    "completions_count": 8,
                    "completions_accepted": 6,
                    "chat_messages": 5,
                    "cli_agent_non_interactive_messages": 50,
                    "cli_agent_non_interactive_lines_of_code": 200,
                },
            },
            {
                "date": "2025-10-16",
                "metrics": {**NOTHING, "completions_count": 8, "completions_accepted": 6, "chat_messages": 1},
            },
        ],
        "metadata": {
            "effective_start_date": "2025-10-15",
            "effective_end_date": "2025-10-17",
            "generated_at": GENERATED,
            "total_days": 2,
        },
    }


def test_user_activity_adds_up_the_range_for_everybody_who_was_active_in_it() -> None:
    assert body(DAYS, "user-activity", start_date="2025-10-16", end_date="2025-10-20") == {
        "users": [
            {
                "user_email": "alice@example.com",
                "active_days": 1,
                "metrics": {**NOTHING, "completions_count": 8, "completions_accepted": 6, "chat_messages": 1},
            },
            {
                "service_account_name": "ci-bot",
                "active_days": 1,
                "metrics": {
                    **NOTHING,
                    "cli_agent_non_interactive_messages": 50,
                    "cli_agent_non_interactive_lines_of_code": 200,
                },
            },
        ],
        "pagination": {"next_cursor": "", "has_more": False},
        "metadata": {
            "effective_start_date": "2025-10-16",
            "effective_end_date": "2025-10-20",
            "generated_at": GENERATED,
            "total_days": 5,
            "returned_user_count": 2,
        },
    }


def test_editor_language_records_name_one_person_several_times() -> None:
    rust = {
        **NOTHING,
        "total_modified_lines_of_code": 5,
        "total_messages": 2,
        "total_tool_calls": 4,
        "chat_messages": 2,
    }

    assert body(DAYS, "daily-user-activity-by-editor-language", date="2025-10-15", page_size="3") == {
        "records": [
            {
                "user_email": "alice@example.com",
                "language": "Python",
                "editor": "VSCode",
                "metrics": {**NOTHING, "completions_count": 8, "completions_accepted": 6, "chat_messages": 1},
            },
            {"user_email": "alice@example.com", "language": "Rust", "editor": "VSCode", "metrics": rust},
            {"user_email": "bob@example.com", "language": "Rust", "editor": "VSCode", "metrics": rust},
        ],
        "pagination": {
            "next_cursor": base64.b64encode(b'{"last_id":"bob@example.com\\nRust\\nVSCode"}').decode(),
            "has_more": True,
        },
        "metadata": {"effective_date": "2025-10-15", "generated_at": GENERATED, "returned_record_count": 3},
    }


def test_suggested_lines_are_there_only_when_asked_for() -> None:
    app = augment_app(DAYS, lambda: NOW, suggested_lines=True)
    metrics = page_of(app, "daily-usage", start_date="2025-10-16", end_date="2025-10-16").json()["daily_usage"][0][
        "metrics"
    ]

    assert list(metrics) == list(Metrics._fields)
    assert metrics["completions_suggested_lines_of_code"] == 9


# Days that are not out, or not whole.


def test_yesterday_is_accepted_but_not_there_before_two_in_the_morning() -> None:
    yesterday = Days({date(2025, 10, 20): [PersonDay(ALICE, date(2025, 10, 20), (Work("Vim", "Go", PYTHON),))]})
    before, after = datetime(2025, 10, 21, 1, 59, 59, tzinfo=UTC), datetime(2025, 10, 21, 2, tzinfo=UTC)
    span = {"start_date": "2025-10-19", "end_date": "2025-10-20"}

    assert seen(yesterday, before, span) == {
        "dau-count": (["2025-10-19"], 2),
        "dau": 0,
        "daily-usage": ([], 0),
        "user-activity": (0, 2),
        "daily-user-activity-by-editor-language": 0,
    }
    assert seen(yesterday, after, span) == {
        "dau-count": (["2025-10-19", "2025-10-20"], 2),
        "dau": 1,
        "daily-usage": (["2025-10-20"], 1),
        "user-activity": (1, 2),
        "daily-user-activity-by-editor-language": 1,
    }


def seen(history: History, now: datetime, span: Mapping[str, str]) -> dict[str, object]:
    app = augment_app(history, lambda: now)
    counts, usage, activity = (page_of(app, path, **span).json() for path in RANGES)
    return {
        "dau-count": (
            [row["date"] for row in counts["daily_active_user_counts"]],
            counts["metadata"]["total_days"],
        ),
        "dau": len(page_of(app, "dau", date=span["end_date"]).json()["users"]),
        "daily-usage": ([row["date"] for row in usage["daily_usage"]], usage["metadata"]["total_days"]),
        "user-activity": (len(activity["users"]), activity["metadata"]["total_days"]),
        "daily-user-activity-by-editor-language": len(
            page_of(app, "daily-user-activity-by-editor-language", date=span["end_date"]).json()["records"]
        ),
    }


def test_the_vendors_day_is_utc_whatever_the_clocks_zone() -> None:
    evening_in_the_west = datetime(2025, 10, 20, 21, 0, tzinfo=timezone(-timedelta(hours=5)))

    assert body(DAYS, "dau", evening_in_the_west) == {
        "users": [],
        "pagination": {"next_cursor": "", "has_more": False},
        "metadata": {
            "effective_date": "2025-10-20",
            "generated_at": "2025-10-21T02:00:00Z",
            "returned_user_count": 0,
        },
    }


def test_a_revised_day_grows_in_all_endpoints_together() -> None:
    day, moment = date(2025, 10, 15), datetime(2025, 10, 21, 12, tzinfo=UTC)
    company = Company(people=80, thin_until={day: moment})
    before, after = (everything(company, now, day) for now in (moment - timedelta(seconds=1), moment))

    for people, usage, records in (before, after):
        assert people == {name for name, _ in records}
        assert usage == total(metrics for _, metrics in records)
    assert after[1] == total(work.metrics for entry in company.day(day) for work in entry.works)
    assert before[0] < after[0]
    assert before[1] < after[1]


def everything(company: Company, now: datetime, day: date) -> tuple[set[str], Metrics, list[tuple[str, Metrics]]]:
    app, on = augment_app(company, lambda: now, suggested_lines=True), day.isoformat()
    people = {name_of(row) for row in every_row(app, "dau", "users", date=on)}
    records = every_row(app, "daily-user-activity-by-editor-language", "records", date=on)
    usage = page_of(app, "daily-usage", start_date=on, end_date=on).json()["daily_usage"][0]["metrics"]
    count = page_of(app, "dau-count", start_date=on, end_date=on).json()["daily_active_user_counts"]
    assert count == [{"date": on, "user_count": len(people)}]
    return people, Metrics(**usage), [(name_of(row), Metrics(**row["metrics"])) for row in records]


def name_of(row: Mapping[str, str]) -> str:
    (name,) = (row[key] for key in ("user_email", "service_account_name") if key in row)
    return name


@pytest.mark.parametrize(
    ("sample", "path", "params"),
    [
        ("dau-count", "dau-count", {"start_date": "2025-10-15", "end_date": "2025-10-20"}),
        ("daily-usage", "daily-usage", {"start_date": "2025-10-15", "end_date": "2025-10-20"}),
        ("editor-language", "daily-user-activity-by-editor-language", {"date": "2025-10-15"}),
    ],
)
def test_the_vendors_published_bodies_come_out_byte_for_byte(sample: str, path: str, params: dict[str, str]) -> None:
    published = json.loads((SAMPLES / f"{sample}.json").read_text())
    app = augment_app(days_of(published), lambda: NOW)

    assert json.dumps(page_of(app, path, **params).json()) == json.dumps(published)


def days_of(published: dict[str, list[dict[str, Any]]]) -> Days:
    """A history that gives the rows of a published body of dau-count, daily-usage or editor-language."""
    days: dict[date, list[PersonDay]] = {}
    for row in published.get("daily_active_user_counts", []):
        day, work = date.fromisoformat(row["date"]), Work("VSCode", "Go", PYTHON)
        days[day] = [PersonDay(somebody(f"person-{number}"), day, (work,)) for number in range(row["user_count"])]
    for row in published.get("daily_usage", []):
        day, work = date.fromisoformat(row["date"]), Work("VSCode", "Go", Metrics(**row["metrics"]))
        days[day] = [PersonDay(ALICE, day, (work,))]
    if "records" in published:
        day, records = date(2025, 10, 15), published["records"]
        works = tuple(Work(row["editor"], row["language"], Metrics(**row["metrics"])) for row in records)
        days[day] = [PersonDay(ALICE, day, works)]
    return Days(days)
