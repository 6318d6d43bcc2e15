"""One poll of one source: what is stored, published, counted and logged, and what faults leave untouched."""

import logging
from datetime import date, timedelta
from typing import Any

import pytest

from exporter.config.calendar import Calendar, DayRange
from exporter.errors import BadPayload, Failure, RateLimited, Rejected, Unreachable, VendorError
from exporter.model import WindowPeople
from exporter.vendors.base import InvalidDay
from tests.support.failures import failure_of
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, counted, people

DAYS = [YESTERDAY - timedelta(days=back) for back in range(29)]


def week(script: Script, scope: str = "all") -> Script:
    """Seven days on which persons 1 and 2 were active, and on the oldest 3 too."""
    for day in DAYS[:6]:
        script.days[scope, day] = people(1, 2, messages=5)
    script.days[scope, DAYS[6]] = people(3, messages=1)
    return script


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[tuple[str, str]]:
    """What was logged at a level or above."""
    return [(record.levelname, record.message) for record in caplog.records if record.levelno >= level]


def test_a_poll_reads_missing_days_newest_first_and_publishes_complete_windows() -> None:
    bench = Bench(week(Script()), history=7)
    status = bench.poller().poll()

    assert status is not None
    assert status.success
    assert bench.script.asked == [("all", tuple(DAYS[:7]))]
    assert bench.published("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 3.0}
    assert bench.published("adoption_usage") == {("all", "1d", "messages"): 5.0, ("all", "7d", "messages"): 31.0}


def test_the_next_poll_reads_the_lookback_only() -> None:
    bench = Bench(week(Script()), history=7, lookback=2)
    poller = bench.poller()
    poller.poll()
    poller.poll()

    assert bench.script.asked[1] == ("all", tuple(DAYS[:2]))


def test_a_lookback_that_costs_more_than_a_burst_is_read_once_for_each_publication() -> None:
    bench = Bench(week(Script(requests_a_day=15)), history=7, lookback=2)
    poller = bench.poller()
    poller.poll()
    poller.poll()
    bench.now += timedelta(days=1)
    bench.script.days["all", YESTERDAY + timedelta(days=1)] = people(1)
    poller.poll()

    assert [days for _, days in bench.script.asked[1:]] == [(), (YESTERDAY + timedelta(days=1), DAYS[0])]


def test_a_failure_between_two_days_keeps_the_days_before_it_and_the_old_values_of_the_rest() -> None:
    bench = Bench(week(Script()), history=7)
    bench.poller().poll()
    bench.now += timedelta(days=1)
    bench.script.days["all", YESTERDAY + timedelta(days=1)] = people(1, 4)
    bench.script.days["all", YESTERDAY] = BadPayload("madeup GET /x: users is missing")
    status = bench.poller().poll()

    assert status is not None
    assert failure_of(status).reason == "payload"
    assert failure_of(status).message == "all: madeup GET /x: users is missing"
    assert bench.published("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 3.0}
    assert bench.own("poll_success") == 0.0
    assert bench.own("poll_failures_total", reason="payload") == 1.0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unreachable("no answer"), "unreachable"),
        (RateLimited("slow down", status=429), "rate_limited"),
        (Rejected("token refused", status=401), "rejected"),
        (BadPayload("not JSON"), "payload"),
        (ZeroDivisionError("oops"), "bug"),
    ],
)
def test_every_failure_has_its_reason_keeps_the_values_and_recovers(error: Exception, reason: str) -> None:
    bench = Bench(week(Script()), history=7)
    poller = bench.poller()
    poller.poll()
    before = bench.cache.snapshot.samples
    good = bench.script.days["all", YESTERDAY]
    bench.script.days["all", YESTERDAY] = error
    poller.poll()

    assert bench.cache.snapshot.samples == before
    assert {
        r: bench.own("poll_failures_total", reason=r)
        for r in ("unreachable", "rate_limited", "rejected", "payload", "bug")
    } == {
        **dict.fromkeys(("unreachable", "rate_limited", "rejected", "payload", "bug"), 0.0),
        reason: 1.0,
    }
    bench.script.days["all", YESTERDAY] = good
    status = poller.poll()

    assert status is not None
    assert status.success
    assert bench.own("poll_success") == 1.0


def test_an_outage_is_logged_once_and_its_end_once_even_over_a_restart(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench = Bench(week(Script()), history=7)
    bench.script.scopes_error = Unreachable("madeup: no answer")
    poller = bench.poller()
    poller.poll()
    poller.poll()
    again = bench.poller()
    again.restore()
    again.poll()
    bench.script.scopes_error = None
    again.poll()

    assert lines(caplog) == [("ERROR", "poll failed"), ("INFO", "poll recovered")]


def test_another_failure_than_before_is_logged_though_its_reason_is_the_same(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench = Bench(week(Script()), history=7)
    poller = bench.poller()
    for status in (403, 403, 401):
        bench.script.scopes_error = Rejected(f"madeup: {status}", status=status)
        poller.poll()

    assert [record.__dict__["fields"]["error"] for record in caplog.records if record.levelno == logging.ERROR] == [
        "madeup: 403",
        "madeup: 401",
    ]


def test_a_bug_that_goes_on_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(week(Script()), history=7)
    bench.script.scopes_error = ZeroDivisionError("oops")
    poller = bench.poller()
    poller.poll()
    poller.poll()

    assert lines(caplog) == [("ERROR", "a bug stopped a poll"), ("ERROR", "poll failed")]
    assert bench.own("poll_failures_total", reason="bug") == 2.0


def test_a_failing_scope_never_touches_another() -> None:
    bench = Bench(week(week(Script(scopes=("a", "b")), "a"), "b"), history=7)
    bench.script.days["a", YESTERDAY] = BadPayload("broken")
    status = bench.poller().poll()

    assert status is not None
    assert status.success
    assert bench.published("adoption_active_users") == {("b", "1d"): 2.0, ("b", "7d"): 3.0}


def test_a_bug_that_one_scope_meets_never_touches_another() -> None:
    bench = Bench(week(week(Script(scopes=("a", "b")), "a"), "b"), history=7)
    bench.script.days["a", YESTERDAY] = ZeroDivisionError("oops")
    poller = bench.poller()
    poller.poll()

    assert poller.failed == {"a": Failure("bug", "ZeroDivisionError in adoption-exporter, see the log")}
    assert bench.published("adoption_active_users") == {("b", "1d"): 2.0, ("b", "7d"): 3.0}


@pytest.mark.parametrize(
    ("error", "tried"),
    [
        (Rejected("token refused", status=401), 4),
        (RateLimited("slow down", status=429), 4),
        (Unreachable("no answer"), 11),
        (Unreachable("bad gateway", status=502), 12),
        (Rejected("not found", status=404), 12),
        (BadPayload("not JSON"), 12),
    ],
)
def test_scopes_are_not_tried_after_several_in_a_row_that_fail_for_what_they_share(
    error: VendorError, tried: int
) -> None:
    script = Script(scopes=tuple("abcdefghijkl"))
    script.days = {(scope, YESTERDAY): error for scope in script.scopes}
    script.days["a", YESTERDAY] = BadPayload("broken")
    status = Bench(script).poller().poll()

    assert [scope for scope, _ in script.asked] == list("abcdefghijkl"[:tried])
    assert status is not None
    assert failure_of(status).message == "a: broken (and 11 more scopes failed)"


def test_scopes_that_fail_between_others_that_are_read_are_all_tried() -> None:
    script = Script(scopes=tuple("abcdefgh"))
    for scope in "abdegh":
        script.days[scope, YESTERDAY] = Rejected("token refused", status=401)
    Bench(script).poller().poll()

    assert [scope for scope, _ in script.asked] == list("abcdefgh")


def test_a_silent_day_whose_weekday_had_people_is_late_until_the_grace_has_passed() -> None:
    bench = Bench(Script(), history=8)
    for day in DAYS[1:8]:
        bench.script.days["all", day] = people(1, 2)
    bench.script.days["all", YESTERDAY] = None
    poller = bench.poller()
    poller.poll()
    late = bench.published("adoption_active_users")
    bench.now = NOON.replace(hour=3) + timedelta(days=1)
    poller.poll()

    assert late == {("all", "1d"): 2.0, ("all", "7d"): 2.0}
    assert bench.published("adoption_active_users") == {("all", "1d"): 0.0, ("all", "7d"): 2.0}


def test_a_silent_day_whose_weekday_never_had_people_is_zero_at_once() -> None:
    bench = Bench(Script(), history=8)
    for day in DAYS[1:7]:
        bench.script.days["all", day] = people(1)
    bench.script.days["all", DAYS[0]] = None
    bench.script.days["all", DAYS[7]] = None
    bench.poller().poll()

    assert bench.published("adoption_active_users") == {("all", "1d"): 0.0, ("all", "7d"): 1.0}


def test_a_silent_holiday_is_zero_at_once() -> None:
    bench = Bench(Script(), history=8, calendar=Calendar(closed=(DayRange(YESTERDAY, YESTERDAY),)))
    for day in DAYS[1:8]:
        bench.script.days["all", day] = people(1, 2)
    bench.script.days["all", YESTERDAY] = None
    bench.poller().poll()

    assert bench.published("adoption_active_users") == {("all", "1d"): 0.0, ("all", "7d"): 2.0}


def test_a_quiet_saturday_is_zero_at_once_and_one_that_had_five_people_before_is_late() -> None:
    saturday = YESTERDAY - timedelta(days=2)
    found = []
    for before in ((1, 2, 3, 4), (1, 2, 3, 4, 5)):
        bench = Bench(Script(), history=9, now=NOON - timedelta(days=2))
        for back in range(1, 9):
            bench.script.days["all", saturday - timedelta(days=back)] = people(*before)
        bench.script.days["all", saturday] = None
        bench.poller().poll()
        found.append(bench.published("adoption_active_users")["all", "1d"])

    assert found == [0, 5]


def test_the_people_of_days_that_the_vendor_counted_say_whether_a_silent_day_is_late() -> None:
    bench = Bench(Script(), history=2)
    bench.script.days = {("all", DAYS[1]): people(1), ("all", YESTERDAY): None}
    bench.store.replace_windows("tool", "all", [WindowPeople(DAYS[14], "1d", 3)])
    bench.poller().poll()

    assert bench.published("adoption_data_day_timestamp_seconds") == {
        ("all",): (NOON - timedelta(days=2)).replace(hour=0).timestamp()
    }


def test_a_silent_day_is_zero_at_once_whatever_is_wrong_with_an_older_one() -> None:
    bench = Bench(Script(), history=8)
    for day in DAYS[1:7]:
        bench.script.days["all", day] = people(1)
    bench.script.days["all", DAYS[0]] = None
    bench.script.days["all", DAYS[3]] = InvalidDay(DAYS[3], BadPayload("messages is -1"))
    bench.script.days["all", DAYS[7]] = None
    status = bench.poller().poll()

    assert bench.published("adoption_active_users") == {("all", "1d"): 0.0}
    assert status is not None
    assert failure_of(status).message == "all: messages is -1"


def test_a_silent_day_is_stored_in_its_turn_once_its_grace_has_passed() -> None:
    bench = Bench(week(Script()), history=9)
    bench.script.days["all", DAYS[2]] = None
    bench.script.days["all", DAYS[7]] = Unreachable("no answer")
    bench.poller().poll()

    assert bench.published("adoption_usage") == {("all", "1d", "messages"): 5.0, ("all", "7d", "messages"): 26.0}


def test_a_late_day_keeps_what_was_stored_of_it() -> None:
    bench = Bench(week(Script()), history=8)
    bench.script.days["all", DAYS[7]] = people(1)
    poller = bench.poller()
    poller.poll()
    bench.script.days["all", YESTERDAY] = None
    poller.poll()

    assert bench.published("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 3.0}


def test_a_day_that_the_vendor_has_not_published_moves_nothing() -> None:
    bench = Bench(week(Script()), history=7)
    poller = bench.poller()
    poller.poll()
    before = bench.cache.snapshot.samples
    bench.now += timedelta(days=1)
    poller.poll()

    assert bench.cache.snapshot.samples == before


def test_a_revised_day_changes_every_window_that_holds_it_and_is_counted_over_a_restart() -> None:
    bench = Bench(week(Script()), history=7, lookback=7)
    bench.poller().poll()
    bench.script.days["all", DAYS[6]] = people(3, 4, 5, messages=9)
    bench.poller().poll()
    again = bench.poller()
    again.restore()

    assert bench.published("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 5.0}
    assert bench.published("adoption_data_revisions_total") == {("all",): 1.0}


def test_the_publisher_knows_how_the_last_poll_went_though_the_state_may_be_gone_later() -> None:
    bench = Bench(week(Script()), history=7)
    poller = bench.poller()

    for bench.script.scopes_error in (None, Unreachable("no answer"), None):
        assert poller.poll() == poller.publisher.last_poll


def test_values_are_withdrawn_once_nothing_succeeded_for_stale_after() -> None:
    bench = Bench(week(Script()), history=7, stale_after=timedelta(days=3))
    poller = bench.poller()
    poller.poll()
    bench.script.scopes_error = Unreachable("no answer")
    bench.now += timedelta(days=3)
    poller.poll()
    kept = bench.published("adoption_active_users")
    bench.now += timedelta(seconds=1)
    poller.publisher.withdraw_stale()

    assert kept == {("all", "1d"): 2.0, ("all", "7d"): 3.0}
    assert bench.cache.snapshot.all_samples() == []
    assert bench.own("poll_success") == 0.0
    assert bench.own("series") == 0.0


def test_values_of_a_scope_that_shows_no_day_any_longer_are_withdrawn_though_its_polls_succeed() -> None:
    bench = Bench(week(Script()), history=7, stale_after=timedelta(days=3))
    poller = bench.poller()
    poller.poll()
    bench.script.days.clear()
    bench.now += timedelta(days=3)
    poller.poll()
    kept = bench.published("adoption_active_users")
    gone = []
    # Once no stored day is read again too.
    for _ in range(7):
        bench.now += timedelta(days=1)
        status = poller.poll()
        assert status is not None
        gone.append((status.success, bench.cache.snapshot.all_samples()))

    assert kept == {("all", "1d"): 2.0, ("all", "7d"): 3.0}
    assert gone == [(True, [])] * 7


def test_values_stay_where_only_days_that_the_vendor_never_had_do_not_come() -> None:
    bench = Bench(week(Script(requests_a_day=15)), history=9, lookback=2, stale_after=timedelta(hours=2))
    poller = bench.poller()
    poller.poll()
    bench.now += timedelta(hours=3)
    poller.poll()

    assert bench.script.asked[1] == ("all", (DAYS[7], DAYS[8]))
    assert bench.published("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 3.0}


def test_a_scope_that_the_source_no_longer_has_is_withdrawn() -> None:
    bench = Bench(week(week(Script(scopes=("a", "b")), "a"), "b"), history=7)
    poller = bench.poller()
    poller.poll()
    bench.script.scopes = ("b",)
    poller.poll()

    assert bench.published("adoption_seats") == {}
    assert bench.published("adoption_active_users") == {("b", "1d"): 2.0, ("b", "7d"): 3.0}


def test_a_restart_publishes_the_last_values_before_the_first_poll() -> None:
    bench = Bench(week(Script()), history=7)
    bench.poller().poll()
    restarted = Bench(Script(), store=bench.store)
    assert restarted.poller().restore()

    assert restarted.published("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 3.0}
    assert restarted.own("poll_success") == 1.0
    assert restarted.script.asked == []


def test_windows_that_the_history_is_too_short_for_are_asked_of_the_vendor() -> None:
    bench = Bench(week(Script()), history=7, windows=True)
    bench.script.windows[YESTERDAY, "7d"] = WindowPeople(YESTERDAY, "7d", 40, 2)
    bench.script.windows[YESTERDAY, "28d"] = WindowPeople(YESTERDAY, "28d", 60, 3)
    bench.poller().poll()

    assert bench.script.asked_windows == [(YESTERDAY, ("28d",))]
    assert bench.published("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 3.0, ("all", "28d"): 60.0}
    assert bench.published("adoption_active_service_accounts") == {
        ("all", "1d"): 0.0,
        ("all", "7d"): 0.0,
        ("all", "28d"): 3.0,
    }


@pytest.mark.parametrize("answer", [KeyError, Unreachable("no answer"), InvalidDay(DAYS[3], BadPayload("-1"))])
def test_the_vendor_is_not_asked_for_a_window_with_a_day_that_did_not_come(answer: Any) -> None:
    bench = Bench(week(Script()), history=7, windows=True)
    bench.script.windows[YESTERDAY, "7d"] = WindowPeople(YESTERDAY, "7d", 40, 2)
    bench.script.days["all", DAYS[3]] = answer
    bench.poller().poll()

    assert bench.published("adoption_active_users") == {("all", "1d"): 2.0}
    assert bench.script.asked_windows == []


def test_a_window_of_a_new_data_day_is_asked_before_the_days_of_the_lookback() -> None:
    bench = Bench(Script(), history=7, lookback=7, windows=True)
    for day in DAYS[:7]:
        bench.script.days["all", day] = counted(3)
    bench.poller().poll()
    bench.now += timedelta(days=1)
    bench.script.days["all", YESTERDAY + timedelta(days=1)] = counted(4)
    bench.script.days["all", YESTERDAY] = Unreachable("no answer")
    bench.script.windows[YESTERDAY + timedelta(days=1), "7d"] = WindowPeople(YESTERDAY + timedelta(days=1), "7d", 5)
    bench.poller().poll()

    assert bench.published("adoption_active_users") == {("all", "1d"): 4.0, ("all", "7d"): 5.0}


def test_a_vendor_that_only_counts_is_asked_for_windows_again_when_a_day_of_them_is_revised() -> None:
    bench = Bench(Script(), history=7, lookback=7, windows=True)
    for day in DAYS[:7]:
        bench.script.days["all", day] = counted(3)
    bench.script.windows[YESTERDAY, "7d"] = WindowPeople(YESTERDAY, "7d", 4)
    bench.script.windows[YESTERDAY, "28d"] = WindowPeople(YESTERDAY, "28d", 9)
    poller = bench.poller()
    poller.poll()
    poller.poll()
    bench.script.days["all", DAYS[5]] = counted(4)
    bench.script.windows[YESTERDAY, "7d"] = WindowPeople(YESTERDAY, "7d", 5)
    poller.poll()

    assert bench.script.asked_windows == [(YESTERDAY, ("7d", "28d"))] * 2
    assert bench.published("adoption_active_users") == {("all", "1d"): 3.0, ("all", "7d"): 5.0, ("all", "28d"): 9.0}


def test_a_window_with_a_revised_day_is_unknown_until_the_vendor_has_counted_it_anew() -> None:
    bench = Bench(Script(), history=7, lookback=7, windows=True)
    for day in DAYS[:7]:
        bench.script.days["all", day] = counted(3)
    bench.script.windows[YESTERDAY, "7d"] = WindowPeople(YESTERDAY, "7d", 4)
    bench.script.windows[YESTERDAY, "28d"] = WindowPeople(YESTERDAY, "28d", 9)
    bench.poller().poll()
    bench.script.days["all", DAYS[5]] = counted(4)
    bench.script.windows[YESTERDAY, "7d"] = WindowPeople(YESTERDAY, "7d", 5)
    bench.script.windows_error = Unreachable("no answer")
    bench.poller().poll()
    unknown = bench.published("adoption_active_users")
    bench.script.windows_error = None
    bench.poller().poll()

    assert unknown == {("all", "1d"): 3.0}
    assert bench.published("adoption_active_users") == {("all", "1d"): 3.0, ("all", "7d"): 5.0, ("all", "28d"): 9.0}


def test_a_window_that_cannot_be_counted_does_not_keep_back_the_other_days() -> None:
    bench = Bench(week(Script()), history=7, windows=True)
    bench.script.windows_error = Unreachable("no answer")
    bench.poller().poll()

    assert bench.published("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 3.0}
    assert bench.own("poll_failures_total", reason="unreachable") == 1.0


def test_being_stopped_in_the_middle_is_no_failure() -> None:
    bench = Bench(week(Script()), history=7)
    bench.script.before_read = bench.stop.set
    bench.script.days["all", YESTERDAY] = Unreachable("stopping")

    assert bench.poller().poll() is None
    assert bench.own("poll_failures_total", reason="unreachable") == 0.0


def test_days_are_today_never() -> None:
    bench = Bench(week(Script()), history=2)
    bench.script.days["all", date(2026, 3, 10)] = people(9)
    bench.poller().poll()

    assert bench.script.asked == [("all", (date(2026, 3, 9), date(2026, 3, 8)))]
