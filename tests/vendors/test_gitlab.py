"""GitLab Product Analytics from end to end: what a poll publishes, keeps, withdraws and asks again."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.model import Amount, AmountKey, DayFacts, Reading, WindowPeople
from exporter.simulator.gitlab import STANDARD, Quirks
from exporter.vendors.gitlab.vendor import GITLAB
from tests.support.failures import failure_of
from tests.support.gitlab_requests import Asked
from tests.support.gitlab_server import DAY, NOW, YESTERDAY, Visit, gitlab, project
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[1] / "recorded" / "gitlab"
GOLDEN = Path(__file__).parents[1] / "golden" / "gitlab.txt"


def recorded(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


# The recorded bodies


def answer_with_recorded_bodies(request: httpx.Request) -> httpx.Response:
    """Real answers of Cube to the questions by day; a window's answer is a real one with the people's name."""
    path = request.url.path
    if path.endswith("/projects/42"):
        return httpx.Response(200, json={"id": 42, "path_with_namespace": "group/app"})
    if path.endswith("/meta"):
        return httpx.Response(200, json=recorded("v031_meta"))
    query = json.loads(request.content)["query"]
    if "granularity" in query["timeDimensions"][0]:
        sessions = query["timeDimensions"][0]["dimension"] == "Sessions.startAt"
        return httpx.Response(200, json=recorded("v031_load_sessions" if sessions else "v031_load_dau"))
    body = recorded("v035_filt_after")
    body["results"][0]["data"] = [{"TrackedEvents.uniqueUsersCount": "47"}]
    return httpx.Response(200, json=body)


def test_the_recorded_bodies_give_the_numbers_in_them() -> None:
    now = datetime(2025, 1, 10, 4, tzinfo=UTC)
    settings = {"projects": [42], "history": timedelta(days=9)}
    polls = VendorPolls("gitlab", settings, now, httpx.MockTransport(answer_with_recorded_bodies))

    assert polls.poll().success
    assert polls.exposition() == GOLDEN.read_text()


def test_a_window_that_cube_cannot_count_costs_nothing_but_itself() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if b'"dateRange":["2024-12-13","2025-01-09"]' in request.content:
            return httpx.Response(400, json={"message": "Error: Code: 241. DB::Exception: Memory limit exceeded"})
        return answer_with_recorded_bodies(request)

    now = datetime(2025, 1, 10, 4, tzinfo=UTC)
    settings = {"projects": [42], "history": timedelta(days=9)}
    polls = VendorPolls("gitlab", settings, now, httpx.MockTransport(answer))
    status = polls.poll()

    assert failure_of(status).reason == "unreachable"
    assert polls.values("adoption_active_users") == {("group/app", "1d"): 8, ("group/app", "7d"): 47}
    assert polls.values("adoption_usage")["group/app", "7d", "events"] == 7 * 24


def test_a_number_that_cannot_be_right_costs_its_day_alone() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        answered = answer_with_recorded_bodies(request)
        if b"TrackedEvents.derivedTstamp" not in request.content or b"granularity" not in request.content:
            return answered
        body = json.loads(answered.content)
        body["results"][0]["data"][-1]["TrackedEvents.count"] = "-24"
        return httpx.Response(200, json=body)

    last = max(row["TrackedEvents.derivedTstamp"] for row in recorded("v031_load_dau")["results"][0]["data"])[:10]
    now = datetime.combine(date.fromisoformat(last) + DAY, time(4), UTC)
    settings = {"projects": [42], "history": timedelta(days=9)}
    polls = VendorPolls("gitlab", settings, now, httpx.MockTransport(answer))
    status = polls.poll()

    assert failure_of(status).reason == "payload"
    assert failure_of(status).message.endswith(
        "TrackedEvents.count is the number -24, not a whole number from 0 to 2^63 - 1"
    )
    assert polls.store.days("tool", "group/app").keys() == {
        date.fromisoformat(last) - back * DAY for back in range(1, 9)
    }
    assert polls.values("adoption_usage")["group/app", "7d", "events"] == 7 * 24


# A day's facts

WEEK = [YESTERDAY - back * DAY for back in range(7)]


def test_days_are_read_newest_first_and_empty_ones_are_zeros_without_rows() -> None:
    rows = {
        "TrackedEvents.derivedTstamp": {
            "TrackedEvents.uniqueUsersCount": "2",
            "TrackedEvents.count": "5",
            "TrackedEvents.pageViewsCount": "4",
            "TrackedEvents.linkClicksCount": "1",
        },
        "Sessions.startAt": {"Sessions.count": "3", "Sessions.averageDurationMinutes": "0.33333333333333333333"},
    }

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/projects/42"):
            return httpx.Response(200, json={"id": 42, "path_with_namespace": "group/app"})
        time = json.loads(request.content)["query"]["timeDimensions"][0]["dimension"]
        data = [{f"{time}.day": f"{WEEK[1]}T00:00:00.000", **rows[time]}]
        return httpx.Response(200, json={"results": [{"data": data}]})

    with Asked(answer).context(generation="current") as context:
        assert GITLAB.scopes(context) == ["group/app"]
        readings = list(GITLAB.read(context, "group/app", WEEK[:3]))
        nothing = list(GITLAB.read(context, "group/app", []))

    names = ("events", "page_views", "link_clicks", "sessions")
    spent = AmountKey(Amount("active_time", ""))
    empty = DayFacts({**{AmountKey(Amount("usage", name)): 0 for name in names}, spent: 0}, head_count=0)
    counts = dict(zip((AmountKey(Amount("usage", name)) for name in names), (5, 4, 1, 3), strict=True))
    assert readings == [
        Reading(WEEK[0], empty, rows=False),
        Reading(WEEK[1], DayFacts({**counts, spent: Decimal("59.9999999999999999994")}, head_count=2)),
        Reading(WEEK[2], empty, rows=False),
    ]
    assert nothing == []


def test_a_window_without_a_number_is_not_known() -> None:
    numbers: Iterator[str | None] = iter(["47", None])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/projects/42"):
            return httpx.Response(200, json={"id": 42, "path_with_namespace": "group/app"})
        data = [{"TrackedEvents.uniqueUsersCount": next(numbers)}]
        return httpx.Response(200, json={"results": [{"data": data}]})

    assert GITLAB.windows is not None
    with Asked(answer).context(generation="current") as context:
        GITLAB.scopes(context)
        found = list(GITLAB.windows(context, "group/app", YESTERDAY, ["7d", "28d"]))

    assert found == [WindowPeople(YESTERDAY, "7d", 47)]


def test_however_many_days_are_read_they_take_one_query_for_each_cube() -> None:
    assert [GITLAB.least_requests(*days) for days in ((0, 0), (60, 1), (400, 30))] == [0, 4, 62]


# Polls of a simulated GitLab

EVERY_DAY = [
    Visit(NOW.date() - back * DAY, user, {"page_view": 2, "link_click": 1}, 2, Decimal(7))
    for back in range(1, 61)
    for user in ("alice", "bob", f"stranger-{back}")
]


def people(polls: VendorPolls, scope: str) -> Mapping[str, float]:
    values = polls.values("adoption_active_users")
    return {window: value for (name, window), value in values.items() if name == scope}


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(generation="snowplow"),
        Quirks(generation="jitsu"),
        Quirks(waits=2),
        Quirks(waits=1, wait_is_400=True),
        Quirks(json_numbers=True),
        Quirks(meta_method="GET"),
        Quirks(keyset=True),
    ],
)
def test_gitlabs_that_differ_say_the_same(quirks: Quirks) -> None:
    projects = [project(7, "platform/site", EVERY_DAY), project(8, "platform/docs/guide", EVERY_DAY[:9])]
    with gitlab(projects, quirks=STANDARD) as usual, gitlab(projects, quirks=quirks) as other:
        assert usual.polls.poll().success
        assert other.polls.poll().success

        assert other.polls.exposition() == usual.polls.exposition()
        assert people(usual.polls, "platform/site") == {"1d": 3, "7d": 9, "28d": 30}
        assert other.tokens_made == {}


def test_a_project_that_fails_loses_nothing_for_the_others() -> None:
    refusals: list[tuple[int, dict[str, Any]]] = [
        (401, {"message": "Access Denied"}),
        (404, {"message": "Product Analytics is not enabled"}),
        (400, {"message": "Error: connect ECONNREFUSED 127.0.0.1:9000"}),
        (500, {"message": "500 Internal Server Error"}),
        (200, {"results": "soon"}),
    ]
    broken = [
        project(number, f"platform/broken-{number}", EVERY_DAY, refusal=refusal)
        for number, refusal in enumerate(refusals, start=1)
    ]
    with gitlab([*broken, project(7, "platform/site", EVERY_DAY)]) as served:
        status = served.polls.poll()

        assert (served.scopes(), people(served.polls, "platform/site")) == (
            ["platform/site"],
            {"1d": 3, "7d": 9, "28d": 30},
        )
        assert status.success
        assert sorted(served.polls.poller().failed) == [f"platform/broken-{number}" for number in range(1, 6)]

        served.projects[:] = [replace(one, refusal=None) for one in served.projects]
        assert served.polls.poll().success
        assert len(served.scopes()) == 6


def test_a_project_without_its_database_has_no_samples_and_is_no_failure() -> None:
    with gitlab([project(7, "platform/site", EVERY_DAY, database=False)]) as served:
        assert served.polls.poll().success
        assert served.scopes() == []

        served.projects[:] = [project(7, "platform/site", EVERY_DAY)]
        assert served.polls.poll().success
        assert people(served.polls, "platform/site") == {"1d": 3, "7d": 9, "28d": 30}


def test_a_project_that_never_had_a_row_has_no_samples_until_it_has_one() -> None:
    with gitlab([project(7, "platform/site")]) as served:
        assert served.polls.poll().success
        assert served.scopes() == []

        served.projects[:] = [project(7, "platform/site", [Visit(YESTERDAY, "alice")])]
        assert served.polls.poll().success
        assert people(served.polls, "platform/site") == {"1d": 1, "7d": 1, "28d": 1}


@pytest.mark.parametrize("back", [1, 8, 400])
def test_a_project_whose_rows_are_all_older_than_what_is_read_is_zeros(back: int) -> None:
    visits = [Visit(YESTERDAY - back * DAY, "alice", sessions=1, minutes=Decimal(5))]
    week: dict[str, Any] = {"history": timedelta(days=7), "lookback": timedelta(days=7), "late_grace": "0s"}
    with gitlab([project(7, "platform/site", visits)], **week) as served:
        for days in range(10):
            served.at(NOW + days * DAY)
            served.polls.made = None
            assert served.polls.poll().success

        assert served.polls.values("adoption_data_day_timestamp_seconds") == {
            ("platform/site",): _start(YESTERDAY + 9 * DAY)
        }
        assert people(served.polls, "platform/site")["7d"] == 0
        assert set(served.polls.values("adoption_active_time_seconds").values()) == {0}


def test_whether_an_empty_project_ever_had_a_row_is_asked_until_it_had_one() -> None:
    custom = [{"measure": "TrackedEvents.count", "time": "TrackedEvents.derivedTstamp", "activity": "everything"}]
    empty = [project(7, "platform/new"), project(8, "platform/old", [Visit(YESTERDAY - 400 * DAY, "alice")])]
    with gitlab(empty, custom=custom, lookback=timedelta(days=1), late_grace="0s") as served:
        loads = []
        for hours in (0, 1):
            before = dict(served.loads)
            served.at(NOW + timedelta(hours=hours))
            assert served.polls.poll().success
            loads.append({number: served.loads[number] - before.get(number, 0) for number in (7, 8)})

    assert loads == [{7: 3 + 3, 8: 3 + 1 + 2}, {7: 3 + 3, 8: 3}]


def test_an_empty_day_is_late_first_and_empty_after_the_grace() -> None:
    with gitlab([project(7, "platform/site", [one for one in EVERY_DAY if one.day < YESTERDAY])]) as served:
        served.polls.poll()
        assert served.polls.values("adoption_data_day_timestamp_seconds") == {("platform/site",): _start(WEEK[1])}
        assert people(served.polls, "platform/site") == {"1d": 3, "7d": 9, "28d": 30}

        served.at(NOW + timedelta(hours=22))
        served.polls.poll()
        assert served.polls.values("adoption_data_day_timestamp_seconds") == {("platform/site",): _start(YESTERDAY)}
        assert people(served.polls, "platform/site") == {"1d": 0, "7d": 8, "28d": 29}


def test_windows_are_asked_for_again_when_the_data_day_moves_or_a_day_is_revised() -> None:
    with gitlab([project(7, "platform/site", EVERY_DAY)]) as served:
        loads = []
        for hours, visits in (
            (0, EVERY_DAY),
            (1, EVERY_DAY),
            (2, [*EVERY_DAY, Visit(WEEK[3], "carol")]),
            (3, [*EVERY_DAY, Visit(WEEK[3], "carol")]),
        ):
            served.projects[:] = [project(7, "platform/site", visits)]
            served.at(NOW + timedelta(hours=hours))
            before = served.loads[7]
            served.polls.poll()
            loads.append(served.loads[7] - before)

        assert loads == [4, 2, 4, 2]
        assert people(served.polls, "platform/site") == {"1d": 3, "7d": 10, "28d": 31}
        assert served.polls.values("adoption_data_revisions_total") == {("platform/site",): 1}


def test_a_project_that_vanishes_is_withdrawn_and_one_that_moves_is_a_scope_of_its_own() -> None:
    with gitlab([project(7, "platform/site", EVERY_DAY), project(8, "platform/gone", EVERY_DAY)]) as served:
        served.polls.poll()
        assert served.scopes() == ["platform/gone", "platform/site"]

        del served.projects[1]
        assert served.polls.poll().success
        assert served.scopes() == ["platform/gone", "platform/site"]
        assert list(served.polls.poller().failed) == ["platform/gone"]
        assert served.polls.poll().success
        assert served.scopes() == ["platform/site"]
        assert served.polls.poller().readings == {"platform/site": None}

        served.projects[:] = [replace(served.projects[0], path="platform/portal")]
        served.at(NOW + DAY)
        assert served.polls.poll().success
        assert served.scopes() == ["platform/portal"]


def test_named_projects_that_are_renamed_or_gone_fail_alone_for_as_long_as_they_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    site, docs, shop = (
        project(number, f"platform/{name}", EVERY_DAY) for number, name in enumerate(("site", "docs", "shop"), start=7)
    )
    named: dict[str, Any] = {"groups": [], "projects": ["platform/site", "platform/docs", 9]}
    with gitlab([site, docs, shop], **named) as served:
        served.polls.poll()
        served.projects[:] = [site, replace(docs, path="platform/manual")]
        for days in (1, 1, 5):
            served.at(NOW + days * DAY)
            assert served.polls.poll().success
            assert {scope: failure is None for scope, failure in served.polls.poller().readings.items()} == {
                "platform/site": True,
                "platform/docs": False,
                "platform/shop": False,
            }
        assert served.scopes() == ["platform/site"]
        served.projects[:] = [site, docs, shop]
        served.at(NOW + 6 * DAY)
        assert served.polls.poll().success
        assert served.scopes() == ["platform/docs", "platform/shop", "platform/site"]

    about = [
        (record.message, record.__dict__["fields"]["scope"])
        for record in caplog.records
        if record.message.startswith("scope")
    ]
    assert about == [
        ("scope failed", "platform/shop"),
        ("scope failed", "platform/docs"),
        ("scope recovered", "platform/shop, platform/docs"),
    ]


def test_where_no_project_can_be_looked_up_each_scope_fails_for_it() -> None:
    named: dict[str, Any] = {"projects": [7], "groups": ["platform"]}
    with gitlab([project(7, "platform/site", EVERY_DAY)], **named) as served:
        served.polls.settings["token"] = "wrong-token"
        first = served.polls.poll()
        at_first = dict(served.polls.poller().readings)
        served.polls.settings["token"], served.polls.made = "secret-token", None
        assert served.polls.poll().success
        served.polls.settings["token"], served.polls.made = "wrong-token", None
        again = served.polls.poll()

    assert (failure_of(first).status, failure_of(again).status) == (401, 401)
    assert {scope: failure is None for scope, failure in at_first.items()} == {"7": False, "platform": False}
    assert {scope: failure is None for scope, failure in served.polls.poller().readings.items()} == {
        "platform/site": False
    }


def test_measures_of_ones_own_are_usage() -> None:
    visits = [
        Visit(YESTERDAY, "alice", {"custom": 3}, name="search"),
        Visit(WEEK[1], "bob", {"custom": 4}, name="share"),
        Visit(YESTERDAY, "carol", {"custom": 50}, name="something else"),
        *EVERY_DAY,
    ]
    tracked = {"measure": "TrackedEvents.count", "time": "TrackedEvents.derivedTstamp"}
    custom = [
        {**tracked, "activity": "everything"},
        {
            **tracked,
            "dimension": "TrackedEvents.eventName",
            "activities": {"search": "searches", "share": "shares", "export": "exports"},
        },
        {**tracked, "measure": "TrackedEvents.uniqueUsersCount", "activity": "visitors"},
    ]
    with gitlab([project(7, "platform/site", visits)], custom=custom) as served:
        assert served.polls.poll().success
        usage = {labels[1:]: value for labels, value in served.polls.values("adoption_usage").items()}

    names = ("everything", "searches", "shares", "exports", "visitors")
    assert {name: [usage.get((window, name)) for window in ("1d", "7d")] for name in names} == {
        "everything": [9 + 53, 7 * 9 + 57],
        "searches": [3, 3],
        "shares": [0, 4],
        "exports": [0, 0],
        "visitors": [None, None],
    }


# Members that differ


def test_projects_whose_members_differ_are_each_asked_for_what_they_have() -> None:
    paths = [f"platform/app-{number}" for number in range(1, 10)]
    alike = [project(number, path, EVERY_DAY) for number, path in enumerate(paths, start=1)]
    kinds: list[dict[str, Any]] = [
        {"generation": "snowplow"},
        {"generation": "jitsu"},
        {},
        {"lacks": ["uniqueUsersCount", "linkClicksCount"]},
    ]
    differing = [replace(one, **kinds[index % 4]) for index, one in enumerate(alike)]
    with gitlab(alike) as usual, gitlab(differing) as other:
        assert usual.polls.poll().success
        assert other.polls.poll().success

        lacking = {paths[3], paths[7]}
        assert other.polls.values("adoption_active_users") == {
            labels: value
            for labels, value in usual.polls.values("adoption_active_users").items()
            if labels[0] not in lacking
        }
        assert other.polls.values("adoption_usage") == {
            labels: value
            for labels, value in usual.polls.values("adoption_usage").items()
            if labels[0] not in lacking or labels[2] != "link_clicks"
        }


def test_members_are_asked_for_once_a_day_in_each_project_and_what_is_missing_is_told_with_its_name() -> None:
    metas: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        number = request.url.path.removeprefix("/gitlab/api/v4/projects/").partition("/")[0]
        if request.url.path.endswith("/meta"):
            metas.append(number)
            body = recorded("v031_meta")
            if number == "43":
                events = next(cube for cube in body["cubes"] if cube["name"] == "TrackedEvents")
                events["measures"] = [one for one in events["measures"] if not one["name"].endswith("linkClicksCount")]
            return httpx.Response(200, json=body)
        if request.method == "POST":
            data = [] if b"granularity" in request.content else [{"TrackedEvents.count": "0", "Sessions.count": "0"}]
            return httpx.Response(200, json={"results": [{"data": data}]})
        return httpx.Response(200, json={"id": int(number), "path_with_namespace": f"group/app-{number}"})

    asked = Asked(answer)
    asked_on = []
    for hours in (0, 1, 24):
        asked.now = NOW + timedelta(hours=hours)
        with asked.context(projects=[42, 43]) as context:
            for scope in GITLAB.scopes(context):
                list(GITLAB.read(context, scope, WEEK))
        asked_on.append(metas[:])

    assert asked_on == [["42", "43"], ["42", "43"], ["42", "43", "42", "43"]]
    assert set(asked.remarks) == {"group/app-43: meta has no TrackedEvents.linkClicksCount, so link_clicks is left out"}


def test_a_project_whose_members_have_changed_fails_once() -> None:
    with gitlab([project(7, "platform/site", EVERY_DAY)]) as served:
        assert served.polls.poll().success

        served.projects[:] = [project(7, "platform/site", EVERY_DAY, generation="snowplow")]
        status = served.polls.poll()
        assert failure_of(status).reason == "rejected"
        assert served.polls.poll().success
        assert people(served.polls, "platform/site") == {"1d": 3, "7d": 9, "28d": 30}


# check


def test_check_finds_nothing_wrong_with_a_gitlab_that_answers() -> None:
    with gitlab([project(7, "platform/site", database=False), project(8, "platform/docs")]) as served:
        assert problems(served.polls) == []
        assert served.loads == {}


def test_check_names_what_cannot_be_found_or_asked_and_every_unknown_member() -> None:
    projects = [project(7, "platform/site"), project(8, "platform/off", refusal=(401, {"message": "Access Denied"}))]
    settings: dict[str, Any] = {
        "projects": ["no/such"],
        "members": {"people": "TrackedEvents.persons"},
        "custom": [
            {"measure": "Builds.count", "time": "Builds.day", "activity": "builds"},
            {"measure": "Sessions.uniqueUsersCount", "time": "Sessions.startAt", "activity": "visitors"},
        ],
    }
    with gitlab(projects, **settings) as served:
        found = problems(served.polls)

    where = "gitlab POST /api/v4/projects/7/product_analytics/request/dry-run: 400: "
    advice = "(check generation, members and custom)"
    unknown = f"'persons' not found for path 'TrackedEvents.persons' {advice}"
    assert found == [
        "no/such: gitlab GET /api/v4/projects/no%2Fsuch: 404: 404 Project Not Found",
        (
            "platform/site: custom measure Sessions.uniqueUsersCount is left out: it is a countDistinct, whose days "
            "cannot be added up"
        ),
        f"platform/site: {where}{unknown}",
        f"platform/site: {where}Cube 'Builds' not found for path 'Builds.count' {advice}",
        (
            "platform/off: gitlab POST /api/v4/projects/8/product_analytics/request/meta: 401: Access Denied (the "
            "token's user needs a higher role in the project)"
        ),
    ]


@pytest.mark.parametrize("message", ["Error: connect ECONNREFUSED 127.0.0.1:9000", "Error: something new"])
def test_check_says_once_that_the_database_of_a_project_is_down(message: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/dry-run"):
            return httpx.Response(400, json={"message": message})
        number = int(request.url.path.rpartition("/")[2])
        return httpx.Response(200, json={"id": number, "path_with_namespace": f"group/app-{number}"})

    assert GITLAB.check is not None
    with Asked(answer).context(projects=[42, 43], generation="current") as context:
        found = list(GITLAB.check(context))

    assert found == [
        f"group/app-{number}: gitlab POST /api/v4/projects/{number}/product_analytics/request/dry-run: 400 in 4 "
        f"attempts: {message}"
        for number in (42, 43)
    ]


def test_check_names_a_member_of_a_wrong_generation_once() -> None:
    with gitlab([project(7, "platform/site")], generation="jitsu") as served:
        assert problems(served.polls) == [
            (
                "platform/site: gitlab POST /api/v4/projects/7/product_analytics/request/dry-run: 400: 'utcTime' not "
                "found for path 'TrackedEvents.utcTime' (check generation, members and custom)"
            )
        ]


def test_check_says_once_that_the_token_is_refused() -> None:
    with gitlab([project(7, "platform/site")], token="another-token") as served:
        assert problems(served.polls) == [
            (
                "gitlab GET /api/v4/groups/platform/projects: 401, the token was refused; check token/token_file: "
                "401 Unauthorized"
            )
        ]


def problems(polls: VendorPolls) -> list[str]:
    asked = Asked(None, now=polls.now, base_url=polls.settings["base_url"])
    assert GITLAB.check is not None
    with asked.context(**{"projects": [], **polls.settings}) as context:
        return list(GITLAB.check(context))


def _start(day: date) -> float:
    return datetime.combine(day, datetime.min.time(), UTC).timestamp()
