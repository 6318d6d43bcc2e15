"""Cursor: what daily usage, events and members say is what is published."""

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.config.teams_file import teams_file
from exporter.errors import Failure
from tests.support.cursor_team import (
    ANALYTICS,
    DAILY,
    EVENTS,
    MEMBERS,
    CursorTeam,
    answering,
    event,
    of_one_day,
    recorded,
)
from tests.support.failures import failure_of
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "golden" / "cursor.txt"
DAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
# The days of the recorded bodies.
MARCH = date(2024, 3, 18)
JUNE = date(2025, 6, 26)

NOT_ENTERPRISE = "You must be a member of an enterprise team to access this resource"
NOTHING = recorded("made-usage-events-empty")


def morning_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC) + timedelta(days=1)


def polled(day: date, daily: Any, events: Any = NOTHING, **settings: Any) -> VendorPolls:
    """A poll of a day with recorded bodies, or lists of bodies for pages."""
    team = CursorTeam(members=recorded("members")["teamMembers"])
    team.answers[DAILY] = answering(*(daily if isinstance(daily, list) else [daily]))
    team.answers[EVENTS] = answering(*(events if isinstance(events, list) else [events]))
    made = team.polls(morning_after(day), history=timedelta(days=1), **settings)
    made.poll()
    return made


def alone(body: Any) -> Any:
    """A page of events as the only one: its list was cut for the documentation."""
    count = len(body["usageEvents"])
    return {**body, "totalUsageEventsCount": count, "pagination": {**body["pagination"], "hasNextPage": False}}


def active_on(day: date) -> Any:
    """Daily usage of alice, who was active on a day."""
    row = {**recorded("daily-usage-unpaged")["data"][0], "day": day.isoformat()}
    return {"data": [row]}


def test_a_configured_team_is_polled_and_published() -> None:
    made = polled(
        MARCH,
        [recorded("made-daily-usage-page1"), recorded("made-daily-usage-page2")],
        on_day(recorded("usage-events"), MARCH),
    )

    assert made.poller().failed == {}
    assert made.exposition() == GOLDEN.read_text()


def on_day(body: Any, day: date) -> Any:
    """Events of a recorded page, which is then the only one, as if they were of a day."""
    midnight = round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    moved = [{**one, "timestamp": str(midnight + place)} for place, one in enumerate(body["usageEvents"])]
    return alone({**body, "usageEvents": moved})


USAGE = {
    ("agent_messages",): 12.0,
    ("chat_messages",): 128.0,
    ("code_reviews",): 3.0,
    ("completions_accepted",): 289.0,
    ("completions_suggested",): 342.0,
    ("composer_messages",): 45.0,
    ("edits_accepted",): 73.0,
    ("edits_applied",): 87.0,
    ("edits_rejected",): 14.0,
    ("inline_edits",): 67.0,
}


@pytest.mark.parametrize("body", ["daily-usage-unpaged", "daily-usage-paged", "daily-usage-two-days-2025"])
def test_documented_daily_usage_is_one_active_person_of_the_day_and_her_counters(body: str) -> None:
    made = polled(MARCH, recorded(body))

    assert made.poller().failed == {}
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert of_one_day(made, "adoption_usage") == USAGE
    assert of_one_day(made, "adoption_activity_active_users") == {(activity[0],): 1.0 for activity in USAGE}
    assert of_one_day(made, "adoption_code_lines") == {
        ("accepted",): 1102.0,
        ("accepted_deleted",): 645.0,
        ("deleted",): 892.0,
        ("written",): 1543.0,
    }


def test_daily_usage_of_the_organization_has_the_same_rows_with_ids_as_text() -> None:
    body = recorded("organization-daily-usage")
    day = date.fromisoformat(body["data"][0]["day"])
    made = polled(day, body)

    assert made.poller().failed == {}
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}


def test_pages_of_daily_usage_are_one_list() -> None:
    made = polled(MARCH, [recorded("made-daily-usage-page1"), recorded("made-daily-usage-page2")])

    assert of_one_day(made, "adoption_active_users") == {(): 2.0}
    assert of_one_day(made, "adoption_usage")["chat_messages",] == 128 + 156


def test_a_day_without_a_row_is_not_there() -> None:
    made = polled(MARCH, recorded("made-daily-usage-no-rows"))

    assert made.poller().failed == {}
    assert made.values("adoption_active_users") == {}


def test_a_day_without_an_active_row_before_any_day_that_has_one_is_not_there() -> None:
    made = polled(date(2024, 3, 17), recorded("made-daily-usage-empty-day"))

    assert made.poller().failed == {}
    assert made.values("adoption_active_users") == {}


def test_odd_rows() -> None:
    made = polled(MARCH, recorded("made-daily-usage-odd"))

    assert made.poller().failed == {}
    # Alice with zeros and again under another id, somebody without an e-mail, Dave without a flag, Fred; not Bob.
    assert of_one_day(made, "adoption_active_users") == {(): 4.0}
    # Bob's chat messages are usage of nobody.
    assert of_one_day(made, "adoption_usage")["chat_messages",] == 3.0
    assert of_one_day(made, "adoption_activity_active_users") == {
        ("agent_messages",): 3.0,
        ("completions_accepted",): 1.0,
        ("completions_suggested",): 1.0,
    }
    # An active row lacks bugbotUsages.
    assert ("code_reviews",) not in of_one_day(made, "adoption_usage")
    assert of_one_day(made, "adoption_usage")["agent_messages",] == 7 + 2 + 171


def test_documented_events() -> None:
    made = polled(JUNE, active_on(JUNE), alone(recorded("usage-events")))

    assert made.poller().failed == {}
    assert of_one_day(made, "adoption_usage")["requests",] == 3.0
    # The other person of the events has no active row.
    assert of_one_day(made, "adoption_activity_active_users")["requests",] == 1.0
    assert of_one_day(made, "adoption_model_active_users") == {("claude-4.5-sonnet",): 1.0}
    assert of_one_day(made, "adoption_model_usage") == {
        ("requests", "claude-4-sonnet-thinking"): 1.0,
        ("requests", "claude-4.5-sonnet"): 2.0,
    }
    assert of_one_day(made, "adoption_tokens") == {
        ("cache_creation",): 6112.0 + 11964,
        ("cache_read",): 11964.0,
        ("input",): 126.0 + 5805,
        ("output",): 450.0 + 311,
    }
    assert of_one_day(made, "adoption_spend") == {("USD", "charged"): 0.5869232, ("USD", "included"): 0.08}
    assert of_one_day(made, "adoption_model_spend") == {
        ("USD", "charged", "claude-4.5-sonnet"): 0.5869232,
        ("USD", "included", "claude-4-sonnet-thinking"): 0.08,
    }


def test_pages_of_events_are_one_list() -> None:
    pages = [recorded("made-usage-events-page1"), recorded("made-usage-events-page2")]

    assert of_one_day(polled(JUNE, active_on(JUNE), pages), "adoption_usage")["requests",] == 3.0


def test_an_event_of_a_service_account_makes_nobody_active_though_it_has_an_e_mail() -> None:
    made = polled(JUNE, active_on(JUNE), recorded("usage-events-service-account"))

    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert of_one_day(made, "adoption_active_service_accounts") == {(): 1.0}
    assert ("requests",) not in of_one_day(made, "adoption_activity_active_users")
    assert of_one_day(made, "adoption_model_active_users") == {}
    assert of_one_day(made, "adoption_spend") == {("USD", "charged"): 0.2136232, ("USD", "included"): 0.0}


def test_events_of_2025_have_no_isChargeable_so_their_day_has_requests_and_tokens_and_no_money() -> None:  # noqa: N802
    made = polled(MARCH, active_on(MARCH), alone(recorded("usage-events-2025")))

    assert made.poller().failed == {}
    assert of_one_day(made, "adoption_usage")["requests",] == 3.0
    assert of_one_day(made, "adoption_model_usage") == {
        ("requests", "claude-3-opus"): 1.0,
        ("requests", "gpt-4"): 2.0,
    }
    assert of_one_day(made, "adoption_tokens")["input",] == 2300.0
    assert of_one_day(made, "adoption_spend") == {}
    assert of_one_day(made, "adoption_model_spend") == {}


def test_a_day_without_events_has_none_of_anything_they_tell() -> None:
    quiet = active_on(JUNE)
    quiet["data"][0] |= {"subscriptionIncludedReqs": 0, "usageBasedReqs": 0, "apiKeyReqs": 0}
    made = polled(JUNE, quiet, recorded("made-usage-events-empty"))

    assert of_one_day(made, "adoption_usage")["requests",] == 0.0
    assert of_one_day(made, "adoption_active_service_accounts") == {(): 0.0}
    assert set(of_one_day(made, "adoption_tokens").values()) == {0.0}
    assert of_one_day(made, "adoption_spend") == {("USD", "charged"): 0.0, ("USD", "included"): 0.0}


def test_odd_events() -> None:
    made = polled(JUNE, active_on(JUNE), recorded("made-usage-events-odd"))

    assert made.poller().failed == {}
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert of_one_day(made, "adoption_usage")["requests",] == 13.0
    assert of_one_day(made, "adoption_usage")["automation_requests",] == 1.0
    assert of_one_day(made, "adoption_usage")["cloud_agent_requests",] == 1.0
    assert of_one_day(made, "adoption_activity_active_users")["requests",] == 1.0
    assert ("cloud_agent_requests",) not in of_one_day(made, "adoption_activity_active_users")
    # Not the model of the automation, and not that of the removed person.
    assert of_one_day(made, "adoption_model_active_users") == {("claude-4.5-sonnet",): 1.0, ("default",): 1.0}
    assert of_one_day(made, "adoption_model_usage")["requests", "unknown"] == 1.0
    # Three events have no tokens.
    assert of_one_day(made, "adoption_tokens")["input",] == 126.0 * 10
    # A chargeable event has no amount, and one does not say whether it is chargeable.
    assert of_one_day(made, "adoption_spend") == {}


def test_money_is_exact_with_the_tails_of_floats() -> None:
    body = recorded("made-usage-events-odd")
    body["usageEvents"] = [{"chargedCents": 0, "isChargeable": True, **one} for one in body["usageEvents"]]
    made = polled(JUNE, active_on(JUNE), body)

    # 7 x 21.36232, one of them in the day's last event; 0.466; 0.6; 40.16699999999999.
    assert of_one_day(made, "adoption_spend")["USD", "charged"] == 1.9076923999999999


@pytest.mark.parametrize(
    ("body", "seats"),
    [("members", 2.0), ("members-2025", 3.0), ("members-oldest", 2.0), ("made-members-unpaid-admin", 1.0)],
)
def test_members_hold_a_seat_who_are_not_removed_and_not_unpaid(body: str, seats: float) -> None:
    team = CursorTeam(members=recorded(body)["teamMembers"])
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()

    assert made.values("adoption_seats") == {("all",): seats}


def test_which_roles_pay_no_seat_is_configurable_in_any_case() -> None:
    team = CursorTeam(members=recorded("made-members-unpaid-admin")["teamMembers"])
    team.works(1, DAY)
    made = team.polls(NOW, unpaid_roles=["Member"])
    made.poll()

    assert made.values("adoption_seats") == {("all",): 1.0}


def test_holders_who_were_not_active_are_idle_and_those_who_never_were_never_used_their_seat() -> None:
    team = CursorTeam(users={1: "ann@example.com", 2: "bob@example.com", 3: "cy@example.com"})
    team.works(1, DAY)
    team.works(2, DAY - timedelta(days=20))
    team.works(2, DAY - timedelta(days=40))
    team.members = [
        {"email": " Ann@Example.com"},
        {"email": "bob@example.com", "id": 2},
        {"email": "cy@example.com", "isRemoved": None},
        # Without an e-mail a member holds a seat too.
        {"id": "user_4"},
    ]
    made = team.polls(NOW)
    made.poll()

    assert made.values("adoption_seats") == {("all",): 4.0}
    assert made.values("adoption_seats_idle") == {("all", "1d"): 3.0, ("all", "7d"): 3.0, ("all", "28d"): 2.0}
    assert made.values("adoption_seats_never_used") == {("all",): 2.0}


def test_a_member_with_neither_e_mail_nor_id_is_no_list_of_members() -> None:
    team = CursorTeam(members=[{"name": "Somebody"}])
    team.works(1, DAY)
    made = team.polls(NOW)
    status = made.poll()

    assert failure_of(status) == Failure(
        "payload", "all: cursor GET /teams/members: teamMembers[0] has neither email nor id"
    )
    # The days are published all the same.
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}


def test_no_e_mail_and_no_key_is_logged_or_published_whatever_comes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for daily in ("made-daily-usage-odd", "daily-usage-paged"):
        for events in ("made-usage-events-odd", "usage-events-service-account", "usage-events"):
            for change in ({}, {"chatRequests": -1}, {"isActive": "yes"}, {"day": "today"}):
                body = recorded(daily)
                body["data"][0] |= change
                made = polled(MARCH, body, on_day(recorded(events), MARCH))
                texts += [made.exposition(), *(failure.message for failure in made.poller().failed.values())]
    texts += [f"{record.message} {record.__dict__}" for record in caplog.records if record.name.startswith("exporter")]

    assert [text for text in texts if "example.com" in text.replace("cursor.example.com", "").lower()] == []
    assert [text for text in texts if "secret-token" in text or "Nightly CI Agent" in text] == []


@pytest.mark.parametrize("user", ["ann@example.com", "ANN@example.com", "1", "user_1"])
def test_the_teams_file_knows_people_by_e_mail_and_by_either_id(user: str, tmp_path: Path) -> None:
    (tmp_path / "teams.csv").write_text(f"user,team\n{user},web\n")
    team = CursorTeam(events=[event(DAY), event(DAY, serviceAccountId="sa_1")])
    for one in (1, 2):
        team.works(one, DAY, chatRequests=1)
    made = team.polls(NOW)
    made.teams = teams_file(tmp_path / "teams.csv")
    made.poll()

    assert of_one_day(made, "adoption_team_active_users") == {("unassigned",): 1.0, ("web",): 1.0}
    # The event of the service account is nobody's team's.
    assert of_one_day(made, "adoption_team_usage") == {
        ("chat_messages", "unassigned"): 1.0,
        ("chat_messages", "web"): 1.0,
        ("requests", "unassigned"): 1.0,
        ("requests", "web"): 1.0,
    }
    assert of_one_day(made, "adoption_team_spend") == {
        ("USD", "included", "unassigned"): 0.08,
        ("USD", "included", "web"): 0.08,
    }


def test_without_events_there_are_people_and_counters_and_nothing_is_asked_about_events() -> None:
    team = CursorTeam(events=[event(DAY)])
    team.works(1, DAY, chatRequests=3)
    made = team.polls(NOW, events=False)
    made.poll()

    assert team.requests(EVENTS) == []
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert ("requests",) not in of_one_day(made, "adoption_usage")
    assert of_one_day(made, "adoption_active_service_accounts") == {}
    assert of_one_day(made, "adoption_spend") == {}


def test_a_key_that_is_wrong_fails_the_poll_with_the_words_of_the_vendor() -> None:
    team = CursorTeam()
    made = team.polls(NOW, token="another-key")
    status = made.poll()

    refused = "401, the token was refused; check token/token_file: Invalid Team API Key"
    assert failure_of(status) == Failure("rejected", f"all: cursor POST /teams/daily-usage-data: {refused}", 401)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, "error-400", "rejected"),
        (401, "error-401-2025", "rejected"),
        (401, "error-401-documented", "rejected"),
        (401, "error-401-not-enterprise", "rejected"),
        (401, "error-401-scope-organization", "rejected"),
        (401, "error-401-team-key", "rejected"),
        (403, "error-403", "rejected"),
        (404, "error-404", "rejected"),
        (429, "error-429", "rate_limited"),
        (429, "error-429-admin", "rate_limited"),
    ],
)
def test_a_refusal_of_daily_usage_fails_the_poll_with_the_words_of_the_vendor(
    status: int, body: str, reason: str
) -> None:
    team = CursorTeam()
    team.answers[DAILY] = answering(httpx.Response(status, json=recorded(body)))
    failure = failure_of(team.polls(NOW).poll())

    assert (failure.reason, failure.status) == (reason, status)
    assert recorded(body)["message"] in failure.message


def test_a_rate_limit_is_waited_for_as_the_vendor_asks() -> None:
    team = CursorTeam()
    team.works(1, DAY)
    limited = [httpx.Response(429, json=recorded("error-429-admin"), headers={"Retry-After": "60"})]

    def once(request: httpx.Request) -> httpx.Response:
        if limited:
            return limited.pop()
        del team.answers[DAILY]
        return team.answer(request)

    team.answers[DAILY] = once
    made = team.polls(NOW)

    assert made.poll().success
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, "error-401-not-enterprise", f"401, the token was refused; check token/token_file: {NOT_ENTERPRISE}"),
        (403, "error-403", "403: Enterprise access required"),
        (404, "error-404", "404: Resource not found"),
    ],
)
def test_refused_events_cost_their_series_and_one_warning(
    status: int, body: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    team = CursorTeam(events=[event(DAY)])
    team.works(1, DAY, chatRequests=3, usageBasedReqs=2)
    team.answers[EVENTS] = answering(httpx.Response(status, json=recorded(body)))
    made = team.polls(NOW)
    for _ in range(3):
        assert made.poll().success

    assert [record.message for record in caplog.records if "events" in record.message] == [
        f"there is nothing of tokens, spend, models and service accounts: cursor POST {EVENTS}: {words}"
    ]
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert of_one_day(made, "adoption_usage") == dict.fromkeys(USAGE, 0.0) | {("chat_messages",): 3.0}
    assert of_one_day(made, "adoption_tokens") == {}
    assert made.values("adoption_spend_data_day_timestamp_seconds") == {}
    # One request a poll says whether it is still so.
    assert len(team.requests(EVENTS)) == 3


def test_events_that_are_allowed_again_complete_their_days_and_revise_none() -> None:
    team = CursorTeam(events=[event(DAY)])
    team.works(1, DAY)
    team.answers[EVENTS] = answering(httpx.Response(403, json=recorded("error-403")))
    made = team.polls(NOW)
    made.poll()
    del team.answers[EVENTS]
    made.poll()

    assert of_one_day(made, "adoption_usage")["requests",] == 1.0
    assert made.values("adoption_data_revisions_total") == {("all",): 0.0}


@pytest.mark.parametrize(("status", "body"), [(401, "error-401-scope-organization"), (403, "error-403")])
def test_refused_members_cost_the_seats_and_one_warning(
    status: int, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    team = CursorTeam()
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()
    team.answers[MEMBERS] = answering(httpx.Response(status, json=recorded(body)))
    for _ in range(2):
        assert made.poll().success

    assert len([record for record in caplog.records if "nothing of seats" in record.message]) == 1
    assert made.values("adoption_seats") == {}
    assert made.values("adoption_seats_idle") == {}
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}


def test_an_outage_of_members_fails_the_poll_after_the_days_are_stored() -> None:
    team = CursorTeam()
    team.works(1, DAY)
    team.answers[MEMBERS] = answering(httpx.Response(500, json=recorded("error-500")))
    made = team.polls(NOW)

    assert failure_of(made.poll()).reason == "unreachable"
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}


def test_an_outage_of_events_fails_the_poll_and_keeps_what_they_told_while_the_people_are_published() -> None:
    team = CursorTeam(events=[event(DAY)])
    team.works(1, DAY, chatRequests=1)
    made = team.polls(NOW)
    made.poll()
    team.works(2, DAY, chatRequests=1)
    team.answers[EVENTS] = answering(httpx.Response(500, json=recorded("error-500")))
    made.now += timedelta(hours=7)

    assert failure_of(made.poll()).reason == "unreachable"
    assert of_one_day(made, "adoption_active_users") == {(): 2.0}
    assert of_one_day(made, "adoption_usage")["requests",] == 1.0


def test_days_of_any_age_that_an_outage_left_without_events_get_them_later() -> None:
    days = [DAY - timedelta(days=ago) for ago in range(28)]
    team = CursorTeam(events=[event(day) for day in days])
    for day in days:
        team.works(1, day, chatRequests=1)
    team.answers[EVENTS] = answering(httpx.Response(500, json=recorded("error-500")))
    made = team.polls(NOW)

    assert failure_of(made.poll()).reason == "unreachable"
    assert made.values("adoption_active_users") == {("all", window): 1.0 for window in ("1d", "7d", "28d")}
    assert made.values("adoption_tokens") == {}
    del team.answers[EVENTS]
    assert made.poll().success
    assert made.values("adoption_tokens")["all", "28d", "output"] == 56.0
    assert made.values("adoption_data_revisions_total") == {("all",): 0.0}


@pytest.mark.parametrize(
    ("path", "settings"),
    [(EVENTS, {}), ("/teams/groups", {"teams": {"from": "vendor"}}), (f"{ANALYTICS}/tabs", {"analytics": True})],
    ids=["events", "groups", "analytics"],
)
def test_an_outage_beside_daily_usage_holds_back_neither_a_quiet_sunday_nor_the_seats(
    path: str, settings: dict[str, Any]
) -> None:
    sunday = DAY - timedelta(days=1)
    team = CursorTeam(analytics={"agent-edits": {}})
    team.works(1, sunday - timedelta(days=1))
    team.works(1, sunday, isActive=False)
    team.answers[path] = answering(httpx.Response(500, json=recorded("error-500")))
    made = team.polls(NOW - timedelta(days=1), late_grace=timedelta(days=1), **settings)

    assert failure_of(made.poll()).reason == "unreachable"
    assert of_one_day(made, "adoption_active_users") == {(): 0.0}
    assert made.values("adoption_seats") == {("all",): 2.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"chatRequests": -1}, "data[0].chatRequests is the number -1, not a whole number from 0 to 2^63 - 1"),
        ({"isActive": "yes"}, "data[0].isActive is text, not a boolean"),
        ({"email": 7}, "data[0].email is the number 7, not text"),
        ({"userId": 1.5}, "data[0].userId is the number 1.5, not a whole number from 0 to 2^63 - 1"),
        ({"day": "9 March"}, "data[0].day is not a day as YYYY-MM-DD"),
        ({"day": ...}, "data[0].day is missing"),
    ],
)
def test_a_row_that_cannot_be_right_costs_the_day_and_is_named_without_the_person(
    change: dict[str, Any], words: str
) -> None:
    team = CursorTeam()
    team.did[DAY, 1] = change
    failure = failure_of(team.polls(NOW, history=timedelta(days=1)).poll())

    assert failure == Failure("payload", f"all: cursor POST /teams/daily-usage-data: {words}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"chargedCents": -0.5}, "usageEvents[0].chargedCents is the number -0.5, not a decimal number from 0"),
        ({"chargedCents": "much"}, "usageEvents[0].chargedCents is text, not a decimal number"),
        ({"isChargeable": 1}, "usageEvents[0].isChargeable is the number 1, not a boolean"),
        ({"model": 4}, "usageEvents[0].model is the number 4, not text"),
        ({"tokenUsage": []}, "usageEvents[0].tokenUsage is an array, not an object"),
        (
            {"tokenUsage": {"inputTokens": 1.5}},
            "usageEvents[0].tokenUsage.inputTokens is the number 1.5, not a whole number from 0 to 2^63 - 1",
        ),
        ({"userEmail": 7}, "usageEvents[0].userEmail is the number 7, not text"),
    ],
)
def test_an_event_that_cannot_be_right_costs_its_day_alone(change: dict[str, Any], words: str) -> None:
    before = DAY - timedelta(days=1)
    team = CursorTeam(events=[event(DAY, **change), event(before)])
    team.works(1, DAY)
    team.works(1, before)
    made = team.polls(NOW, history=timedelta(days=2))

    assert failure_of(made.poll()) == Failure("payload", f"all: cursor POST /teams/filtered-usage-events: {words}")
    assert of_one_day(made, "adoption_usage")["requests",] == 1.0
    assert list(made.store.days("tool", "all")) == [before]


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1.5", "９", "9" * 19])
def test_an_event_of_no_moment_costs_every_day_that_was_asked_for(timestamp: str) -> None:
    team = CursorTeam()
    team.works(1, DAY)
    body = recorded("made-usage-events-empty")
    team.answers[EVENTS] = answering(
        body | {"totalUsageEventsCount": 1, "usageEvents": [{**event(DAY), "timestamp": timestamp}]}
    )
    made = team.polls(NOW, history=timedelta(days=1))

    words = "usageEvents[0].timestamp is not a number of milliseconds"
    assert failure_of(made.poll()) == Failure("payload", f"all: cursor POST /teams/filtered-usage-events: {words}")
    assert made.values("adoption_active_users") == {}


@pytest.mark.parametrize(("path", "key"), [(DAILY, "data"), (EVENTS, "usageEvents"), (MEMBERS, "teamMembers")])
def test_a_list_without_its_rows_is_no_list(path: str, key: str) -> None:
    team = CursorTeam(events=[event(DAY)])
    team.works(1, DAY)
    team.answers[path] = answering({})
    failure = failure_of(team.polls(NOW, history=timedelta(days=1)).poll())

    method = "GET" if path == MEMBERS else "POST"
    assert failure == Failure("payload", f"all: cursor {method} {path}: {key} is missing")
