import base64
import json
from datetime import datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette

from exporter.simulator.augment import augment_app
from exporter.simulator.company import Company, PersonDay
from exporter.simulator.work import Work
from tests.support.augment_days import DAY, DAYS, NOW, RANGES, RUST, Days, every_row, get, page_of
from tests.support.simulated_people import somebody

YESTERDAY = NOW.date() - DAY
LISTS = ("dau", "user-activity", "daily-user-activity-by-editor-language")
SINGLES = ("dau", "daily-user-activity-by-editor-language")


def refusal(app: Starlette, path: str, **params: str) -> tuple[int, object]:
    response = page_of(app, path, **params)
    return response.status_code, response.json()


def invalid(message: str) -> tuple[int, object]:
    return 400, {"error": {"code": "InvalidArgument", "message": message}}


# Pages.


@pytest.mark.parametrize("size", ["1", "7", "100"])
@pytest.mark.parametrize(("path", "key"), list(zip(LISTS, ("users", "users", "records"), strict=True)))
def test_pages_of_any_size_hold_every_row_once(path: str, key: str, size: str) -> None:
    app = augment_app(Company(people=60), lambda: NOW)
    whole = page_of(app, path, page_size="100").json()

    assert whole["pagination"]["has_more"] is False
    assert len(whole[key]) > 14
    assert every_row(app, path, key, page_size=size) == whole[key]


def test_a_last_page_that_is_full_is_the_last() -> None:
    users = page_of(augment_app(DAYS, lambda: NOW), "dau", date="2025-10-15", page_size="3").json()

    assert users["pagination"] == {"next_cursor": "", "has_more": False}


@pytest.mark.parametrize(("path", "default", "most"), list(zip(LISTS, (100, 50, 50), (250, 100, 100), strict=True)))
def test_page_sizes_differ_by_endpoint(path: str, default: int, most: int) -> None:
    crowd = Days(
        {
            YESTERDAY: [
                PersonDay(somebody(f"person-{number:04d}"), YESTERDAY, (Work("VSCode", "Go", RUST),))
                for number in range(300)
            ]
        }
    )
    app = augment_app(crowd, lambda: NOW)

    assert returned(page_of(app, path)) == default
    assert returned(page_of(app, path, page_size=str(most))) == most
    for wrong in (str(most + 1), "0", "-1", "ten", "", "5.0", "9" * 5000):
        assert refusal(app, path, page_size=wrong) == invalid(f"page_size must be between 1 and {most}")


def returned(response: httpx.Response) -> int:
    metadata = response.json()["metadata"]
    (count,) = (metadata[key] for key in ("returned_user_count", "returned_record_count") if key in metadata)
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize("cursor", ["x", "eyJ9", "e30=", "W10=", "eyJsYXN0X2lkIjoi dXNlcjMifQ==", "\u20ac"])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    app = augment_app(DAYS, lambda: NOW)

    assert refusal(app, "dau", cursor=cursor) == invalid("cursor is invalid")


def test_a_cursor_is_base64_of_the_last_id_as_in_the_published_sample() -> None:
    sample = {"cursor": "eyJsYXN0X2lkIjoidXNlcjMifQ=="}

    assert json.loads(base64.b64decode(sample["cursor"])) == {"last_id": "user3"}
    assert page_of(augment_app(DAYS, lambda: NOW), "dau", date="2025-10-15", **sample).json()["users"] == []


# Dates.


@pytest.mark.parametrize("path", RANGES)
@pytest.mark.parametrize(
    ("asked", "effective"),
    [
        ({}, ("2025-10-14", "2025-10-20")),
        ({"start_date": "2025-10-01"}, ("2025-10-01", "2025-10-07")),
        ({"start_date": "2025-10-18"}, ("2025-10-18", "2025-10-20")),
        ({"end_date": "2025-10-09"}, ("2025-10-03", "2025-10-09")),
        ({"start_date": "2025-07-23", "end_date": "2025-10-20"}, ("2025-07-23", "2025-10-20")),
        ({"start_date": "2023-10-22", "end_date": "2023-10-22"}, ("2023-10-22", "2023-10-22")),
    ],
)
def test_ranges_and_their_defaults(path: str, asked: dict[str, str], effective: tuple[str, str]) -> None:
    metadata = page_of(augment_app(DAYS, lambda: NOW), path, **asked).json()["metadata"]

    assert (metadata["effective_start_date"], metadata["effective_end_date"]) == effective


@pytest.mark.parametrize("path", RANGES)
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"end_date": "2025-10-21"}, "end_date cannot be later than yesterday (UTC)"),
        ({"end_date": "2026-01-01"}, "end_date cannot be later than yesterday (UTC)"),
        ({"start_date": "2025-10-21"}, "start_date cannot be later than yesterday (UTC)"),
        ({"start_date": "9999-12-31"}, "start_date cannot be later than yesterday (UTC)"),
        ({"end_date": "0001-01-01"}, "end_date cannot be more than 2 years ago"),
        ({"start_date": "2023-10-21", "end_date": "2023-10-22"}, "start_date cannot be more than 2 years ago"),
        ({"start_date": "2025-10-02", "end_date": "2025-10-01"}, "start_date cannot be later than end_date"),
        ({"start_date": "2025-07-22", "end_date": "2025-10-20"}, "date range cannot exceed 90 days"),
        ({"start_date": "20251001"}, "start_date must be a date in YYYY-MM-DD format"),
        ({"start_date": "2025-W40-1"}, "start_date must be a date in YYYY-MM-DD format"),
        ({"start_date": "2025-02-29"}, "start_date must be a date in YYYY-MM-DD format"),
        ({"end_date": ""}, "end_date must be a date in YYYY-MM-DD format"),
        ({"date": "2025-10-15"}, "unknown query parameter: date"),
        ({"limit": "10"}, "unknown query parameter: limit"),
    ],
)
def test_ranges_that_the_vendor_refuses(path: str, asked: dict[str, str], message: str) -> None:
    assert refusal(augment_app(DAYS, lambda: NOW), path, **asked) == invalid(message)


@pytest.mark.parametrize("path", SINGLES)
def test_a_single_date_is_yesterday_unless_said(path: str) -> None:
    app = augment_app(DAYS, lambda: NOW)

    assert page_of(app, path).json()["metadata"]["effective_date"] == "2025-10-20"
    assert page_of(app, path, date="2025-10-01").json()["metadata"]["effective_date"] == "2025-10-01"


@pytest.mark.parametrize("path", SINGLES)
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"date": "2025-10-21"}, "date cannot be later than yesterday (UTC)"),
        ({"date": "2023-10-21"}, "date cannot be more than 2 years ago"),
        ({"date": "yesterday"}, "date must be a date in YYYY-MM-DD format"),
        ({"start_date": "2025-10-15"}, "unknown query parameter: start_date"),
    ],
)
def test_single_dates_that_the_vendor_refuses(path: str, asked: dict[str, str], message: str) -> None:
    assert refusal(augment_app(DAYS, lambda: NOW), path, **asked) == invalid(message)


@pytest.mark.parametrize("path", ["dau-count", "daily-usage"])
def test_lists_without_pages_take_no_page_parameters(path: str) -> None:
    app = augment_app(DAYS, lambda: NOW)

    assert refusal(app, path, page_size="10") == invalid("unknown query parameter: page_size")
    assert refusal(app, path, cursor="") == invalid("unknown query parameter: cursor")


# Access and limits.


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "demo-token"}, {"private-token": "demo-token"}]
)
@pytest.mark.parametrize("path", [*RANGES, *SINGLES])
def test_a_missing_or_wrong_token_is_refused_before_anything_else(path: str, headers: dict[str, str]) -> None:
    response = get(augment_app(DAYS, lambda: NOW), path, {"limit": "10"}, **headers)

    assert response.status_code == 401
    assert response.json() == {"error": {"code": "Unauthenticated", "message": "missing or invalid API token"}}


def test_another_token_can_be_set() -> None:
    app = augment_app(DAYS, lambda: NOW, token="other")

    assert get(app, "dau", authorization="Bearer other").status_code == 200
    assert page_of(app, "dau").status_code == 401


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def statuses(app: Starlette, count: int) -> list[int]:
    return [page_of(app, "dau").status_code for _ in range(count)]


def test_more_than_twenty_requests_at_once_are_too_many_and_ten_a_minute_are_not() -> None:
    clock = Clock()
    app = augment_app(DAYS, clock, requests_per_minute=10)

    assert statuses(app, 22) == [200] * 20 + [429] * 2
    clock.now += timedelta(seconds=5.9)
    assert statuses(app, 1) == [429]
    clock.now += timedelta(seconds=0.1)
    assert statuses(app, 2) == [200, 429]
    clock.now += timedelta(hours=1)
    assert statuses(app, 21) == [200] * 20 + [429]


@pytest.mark.parametrize(("retry_after", "header"), [(False, None), (True, "6")])
def test_a_429_may_say_how_long_to_wait(retry_after: bool, header: str | None) -> None:
    app = augment_app(DAYS, lambda: NOW, requests_per_minute=10, retry_after=retry_after)
    statuses(app, 20)
    response = page_of(app, "dau-count")

    assert response.json() == {"error": {"code": "ResourceExhausted", "message": "rate limit exceeded"}}
    assert response.headers.get("retry-after") == header


def test_requests_without_the_token_use_up_nothing() -> None:
    app = augment_app(DAYS, lambda: NOW, requests_per_minute=10)
    for _ in range(30):
        assert get(app, "dau").status_code == 401

    assert statuses(app, 1) == [200]


def test_there_is_no_limit_unless_asked_for() -> None:
    assert set(statuses(augment_app(DAYS, lambda: NOW), 40)) == {200}
