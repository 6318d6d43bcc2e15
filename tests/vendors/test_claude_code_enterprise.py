"""The Claude Enterprise API of Claude Code: bodies as the vendor documents them, and what they become."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.errors import Failure
from exporter.model import AmountKey, spend, tokens
from exporter.poll.online_check import online_check
from tests.support.claude_code_server import ANALYTICS, MEMBERS, Answer, Body, Server, by_page, error, recorded
from tests.support.failures import failure_of
from tests.support.past_readers import past_reader
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "golden" / "claude-code-enterprise.txt"
NOW = datetime(2026, 8, 21, 13, tzinfo=UTC)
DAY = date(2026, 8, 20)
USERS, SUMMARIES = f"{ANALYTICS}/users", f"{ANALYTICS}/summaries"
COSTS, TOKENS, BY_MODEL = f"{ANALYTICS}/cost_report", f"{ANALYTICS}/usage_report", f"{ANALYTICS}/user_usage_report"
ENGINEERING, DELETED = "rbac_group_012rppKaSVsmTo6NqRDXQXNF", "rbac_group_01UvWxYzAbCdEfGhIjKlMn"
NO_COUNT = "is the number -1, not a whole number from 0 to 2^63 - 1"


def people_and_groups(params: Mapping[str, str]) -> Body:
    """The people of a day, its groups, or the people of a group: the deleted one has Alice alone."""
    if "group_by[]" in params:
        return recorded("enterprise/users-grouped")
    if "filter[]" not in params:
        return recorded("enterprise/users-day")
    body = recorded("enterprise/users-of-group")
    return body if params["filter[]"].endswith(ENGINEERING) else {**body, "data": body["data"][:1]}


def server(**answers: Body | httpx.Response | Answer) -> Server:
    """An organization with the recorded bodies; `answers` replaces them by the last part of their path."""
    given: dict[str, Any] = {
        USERS: people_and_groups,
        SUMMARIES: recorded("enterprise/summaries"),
        COSTS: recorded("enterprise/cost_report"),
        TOKENS: recorded("enterprise/usage_report"),
        BY_MODEL: recorded("enterprise/user_usage_report"),
        MEMBERS: recorded("enterprise/members"),
    }
    return Server(given | {MEMBERS if name == "members" else f"{ANALYTICS}/{name}": to for name, to in answers.items()})


def polls(made: Server, **settings: Any) -> VendorPolls:
    """A source on a plan by usage that reads one day unless told otherwise."""
    given = {"api": "enterprise", "billing": "usage", "history": timedelta(days=1), "late_grace": timedelta(0)}
    return VendorPolls("claude-code", given | settings, NOW, made.transport)


def polled(made: Server, **settings: Any) -> VendorPolls:
    """One poll that succeeds."""
    bench = polls(made, **settings)
    assert bench.poll().failure is None
    return bench


def one_day(bench: VendorPolls, metric: str) -> dict[Any, float]:
    """The values of a metric over 1d by the labels after the window, by themselves where it is one."""
    found = {labels[2:]: value for labels, value in bench.values(metric).items() if labels[1] == "1d"}
    return {labels[0] if len(labels) == 1 else labels: value for labels, value in found.items()}


def test_a_day_with_all_its_parts_becomes_these_samples() -> None:
    bench = polled(server(), teams={"from": "vendor"})

    assert bench.exposition() == GOLDEN.read_text()


def test_the_figures_of_the_day_are_those_that_were_counted_by_hand() -> None:
    bench = polled(server())

    # Bob only chatted; Carol has commits and no session, Dan a session and nothing else.
    assert one_day(bench, "adoption_active_users") == {(): 3}
    assert one_day(bench, "adoption_active_service_accounts") == {}
    assert one_day(bench, "adoption_activity_active_users") == {
        "sessions": 2,
        "commits": 2,
        "pull_requests": 1,
        "edits_accepted": 1,
        "edits_suggested": 1,
    }
    assert one_day(bench, "adoption_usage") == {
        "sessions": 5,
        "commits": 5,
        "pull_requests": 1,
        "edits_accepted": 15,
        "edits_suggested": 18,
        "requests": 67,
    }
    assert one_day(bench, "adoption_code_lines") == {"added": 120, "removed": 45}
    assert one_day(bench, "adoption_tokens") == {
        "input": 17_800,
        "output": 6_150,
        "cache_read": 10_100,
        "cache_creation": 5_000,
    }
    assert one_day(bench, "adoption_model_usage") == {
        ("requests", "claude-opus-5"): 64,
        ("requests", "claude-haiku-4-5-20251001"): 3,
    }
    # Dan is deleted, and was there; Claude Security is nobody.
    assert one_day(bench, "adoption_model_active_users") == {"claude-opus-5": 2, "claude-haiku-4-5-20251001": 1}
    assert one_day(bench, "adoption_spend") == {("USD", "charged"): 412.97345678}
    assert one_day(bench, "adoption_model_spend") == {
        ("USD", "charged", "claude-opus-5"): 412.8,
        ("USD", "charged", "claude-haiku-4-5-20251001"): 0.12345678,
        ("USD", "charged", "unknown"): 0.05,
    }


def test_a_plan_by_seats_has_no_tokens_and_the_money_of_extra_credits() -> None:
    made = server()
    bench = polled(made, billing="seats")

    assert bench.values("adoption_tokens") == {}
    assert "requests" not in one_day(bench, "adoption_usage")
    assert one_day(bench, "adoption_spend") == {("USD", "charged"): 412.97345678}
    assert bench.values("adoption_model_active_users") == {}
    assert made.paths() == ["analytics/users", "analytics/cost_report", "analytics/summaries", "users"]


def test_people_are_asked_for_by_the_thousand_until_there_is_no_cursor() -> None:
    pages = by_page(recorded("enterprise/users-page1"), recorded("enterprise/users-page2"))
    made = server(users=pages)
    bench = polled(made)

    assert one_day(bench, "adoption_active_users") == {(): 1}
    assert [params for path, params in made.asked if path == USERS] == [
        {"date": "2026-08-20", "limit": "1000"},
        {"date": "2026-08-20", "limit": "1000", "page": "cursor_token_abc"},
    ]


def test_a_day_without_anybody_is_zero() -> None:
    bench = polled(server(users=recorded("enterprise/users-empty")))

    assert one_day(bench, "adoption_active_users") == {(): 0}
    assert one_day(bench, "adoption_usage")["sessions"] == 0


def test_the_newer_name_of_an_address_is_read_too() -> None:
    newer = recorded("enterprise/user_usage_report-email_address") | {"has_more": False, "next_page": None}
    bench = polled(server(user_usage_report=newer))

    assert one_day(bench, "adoption_model_active_users") == {"claude-opus-5": 1}


@pytest.mark.parametrize("name", ["summaries", "summaries-legacy"])
def test_seats_are_those_that_are_assigned_and_members_are_their_holders(name: str) -> None:
    bench = polled(server(summaries=recorded(f"enterprise/{name}")))

    assert bench.values("adoption_seats") == {("all",): 120}
    # Of the members, Bob did nothing with Claude Code.
    assert one_day(bench, "adoption_seats_idle") == {(): 1}


@pytest.mark.parametrize("name", ["error-401-key", "error-403-scope", "error-404"])
def test_without_the_scope_for_members_the_number_of_seats_is_all_there_is(name: str) -> None:
    bench = polled(server(members=error(name, int(name.split("-")[1]))))

    assert bench.values("adoption_seats") == {("all",): 120}
    assert bench.values("adoption_seats_idle") == {}


@pytest.mark.parametrize(
    "summaries",
    [recorded("enterprise/summaries-scoped-to-group"), {"data": [], "next_page": None}, error("error-404", 404)],
)
def test_without_a_number_of_assigned_seats_there_are_none(summaries: Body) -> None:
    bench = polled(server(summaries=summaries))

    assert bench.values("adoption_seats") == {}


def test_a_summary_that_comes_later_than_the_activity_leaves_the_seats_of_the_day_before() -> None:
    def summaries(params: Mapping[str, str]) -> Body:
        if params["starting_date"] == "2026-08-20":
            return error("enterprise/error-400-too-recent", 400)
        body = recorded("enterprise/summaries")
        return {"data": [{**body["data"][0], "starting_at": "2026-08-19T00:00:00Z", "assigned_seat_count": 119}]}

    assert polled(server(summaries=summaries)).values("adoption_seats") == {("all",): 119}


def test_summaries_under_neither_name_are_an_error_and_not_no_seats() -> None:
    status = polls(server(summaries={"items": []})).poll()

    assert failure_of(status) == Failure("payload", f"all: claude-code GET {SUMMARIES}: data is missing")


def test_people_count_in_every_group_of_the_day_and_a_group_without_a_name_is_its_id() -> None:
    bench = polled(server(), teams={"from": "vendor"})

    assert one_day(bench, "adoption_team_active_users") == {"Engineering": 2, DELETED: 1, "unassigned": 1}
    assert one_day(bench, "adoption_team_usage")["sessions", "Engineering"] == 5
    assert one_day(bench, "adoption_team_usage")["sessions", DELETED] == 4
    assert one_day(bench, "adoption_team_usage")["commits", "unassigned"] == 2
    assert bench.values("adoption_team_tokens") == {}
    assert bench.values("adoption_team_spend") == {}


@pytest.mark.parametrize("group", [ENGINEERING, "Engineering"])
def test_only_the_groups_of_the_configuration_are_asked_for(group: str) -> None:
    made = server()
    bench = polled(made, teams={"from": "vendor", "groups": [group]})

    assert one_day(bench, "adoption_team_active_users") == {"Engineering": 2, "unassigned": 1}
    assert [params["filter[]"] for _, params in made.asked if "filter[]" in params] == [f"rbac_group_id:{ENGINEERING}"]


def groups_named(*names: str | None) -> Answer:
    """Groups `rbac_group_0000`, `rbac_group_0001`, … with these names, each with Alice and Dan."""
    template = recorded("enterprise/users-grouped")["data"][0]
    rows = [
        {**template, "rbac_group_id": f"rbac_group_{number:04}", "rbac_group_name": name}
        for number, name in enumerate(names)
    ]

    def answer(params: Mapping[str, str]) -> Body:
        return {"data": rows, "next_page": None} if "group_by[]" in params else people_and_groups(params)

    return answer


def test_two_groups_of_one_name_and_one_that_is_called_unassigned_carry_the_end_of_their_ids() -> None:
    bench = polled(server(users=groups_named("Core", "Core", "unassigned", "Web")), teams={"from": "vendor"})

    assert one_day(bench, "adoption_team_active_users").keys() == {
        "Core (0000)",
        "Core (0001)",
        "unassigned (0002)",
        "Web",
        "unassigned",
    }


def test_a_name_that_another_group_had_on_an_older_day_alone_is_told_apart_after_a_restart_too() -> None:
    def users(params: Mapping[str, str]) -> Body:
        names = ("Core", "Core") if params["date"] == "2026-08-19" else ("Core",)
        answer = groups_named(*names)
        return answer(params)

    bench = polled(server(users=users), teams={"from": "vendor"}, history=timedelta(days=2), billing="seats")
    bench.made = None
    bench.poll()

    assert one_day(bench, "adoption_team_active_users").keys() == {"Core (0000)", "unassigned"}


def test_more_than_fifty_groups_without_a_list_cost_the_teams_and_are_told(caplog: pytest.LogCaptureFixture) -> None:
    made = server(users=groups_named(*(f"group {number}" for number in range(51))))
    bench = polled(made, teams={"from": "vendor"})

    assert bench.values("adoption_team_active_users") == {}
    assert one_day(bench, "adoption_active_users") == {(): 3}
    assert "51 groups, each a request a day" in caplog.text
    assert not any("filter[]" in params for _, params in made.asked)


def test_groups_that_the_key_may_not_read_cost_the_teams_alone() -> None:
    def users(params: Mapping[str, str]) -> Body:
        return error("error-403-scope", 403) if "group_by[]" in params else people_and_groups(params)

    bench = polled(server(users=users), teams={"from": "vendor"})

    assert bench.values("adoption_team_active_users") == {}
    assert one_day(bench, "adoption_active_users") == {(): 3}


def test_a_group_that_cannot_be_read_for_an_outage_fails_the_poll_and_the_people_are_published() -> None:
    def users(params: Mapping[str, str]) -> Body:
        return error("error-500", 500) if "filter[]" in params else people_and_groups(params)

    bench = polls(server(users=users), teams={"from": "vendor"})
    status = bench.poll()

    assert failure_of(status).reason == "unreachable"
    assert bench.values("adoption_team_active_users") == {}
    assert one_day(bench, "adoption_active_users") == {(): 3}


def test_groups_that_come_later_than_the_people_of_their_day_are_waited_for() -> None:
    def users(params: Mapping[str, str]) -> Body:
        late = "group_by[]" in params and params["date"] == "2026-08-20"
        return error("enterprise/error-400-too-recent", 400) if late else people_and_groups(params)

    made = server(users=users)
    bench = polled(made, teams={"from": "vendor"})
    assert bench.values("adoption_team_active_users") == {}
    assert one_day(bench, "adoption_spend") == {("USD", "charged"): 412.97345678}

    made.answers[USERS] = people_and_groups
    bench.poll()
    assert one_day(bench, "adoption_team_active_users")["Engineering"] == 2
    assert bench.values("adoption_data_revisions_total") == {("all",): 0}


def test_teams_of_a_day_that_cannot_be_read_again_stay_as_they_were() -> None:
    made = server()
    bench = polls(made, teams={"from": "vendor"})
    bench.poll()
    made.answers[USERS] = lambda params: error("error-500", 500) if "filter[]" in params else people_and_groups(params)
    bench.poll()

    assert one_day(bench, "adoption_team_active_users") == {"Engineering": 2, DELETED: 1, "unassigned": 1}
    assert bench.values("adoption_data_revisions_total") == {("all",): 0}


@pytest.mark.parametrize("part", ["cost_report", "usage_report", "user_usage_report"])
def test_a_report_that_meets_an_outage_fails_the_poll_and_the_people_are_published(part: str) -> None:
    bench = polls(server(**{part: error("error-500", 500)}))
    status = bench.poll()

    assert failure_of(status).reason == "unreachable"
    assert f"analytics/{part}" in failure_of(status).message
    assert one_day(bench, "adoption_active_users") == {(): 3}


@pytest.mark.parametrize("name", ["error-401-key", "error-403-scope", "error-404"])
def test_reports_that_a_plan_or_a_scope_refuses_cost_their_own_series(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    refusal = error(name, int(name.split("-")[1]))
    bench = polled(server(cost_report=refusal, usage_report=refusal, user_usage_report=refusal))

    assert one_day(bench, "adoption_active_users") == {(): 3}
    for metric in ("adoption_spend", "adoption_tokens", "adoption_model_active_users", "adoption_model_usage"):
        assert bench.values(metric) == {}
    assert [record.getMessage().partition(":")[0] for record in caplog.records if "there is nothing" in record.msg] == [
        "there is nothing of spend",
        "there is nothing of tokens",
        "there is nothing of people by model",
    ]


def test_a_refused_report_is_no_revision_of_its_days_however_often_they_are_read() -> None:
    made = server()
    bench = polls(made)
    bench.poll()
    made.answers[COSTS] = error("error-403-scope", 403)
    bench.poll()
    made.answers[COSTS] = recorded("enterprise/cost_report")
    bench.poll()

    assert bench.values("adoption_data_revisions_total") == {("all",): 0}
    assert one_day(bench, "adoption_spend") == {("USD", "charged"): 412.97345678}


def test_reports_that_cover_nothing_at_all_take_no_money_from_known_days_and_are_not_waited_for_for_ever() -> None:
    made = server()
    bench = polled(made, history=timedelta(days=20), billing="seats")
    known = {DAY: Decimal("412.97345678")}
    assert spent(bench) == known
    assert waiting(bench) == set()

    made.answers[COSTS] = {**recorded("enterprise/cost_report"), "data": [], "data_refreshed_at": None}
    bench.poll()
    assert spent(bench) == known

    fresh = polled(made, history=timedelta(days=20), billing="seats")
    assert waiting(fresh) == {DAY - timedelta(days=back) for back in range(7)}


def spent(bench: VendorPolls) -> dict[date, object]:
    """The dollars of each stored day that has any."""
    days = [date(2026, 8, day) for day in range(1, 21)]
    key = AmountKey(spend("USD", "charged"))
    return {
        day: facts.amounts[key] for day, facts in bench.store.facts("tool", "all", days).items() if key in facts.amounts
    }


def waiting(bench: VendorPolls) -> set[date]:
    """The stored days that are read again until they are whole."""
    return {day for day, known in bench.store.days("tool", "all").items() if known.pending}


def test_money_of_a_day_that_is_not_covered_yet_is_absent_and_comes_with_the_next_poll() -> None:
    late = recorded("enterprise/cost_report") | {"data_refreshed_at": "2026-08-20T23:59:59Z"}
    made = server(cost_report=late)
    bench = polled(made)

    assert one_day(bench, "adoption_active_users") == {(): 3}
    assert one_day(bench, "adoption_tokens")["input"] == 17_800
    assert bench.values("adoption_spend") == {}

    made.answers[COSTS] = recorded("enterprise/cost_report")
    bench.poll()
    assert one_day(bench, "adoption_spend") == {("USD", "charged"): 412.97345678}
    assert bench.values("adoption_data_revisions_total") == {("all",): 0}


def test_people_by_model_that_are_not_covered_yet_are_absent_whatever_the_tokens_are() -> None:
    bench = polled(server(user_usage_report=recorded("enterprise/user_usage_report-not-refreshed")))

    assert bench.values("adoption_model_active_users") == {}
    assert one_day(bench, "adoption_model_tokens")["input", "claude-opus-5"] == 17_600


def test_a_day_that_a_report_leaves_out_has_no_money_and_one_with_an_empty_bucket_has_spent_nothing() -> None:
    body = recorded("enterprise/cost_report")
    (bucket,) = body["data"]
    left_out = polled(server(cost_report={**body, "data": []}))
    nothing = polled(server(cost_report={**body, "data": [{**bucket, "results": []}]}))

    assert left_out.values("adoption_spend") == {}
    assert one_day(nothing, "adoption_spend") == {("USD", "charged"): 0}


def test_credits_are_negative_money() -> None:
    body = recorded("enterprise/cost_report")
    body["data"][0]["results"][1]["amount"] = "-12.345678"
    bench = polled(server(cost_report=body))

    assert one_day(bench, "adoption_model_spend")["USD", "charged", "claude-haiku-4-5-20251001"] == -0.12345678
    assert one_day(bench, "adoption_spend") == {("USD", "charged"): 412.72654322}


def test_a_hundred_models_in_a_bucket_cost_the_series_by_model_and_the_total_is_asked_for_whole() -> None:
    body = recorded("enterprise/usage_report")
    template = body["data"][1]["results"][0]
    body["data"][1]["results"] = [{**template, "model": f"model-{number}"} for number in range(100)]
    whole = recorded("enterprise/usage_report")
    whole["data"][1]["results"] = [{**template, "model": None, "uncached_input_tokens": 2_000_000}]
    made = server(usage_report=lambda params: body if "group_by[]" in params else whole)
    bench = polled(made)

    assert one_day(bench, "adoption_tokens")["input"] == 2_000_000
    for metric in ("adoption_model_tokens", "adoption_model_usage", "adoption_model_spend"):
        assert bench.values(metric) == {}


def test_a_day_that_gets_a_hundred_models_after_a_week_costs_the_series_by_model_of_its_windows() -> None:
    body = recorded("enterprise/cost_report")
    (bucket,) = body["data"]
    row = bucket["results"][0]
    models = 1

    def costs(params: Mapping[str, str]) -> Body:
        number = models if "group_by[]" in params else 1
        results = [{**row, "model": f"model-{one}"} for one in range(number)]
        days = [{**bucket, "starting_at": f"2026-08-{day:02}T00:00:00Z"} for day in range(1, 21)]
        old = {**days[10], "results": results}
        return {**body, "data": [old if day["starting_at"][8:10] == "11" else day for day in days]}

    bench = polled(server(cost_report=costs), billing="seats", history=timedelta(days=10))
    assert ("all", "7d", "USD", "charged", "claude-opus-5") in bench.values("adoption_model_spend")
    models = 100
    bench.now = NOW + timedelta(hours=1)
    bench.poll()

    (facts,) = bench.store.facts("tool", "all", [date(2026, 8, 11)]).values()
    assert facts.missing >= {"model"}
    assert facts.amounts[AmountKey(spend("USD", "charged"))] == Decimal("412.8")


def test_a_month_of_money_is_read_again_at_every_poll_and_is_no_revision() -> None:
    """The seven newest days are read again whole; of those before only money, tokens and requests."""
    body = recorded("enterprise/cost_report")
    (bucket,) = body["data"]

    def costs(params: Mapping[str, str]) -> Body:
        first = date.fromisoformat(params["starting_at"][:10])
        days = [first + timedelta(days=number) for number in range(31)]
        starts = [{"starting_at": f"{day}T00:00:00Z"} for day in days if str(day) < params["ending_at"][:10]]
        amounts = [{**bucket["results"][0], "amount": amount}]
        return {**body, "data": [{**bucket, **start, "results": amounts} for start in starts]}

    amount = "100.000000"
    made = server(cost_report=costs)
    bench = polled(made, billing="seats", history=timedelta(days=28))
    spend = bench.values("adoption_spend")
    amount = "300.000000"
    asked = len(made.asked)
    bench.poll()

    assert spend["all", "28d", "USD", "charged"] == 28
    assert bench.values("adoption_spend")["all", "28d", "USD", "charged"] == 84
    assert bench.values("adoption_data_revisions_total") == {("all",): 0}
    assert [path for path, _ in made.asked[asked:]] == [USERS, COSTS, *[USERS] * 6, SUMMARIES, MEMBERS]


def test_a_backfill_stores_tokens_and_money_with_their_day() -> None:
    nobody = {**recorded("enterprise/user_usage_report"), "data": []}
    bench = polls(server(user_usage_report=nobody))
    reader = past_reader(bench, bench.poller(), DAY, DAY)
    assert reader.read() == {}

    facts = bench.store.facts("tool", "all", [DAY])[DAY]
    assert facts.amounts[AmountKey(spend("USD", "charged"))] == Decimal("412.97345678")
    assert facts.amounts[AmountKey(tokens("input"))] == 17_800
    assert facts.pending == frozenset()


def test_people_with_tokens_and_no_activity_are_told_once_and_are_no_people(caplog: pytest.LogCaptureFixture) -> None:
    body = recorded("enterprise/user_usage_report")
    body["data"][2]["actor"]["user_id"] = "user_of_whom_telemetry_is_off"
    bench = polled(server(user_usage_report=body))
    bench.poll()

    assert one_day(bench, "adoption_active_users") == {(): 3}
    assert one_day(bench, "adoption_model_active_users")["claude-opus-5"] == 1
    assert caplog.text.count("1 people used tokens on 2026-08-20 without any activity") == 1


def test_the_vendor_s_own_count_is_compared_and_the_difference_told_once(caplog: pytest.LogCaptureFixture) -> None:
    body = recorded("enterprise/summaries")
    body["data"][0]["claude_code_daily_active_user_count"] = 9
    bench = polled(server(summaries=body))
    bench.poll()

    assert caplog.text.count("the vendor counts 9 people on 2026-08-20 and lists 3 with activity") == 1


@pytest.mark.parametrize("name", ["error-400-too-recent", "error-400-before-2026"])
def test_a_400_for_a_young_day_means_that_it_is_not_ready_and_is_no_failure(name: str) -> None:
    def users(params: Mapping[str, str]) -> Body:
        return error(f"enterprise/{name}", 400) if params["date"] > "2026-08-18" else people_and_groups(params)

    bench = polled(server(users=users), history=timedelta(days=4), billing="seats")

    assert sorted(bench.store.days("tool", "all")) == [date(2026, 8, 17), date(2026, 8, 18)]


def test_a_400_for_an_old_day_is_a_refusal() -> None:
    def users(params: Mapping[str, str]) -> Body:
        refused = params["date"] <= "2026-08-14"
        return error("enterprise/error-400-too-recent", 400) if refused else people_and_groups(params)

    bench = polls(server(users=users), history=timedelta(days=9), billing="seats")
    status = bench.poll()

    assert failure_of(status).reason == "rejected"
    assert min(bench.store.days("tool", "all")) == date(2026, 8, 15)


def test_days_that_the_vendor_no_longer_has_are_told_and_asked_for_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def users(params: Mapping[str, str]) -> Body:
        forgotten = params["date"] < "2026-05-01"
        return error("enterprise/error-400-before-2026", 400) if forgotten else people_and_groups(params)

    made = server(users=users)
    bench = polled(made, history=timedelta(days=150), billing="seats")
    bench.poll()

    assert min(bench.store.days("tool", "all")) == date(2026, 5, 1)
    assert [params["date"] for path, params in made.asked if path == USERS and params["date"] < "2026-05-01"] == [
        "2026-04-30"
    ]
    assert caplog.text.count("days before 2026-05-01 are not there: claude-code GET") == 1


def test_days_before_2026_are_not_asked_for_and_this_is_told(caplog: pytest.LogCaptureFixture) -> None:
    made = server()
    made.answers[COSTS] = error("error-404", 404)
    polls(made, history=timedelta(days=234), billing="seats").poll()

    assert min(params["date"] for path, params in made.asked if path == USERS) == "2026-01-01"
    assert "days before 2026-01-01 are not asked for: the vendor has none" in caplog.text


@pytest.mark.parametrize(("name", "code"), [("error-410-cursor", 410), ("error-400-cursor", 400)])
def test_a_cursor_that_ended_begins_the_walk_again_once(name: str, code: int) -> None:
    answers = [
        recorded("enterprise/users-page1"),
        error(f"enterprise/{name}", code),
        recorded("enterprise/users-page1"),
        recorded("enterprise/users-page2"),
    ]
    made = server(users=lambda _params: answers.pop(0))
    bench = polled(made)

    assert one_day(bench, "adoption_active_users") == {(): 1}
    assert [params.get("page") for path, params in made.asked if path == USERS] == [
        None,
        "cursor_token_abc",
        None,
        "cursor_token_abc",
    ]


@pytest.mark.parametrize(("name", "code"), [("error-410-cursor", 410), ("error-400-cursor", 400)])
def test_a_cursor_that_ends_twice_leaves_the_vendor_unreachable(name: str, code: int) -> None:
    def users(params: Mapping[str, str]) -> Body:
        return error(f"enterprise/{name}", code) if "page" in params else recorded("enterprise/users-page1")

    bench = polls(server(users=users))
    status = bench.poll()

    assert failure_of(status).reason == "unreachable"
    assert failure_of(status).message.endswith("and so it was from the first page on again")
    assert bench.store.days("tool", "all") == {}


@pytest.mark.parametrize(("name", "code"), [("error-401-key", 401), ("error-403-scope", 403), ("error-404", 404)])
def test_401_403_and_404_say_alike_that_the_key_or_its_scope_is_wrong(name: str, code: int) -> None:
    made = server(users=error(name, code))
    status = polls(made).poll()

    assert (failure_of(status).reason, failure_of(status).status) == ("rejected", code)
    assert failure_of(status).message.endswith(
        "api: enterprise needs a key with the scope read:analytics (sk-ant-api...), which the primary owner makes at "
        "claude.ai > Organization settings > API"
    )
    assert made.paths() == ["analytics/users"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user": None}, "data[0].user is null, not an object"),
        ({"claude_code_metrics": None}, "data[0].claude_code_metrics is null, not an object"),
        (
            {"claude_code_metrics": {"core_metrics": {"commit_count": -1}}},
            f"data[0].claude_code_metrics.core_metrics.commit_count {NO_COUNT}",
        ),
    ],
)
def test_a_value_that_cannot_be_right_costs_the_day_and_is_named(change: Body, words: str) -> None:
    body = recorded("enterprise/users-day")
    body["data"][0] |= change
    bench = polls(server(users=body))
    status = bench.poll()

    assert failure_of(status) == Failure("payload", f"all: claude-code GET {USERS}: {words}")
    assert bench.values("adoption_active_users") == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": 1.5}, None),
        ({"amount": "many"}, "data[0].results[0].amount is text, not a decimal number"),
        ({"amount": None}, "data[0].results[0].amount is null, not a decimal number"),
        ({"currency": "dollars"}, "data[0].results[0].currency is text, not a code of three letters"),
    ],
)
def test_money_that_cannot_be_right_fails_the_poll_and_the_people_are_published(
    change: Body, words: str | None
) -> None:
    body = recorded("enterprise/cost_report")
    body["data"][0]["results"][0] |= change
    bench = polls(server(cost_report=body))
    status = bench.poll()

    assert status.failure == (None if words is None else Failure("payload", f"all: claude-code GET {COSTS}: {words}"))
    assert one_day(bench, "adoption_active_users") == {(): 3}
    assert ("USD", "charged") in one_day(bench, "adoption_spend") or words is not None


def test_a_session_count_that_is_null_in_every_row_is_absent() -> None:
    body = recorded("enterprise/users-day")
    for row in body["data"]:
        row["claude_code_metrics"]["core_metrics"]["distinct_session_count"] = None
    bench = polled(server(users=body))

    assert "sessions" not in one_day(bench, "adoption_usage")
    assert one_day(bench, "adoption_usage")["commits"] == 5
    # Dan had a session and nothing else.
    assert one_day(bench, "adoption_active_users") == {(): 2}


def test_the_online_check_tells_what_the_key_may_not_read() -> None:
    made = server()
    fine = online_check(polls(made, teams={"from": "vendor"}).poller().source, NOW)
    scope = error("error-403-scope", 403)
    poor = online_check(polls(server(members=scope, cost_report=scope)).poller().source, NOW)
    bad = online_check(polls(server(users=error("error-404", 404))).poller().source, NOW)

    assert fine.problems == []
    assert fine.remarks == []
    assert poor.problems == []
    assert [remark.partition(": ")[0] for remark in poor.remarks] == [
        "there is nothing of spend",
        "there is nothing of holders of seats (scope read:members)",
    ]
    assert [problem.partition(": ")[2][:3] for problem in bad.problems] == ["404"]
