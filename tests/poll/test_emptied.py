"""Stored days with people that come back without a row: they stay for a while, and this is logged once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.errors import Unreachable
from exporter.model import WindowPeople
from exporter.state import schema
from exporter.state.store import Store
from tests.support.gitlab_server import NOW as GITLAB_NOW
from tests.support.gitlab_server import YESTERDAY as GITLAB_YESTERDAY
from tests.support.gitlab_server import Visit, gitlab, project
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, counted, people
from tests.support.sourcegraph_reports import ACME, Server, report, row
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)
DAYS = [YESTERDAY - timedelta(days=back) for back in range(8)]
TOMORROW = YESTERDAY + timedelta(days=1)
SAID = "days with people came back without a row"


def week() -> Script:
    """Seven days with persons 1 and 2, of whom the third day has 3 too."""
    script = Script()
    for day in DAYS[:7]:
        script.days["all", day] = people(1, 2, messages=5)
    script.days["all", DAYS[2]] = people(1, 2, 3, messages=5)
    return script


def bench(script: Script, **settings: Any) -> Bench:
    """A source whose week has been read."""
    made = Bench(script, **{"history": 7, "lookback": 7, **settings})
    made.poller().poll()
    return made


def active(made: Bench) -> dict[str, float]:
    """People by window."""
    return {window: value for (_, window), value in made.published("adoption_active_users").items()}


def revisions(made: Bench) -> int:
    """How many revisions the state has counted."""
    return made.store.scopes("tool")["all"].revised


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """The fields of each line about days that came back without a row."""
    return [getattr(record, "fields", {}) for record in caplog.records if record.message == SAID]


def test_days_with_people_that_come_back_empty_stay_until_they_have_done_so_for_the_grace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = bench(week(), history=8)
    poller = made.poller()
    made.script.days = dict.fromkeys([*made.script.days, ("all", TOMORROW)])
    found = []
    for hours in (1, 2, 24, 25):
        made.now = NOON + hours * HOUR
        status = poller.poll()
        assert status is not None
        found.append((hours, status.success, active(made), revisions(made)))

    assert found == [
        (1, True, {"1d": 2, "7d": 3}, 0),
        (2, True, {"1d": 2, "7d": 3}, 0),
        # A new day is ready: it never had a row and is late, as ever.
        (24, True, {"1d": 2, "7d": 3}, 0),
        (25, True, {"1d": 0, "7d": 0}, 7),
    ]
    assert logged(caplog) == [
        {
            "source": "tool",
            "scope": "all",
            "days": ", ".join(day.isoformat() for day in DAYS[:7]),
            "kept_for": timedelta(hours=24),
        }
    ]


def test_only_the_days_that_come_back_empty_stay_and_the_others_are_revised(caplog: pytest.LogCaptureFixture) -> None:
    made = bench(week())
    poller = made.poller()
    made.script.days["all", DAYS[2]] = None
    made.script.days["all", DAYS[1]] = people(1, 2, 4, messages=6)
    poller.poll()

    assert active(made) == {"1d": 2, "7d": 4}
    assert made.published("adoption_usage")["all", "7d", "messages"] == 36
    assert revisions(made) == 1
    assert [fields["days"] for fields in logged(caplog)] == [DAYS[2].isoformat()]


def test_a_day_that_comes_back_in_between_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    made = bench(week())
    poller = made.poller()
    full = made.script.days["all", DAYS[2]]
    found = []
    for hours, answer in ((1, None), (20, full), (23, None), (26, None), (46, None), (47, None)):
        made.now = NOON + hours * HOUR
        made.script.days["all", DAYS[2]] = answer
        poller.poll()
        found.append((hours, made.store.facts("tool", "all", [DAYS[2]])[DAYS[2]].people_total()))

    assert found == [(1, 3), (20, 3), (23, 3), (26, 3), (46, 3), (47, 0)]
    assert len(logged(caplog)) == 2


def test_a_restart_neither_begins_anew_nor_says_it_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script, url = week(), f"sqlite:///{tmp_path / 'adoption.db'}"
    found = []
    for hours in (0, 1, 2, 24, 25):
        made = Bench(script, store=Store.open(url), history=8, lookback=7, now=NOON + hours * HOUR)
        made.poller().poll()
        found.append(made.store.facts("tool", "all", [DAYS[2]])[DAYS[2]].people_total())
        made.store.close()
        script.days["all", DAYS[2]] = None

    assert found == [3, 3, 3, 3, 0]
    assert len(logged(caplog)) == 1


def test_a_day_that_leaves_the_lookback_meanwhile_is_read_until_it_is_decided() -> None:
    made = bench(week(), history=8, lookback=3)
    poller = made.poller()
    made.script.days["all", DAYS[2]] = None
    for hours in (1, 24, 25, 26):
        made.now = NOON + hours * HOUR
        poller.poll()

    assert [DAYS[2] in days for _, days in made.script.asked] == [True, True, True, True, False]
    assert made.store.facts("tool", "all", [DAYS[2]])[DAYS[2]].people_total() == 0


def test_a_costly_lookback_is_not_read_more_often_for_it() -> None:
    script = week()
    script.requests_a_day = 4
    made = bench(script)
    poller = made.poller()
    made.script.days = dict.fromkeys(made.script.days)
    # The next day is published at 3 o'clock.
    for hours in (1, 14, 15, 16, 17):
        made.now = NOON + hours * HOUR
        poller.poll()

    assert [len(days) for _, days in made.script.asked] == [7, 0, 0, 7, 1, 1]
    assert active(made) == {"1d": 2, "7d": 3}


def test_what_it_took_to_read_such_days_is_not_what_the_others_take() -> None:
    made = bench(week())
    for day in DAYS[:6]:
        made.script.days["all", day] = None
    made.poller().poll()

    assert {day: known.requests for day, known in made.store.days("tool", "all").items()} == dict.fromkeys(DAYS[:7], 1)


def test_a_day_without_people_is_whatever_comes_back_at_once() -> None:
    script = week()
    script.days["all", DAYS[2]] = people(messages=7)
    made = bench(script)
    made.script.days["all", DAYS[2]] = None
    made.poller().poll()

    assert made.published("adoption_usage")["all", "7d", "messages"] == 30
    assert revisions(made) == 1


def test_without_a_grace_what_comes_back_empty_is_zero_at_once(caplog: pytest.LogCaptureFixture) -> None:
    made = bench(week(), late_grace=timedelta(0))
    made.script.days["all", DAYS[2]] = None
    made.poller().poll()

    assert (active(made), revisions(made), logged(caplog)) == ({"1d": 2, "7d": 2}, 1, [])


def test_a_clock_that_was_ahead_when_a_day_came_back_empty_does_not_keep_it_longer() -> None:
    made = bench(week())
    poller = made.poller()
    made.script.days["all", DAYS[2]] = None
    found = []
    for hours in (23, 1, 24, 25):
        made.now = NOON + hours * HOUR
        poller.poll()
        found.append(made.store.facts("tool", "all", [DAYS[2]])[DAYS[2]].people_total())

    assert found == [3, 3, 3, 0]


def test_what_came_back_empty_before_a_failure_is_said_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    made = bench(week())
    poller = made.poller()
    made.script.days["all", DAYS[0]] = None
    good, made.script.days["all", DAYS[3]] = made.script.days["all", DAYS[3]], Unreachable("no answer")
    made.now += HOUR
    poller.poll()
    made.script.days["all", DAYS[3]] = good
    made.now += 24 * HOUR
    poller.poll()

    assert [fields["days"] for fields in logged(caplog)] == [DAYS[0].isoformat()]
    assert made.store.facts("tool", "all", [DAYS[0]])[DAYS[0]].people_total() == 0


def test_windows_that_the_vendor_counts_over_such_a_day_are_not_asked_for() -> None:
    script = Script({("all", day): counted(5) for day in DAYS[:7]})
    script.windows = {(DAYS[0], "7d"): WindowPeople(DAYS[0], "7d", 20)}
    made = bench(script, windows=True)
    poller = made.poller()
    # As the vendor counts when it has lost a day; it is asked before that day comes back.
    script.windows[TOMORROW, "7d"] = WindowPeople(TOMORROW, "7d", 9)
    script.days["all", DAYS[2]] = None
    found = [active(made)]
    for hours in (1, 16, 17, 24, 25):
        made.now = NOON + hours * HOUR
        if hours >= 16:
            script.days["all", TOMORROW] = counted(6)
        poller.poll()
        found.append(active(made))

    assert found == [
        {"1d": 5, "7d": 20},
        {"1d": 5, "7d": 20},
        {"1d": 6},
        {"1d": 6},
        {"1d": 6},
        {"1d": 6, "7d": 9},
    ]


def test_a_window_asked_for_before_one_of_its_days_came_back_empty_is_forgotten() -> None:
    script = Script({("all", day): counted(5) for day in DAYS[:7]})
    script.windows = {(day, "7d"): WindowPeople(day, "7d", 20) for day in (DAYS[0], TOMORROW)}
    made = bench(script, windows=True)
    script.days["all", DAYS[2]] = None
    script.days["all", TOMORROW] = counted(6)
    made.now += 24 * HOUR
    made.poller().poll()
    lost = active(made)
    script.days["all", DAYS[2]] = counted(5)
    made.poller().poll()

    assert (lost, active(made)) == ({"1d": 6}, {"1d": 6, "7d": 20})


def test_a_state_from_before_days_could_come_back_empty_is_taken_up(tmp_path: Path) -> None:
    script, url = week(), f"sqlite:///{tmp_path / 'adoption.db'}"
    made = bench(script, store=Store.open(url))
    with made.store.database.write() as connection:
        schema.emptied.drop(connection)
    made.store.close()
    script.days["all", DAYS[2]] = None
    again = Bench(script, store=Store.open(url), history=7, lookback=7)
    again.poller().poll()

    assert active(again) == {"1d": 2, "7d": 3}
    again.store.close()


def test_what_is_known_of_a_day_that_came_back_empty_goes_with_the_day() -> None:
    made = bench(week())
    made.script.days["all", DAYS[6]] = None
    made.poller().poll()
    made.store.prune("tool", DAYS[5])

    with made.store.database.read() as connection:
        assert connection.execute(schema.emptied.select()).all() == []


# Every vendor that lists rows

Polls = Callable[[], tuple[VendorPolls, Callable[[], None], Callable[[], None]]]


def sourcegraph() -> tuple[VendorPolls, Callable[[], None], Callable[[], None]]:
    """Two days with two people; emptied: 200 with the header alone."""
    full = report(row("1"), row("2"), row("1", Timestamp_Date="2026-11-18"), row("3", Timestamp_Date="2026-11-18"))
    server = Server(full)

    def answer(body: str) -> Callable[[], None]:
        return lambda: setattr(server, "report", body)

    return server.polls(history=timedelta(days=3), lookback=timedelta(days=2)), answer(report()), answer(full)


NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
TWO_DAYS = [date(2026, 11, 19), date(2026, 11, 18)]


def coder() -> tuple[VendorPolls, Callable[[], None], Callable[[], None]]:
    """Coder v2; emptied: `{"users": []}`."""
    gone = False

    def respond(request: httpx.Request) -> httpx.Response:
        path, day = request.url.path, request.url.params.get("start_time", "")[:10]
        users = [] if gone else [user("a", "ann"), user("b" if day == "2026-11-19" else "c", "bob")]
        bodies = {
            "/api/v2/buildinfo": {"version": "v2.37.1"},
            "/api/v2/insights/user-activity": {"report": {"users": users}},
            "/api/v2/insights/templates": {"report": {"apps_usage": []}},
            "/api/v2/insights/daus": {"entries": []},
            "/api/v2/insights/user-status-counts": {"status_counts": {}},
        }
        return httpx.Response(200, json=bodies[path])

    def user(user_id: str, name: str) -> dict[str, object]:
        return {"user_id": user_id, "username": name, "seconds": 60}

    def empty(value: bool) -> Callable[[], None]:
        def change() -> None:
            nonlocal gone
            gone = value

        return change

    return http_polls("coder", respond, base_url="https://coder.example.com"), empty(True), empty(False)


def coder_classic() -> tuple[VendorPolls, Callable[[], None], Callable[[], None]]:
    """Coder classic; emptied: no bucket."""
    gone = False

    def respond(request: httpx.Request) -> httpx.Response:
        shown = request.url.params["category"] in ("any", "ide") and not gone
        buckets = [
            {
                "time": f"{day}T00:00:00Z",
                "duration": 86_400 * 10**9,
                "user_activity": [
                    {"user_id": person, "duration": 60 * 10**9, "count": 1} for person in ("ann", f"of {day}")
                ],
            }
            for day in TWO_DAYS
        ]
        return httpx.Response(200, json={"activity": buckets if shown else None, "users": None})

    def empty(value: bool) -> Callable[[], None]:
        def change() -> None:
            nonlocal gone
            gone = value

        return change

    return http_polls("coder-classic", respond, base_url="https://coder.example.com"), empty(True), empty(False)


def augment() -> tuple[VendorPolls, Callable[[], None], Callable[[], None]]:
    """Augment; emptied: dau-count says 0 and the lists have nobody."""
    gone = False

    def respond(request: httpx.Request) -> httpx.Response:
        endpoint, params = request.url.path.rpartition("/")[2], dict(request.url.params)
        days = [day.isoformat() for day in TWO_DAYS]
        emails = [] if gone else ["ann@example.com", f"of-{params.get('date', '')}@example.com"]
        metrics = {"chat_messages": 2}
        ended = {"has_more": False, "next_cursor": ""}
        bodies: dict[str, dict[str, object]] = {
            "dau-count": {"daily_active_user_counts": [{"date": day, "user_count": len(emails)} for day in days]},
            "daily-usage": {"daily_usage": [] if gone else [{"date": day, "metrics": metrics} for day in days]},
            "dau": {"users": [{"user_email": email} for email in emails], "pagination": ended},
            "daily-user-activity-by-editor-language": {
                "records": [
                    {"user_email": email, "editor": "VSCode", "language": "Go", "metrics": metrics} for email in emails
                ],
                "pagination": ended,
            },
            "user-activity": {"users": [{"user_email": email} for email in emails], "pagination": ended},
        }
        return httpx.Response(200, json=bodies[endpoint])

    def empty(value: bool) -> Callable[[], None]:
        def change() -> None:
            nonlocal gone
            gone = value

        return change

    return http_polls("augment", respond), empty(True), empty(False)


def http_polls(vendor: str, respond: Callable[[httpx.Request], httpx.Response], **settings: Any) -> VendorPolls:
    """A source that reads two days again."""
    given = {"history": timedelta(days=3), "lookback": timedelta(days=2), **settings}
    return VendorPolls(vendor, given, NOW, httpx.MockTransport(respond))


@pytest.mark.parametrize("vendor", [sourcegraph, coder, coder_classic, augment])
def test_an_answer_without_a_single_row_zeroes_nothing_before_the_grace(
    vendor: Polls, caplog: pytest.LogCaptureFixture
) -> None:
    polls, empty, fill = vendor()
    polls.poll()
    full = polls.exposition()
    found = []
    for hours, change in ((1, empty), (2, empty), (3, fill), (4, empty), (19, empty)):
        change()
        polls.now = NOW + hours * HOUR
        # As after a restart.
        polls.made = None
        assert polls.poll().success
        found.append(polls.exposition() == full)
    scope = ACME if polls.vendor == "sourcegraph" else "all"
    polls.now = NOW + 28 * HOUR
    polls.poll()

    assert found == [True] * 5
    assert len(logged(caplog)) == 2
    assert [polls.store.days("tool", scope)[day].people for day in TWO_DAYS] == [0, 0]
    assert polls.store.scopes("tool")[scope].revised == 2


def test_a_project_of_gitlab_that_comes_back_empty_keeps_its_days_and_windows() -> None:
    visits = [
        Visit(GITLAB_YESTERDAY - timedelta(days=back), user) for back in range(40) for user in ("ann", f"of {back}")
    ]
    old = [one for one in visits if one.day < GITLAB_YESTERDAY - timedelta(days=8)]
    with gitlab([project(7, "platform/site", visits)]) as served:
        assert served.polls.poll().success
        full = served.polls.exposition()
        served.projects[:] = [project(7, "platform/site", old)]
        found = []
        for hours in (1, 2, 22):
            served.at(GITLAB_NOW + hours * HOUR)
            assert served.polls.poll().success
            found.append(served.polls.exposition() == full)
        served.at(GITLAB_NOW + 25 * HOUR)
        assert served.polls.poll().success
        days = served.polls.store.days("tool", "platform/site")

    assert found == [True] * 3
    assert [days[GITLAB_YESTERDAY - timedelta(days=back)].people for back in range(7)] == [0] * 7
