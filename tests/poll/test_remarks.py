"""Remarks about a vendor's answers: the first of each kind is reported, whatever numbers and days are in the others."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from exporter.poll.remarks import once_per_kind
from tests.support.past_readers import past_reader
from tests.support.vendor_polls import VendorPolls

NEWEST = date(2025, 10, 20)
NOW = datetime(2025, 10, 21, 4, tzinfo=UTC)
DAYS = [NEWEST - timedelta(days=back) for back in range(60)]
ENDED = {"has_more": False, "next_cursor": ""}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings that were logged."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_the_first_remark_of_each_kind_is_reported() -> None:
    reported: list[str] = []
    report = once_per_kind(reported.append)
    for kind, remark in (
        ("lists", "2 on Monday"),
        ("lists", "3 on Tuesday"),
        ("totals", "4"),
        ("lists", "2 on Monday"),
    ):
        report(kind, remark)

    assert reported == ["2 on Monday", "4"]


def test_a_kind_that_many_threads_remark_on_is_reported_once() -> None:
    reported: list[str] = []
    report = once_per_kind(reported.append)
    start = threading.Barrier(8)

    def remark() -> None:
        start.wait()
        for number in range(200):
            report(str(number), "the same words")

    threads = [threading.Thread(target=remark) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(reported) == 200


def augment(counts: Callable[[str], int], listed: Callable[[str], int], **settings: Any) -> VendorPolls:
    """An Augment source whose dau-count and lists say how many people each day has."""

    def respond(request: httpx.Request) -> httpx.Response:
        endpoint, params = request.url.path.rpartition("/")[2], dict(request.url.params)
        people = [f"user{number}@example.com" for number in range(listed(params.get("date", "")))]
        metrics = {"chat_messages": 2}
        days = [day.isoformat() for day in DAYS]
        bodies: dict[str, dict[str, object]] = {
            "dau-count": {"daily_active_user_counts": [{"date": day, "user_count": counts(day)} for day in days]},
            "daily-usage": {"daily_usage": [{"date": day, "metrics": metrics} for day in days]},
            "dau": {"users": [{"user_email": email} for email in people], "pagination": ENDED},
            "daily-user-activity-by-editor-language": {
                "records": [
                    {"user_email": email, "editor": "VSCode", "language": "Go", "metrics": metrics} for email in people
                ],
                "pagination": ENDED,
            },
            "user-activity": {"users": [], "pagination": ENDED},
        }
        return httpx.Response(200, json=bodies[endpoint])

    given = {"history": timedelta(days=4), "lookback": timedelta(days=4), **settings}
    return VendorPolls("augment", given, NOW, httpx.MockTransport(respond))


def test_augments_lists_that_differ_from_its_counts_are_reported_once_however_many_days_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    more = 1
    polls = augment(lambda day: int(day[-2:]) + more, lambda day: int(day[-2:] or 0))
    polls.poll()
    more = 2
    polls.now += timedelta(hours=1)
    polls.poll()

    assert warnings(caplog) == [
        "2025-10-20: dau-count says 21, dau lists 20; the list is what counts",
        "7d to 2025-10-20: dau-count says 21 on one of the days, user-activity lists 0; the list is what counts",
    ]


def test_days_of_augment_that_are_incomplete_are_another_kind(caplog: pytest.LogCaptureFixture) -> None:
    polls = augment(lambda _day: 3, lambda day: 2 if day == "2025-10-20" else 0)
    polls.poll()

    assert warnings(caplog) == [
        "2025-10-20: dau-count says 3, dau lists 2; the list is what counts",
        (
            "2025-10-19 is incomplete and waits: dau-count says 3, dau lists 0, there are 0 editor-language records "
            "and 1 fields in daily-usage"
        ),
    ]


def test_a_weak_token_is_reported_once_for_each_organization_whatever_its_people(
    caplog: pytest.LogCaptureFixture,
) -> None:
    people = {"a1": 3, "a2": 4}

    def respond(request: httpx.Request) -> httpx.Response:
        number = people[request.url.params["org"]] if request.url.params["category"] == "any" else 0
        rows = [{"user_id": f"u{user}", "duration": 60 * 10**9, "count": 1} for user in range(number)]
        start = request.url.params["start"][:10]
        bucket = {"time": f"{start}T00:00:00Z", "duration": 86_400 * 10**9, "user_activity": rows}
        return httpx.Response(200, json={"activity": [bucket], "users": None})

    settings = {"base_url": "https://coder.example.com", "organizations": ["a1", "a2"], "history": timedelta(days=1)}
    polls = VendorPolls("coder-classic", settings, NOW, httpx.MockTransport(respond))
    for number in (3, 1, 5, 1):
        people = {"a1": number, "a2": number}
        polls.poll()

    words = (
        "scope {} should have 3 people and shows at most one: the token's user needs the role site manager, without "
        "which the server shows it nobody but itself"
    )
    assert warnings(caplog) == [words.format("a1"), words.format("a2")]


def test_a_backfill_reports_each_kind_once() -> None:
    reported: list[str] = []
    polls = augment(lambda day: int(day[-2:]) + 1, lambda day: int(day[-2:] or 0))
    poller = polls.poller()
    reader = past_reader(polls, poller, DAYS[3], DAYS[0], warn=reported.append)

    assert reader.read() == {}
    assert reported == ["2025-10-20: dau-count says 21, dau lists 20; the list is what counts"]
