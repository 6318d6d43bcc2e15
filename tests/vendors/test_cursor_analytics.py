"""Cursor's Analytics (Enterprise): languages and more activities, cut to the people of the day by daily usage."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.errors import Failure
from tests.support.cursor_team import ANALYTICS, DAILY, CursorTeam, Row, answering, of_one_day, recorded
from tests.support.failures import failure_of
from tests.support.vendor_polls import VendorPolls

GOLDEN = Path(__file__).parents[1] / "golden" / "cursor-analytics.txt"
# The day of the recorded bodies.
DAY = date(2025, 1, 15)
NOW = datetime(2025, 1, 16, 4, tzinfo=UTC)
ONE = timedelta(days=1)
RECORDED = ("agent-edits", "tabs", "mcp", "commands", "top-file-extensions")
USAGE = (
    "agent_edits_accepted",
    "agent_edits_rejected",
    "agent_edits_suggested",
    "ask_messages",
    "commands",
    "mcp_tool_calls",
    "plan_messages",
    "skills",
)


def enterprise(**changes: Any) -> CursorTeam:
    """The team of the documentation: alice and bob, who were active on its day."""
    team = CursorTeam(users={1: "alice@example.com", 2: "bob@example.com"}, **changes)
    team.analytics = {name: recorded(f"analytics-by-user-{name}")["data"] for name in RECORDED}
    for user in (1, 2):
        team.works(user, DAY)
    return team


def polls(team: CursorTeam, **settings: Any) -> VendorPolls:
    return team.polls(NOW, history=ONE, analytics=True, **settings)


def polled(team: CursorTeam, **settings: Any) -> VendorPolls:
    made = polls(team, **settings)
    made.poll()
    return made


def usage(made: VendorPolls) -> dict[str, float]:
    """Usage of the activities that Analytics tells."""
    return {labels[0]: value for labels, value in of_one_day(made, "adoption_usage").items() if labels[0] in USAGE}


def row(day: date = DAY, **fields: Any) -> Row:
    return {"event_date": day.isoformat(), **fields}


def test_a_team_with_analytics_is_polled_and_published() -> None:
    made = polled(enterprise())

    assert made.poller().failed == {}
    assert made.exposition() == GOLDEN.read_text()


def test_documented_metrics() -> None:
    made = polled(enterprise())

    assert usage(made) == {
        "agent_edits_accepted": 98.0 + 72,
        "agent_edits_rejected": 47.0 + 23,
        "agent_edits_suggested": 145.0 + 95,
        "ask_messages": 0.0,
        "commands": 12.0,
        "mcp_tool_calls": 45.0 + 23,
        "plan_messages": 0.0,
        "skills": 0.0,
    }
    assert of_one_day(made, "adoption_code_lines") == {
        ("accepted",): 0.0,
        ("accepted_deleted",): 0.0,
        ("agent_accepted",): 980.0 + 540,
        ("agent_suggested",): 1250.0 + 695,
        ("completions_accepted",): 400.0,
        ("completions_suggested",): 535.0,
        ("deleted",): 0.0,
        ("written",): 0.0,
    }
    assert of_one_day(made, "adoption_language_active_users") == {("ts",): 1.0, ("tsx",): 1.0}
    # A list of languages that is cut has no sums.
    assert of_one_day(made, "adoption_language_usage") == {}
    assert of_one_day(made, "adoption_activity_active_users") == {
        ("agent_edits_accepted",): 2.0,
        ("agent_edits_rejected",): 2.0,
        ("agent_edits_suggested",): 2.0,
        ("commands",): 1.0,
        ("mcp_tool_calls",): 2.0,
    }


def test_every_metric_is_asked_for_the_days_both_ends_counted_and_never_more_than_thirty() -> None:
    team = enterprise()
    for ago in range(40):
        team.works(1, DAY - ago * ONE)
    team.polls(NOW, history=timedelta(days=40), analytics=True).poll()
    asked = [(path, sent["startDate"], sent["endDate"]) for _, path, sent in team.asked if path.startswith(ANALYTICS)]

    metrics = ["agent-edits", "tabs", "mcp", "commands", "plans", "skills", "ask-mode", "top-file-extensions"]
    spans = [("2024-12-17", "2025-01-15"), ("2024-12-07", "2024-12-16")]
    assert asked == [(f"{ANALYTICS}/{metric}", *span) for span in spans for metric in metrics]


def test_people_of_analytics_are_people_of_the_day_and_what_others_did_is_usage() -> None:
    team = enterprise()
    del team.did[DAY, 2]
    made = polled(team)

    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert usage(made)["mcp_tool_calls"] == 68.0
    assert of_one_day(made, "adoption_activity_active_users")["mcp_tool_calls",] == 1.0


def test_e_mails_are_in_any_case_and_extensions_with_a_dot_or_without() -> None:
    team = enterprise()
    team.analytics = {
        "top-file-extensions": {
            " Alice@Example.com": [row(file_extension=".tsx"), row(file_extension="tsx"), row(file_extension=" ")],
            "bob@example.com": [row(file_extension="tsx"), row(file_extension="..")],
        }
    }
    made = polled(team)

    assert of_one_day(made, "adoption_language_active_users") == {
        (".",): 1.0,
        ("tsx",): 2.0,
        ("unknown",): 1.0,
    }


def test_a_field_that_a_row_lacks_is_missing_and_not_zero() -> None:
    team = enterprise()
    del team.analytics["agent-edits"]["bob@example.com"][0]["total_rejected_diffs"]
    team.analytics["tabs"]["alice@example.com"][0]["total_lines_suggested"] = None
    made = polled(team)

    assert "agent_edits_rejected" not in usage(made)
    assert usage(made)["agent_edits_accepted"] == 170.0
    assert ("agent_edits_rejected",) not in of_one_day(made, "adoption_activity_active_users")
    assert ("completions_suggested",) not in of_one_day(made, "adoption_code_lines")
    assert of_one_day(made, "adoption_code_lines")["completions_accepted",] == 400.0


def test_pages_are_one_list() -> None:
    team = enterprise(most_analytics=1)
    made = polled(team)

    assert usage(made)["mcp_tool_calls"] == 68.0
    assert [sent["page"] for sent in team.requests(f"{ANALYTICS}/mcp")] == ["1", "2"]


def test_a_day_with_people_and_without_a_row_of_analytics_waits_for_it() -> None:
    team = enterprise()
    late, team.analytics = team.analytics, {"mcp": {"alice@example.com": []}}
    made = polled(team)
    before = usage(made)
    team.analytics = late
    made.now += timedelta(hours=1)
    made.poll()

    assert before == {}
    assert usage(made)["mcp_tool_calls"] == 68.0
    assert made.values("adoption_data_revisions_total") == {("all",): 0.0}


def test_a_day_on_which_nobody_was_active_has_none_of_anything() -> None:
    team = enterprise()
    team.did = {(DAY - ONE, 1): {"isActive": True}}
    team.analytics = {"mcp": {}}
    made = team.polls(NOW, history=2 * ONE, analytics=True)
    made.poll()

    assert usage(made) == dict.fromkeys(USAGE, 0.0)


@pytest.mark.parametrize(("status", "body"), [(401, "error-401-not-enterprise"), (403, "error-403")])
def test_analytics_that_the_plan_does_not_have_cost_their_series_one_warning_and_one_request_a_poll(
    status: int, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    team = enterprise()
    team.answers = {
        f"{ANALYTICS}/{metric}": answering(httpx.Response(status, json=recorded(body)))
        for metric in ("agent-edits", "tabs", "mcp", "plans", "top-file-extensions")
    }
    made = polls(team)
    for _ in range(2):
        assert made.poll().success

    warned = [record.message for record in caplog.records if "Analytics" in record.message]
    assert [words.partition(":")[0] for words in warned] == ["there is nothing of what Analytics tells by user"]
    assert [path for _, path, _ in team.asked if path.startswith(ANALYTICS)] == [f"{ANALYTICS}/agent-edits"] * 2
    assert usage(made) == {}
    assert of_one_day(made, "adoption_active_users") == {(): 2.0}


def test_a_single_metric_that_is_refused_costs_itself_alone(caplog: pytest.LogCaptureFixture) -> None:
    team = enterprise()
    team.answers[f"{ANALYTICS}/mcp"] = answering(httpx.Response(404, json=recorded("error-404")))
    made = polls(team)

    assert made.poll().success
    assert usage(made).keys() == set(USAGE) - {"mcp_tool_calls"}
    assert [record.message for record in caplog.records if "Analytics" in record.message] == [
        "there is nothing of mcp of Analytics: cursor GET /analytics/by-user/mcp: 404: Resource not found"
    ]


def test_an_outage_of_analytics_fails_the_poll_after_the_days_are_stored_and_keeps_what_was_known() -> None:
    team = enterprise()
    made = polled(team)
    team.answers[f"{ANALYTICS}/tabs"] = answering(httpx.Response(500, json=recorded("error-500")))
    del team.did[DAY, 2]
    status = made.poll()

    assert failure_of(status).reason == "unreachable"
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert usage(made)["mcp_tool_calls"] == 68.0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("usage", -1, "data[0][0].usage is the number -1, not a whole number from 0 to 2^63 - 1"),
        ("usage", "many", "data[0][0].usage is text, not a whole number from 0 to 2^63 - 1"),
        ("event_date", "today", "data[0][0].event_date is not a day as YYYY-MM-DD"),
    ],
)
def test_a_row_that_cannot_be_right_costs_its_metric_and_names_no_person(name: str, value: Any, words: str) -> None:
    team = enterprise()
    body = recorded("analytics-by-user-mcp")
    body["pagination"]["hasNextPage"] = False
    body["data"]["alice@example.com"][0][name] = value
    team.answers[f"{ANALYTICS}/mcp"] = answering(body)
    made = polls(team)

    assert failure_of(made.poll()) == Failure("payload", f"all: cursor GET /analytics/by-user/mcp: {words}")
    assert usage(made).keys() == set(USAGE) - {"mcp_tool_calls"}


def test_lists_that_move_or_do_not_end_cost_their_metric() -> None:
    def failing(**page: Any) -> Failure:
        team = enterprise(most_analytics=1)

        def shift(path: str, body: Any) -> None:
            if path.endswith("/mcp") and body["pagination"]["page"] == 2:
                body["pagination"].update(page.get("pagination", {}))
                body["data"] = page.get("data", body["data"])

        team.shift = shift
        made = polls(team)
        failure = failure_of(made.poll())
        assert usage(made).keys() == set(USAGE) - {"mcp_tool_calls"}
        return failure

    where = "all: cursor GET /analytics/by-user/mcp"
    assert failing(pagination={"totalUsers": 3}) == Failure(
        "payload", f"{where}: page 1 counts 2 in all, page 2 counts 3"
    )
    assert failing(pagination={"page": 1}) == Failure("payload", f"{where}: asked for page 2, got 1")
    again: dict[str, list[Row]] = {"alice@example.com": []}
    assert failing(data=again) == Failure("payload", f"{where}: page 2 has a user of an earlier page")
    more: dict[str, list[Row]] = {f"p{number}@example.com": [] for number in range(3)}
    assert failing(data=more) == Failure("payload", f"{where}: 4 users came where pages count 2 in all")
    ended = {"pagination": {"hasNextPage": True}, "data": {}}
    assert failing(**ended) == Failure("payload", f"{where}: page 2 is empty and not the last")


def test_users_that_did_not_come_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    team = enterprise()

    def more(path: str, body: Any) -> None:
        if path.startswith(ANALYTICS):
            body["pagination"]["totalUsers"] += 118

    team.shift = more
    made = polls(team)
    for _ in range(2):
        assert made.poll().success

    told = [record.message for record in caplog.records if "did not come" in record.message]
    assert told == ["118 users that Analytics counts did not come in agent-edits"]


def test_without_analytics_nothing_of_it_is_asked_and_switched_on_its_windows_wait_for_whole_days() -> None:
    team = enterprise()
    team.works(1, DAY - ONE)
    made = team.polls(NOW, history=2 * ONE, lookback=ONE)
    made.poll()
    before = {path for _, path, _ in team.asked}
    made.settings["analytics"], made.made = True, None
    made.poll()

    assert before == {DAILY, "/teams/members"} | {"/teams/filtered-usage-events"}
    assert usage(made)["mcp_tool_calls"] == 68.0
    languages = made.values("adoption_language_active_users")
    assert {labels[1] for labels in languages} == {"1d"}
