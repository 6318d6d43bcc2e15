"""The Console API of Claude Code: bodies as the vendor documents them, and what they become."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.errors import Failure
from exporter.poll.online_check import online_check
from tests.support.claude_code_server import (
    ACTIVITY,
    MEMBERS,
    ORGANIZATION,
    Body,
    Server,
    by_page,
    console_server,
    error,
    recorded,
    rows_of,
)
from tests.support.failures import failure_of
from tests.support.vendor_polls import VendorPolls

GOLDEN = Path(__file__).parents[1] / "golden" / "claude-code-console.txt"
NOW = datetime(2026, 8, 9, 4, tzinfo=UTC)
DAY = "2026-08-08"
WHERE = f"claude-code GET {ACTIVITY}"
ADVICE = (
    "; api: console needs an Admin key (sk-ant-admin...), which an admin makes at "
    "Claude Console > Settings > Admin keys"
)


def polls(made: Server, **settings: Any) -> VendorPolls:
    """A source that reads one day unless told otherwise."""
    given = {"api": "console", "history": timedelta(days=1), "late_grace": timedelta(0), **settings}
    return VendorPolls("claude-code", given, NOW, made.transport)


def one_day(bench: VendorPolls, metric: str) -> dict[Any, float]:
    """The values of a metric over 1d by the labels after the window, by themselves where it is one."""
    found = {labels[2:]: value for labels, value in bench.values(metric).items() if labels[1] == "1d"}
    return {labels[0] if len(labels) == 1 else labels: value for labels, value in found.items()}


def row(**changes: Any) -> Body:
    """The row of somebody in a terminal, with changes."""
    return {**recorded("console/day-2025-shape")["data"][0], **changes}


def day_of(*rows: Body) -> Body:
    return {"data": list(rows), "has_more": False, "next_page": None}


def test_a_day_of_odd_rows_becomes_these_samples() -> None:
    bench = polls(console_server())
    bench.poll()

    assert bench.poller().failed == {}
    assert bench.exposition() == GOLDEN.read_text()


def test_the_figures_of_the_odd_rows_are_those_that_were_counted_by_hand() -> None:
    bench = polls(console_server())
    bench.poll()

    assert one_day(bench, "adoption_active_users") == {(): 4}
    assert one_day(bench, "adoption_active_service_accounts") == {(): 2}
    assert one_day(bench, "adoption_client_active_users") == {
        "vscode": 1,
        "iTerm.app": 1,
        "tmux": 1,
        "cursor": 1,
        "remote": 1,
        "unknown": 1,
    }
    assert one_day(bench, "adoption_usage") == {
        "sessions": 20,
        "commits": 17,
        "pull_requests": 7,
        "edits_accepted": 70,
        "edits_suggested": 78,
    }
    assert one_day(bench, "adoption_code_lines") == {"added": 1900, "removed": 996}
    assert one_day(bench, "adoption_tokens") == {
        "input": 850_600,
        "output": 140_600,
        "cache_read": 2_086_200,
        "cache_creation": 46_700,
    }
    assert one_day(bench, "adoption_spend") == {("USD", "estimated"): 8.0735}
    assert one_day(bench, "adoption_model_active_users") == {
        "claude-opus-5": 1,
        "claude-haiku-4-5-20251001": 1,
        "claude-sonnet-5": 3,
    }


def test_the_documented_body_gives_its_own_figures() -> None:
    body = recorded("console/day-documented") | {"has_more": False, "next_page": None}
    bench = polls(console_server(body))
    bench.poll()

    assert one_day(bench, "adoption_active_users") == {(): 1}
    assert one_day(bench, "adoption_usage") == {
        "sessions": 15,
        "commits": 8,
        "pull_requests": 2,
        "edits_accepted": 50,
        "edits_suggested": 56,
    }
    assert one_day(bench, "adoption_code_lines") == {"added": 342, "removed": 128}
    assert one_day(bench, "adoption_model_spend") == {
        ("USD", "estimated", "claude-opus-4-8"): 1.86,
        ("USD", "estimated", "claude-sonnet-5"): 0.42,
    }


def test_the_shape_of_2025_without_remote_and_subscription_is_read() -> None:
    bench = polls(console_server(recorded("console/day-2025-shape")))
    bench.poll()

    assert one_day(bench, "adoption_client_active_users") == {"vscode": 1}
    assert one_day(bench, "adoption_spend") == {("USD", "estimated"): 1.41}


def test_pages_are_read_to_their_end_with_a_thousand_rows_each() -> None:
    made = console_server()
    made.answers[ACTIVITY] = by_page(recorded("console/day-page1"), recorded("console/day-page2"))
    bench = polls(made)
    bench.poll()

    assert one_day(bench, "adoption_active_users") == {(): 2}
    assert [params for path, params in made.asked if path == ACTIVITY] == [
        {"starting_at": DAY, "limit": "1000"},
        {"starting_at": DAY, "limit": "1000", "page": "page_MjAyNi0wOC0wOFQwMDowMDowMFo="},
    ]


def test_requests_carry_the_key_the_version_and_our_name() -> None:
    made = console_server()
    polls(made).poll()

    assert {(sent["x-api-key"], sent["anthropic-version"]) for sent in made.sent} == {("secret-token", "2023-06-01")}
    assert all("authorization" not in sent for sent in made.sent)
    assert all(sent["user-agent"].startswith("adoption-exporter/") for sent in made.sent)


def test_seats_are_the_members_with_a_role_that_may_use_claude_code() -> None:
    bench = polls(console_server())
    bench.poll()

    assert bench.values("adoption_seats") == {("all",): 3}
    # Gina did nothing; Alice and Bob are found by their addresses.
    assert one_day(bench, "adoption_seats_idle") == {(): 1}


def test_other_roles_hold_seats_if_they_are_configured() -> None:
    bench = polls(console_server(), seat_roles=["billing"])
    bench.poll()

    assert bench.values("adoption_seats") == {("all",): 1}


def test_seats_of_the_configuration_need_no_list_of_members() -> None:
    made = console_server()
    bench = polls(made, seats=7)
    bench.poll()

    assert bench.values("adoption_seats") == {("all",): 7}
    assert made.paths() == ["usage_report/claude_code"]


@pytest.mark.parametrize(
    "refusal", [error("error-401-key", 401), error("error-403-scope", 403), error("error-404", 404)]
)
def test_members_that_the_key_may_not_read_cost_the_seats_alone(refusal: httpx.Response) -> None:
    made = console_server()
    made.answers[MEMBERS] = refusal
    bench = polls(made)
    status = bench.poll()

    assert status.success
    assert bench.values("adoption_seats") == {}
    assert one_day(bench, "adoption_active_users") == {(): 4}


def test_the_key_of_a_person_is_theirs_if_so_configured_and_others_stay_service_accounts() -> None:
    made = console_server()
    users = recorded("console/users")
    erin = {**users["data"][0], "id": "user_01EEEEEEEEEEEEEEEEEEEEEEEE", "email": "erin@example.com"}
    made.answers[MEMBERS] = {**users, "data": [*users["data"], erin], "has_more": False}
    bench = polls(made, api_keys="owner")
    bench.poll()

    assert one_day(bench, "adoption_active_users") == {(): 5}
    assert one_day(bench, "adoption_active_service_accounts") == {(): 1}


def test_a_key_whose_owner_left_stays_a_service_account() -> None:
    bench = polls(console_server(), api_keys="owner")
    bench.poll()

    assert one_day(bench, "adoption_active_service_accounts") == {(): 2}


def test_a_name_that_two_people_gave_their_keys_is_nobody_s() -> None:
    made = console_server()
    keys = recorded("console/api-keys")
    other = {**keys["data"][1], "principal": {"id": "user_01BBBBBBBBBBBBBBBBBBBBBBBB", "type": "user"}}
    mine = {**keys["data"][1], "principal": {"id": "user_01AAAAAAAAAAAAAAAAAAAAAAAA", "type": "user"}}
    made.answers[f"{ORGANIZATION}/api_keys"] = {**keys, "data": [keys["data"][0], mine, other]}
    bench = polls(made, api_keys="owner")
    bench.poll()

    assert one_day(bench, "adoption_active_service_accounts") == {(): 2}


def test_owners_that_the_key_may_not_read_leave_service_accounts() -> None:
    made = console_server()
    made.answers[f"{ORGANIZATION}/api_keys"] = error("error-403-scope", 403)
    bench = polls(made, api_keys="owner")
    status = bench.poll()

    assert status.success
    assert one_day(bench, "adoption_active_service_accounts") == {(): 2}


def test_owners_that_cannot_be_read_for_an_outage_leave_every_day_as_it_was() -> None:
    made = console_server()
    made.answers[f"{ORGANIZATION}/api_keys"] = error("error-500", 500)
    bench = polls(made, api_keys="owner")
    status = bench.poll()

    assert failure_of(status).reason == "unreachable"
    assert bench.values("adoption_active_users") == {}


def test_a_currency_other_than_dollars_has_its_own_series_and_a_zero_in_it_none() -> None:
    euros, nothing = row(), row()
    euros["model_breakdown"][0]["estimated_cost"] = {"currency": "EUR", "amount": 250}
    nothing["model_breakdown"][0]["estimated_cost"] = {"currency": "GBP", "amount": 0}
    bench = polls(console_server(day_of(euros, nothing)))
    bench.poll()

    assert one_day(bench, "adoption_spend") == {("EUR", "estimated"): 2.5, ("USD", "estimated"): 0}


def test_a_field_that_every_row_lacks_is_absent_and_one_that_some_lack_is_not() -> None:
    without_tools, without_both = row(), row()
    del without_tools["tool_actions"]
    del without_both["tool_actions"], without_both["core_metrics"]["num_sessions"]
    bench = polls(console_server(day_of(without_tools, without_both)))
    bench.poll()

    assert one_day(bench, "adoption_usage") == {"sessions": 5, "commits": 24, "pull_requests": 4}


def test_a_model_without_a_name_is_unknown_and_one_without_tokens_has_no_people() -> None:
    nameless = row()
    nameless["model_breakdown"][0]["model"] = " "
    unused = {"input": 0, "output": 0, "cache_read": 0, "cache_creation": 0}
    nameless["model_breakdown"].append(
        {"model": "claude-idle", "tokens": unused, "estimated_cost": {"currency": "USD", "amount": 5}}
    )
    bench = polls(console_server(day_of(nameless)))
    bench.poll()

    assert one_day(bench, "adoption_model_active_users") == {"unknown": 1}
    assert one_day(bench, "adoption_model_spend") == {
        ("USD", "estimated", "claude-idle"): 0.05,
        ("USD", "estimated", "unknown"): 1.41,
    }


def test_an_account_without_a_name_counts_in_usage_and_in_no_head_count() -> None:
    bench = polls(console_server(day_of(row(actor={"type": "user_actor", "email_address": " "}))))
    bench.poll()

    assert one_day(bench, "adoption_active_users") == {(): 0}
    assert one_day(bench, "adoption_usage")["sessions"] == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"date": "2026-08-07T00:00:00Z"}, "data[0].date is not 2026-08-08, the day that was asked for"),
        ({"actor": {"type": "robot"}}, "data[0].actor.type is neither user_actor nor api_actor"),
        ({"customer_type": None}, "data[0].customer_type is null, not text"),
        ({"model_breakdown": None}, "data[0].model_breakdown is null, not an array"),
        ({"is_remote": "no", "terminal_type": ""}, "data[0].is_remote is text, not a boolean"),
        ({"tool_actions": {"edit_tool": {"accepted": 1}}}, "data[0].tool_actions.edit_tool.rejected is missing"),
        (
            {"tool_actions": {"edit_tool": {"accepted": 2**63 - 1, "rejected": 1}}},
            "the numbers of data[0].tool_actions add up beyond 2^63",
        ),
    ],
)
def test_a_value_that_cannot_be_right_costs_the_day_and_is_named(change: Body, words: str) -> None:
    made = console_server()
    made.answers[ACTIVITY] = day_of({**row(date=f"{DAY}T00:00:00Z"), **change})
    bench = polls(made)
    status = bench.poll()

    assert failure_of(status) == Failure("payload", f"all: {WHERE}: {words}")
    assert bench.values("adoption_active_users") == {}


@pytest.mark.parametrize("cursor", [{"next_page": None}, {"next_page": ""}, {}])
def test_more_pages_without_a_cursor_are_refused(cursor: Body) -> None:
    made = console_server()
    made.answers[ACTIVITY] = {"data": [], "has_more": True, **cursor}
    bench = polls(made)
    status = bench.poll()

    assert failure_of(status).reason == "payload"
    assert bench.values("adoption_active_users") == {}


@pytest.mark.parametrize(("name", "code"), [("error-401-key", 401), ("error-403-scope", 403), ("error-404", 404)])
def test_a_refused_key_fails_the_poll_with_the_place_to_make_the_right_one(name: str, code: int) -> None:
    made = console_server(error(name, code))
    status = polls(made).poll()

    assert (failure_of(status).reason, failure_of(status).status) == ("rejected", code)
    assert failure_of(status).message.endswith(ADVICE)
    assert made.paths() == ["usage_report/claude_code"]


@pytest.mark.parametrize("name", ["error-400-version", "enterprise/error-400-too-recent"])
def test_a_400_is_a_refusal_here_and_never_means_that_a_day_is_not_ready(name: str) -> None:
    status = polls(console_server(error(name, 400))).poll()

    assert failure_of(status).reason == "rejected"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (error("error-429", 429), "rate_limited"),
        (error("error-429", 429, **{"retry-after": "2"}), "rate_limited"),
        (error("error-500", 500), "unreachable"),
        (error("error-529", 529), "unreachable"),
    ],
)
def test_an_outage_or_a_rate_limit_is_tried_again_and_then_fails_the_poll(
    response: httpx.Response, reason: str
) -> None:
    made = console_server(response)
    status = polls(made).poll()

    assert failure_of(status).reason == reason
    assert len(made.asked) > 1


def test_an_organization_that_is_always_empty_has_no_samples_and_is_told_why(caplog: pytest.LogCaptureFixture) -> None:
    made = console_server(recorded("console/day-empty"))
    bench = polls(made, history=timedelta(days=60))
    status = bench.poll()

    assert status.success
    assert bench.values("adoption_active_users") == {}
    assert "people with seats are in the Claude Enterprise API (api: enterprise)" in caplog.text
    assert made.paths().count("usage_report/claude_code") == 60

    bench.poll()
    assert made.paths().count("usage_report/claude_code") == 67


def test_an_organization_that_was_empty_is_read_whole_once_a_row_appears() -> None:
    made = console_server(recorded("console/day-empty"))
    bench = polls(made, history=timedelta(days=10))
    bench.poll()
    made.answers[ACTIVITY] = rows_of(recorded("console/day-odd-rows"))
    bench.poll()

    assert len(bench.store.days("tool", "all")) == 10


def test_empty_days_of_an_organization_with_rows_are_zero() -> None:
    made = console_server()
    rows = rows_of(recorded("console/day-odd-rows"))
    made.answers[ACTIVITY] = lambda params: (
        rows(params) if params["starting_at"] == "2026-08-06" else recorded("console/day-empty")
    )
    bench = polls(made, history=timedelta(days=4))
    bench.poll()

    assert {day: known.people for day, known in bench.store.days("tool", "all").items()} == {
        date(2026, 8, 5): 0,
        date(2026, 8, 6): 4,
        date(2026, 8, 7): 0,
        date(2026, 8, 8): 0,
    }


def test_the_online_check_tries_what_is_read_and_tells_an_empty_organization_why() -> None:
    fine = online_check(polls(console_server()).poller().source, NOW)
    empty = online_check(polls(console_server(recorded("console/day-empty"))).poller().source, NOW)
    made = console_server()
    made.answers[f"{ORGANIZATION}/me"] = error("error-401-key", 401)
    refused = online_check(polls(made).poller().source, NOW)

    assert (fine.problems, fine.remarks) == ([], [])
    assert empty.problems == []
    assert [remark.partition(":")[0] for remark in empty.remarks] == ["7 days are empty"]
    words = "401, the token was refused; check token/token_file: invalid x-api-key"
    assert refused.problems == [f"claude-code GET {ORGANIZATION}/me: {words}{ADVICE}"]
