"""GitHub Copilot: a day without a report is not ready, and zero only where GitHub says so; 404 on all is a refusal."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from exporter.model import ONE_DAY
from tests.support.failures import failure_of, reason_and_message
from tests.support.github import ACME, GitHub, at, file, lines, recorded, refusal, row

NOW = at(2026, 9, 15)
DAY = date(2026, 9, 12)
BEFORE = DAY - ONE_DAY
TWO_DAYS = {"history": timedelta(days=2), "lookback": timedelta(days=2)}

SILENCES: dict[str, httpx.Response] = {
    "204": httpx.Response(204),
    "404": refusal("404-not-found"),
    "empty body": httpx.Response(200),
    "empty text": httpx.Response(200, json=recorded("envelope-empty-string.json")),
    "text": httpx.Response(200, json=recorded("envelope-string.json")),
    "null": httpx.Response(200, json=None, content=b"null"),
    "no links": httpx.Response(200, json={**recorded("envelope-no-links.json"), "report_day": str(DAY)}),
    "links absent": httpx.Response(200, json={"report_day": str(DAY)}),
    "links null": httpx.Response(200, json={"download_links": None}),
}


def github(silence: httpx.Response) -> GitHub:
    """An organization whose newest day is silent; on the day before somebody worked."""
    made = GitHub()
    made.reports[f"{ACME}/users-1-day/{DAY}"] = silence
    made.put("users-1-day", BEFORE, lines(row(1, BEFORE, used_chat=True)))
    return made


def people(made: GitHub, **settings: Any) -> dict[date, int | None]:
    """The people of each stored day after a poll that succeeds."""
    bench = made.polls(NOW, **{**TWO_DAYS, **settings})
    bench.poll()
    assert bench.poller().failed == {}
    return {day: stored.people for day, stored in bench.store.days("tool", "acme").items()}


@pytest.mark.parametrize("silence", SILENCES.values(), ids=SILENCES)
def test_a_silent_day_is_not_ready(silence: httpx.Response) -> None:
    assert people(github(silence), late_grace=timedelta()) == {BEFORE: 1}


@pytest.mark.parametrize("silence", SILENCES.values(), ids=SILENCES)
def test_a_silent_day_is_zero_where_the_report_of_the_organization_says_so(silence: httpx.Response) -> None:
    made = github(silence)
    made.put("organization-1-day", DAY, file("organization-1-day-zero.ndjson"))

    assert people(made) == {DAY: 0, BEFORE: 1}


def test_a_file_without_a_row_is_a_silence() -> None:
    made = github(SILENCES["204"])
    made.put("users-1-day", DAY, file("users-1-day-empty.ndjson"), b"\n")
    assert people(made) == {BEFORE: 1}

    made.put("organization-1-day", DAY, file("organization-1-day-zero.ndjson"))
    assert people(made) == {DAY: 0, BEFORE: 1}


@pytest.mark.parametrize(
    "told",
    [
        {"daily_active_users": 3},
        {"daily_active_users": 0, "day": str(BEFORE)},
        {},
    ],
)
def test_a_silent_day_is_not_zero_by_anything_else(told: dict[str, Any]) -> None:
    made = github(SILENCES["204"])
    made.put("organization-1-day", DAY, lines({"day": str(DAY), **told}))
    bench = made.polls(NOW, **TWO_DAYS)
    bench.poll()

    assert list(bench.store.days("tool", "acme")) == [BEFORE]


def test_a_day_of_zeros_has_zeros_of_all_that_was_born_and_nobody() -> None:
    made = github(SILENCES["204"])
    made.put("organization-1-day", DAY, file("organization-1-day-zero.ndjson"))
    bench = made.polls(NOW, teams={"from": "vendor"})
    bench.poll()
    values = {activity for (_, _, activity), value in bench.values("adoption_usage").items() if value == 0}

    assert bench.values("adoption_active_users") == {("acme", "1d"): 0}
    assert len(values) == len(bench.values("adoption_usage")) == 16
    assert bench.values("adoption_tokens") == {("acme", "1d", "input"): 0, ("acme", "1d", "output"): 0}
    assert bench.values("adoption_spend") == {("acme", "1d", "USD", "estimated"): 0}
    assert not [asked for asked in made.asked if "user-teams" in asked]


def test_an_enterprise_asks_the_report_of_the_enterprise() -> None:
    made = GitHub()
    made.put("enterprise-1-day", DAY, file("organization-1-day-zero.ndjson"), place="/enterprises/acme")
    bench = made.polls(NOW, enterprise="acme")
    bench.poll()

    assert bench.values("adoption_active_users") == {("acme", "1d"): 0}


def test_404_on_every_day_is_a_refusal_that_says_what_it_takes() -> None:
    made = github(refusal("404-not-found"))
    made.reports[f"{ACME}/users-1-day/{BEFORE}"] = refusal("404-not-found")
    bench = made.polls(NOW, **TWO_DAYS)

    words = (
        "acme: copilot GET /orgs/acme: 404 for users-1-day of every day that was asked for; either there is no such "
        "organization, or the token may not see it; it takes Organization Copilot metrics: read; a classic token "
        "read:org, of an owner or a user with the role View Organization Copilot Metrics"
    )
    assert reason_and_message(bench.poll()) == ("rejected", words)
    assert not [asked for asked in made.asked if "organization-1-day" in asked]


def test_404_on_the_one_day_that_is_new_is_a_silence_while_another_day_has_a_report() -> None:
    made = github(refusal("404-not-found"))
    bench = made.polls(NOW, **TWO_DAYS)
    bench.poll()
    bench.settings["lookback"] = timedelta()
    bench.made = None
    # The last time for the day before, whose tokens might have come.
    bench.poll()
    made.asked.clear()
    bench.poll()

    assert bench.poller().failed == {}
    assert [asked.rpartition("/")[2] for asked in made.asked[:3]] == [
        f"users-1-day {DAY}",
        f"users-1-day {BEFORE}",
        f"organization-1-day {DAY}",
    ]

    # Access is lost.
    made.reports[f"{ACME}/users-1-day/{BEFORE}"] = refusal("404-not-found")
    assert failure_of(bench.poll()).reason == "rejected"


def test_a_silent_day_beyond_the_lookback_is_asked_again_once_after_each_publication() -> None:
    made = github(SILENCES["204"])
    bench = made.polls(NOW, history=timedelta(days=5), lookback=timedelta(days=1))
    asked = []
    for hours in (0, 1, 2, 24, 25):
        bench.now = NOW + timedelta(hours=hours)
        made.asked.clear()
        bench.poll()
        asked.append(sum("users-1-day" in one for one in made.asked))

    assert asked == [5 + 1, 1, 1, 4, 1]


def test_an_answer_about_another_day_costs_the_day() -> None:
    made = github(httpx.Response(200, json=recorded("envelope-1-day.json")))
    bench = made.polls(NOW, **TWO_DAYS)

    assert reason_and_message(bench.poll()) == (
        "payload",
        "acme: copilot GET /orgs/acme/copilot/metrics/reports/users-1-day: asked for day 2026-09-12, got 2026-04-20",
    )
    assert list(bench.store.days("tool", "acme")) == [BEFORE]


def test_days_before_the_first_report_are_not_asked_for() -> None:
    first: dict[str, str] = {}
    for place, settings in (("orgs", {"organizations": ["acme"]}), ("enterprises", {"enterprise": "acme"})):
        made = GitHub()
        made.polls(at(2025, 12, 16), history=timedelta(days=90), **settings).poll()
        first[place] = min(asked[-10:] for asked in made.asked if "users-1-day" in asked)

    assert first == {"orgs": "2025-12-12", "enterprises": "2025-10-10"}
