"""Cursor: what its API does that would make wrong numbers, each with what is done about it."""

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from exporter.errors import Failure
from exporter.model import EVERYBODY
from tests.support.cursor_team import (
    DAILY,
    EVENTS,
    GROUPS,
    CursorTeam,
    answering,
    billing_cycle,
    event,
    group,
    midnight,
    milliseconds,
    of_one_day,
    recorded,
)
from tests.support.failures import failure_of
from tests.support.past_readers import past_reader

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
ONE = timedelta(days=1)


def back(days: int) -> date:
    return DAY - timedelta(days=days)


def busy(days: int, **settings: Any) -> CursorTeam:
    """A team of two, of whom one was active on each of the newest days and had an event."""
    team = CursorTeam(**settings)
    for ago in range(days):
        team.works(1, back(ago), chatRequests=1)
        team.events.append(event(back(ago)))
    return team


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


# 1. Without page and pageSize, whoever was not active is left out.


def test_daily_usage_is_asked_for_in_pages_so_that_a_day_on_which_nobody_was_active_has_rows() -> None:
    team = busy(1)
    team.polls(NOW).poll()

    assert {(asked["page"], asked["pageSize"]) for asked in team.requests(DAILY)} == {(1, 500)}


# 2. Rows of zeros come for any day asked for.


def test_days_before_the_first_one_with_an_active_row_are_not_the_teams() -> None:
    team = CursorTeam()
    team.works(1, DAY)
    team.works(1, back(9))
    made = team.polls(NOW)
    made.poll()

    assert sorted(made.store.days("tool", "all")) == [back(ago) for ago in range(9, -1, -1)]


def test_the_first_day_stays_the_first_when_later_polls_do_not_see_it() -> None:
    team = busy(9)
    made = team.polls(NOW, history=timedelta(days=9))
    made.poll()
    team.did.clear()
    made.now += 7 * ONE
    # A restart: nothing but the state knows of active days.
    made.made = None
    made.settings["history"] = timedelta(days=3)
    made.poll()

    # Nobody came since, which is zero.
    assert of_one_day(made, "adoption_active_users") == {(): 0.0}
    assert max(made.store.days("tool", "all")) == DAY + 7 * ONE


def test_a_first_day_that_lies_in_an_older_span_makes_the_quiet_days_after_it_zeros() -> None:
    team = CursorTeam()
    team.works(1, back(45))
    made = team.polls(NOW)
    made.poll()

    assert len(made.store.days("tool", "all")) == 46
    assert made.values("adoption_active_users")["all", "28d"] == 0.0


def test_a_backfill_of_earlier_days_begins_with_their_first_active_one() -> None:
    team = busy(3)
    made = team.polls(NOW, history=3 * ONE)
    made.poll()
    team.works(2, back(8))
    reader = past_reader(made, made.poller(), back(9), DAY)

    assert reader.read() == {}
    assert sorted(made.store.days("tool", "all")) == [back(ago) for ago in range(8, -1, -1)]


def test_a_backfill_takes_quiet_days_for_the_teams_where_the_state_knows_an_older_active_one() -> None:
    team = busy(1)
    team.works(1, back(20))
    made = team.polls(NOW, history=21 * ONE)
    made.poll()
    # All but the newest and the oldest are read again; the vendor shows nobody active on them.
    for ago in range(1, 20):
        made.store.forget_day("tool", "all", back(ago))

    assert past_reader(made, made.poller(), back(9), DAY).read() == {}
    assert len(made.store.days("tool", "all")) == 21


def test_a_working_day_on_which_nobody_is_active_yet_is_late_and_not_zero() -> None:
    team = busy(21)
    made = team.polls(NOW, late_grace=ONE)
    made.poll()
    made.now += ONE
    made.poll()

    assert max(made.store.days("tool", "all")) == DAY
    made.now += ONE
    made.poll()
    # The grace is over.
    assert max(made.store.days("tool", "all")) == DAY + ONE
    assert of_one_day(made, "adoption_active_users") == {(): 0.0}


# 3. Who left loses the e-mail in events, and perhaps the rows of daily usage.


def test_days_beyond_the_lookback_are_never_asked_for_again_so_who_left_stays_in_them() -> None:
    team = busy(30)
    for ago in range(30):
        team.works(2, back(ago))
    made = team.polls(NOW, history=timedelta(days=30), lookback=timedelta(days=7))
    made.poll()
    del team.users[1]
    team.events = [{key: value for key, value in one.items() if key != "userEmail"} for one in team.events]
    team.asked.clear()
    made.now += timedelta(hours=1)
    made.poll()

    oldest = milliseconds(midnight(back(6)))
    assert [asked["startDate"] for asked in team.requests(DAILY)] == [oldest]
    assert {asked["startDate"] >= oldest for asked in team.requests(EVENTS)} <= {True}
    people = made.store.people("tool", "all")
    assert [len(people[back(ago)]) for ago in (6, 7)] == [1, 2]


def test_events_without_an_e_mail_are_usage_tokens_and_money_of_nobody() -> None:
    team = CursorTeam(events=[event(DAY), event(DAY, email=None), event(DAY, email="  ")])
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()

    assert of_one_day(made, "adoption_usage")["requests",] == 3.0
    assert of_one_day(made, "adoption_tokens")["output",] == 6.0
    assert of_one_day(made, "adoption_spend")["USD", "included"] == 0.24
    assert of_one_day(made, "adoption_activity_active_users") == {("requests",): 1.0}


def test_events_that_never_came_are_waited_for_within_the_lookback_and_missing_beyond_it() -> None:
    team = busy(9)
    for ago in range(9):
        team.did[back(ago), 1]["usageBasedReqs"] = 1
    team.events.clear()
    made = team.polls(NOW, lookback=timedelta(days=7))
    made.poll()
    facts = made.store.facts("tool", "all", [back(ago) for ago in range(9)])

    assert [bool(facts[back(ago)].pending) for ago in range(9)] == [True] * 6 + [False] * 3
    assert ["spend" in facts[back(ago)].missing for ago in range(9)] == [False] * 6 + [True] * 3
    assert of_one_day(made, "adoption_spend") == {}


def test_late_events_complete_their_day_without_a_revision() -> None:
    team = busy(1)
    team.did[DAY, 1]["subscriptionIncludedReqs"] = 1
    late, team.events = team.events, []
    made = team.polls(NOW)
    made.poll()
    before = of_one_day(made, "adoption_usage")
    team.events = late
    made.now += timedelta(hours=1)
    made.poll()

    # Not 0 before: a late feed is no drop.
    assert ("requests",) not in before
    assert of_one_day(made, "adoption_usage")["requests",] == 1.0
    assert made.values("adoption_data_revisions_total") == {("all",): 0.0}


def test_windows_of_money_end_with_the_newest_day_whose_events_are_there() -> None:
    team = busy(8)
    team.did[DAY, 1]["subscriptionIncludedReqs"] = 1
    team.events = [one for one in team.events if int(one["timestamp"]) < milliseconds(midnight(DAY))]
    made = team.polls(NOW)
    made.poll()

    assert made.values("adoption_data_day_timestamp_seconds")["all",] == midnight(DAY).timestamp()
    assert made.values("adoption_spend_data_day_timestamp_seconds")["all",] == midnight(back(1)).timestamp()
    assert made.values("adoption_spend")["all", "7d", "USD", "included"] == 0.56


# 4. The event of a service account carries an e-mail.


def test_a_service_account_with_the_e_mail_of_somebody_active_is_still_not_that_person() -> None:
    team = CursorTeam(events=[event(DAY, serviceAccountId="sa_1", serviceAccountName="Nightly")])
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()
    facts = made.store.facts("tool", "all", [DAY])[DAY]

    assert facts.service is not None
    assert len(facts.service) == 1
    assert len(facts.people[EVERYBODY]) == 2
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert of_one_day(made, "adoption_activity_active_users") == {}


# 5. and 6. Which amount is money, and whether it is charged.


def test_the_price_of_an_event_is_chargedCents_alone_charged_or_included_by_isChargeable() -> None:  # noqa: N802
    priced: dict[str, Any] = {
        "chargedCents": 100,
        "cursorTokenFee": 10,
        "requestsCosts": 7,
        "tokenUsage": {"totalCents": 90},
    }
    team = CursorTeam(
        events=[
            event(DAY, isChargeable=True, kind="Included in Business", **priced),
            event(DAY, isChargeable=False, kind="Usage-based", **priced | {"chargedCents": 3}),
        ]
    )
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()

    assert of_one_day(made, "adoption_spend") == {("USD", "charged"): 1.0, ("USD", "included"): 0.03}


@pytest.mark.parametrize(
    "lacks", [{"isChargeable": None}, {"isChargeable": ...}, {"isChargeable": True, "chargedCents": ...}]
)
def test_an_event_whose_money_is_not_told_makes_all_money_of_the_day_unknown(lacks: dict[str, Any]) -> None:
    team = CursorTeam(events=[event(DAY), event(DAY, isChargeable=True), event(DAY, **lacks)])
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()

    assert of_one_day(made, "adoption_usage")["requests",] == 3.0
    assert of_one_day(made, "adoption_spend") == {}


@pytest.mark.parametrize("amount", [..., None])
def test_an_event_that_is_not_chargeable_and_has_no_amount_adds_nothing(amount: Any) -> None:
    team = CursorTeam(events=[event(DAY), event(DAY, chargedCents=amount)])
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()

    assert of_one_day(made, "adoption_spend") == {("USD", "charged"): 0.0, ("USD", "included"): 0.08}


# 7. Fractions of cents with the tails of floats.


@pytest.mark.parametrize(
    ("cents", "dollars"),
    [
        (["40.16699999999999", "0.00000000000001"], 0.40167),
        (["0.1"] * 10, 0.01),
        (["1e-7", "1E+2"], 1.000000001),
        (["12345678901234567.89", "0.11"], 123456789012345.68),
    ],
)
def test_cents_are_added_as_decimals_and_never_rounded(cents: list[str], dollars: float) -> None:
    team = busy(1)
    page = recorded("made-usage-events-empty")
    marked = {f'"<{place}>"': spelt for place, spelt in enumerate(cents)}
    events = [event(DAY, isChargeable=True, chargedCents=f"<{place}>") for place in range(len(cents))]
    text = httpx.Response(200, json=page | {"totalUsageEventsCount": len(cents), "usageEvents": events}).text
    for mark, spelt in marked.items():
        text = text.replace(mark, spelt)
    team.answers[EVENTS] = lambda _request: httpx.Response(200, text=text)
    made = team.polls(NOW, history=ONE)
    made.poll()

    assert of_one_day(made, "adoption_spend")["USD", "charged"] == dollars


@pytest.mark.parametrize("cents", ["1e-60", "1e60", "1" * 600, "0." + "1" * 600])
def test_an_amount_that_no_money_has_costs_its_day(cents: str) -> None:
    team = busy(1)
    page = recorded("made-usage-events-empty") | {"totalUsageEventsCount": 1}
    text = httpx.Response(200, json=page | {"usageEvents": [event(DAY, chargedCents="<cents>")]}).text
    team.answers[EVENTS] = lambda _request: httpx.Response(200, text=text.replace('"<cents>"', cents))
    made = team.polls(NOW, history=ONE)

    words = f"cursor POST /teams/filtered-usage-events of {DAY}: amounts of money have more than 38 digits"
    assert failure_of(made.poll()) == Failure("payload", f"all: {words}")


# 8. Events have no id.


def test_two_equal_events_are_two_events() -> None:
    team = CursorTeam(events=[event(DAY), event(DAY)])
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()

    assert of_one_day(made, "adoption_usage")["requests",] == 2.0


def test_a_day_that_is_read_again_is_replaced_whole() -> None:
    team = CursorTeam(events=[event(DAY, chargedCents=8), event(DAY, hour=3, chargedCents=50, isChargeable=True)])
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()
    # Cursor has taken a charge back and made another event cheaper.
    team.events = [event(DAY, chargedCents=5), event(DAY, hour=3, chargedCents=0, kind="Errored, No Charge")]
    made.now += timedelta(hours=6)
    made.poll()

    assert of_one_day(made, "adoption_spend") == {("USD", "charged"): 0.0, ("USD", "included"): 0.05}
    assert of_one_day(made, "adoption_usage")["requests",] == 2.0
    assert made.values("adoption_data_revisions_total") == {("all",): 1.0}


# 9. Both bounds of the events count.


def test_an_event_at_midnight_is_in_one_day() -> None:
    midnights = [event(back(ago), hour=0) for ago in range(-1, 3)]
    team = CursorTeam(events=midnights)
    for ago in range(2):
        team.works(1, back(ago))
    made = team.polls(NOW, history=2 * ONE)
    made.poll()

    (asked,) = team.requests(EVENTS)
    assert (asked["startDate"], asked["endDate"]) == (
        milliseconds(midnight(back(1))),
        milliseconds(midnight(DAY + ONE)) - 1,
    )
    assert of_one_day(made, "adoption_usage")["requests",] == 1.0


def test_rows_and_events_of_other_days_than_asked_for_are_left_out_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    strangers = [event(DAY + ONE, hour=0), event(back(1), hour=23)]
    team = busy(1)
    page = recorded("made-usage-events-empty")
    team.answers[EVENTS] = answering(page | {"totalUsageEventsCount": 3, "usageEvents": [*team.events, *strangers]})
    made = team.polls(NOW, history=ONE)
    made.poll()
    made.now += timedelta(hours=7)
    made.poll()

    assert of_one_day(made, "adoption_usage")["requests",] == 1.0
    assert warnings(caplog) == ["2 events are of other days than asked for, and left out"]


# 10. Pages move while events arrive.


def grown(path: str, page: Any) -> None:
    """Adds one to the total of every page but the first."""
    if path == EVENTS and page["pagination"]["currentPage"] > 1:
        page["totalUsageEventsCount"] += 1
    if path == DAILY and page["pagination"]["page"] > 1:
        page["pagination"]["totalUsers"] += 1


def test_a_list_of_events_that_grows_between_pages_costs_the_days_that_were_asked_for() -> None:
    team = busy(2, most_events=1, shift=grown)
    made = team.polls(NOW, history=2 * ONE)

    words = "page 1 counts 2 in all, page 2 counts 3"
    assert failure_of(made.poll()) == Failure("payload", f"all: cursor POST /teams/filtered-usage-events: {words}")
    assert made.store.days("tool", "all") == {}


def test_a_list_of_users_that_grows_between_pages_costs_the_days_that_were_asked_for() -> None:
    team = busy(2, most_users=1, shift=grown)
    made = team.polls(NOW, history=2 * ONE)

    words = "page 1 counts 2 in all, page 2 counts 3"
    assert failure_of(made.poll()) == Failure("payload", f"all: cursor POST /teams/daily-usage-data: {words}")
    assert made.store.days("tool", "all") == {}


@pytest.mark.parametrize(
    ("path", "words"),
    [(DAILY, "asked for page 2, got 1"), (EVENTS, "asked for page 2, got 1")],
)
def test_a_list_that_always_answers_its_first_page_does_not_go_on_for_ever(path: str, words: str) -> None:
    team = busy(2, most_users=1, most_events=1)
    first: list[Any] = []

    def same(asked: str, page: Any) -> None:
        if asked == path:
            first.append(dict(page))
            page.update(first[0])

    team.shift = same
    made = team.polls(NOW, history=2 * ONE)

    assert failure_of(made.poll()) == Failure("payload", f"all: cursor POST {path}: {words}")
    assert len(team.requests(path)) == 2


def test_pages_of_the_same_users_do_not_go_on_for_ever() -> None:
    team = busy(1, most_users=1)

    def same(path: str, page: Any) -> None:
        if path == DAILY:
            page["data"] = [row | {"userId": 1, "email": "ann@example.com"} for row in page["data"]]
            page["pagination"]["hasNextPage"] = True

    team.shift = same
    failure = failure_of(team.polls(NOW, history=ONE).poll())

    words = "page 2 has only users of earlier pages"
    assert failure == Failure("payload", f"all: cursor POST /teams/daily-usage-data: {words}")


def test_more_events_than_the_list_counts_are_no_whole_list() -> None:
    team = busy(1)

    def fewer(path: str, page: Any) -> None:
        if path == EVENTS:
            page["totalUsageEventsCount"] = 0

    team.shift = fewer
    failure = failure_of(team.polls(NOW, history=ONE).poll())

    words = "1 events came where pages count 0 in all"
    assert failure == Failure("payload", f"all: cursor POST /teams/filtered-usage-events: {words}")


def test_more_users_than_the_list_counts_are_no_whole_list() -> None:
    team = busy(1)

    def fewer(path: str, page: Any) -> None:
        if path == DAILY:
            page["pagination"]["totalUsers"] = 1

    team.shift = fewer
    failure = failure_of(team.polls(NOW, history=ONE).poll())

    words = "2 users came where pages count 1 in all"
    assert failure == Failure("payload", f"all: cursor POST /teams/daily-usage-data: {words}")


@pytest.mark.parametrize("path", [DAILY, EVENTS])
def test_an_empty_page_that_is_not_the_last_is_no_list(path: str) -> None:
    team = busy(1)

    def emptied(asked: str, page: Any) -> None:
        if asked == path:
            page["data" if path == DAILY else "usageEvents"] = []
            page["pagination"]["hasNextPage"] = True

    team.shift = emptied
    failure = failure_of(team.polls(NOW, history=ONE).poll())

    assert failure == Failure("payload", f"all: cursor POST {path}: page 1 is empty and not the last")


def test_a_steady_total_that_is_larger_than_what_comes_is_said_once_and_costs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    team = busy(1)

    def more(path: str, page: Any) -> None:
        if path == EVENTS:
            page["totalUsageEventsCount"] = 7
        if path == DAILY:
            page["pagination"]["totalUsers"] = 9

    team.shift = more
    made = team.polls(NOW, history=ONE)
    for _ in range(2):
        assert made.poll().success
        made.now += timedelta(hours=7)

    assert warnings(caplog) == [
        "7 users that the vendor counts did not come in daily usage",
        "6 events that the vendor counts did not come",
    ]


def test_a_user_twice_on_one_day_costs_that_day_alone() -> None:
    team = busy(2)

    def twice(path: str, page: Any) -> None:
        if path == DAILY:
            page["data"].append(next(row for row in page["data"] if row["day"] == DAY.isoformat()))

    team.shift = twice
    made = team.polls(NOW, history=2 * ONE)

    words = f"data[4] is a second row of a user and {DAY}"
    assert failure_of(made.poll()) == Failure("payload", f"all: cursor POST /teams/daily-usage-data: {words}")
    assert list(made.store.days("tool", "all")) == [back(1)]


# 11. Ids of two kinds, e-mails in any case, events on days without an active row.


def test_two_users_with_one_e_mail_are_one_person_whose_counters_are_added_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    team = CursorTeam(users={1: "ann@example.com", 2: " Ann@Example.COM "})
    for user in (1, 2):
        team.works(user, DAY, chatRequests=2)
    made = team.polls(NOW)
    made.poll()

    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert of_one_day(made, "adoption_usage")["chat_messages",] == 4.0
    assert warnings(caplog) == [f"{DAY} has several rows of one person: they are added"]


def test_events_of_somebody_without_an_active_row_are_usage_and_no_person() -> None:
    team = CursorTeam(events=[event(DAY, "bob@example.com"), event(DAY, "stranger@example.com")])
    team.works(1, DAY)
    made = team.polls(NOW)
    made.poll()

    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    assert of_one_day(made, "adoption_usage")["requests",] == 2.0
    assert of_one_day(made, "adoption_activity_active_users") == {}
    assert of_one_day(made, "adoption_model_active_users") == {}


# 18. Thirty days are thirty times 24 hours.


def test_no_range_is_longer_than_the_vendor_allows() -> None:
    team = busy(90)
    team.polls(NOW, history=timedelta(days=90)).poll()
    lengths = [asked["endDate"] - asked["startDate"] + 1 for path in (DAILY, EVENTS) for asked in team.requests(path)]

    assert max(lengths) == 30 * 86_400_000


# Money moves for about a day.


def test_events_of_days_younger_than_three_days_are_read_again_every_six_hours_and_no_others() -> None:
    team = busy(10)
    made = team.polls(NOW)
    asked = []
    for _ in range(8):
        made.poll()
        asked.append([(one["startDate"], one["endDate"]) for one in team.requests(EVENTS)])
        team.asked.clear()
        made.now += timedelta(hours=1)

    def span(first: int, last: int) -> tuple[int, int]:
        return milliseconds(midnight(back(first))), milliseconds(midnight(back(last) + ONE)) - 1

    # At 4 o'clock three days have ended less than three days ago.
    assert asked == [[span(2, 0), span(9, 3)], [], [], [], [], [], [span(2, 0)], []]


def test_a_large_team_is_read_in_shorter_spans_so_that_each_is_stored_soon() -> None:
    team = busy(12)
    team.events += [event(back(ago)) for ago in range(12) for _ in range(9_999)]
    made = team.polls(NOW, history=timedelta(days=12))
    made.poll()
    days = [(one["endDate"] - one["startDate"] + 1) // 86_400_000 for one in team.requests(EVENTS) if one["page"] == 1]

    assert days == [3, 3, 3, 3]
    assert made.values("adoption_usage")["all", "7d", "requests"] == 70_000.0


# 20. Groups without a cycle are those of the current cycle.

CURRENT = billing_cycle(
    date(2026, 3, 1), date(2026, 4, 1), group("web", ("ann@example.com", "2026-01-05T09:00:00.000Z", None))
)
BEFORE = billing_cycle(
    date(2026, 2, 1),
    date(2026, 3, 1),
    group(
        "web",
        ("ann@example.com", "2026-02-20T09:00:00.000Z", None),
        former=[("bob@example.com", "2026-01-05T09:00:00.000Z", "2026-02-22T17:00:00.000Z")],
    ),
    group("data", ("bob@example.com", "2026-02-22T17:00:00.000Z", None)),
)


def teams_on(made: Any, day: date) -> dict[str, int]:
    facts = made.store.facts("tool", "all", [day])[day]
    return {team: len(accounts) for team, accounts in facts.teams.items()}


def test_teams_are_the_billing_groups_at_the_end_of_each_day_whose_cycle_is_asked_for_once() -> None:
    team = CursorTeam(cycles=[CURRENT, BEFORE])
    for ago in range(20):
        team.works(1, back(ago))
        team.works(2, back(ago), chatRequests=2)
    made = team.polls(NOW, history=timedelta(days=20), teams={"from": "vendor"})
    made.poll()

    assert team.requests(GROUPS) == [{}, {"billingCycle": "2026-02-28"}]
    assert teams_on(made, DAY) == {"group_web": 1}
    # She joined on the 20th, and he moved on the 22nd.
    assert teams_on(made, date(2026, 2, 18)) == {"group_web": 1, "group_data": 0}
    assert teams_on(made, date(2026, 2, 20)) == {"group_web": 2, "group_data": 0}
    assert teams_on(made, date(2026, 2, 21)) == {"group_web": 2, "group_data": 0}
    assert teams_on(made, date(2026, 2, 22)) == {"group_web": 1, "group_data": 1}


def test_a_vendor_that_knows_no_older_cycle_is_asked_for_one_once() -> None:
    team = busy(20, cycles=[CURRENT])
    made = team.polls(NOW, history=timedelta(days=20), teams={"from": "vendor"})

    assert made.poll().success
    assert team.requests(GROUPS) == [{}, {"billingCycle": "2026-02-28"}]
    assert made.store.facts("tool", "all", [date(2026, 2, 28)])[date(2026, 2, 28)].teams is None


def test_documented_groups_have_their_members_and_nobody_of_the_unassigned() -> None:
    body = recorded("groups")
    body["unassignedGroup"]["currentMembers"] = [{"userId": "user_b", "email": "bob@example.com", "joinedAt": None}]
    day = date(2025, 1, 15)
    team = CursorTeam(users={1: "alice@example.com", 2: "bob@example.com"}, cycles=[body])
    for user in (1, 2):
        team.works(user, day)
    made = team.polls(datetime(2025, 1, 16, 4, tzinfo=UTC), history=ONE, teams={"from": "vendor"})
    made.poll()

    assert teams_on(made, day) == {"group_PDSPmvukpYgZEDXsoNirw3CFhy": 1, "group_kljUvI0ASZORvSEXf9hV0ydcso": 0}


def test_a_documented_group_knows_who_left_it() -> None:
    body = recorded("group")
    left = date(2024, 1, 13)
    body["billingCycle"] = {"cycleStart": "2024-01-01T12:08:04.000Z", "cycleEnd": "2024-02-01T12:08:04.000Z"}
    team = CursorTeam(users={1: "left@example.com"}, cycles=[{"groups": [body["group"]], **body}])
    for day in (left, left + ONE):
        team.works(1, day)
    made = team.polls(datetime(2024, 1, 15, 4, tzinfo=UTC), history=2 * ONE, teams={"from": "vendor"})
    made.poll()

    assert teams_on(made, left) == {"group_PDSPmvukpYgZEDXsoNirw3CFhy": 1}
    assert teams_on(made, left + ONE) == {"group_PDSPmvukpYgZEDXsoNirw3CFhy": 0}


@pytest.mark.parametrize(
    ("status", "body"), [(401, "error-401-not-enterprise"), (403, "error-403"), (404, "error-404")]
)
def test_refused_groups_cost_the_teams_and_one_warning(
    status: int, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    team = busy(1)
    team.answers[GROUPS] = answering(httpx.Response(status, json=recorded(body)))
    made = team.polls(NOW, teams={"from": "vendor"})
    for _ in range(2):
        assert made.poll().success

    assert len([words for words in warnings(caplog) if words.startswith("there is nothing of teams")]) == 1
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    # Once a poll, and not for older cycles.
    assert team.requests(GROUPS) == [{}, {}]


def test_an_outage_of_groups_fails_the_poll_after_the_days_are_stored_and_the_teams_come_later() -> None:
    team = busy(2, cycles=[CURRENT])
    team.answers[GROUPS] = answering(httpx.Response(500, json=recorded("error-500")))
    made = team.polls(NOW, teams={"from": "vendor"})

    assert failure_of(made.poll()).reason == "unreachable"
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
    del team.answers[GROUPS]
    assert made.poll().success
    assert teams_on(made, DAY) == {"group_web": 1}
    assert made.values("adoption_data_revisions_total") == {("all",): 0.0}


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("cycleStart", "today", "billingCycle.cycleStart is not a time such as 2026-01-31T12:00:00.000Z"),
        ("cycleEnd", None, "billingCycle.cycleEnd is null, not text"),
    ],
)
def test_groups_of_no_cycle_cannot_be_used(path: str, value: Any, words: str) -> None:
    cycle = {**CURRENT, "billingCycle": {**CURRENT["billingCycle"], path: value}}
    made = busy(1, cycles=[cycle]).polls(NOW, teams={"from": "vendor"})

    assert failure_of(made.poll()) == Failure("payload", f"all: cursor GET /teams/groups: {words}")
    assert of_one_day(made, "adoption_active_users") == {(): 1.0}
