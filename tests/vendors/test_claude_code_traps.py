"""Mistakes that readers of Claude Code's two APIs are known to make, and that this one does not make."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exporter.poll.online_check import online_check
from tests.support.claude_code_server import ACTIVITY, ANALYTICS, Body, Server, console_server, error, recorded, rows_of
from tests.support.vendor_polls import VendorPolls

NOW = datetime(2026, 8, 21, 13, tzinfo=UTC)
DAY = date(2026, 8, 20)
USERS = f"{ANALYTICS}/users"
NOTHING = {"data": [], "has_more": False, "next_page": None, "data_refreshed_at": None}


def polls(made: Server, api: str, days: int = 1, **settings: Any) -> VendorPolls:
    """A source that reads so many days."""
    given = {"api": api, "history": timedelta(days=days), "late_grace": timedelta(0), "seats": 1, **settings}
    return VendorPolls("claude-code", given, NOW, made.transport)


def console(rows: Sequence[Body], days: int = 1) -> VendorPolls:
    """One poll of a Console organization with these rows on every day."""
    bench = polls(console_server({"data": rows, "has_more": False, "next_page": None}), "console", days)
    assert bench.poll().failure is None
    return bench


def row(**changes: Any) -> Body:
    """What Alice did in a terminal at the Console, with changes."""
    return {**recorded("console/day-2025-shape")["data"][0], **changes}


def enterprise(users: Sequence[Body], **reports: Body) -> Server:
    """A Claude Enterprise organization with these people on every day, who are a page of a thousand at most."""

    def page(params: Mapping[str, str]) -> Body:
        start, limit = int(params.get("page", 0)), int(params["limit"])
        more = len(users) > start + limit
        return {"data": users[start : start + limit], "next_page": str(start + limit) if more else None}

    answers: dict[str, Any] = {f"{ANALYTICS}/{name}": body for name, body in reports.items()}
    return Server({USERS: page, f"{ANALYTICS}/cost_report": NOTHING, **answers})


def user(number: int, **counts: int) -> Body:
    """Somebody with these counts of Claude Code."""
    return {
        "user": {"id": f"user_{number:04}", "email_address": f"user{number}@example.com"},
        "chat_metrics": {"message_count": 9},
        "claude_code_metrics": {"core_metrics": counts},
    }


def people(bench: VendorPolls, window: str = "1d") -> float | None:
    return bench.values("adoption_active_users").get(("all", window))


def test_the_key_is_tried_at_the_api_that_is_read_and_at_no_other() -> None:
    """No key can use both: a plugin that tests it at one and reads at the other can never work."""
    at_console, at_enterprise = console_server(), enterprise([user(1, commit_count=1)])
    for made, api in ((at_console, "console"), (at_enterprise, "enterprise")):
        online_check(polls(made, api).poller().source, NOW)

    assert [path for path, _ in at_console.asked if path.startswith(ANALYTICS)] == []
    assert {path for path, _ in at_enterprise.asked} == {USERS, f"{ANALYTICS}/cost_report"}


def test_more_than_a_thousand_people_are_all_read_though_no_page_says_that_there_is_more() -> None:
    bench = polls(enterprise([user(number, commit_count=1) for number in range(2_001)]), "enterprise")
    bench.poll()

    assert people(bench) == 2_001


def test_every_list_is_asked_for_with_a_limit_of_its_own() -> None:
    """Without one the vendor takes twenty, and a client that reads one page silently knows twenty people."""
    at_console = console_server()
    VendorPolls("claude-code", {"api": "console", "api_keys": "owner"}, NOW, at_console.transport).poll()
    at_enterprise = enterprise([user(1, commit_count=1)], usage_report=NOTHING, user_usage_report=NOTHING)
    polls(at_enterprise, "enterprise", billing="usage").poll()

    assert {params["limit"] for _, params in at_console.asked} == {"1000"}
    assert {path.rpartition("/")[2]: params["limit"] for path, params in at_enterprise.asked} == {
        "users": "1000",
        "user_usage_report": "1000",
        "cost_report": "31",
        "usage_report": "31",
    }


def test_several_rows_of_a_person_are_one_person_and_the_sum_of_what_they_did() -> None:
    """A table by day and e-mail loses rows, or the tokens of all but the last; and addresses differ in case."""
    other = {"type": "user_actor", "email_address": "ALICE@Example.com"}
    bench = console([row(), row(terminal_type="tmux"), row(actor=other, is_remote=True, terminal_type="")], days=7)

    assert (people(bench), people(bench, "7d")) == (1, 1)
    assert bench.values("adoption_usage")["all", "7d", "sessions"] == 3 * 7 * 5
    assert bench.values("adoption_tokens")["all", "1d", "output"] == 3 * 35_000


@pytest.mark.parametrize(
    ("counts", "active"),
    [
        ({"distinct_session_count": 0, "commit_count": 1}, 1),
        ({"distinct_session_count": 1}, 1),
        ({"distinct_session_count": 0, "commit_count": 0, "artifacts_created_count": 3}, 0),
        ({}, 0),
    ],
)
def test_somebody_is_active_by_any_counter_and_neither_by_sessions_alone_nor_by_having_a_row(
    counts: dict[str, int], active: int
) -> None:
    bench = polls(enterprise([user(1, **counts), user(2, commit_count=1)]), "enterprise")
    bench.poll()

    assert people(bench) == active + 1


def test_a_400_may_mean_not_yet_and_a_404_a_bad_key() -> None:
    young, bad = enterprise([]), enterprise([])
    young.answers[USERS] = error("enterprise/error-400-too-recent", 400)
    bad.answers[USERS] = error("error-404", 404)

    assert polls(young, "enterprise").poll().failure is None
    failure = polls(bad, "enterprise").poll().failure
    assert failure is not None
    assert failure.reason == "rejected"


def test_a_day_that_was_read_too_early_is_read_again_until_it_is_whole() -> None:
    """Telemetry comes late: read once, a day looks as if people had stayed away."""
    users = [user(1, commit_count=1)]
    made = enterprise(users)
    bench = polls(made, "enterprise", days=7)
    bench.poll()
    users.append(user(2, commit_count=4))
    bench.poll()

    assert people(bench) == 2
    assert bench.values("adoption_usage")["all", "7d", "commits"] == 7 * 5
    assert bench.values("adoption_data_revisions_total") == {("all",): 7}


def test_the_days_between_two_reports_of_31_days_are_neither_lost_nor_counted_twice() -> None:
    """Ends are exclusive everywhere: steps of inclusive days lose the day between."""
    made = enterprise([user(1, commit_count=1)])
    polls(made, "enterprise", days=63).poll()

    spans = [
        (params["starting_at"], params["ending_at"])
        for path, params in made.asked
        if path == f"{ANALYTICS}/cost_report"
    ]
    assert spans == [
        ("2026-07-21T00:00:00Z", "2026-08-21T00:00:00Z"),
        ("2026-06-20T00:00:00Z", "2026-07-21T00:00:00Z"),
        ("2026-05-20T00:00:00Z", "2026-06-20T00:00:00Z"),
    ]


def test_cents_are_no_dollars_and_fractions_of_them_add_up_exactly() -> None:
    """The Console writes cents as numbers, Claude Enterprise as text with fractions; a float would lose 0.1 + 0.2."""
    uses = row()["model_breakdown"]
    prices = [{**uses[0], "estimated_cost": {"currency": "USD", "amount": amount}} for amount in (Decimal("0.1"), 0.2)]
    at_console = console([row(model_breakdown=prices)])
    report = recorded("enterprise/cost_report")
    (first, *_) = report["data"][0]["results"]
    report["data"][0]["results"] = [{**first, "amount": amount} for amount in ("0.100000", "0.200000")]
    at_enterprise = polls(enterprise([user(1, commit_count=1)], cost_report=report), "enterprise")
    at_enterprise.poll()

    for bench, basis in ((at_console, "estimated"), (at_enterprise, "charged")):
        (facts,) = bench.store.facts("tool", "all", [DAY]).values()
        (spend,) = [value for key, value in facts.amounts.items() if key.amount.basis == basis and not key.member]
        assert spend == Decimal("0.003")


def test_only_one_report_of_money_is_read_so_that_none_is_added_to_another() -> None:
    at_console, at_enterprise = console_server(), enterprise([user(1, commit_count=1)])
    polls(at_console, "console").poll()
    polls(at_enterprise, "enterprise").poll()

    assert [path for path in at_console.paths() if "cost" in path] == []
    assert [path for path in at_enterprise.paths() if "cost" in path] == ["analytics/cost_report"]


def test_what_somebody_with_a_subscription_used_costs_nothing_and_is_usage_all_the_same() -> None:
    bench = console([row(customer_type="subscription")])

    assert bench.values("adoption_spend") == {("all", "1d", "USD", "estimated"): 0}
    assert bench.values("adoption_model_spend") == {}
    assert bench.values("adoption_tokens")["all", "1d", "input"] == 100_000
    assert people(bench) == 1


def test_single_days_are_asked_for_and_windows_are_unions_of_their_people() -> None:
    """Over several days the vendor estimates distinct people, and its month has thirty days."""
    made = enterprise([user(1, commit_count=1), user(2, commit_count=1)])
    bench = polls(made, "enterprise", days=28)
    bench.poll()

    assert (people(bench), people(bench, "28d")) == (2, 2)
    assert {tuple(params) for path, params in made.asked if path == USERS} == {("date", "limit")}


def test_somebody_whose_account_is_deleted_stays_the_same_person() -> None:
    """Their address becomes null, and their id stays."""
    known, gone = user(1, commit_count=1), user(1, commit_count=1)
    gone["user"]["email_address"] = None
    made = enterprise([])
    made.answers[USERS] = lambda params: {
        "data": [gone if params["date"] > "2026-08-17" else known],
        "next_page": None,
    }
    bench = polls(made, "enterprise", days=7)
    bench.poll()

    assert people(bench, "7d") == 1


def test_days_on_which_the_vendor_stood_still_are_late_and_no_drop() -> None:
    """The vendor's own pages showed nothing for weeks in 2026."""
    rows = rows_of(recorded("console/day-odd-rows"))
    made = console_server()
    made.answers[ACTIVITY] = lambda params: (
        rows(params) if params["starting_at"] < "2026-08-20" else recorded("console/day-empty")
    )
    bench = polls(made, "console", days=28, late_grace=timedelta(hours=24))
    bench.poll()

    assert people(bench) == 4
    assert max(bench.store.days("tool", "all")) == date(2026, 8, 19)


def test_tokens_beyond_32_bits_are_exact_and_kinds_are_never_added() -> None:
    tokens = {"input": 3, "output": 5, "cache_read": 2**53 + 1, "cache_creation": 2**40}
    bench = console([row(model_breakdown=[{**row()["model_breakdown"][0], "tokens": tokens}])])

    (facts,) = bench.store.facts("tool", "all", [DAY]).values()
    assert {
        key.amount.kind: value
        for key, value in facts.amounts.items()
        if key.amount.measure == "tokens" and not key.member
    } == tokens
    assert {labels[2] for labels in bench.values("adoption_tokens")} == set(tokens)
