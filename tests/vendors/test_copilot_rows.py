"""GitHub Copilot: what a field is worth that a row lacks, that was not born yet, or that says too much."""

import json
from datetime import date
from typing import Any

import pytest

from tests.support.github import GitHub, at, file, lines, row
from tests.support.vendor_polls import VendorPolls

DAY, NOW = date(2026, 9, 20), at(2026, 9, 23)
CLI = {"prompt_count": 2, "request_count": 5, "session_count": 1}


def polled(*rows: dict[str, Any], day: date = DAY, **settings: Any) -> VendorPolls:
    made = GitHub()
    made.put("users-1-day", day, lines(*rows))
    bench = made.polls(at(day.year, day.month, day.day + 3), **settings)
    bench.poll()
    assert bench.poller().failed == {}
    return bench


def of(bench: VendorPolls, metric: str) -> dict[tuple[str, ...], float]:
    """The values of the one window, by their own labels."""
    return {labels[2:]: value for labels, value in bench.values(metric).items()}


def test_the_documented_row_gives_what_counting_it_by_hand_gives() -> None:
    document = {**json.loads(file("users-1-day-documented.ndjson")), "day": str(DAY)}
    bench = polled(document)

    assert of(bench, "adoption_usage") == {
        ("agents_window_messages",): 0,
        ("agents_window_sessions",): 0,
        ("app_messages",): 1,
        ("app_requests",): 3,
        ("app_sessions",): 1,
        ("chat_messages",): 0,
        ("cli_messages",): 2,
        ("cli_requests",): 2,
        ("cli_sessions",): 2,
        ("code_acceptances",): 3,
        ("code_generations",): 3,
        ("completions_accepted",): 1,
        ("completions_suggested",): 1,
        ("ide_agent_messages",): 0,
        ("messages",): 1,
        ("third_party_agent_jobs",): 4,
    }
    assert of(bench, "adoption_code_lines") == {
        ("added",): 32,
        ("app",): 24,
        ("cli",): 0,
        ("completions_accepted",): 8,
        ("completions_suggested",): 10,
        ("deleted",): 6,
        ("ide_agent",): 0,
        ("suggested",): 34,
    }
    assert of(bench, "adoption_client_usage") == {
        ("code_acceptances", "copilot_app"): 2,
        ("code_acceptances", "vscode"): 1,
        ("code_generations", "copilot_app"): 2,
        ("code_generations", "vscode"): 1,
        ("messages", "copilot_app"): 1,
    }
    assert of(bench, "adoption_client_active_users") == {("copilot_app",): 1, ("copilot_cli",): 1, ("vscode",): 1}
    assert of(bench, "adoption_language_active_users") == {("markdown",): 1, ("unknown",): 1}
    assert of(bench, "adoption_tokens") == {("input",): 9200, ("output",): 9200}
    assert of(bench, "adoption_spend") == {("USD", "estimated"): 0.125}


def test_a_team_of_the_enterprise_comes_from_the_report_of_the_enterprise() -> None:
    made = GitHub()
    made.put("users-1-day", DAY, lines(row(1001, DAY, used_chat=True)), place="/enterprises/acme")
    made.put("user-teams-1-day", DAY, file("user-teams-1-day-enterprise.ndjson"), place="/enterprises/acme")
    bench = made.polls(NOW, enterprise="acme", teams={"from": "vendor"})
    bench.poll()

    assert of(bench, "adoption_team_active_users") == {("platform",): 1}


# Before a field was born


@pytest.mark.parametrize(
    ("field", "value", "born", "activities"),
    [
        ("totals_by_cli", CLI, date(2026, 4, 3), {"cli_messages", "cli_requests", "cli_sessions"}),
        ("totals_by_copilot_app", CLI, date(2026, 7, 28), {"app_messages", "app_requests", "app_sessions"}),
        (
            "totals_by_vscode_agent",
            {"total_user_messages": 3, "session_count": 1},
            date(2026, 9, 11),
            {"agents_window_messages", "agents_window_sessions"},
        ),
        ("totals_by_3rd_party_agent", [], date(2026, 8, 7), {"third_party_agent_jobs"}),
    ],
)
def test_what_no_row_has_is_missing_before_it_was_born_and_zero_from_then_on(
    field: str, value: Any, born: date, activities: set[str]
) -> None:
    before = date(born.year, born.month, born.day - 1)

    def told(day: date, **fields: Any) -> set[str]:
        bench = polled(row(1, day, used_chat=True, **fields), row(2, day, used_chat=True), day=day)
        return {activity for (activity,) in of(bench, "adoption_usage")} & activities

    assert told(before) == set()
    # A day that has it before that is believed, also of rows without it.
    assert told(before, **{field: value}) == activities
    assert told(born) == activities


def test_flags_and_tokens_and_credits_are_born_too() -> None:
    def told(day: date) -> tuple[int, int]:
        bench = polled(row(1, day, used_chat=True), day=day, lookback="0d")
        return len(bench.values("adoption_tokens")), len(bench.values("adoption_spend"))

    assert [told(date(2026, 4, 2)), told(date(2026, 4, 3))] == [(0, 0), (2, 0)]
    assert [told(date(2026, 6, 18)), told(date(2026, 6, 19))] == [(2, 0), (2, 1)]
    early = date(2026, 3, 20)
    flags = {"used_copilot_code_review_active": None, "used_copilot_coding_agent": True}
    bench = polled(row(1, early, **flags), day=early)
    assert of(bench, "adoption_activity_active_users") == {("cloud_agent",): 1}


# What a row lacks


def test_a_counter_that_a_row_lacks_is_missing_but_zero_in_a_reduced_row() -> None:
    whole = row(1, DAY, used_chat=True, user_initiated_interaction_count=4)
    reduced = {"day": str(DAY), "user_id": 2, "user_login": "b"}
    assert ("messages",) in of(polled(whole, reduced), "adoption_usage")

    lacking = {key: value for key, value in whole.items() if key != "user_initiated_interaction_count"}
    bench = polled(whole, {**lacking, "user_id": 3})
    assert ("messages",) not in of(bench, "adoption_usage")
    assert {activity for activity, _ in of(bench, "adoption_client_usage")} == set()
    assert ("code_generations",) in of(bench, "adoption_usage")


def test_a_row_that_counts_something_and_has_no_features_says_nothing_of_them() -> None:
    works = row(1, DAY, code_generation_activity_count=4)
    del works["totals_by_feature"]
    activities = of(polled(works, row(2, DAY)), "adoption_usage")

    assert ("code_generations",) in activities
    assert ("completions_suggested",) not in activities
    assert ("chat_messages",) not in activities


def test_what_no_client_has_is_unattributed_and_nobodys() -> None:
    ide = {"ide": "vscode", "user_initiated_interaction_count": 3, "code_generation_activity_count": 9}
    bench = polled(
        row(1, DAY, user_initiated_interaction_count=5, code_generation_activity_count=4, totals_by_ide=[ide])
    )

    # A part that exceeds the whole leaves nothing over, and takes nothing from others.
    assert of(bench, "adoption_client_usage") == {
        ("code_generations", "vscode"): 9,
        ("messages", "unattributed"): 2,
        ("messages", "vscode"): 3,
    }
    assert of(bench, "adoption_client_active_users") == {("vscode",): 1}


def test_a_repeated_row_of_somebody_counts_once_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    first, second = (row(1, DAY, user_initiated_interaction_count=count) for count in (5, 7))
    bench = polled(first, row(2, DAY, user_initiated_interaction_count=1), second)

    assert of(bench, "adoption_usage")[("messages",)] == 8
    told = [line for line in caplog.messages if "several rows" in line]
    assert told == ["users-1-day of 2026-09-20 has several rows of the same person in acme: the last one counts"]


def test_logins_and_service_accounts_are_compared_without_case() -> None:
    bench = polled(
        {**row(1, DAY, used_cli=True), "user_login": "Deploy-HELPER"},
        {**row(2, DAY, used_cli=True), "user_login": "Renovate[BOT]"},
        {**row(3, DAY, used_cli=True), "user_login": "bot"},
        service_accounts=["deploy-helper"],
    )

    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}
    assert bench.values("adoption_active_service_accounts") == {("acme", "1d"): 2}
