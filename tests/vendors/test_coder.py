"""Coder v2: people and their time, time of apps, organizations through templates, and what several answers mean."""

import copy
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from exporter.errors import Failure
from exporter.state.accounts import AccountBook
from exporter.vendors.coder.vendor import CODER
from tests.support.failures import failure_of, reason_and_message
from tests.support.json_bodies import change
from tests.support.sample_options import known_names
from tests.support.vendor_polls import VendorPolls

GOLDEN = Path(__file__).parents[1] / "golden" / "coder.txt"
DAY = date(2026, 11, 19)
NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAUS, PEOPLE, APPS, STATUS, BUILD = (
    "/api/v2/insights/daus",
    "/api/v2/insights/user-activity",
    "/api/v2/insights/templates",
    "/api/v2/insights/user-status-counts",
    "/api/v2/buildinfo",
)
ORGANIZATIONS = "/api/v2/organizations"
ALICE, BOB, CAROL = (f"497f6eca-6276-4993-bfeb-53cbbbba6f{number}" for number in ("08", "09", "0a"))
FRAME = {"start_time": "2026-11-19T00:00:00Z", "end_time": "2026-11-20T00:00:00Z", "template_ids": []}

Answer = Callable[[dict[str, str]], Any]
Bodies = dict[str, Any]


def app(slug: str, seconds: Any, **more: Any) -> Any:
    """A row of apps_usage."""
    row = {"template_ids": [], "type": "app", "display_name": slug, "slug": slug, "icon": "", "times_used": 0}
    return {**row, "seconds": seconds, **more}


def server() -> Bodies:
    """What a server with three people answers for the one day, by path."""
    return {
        BUILD: {"external_url": "https://github.com/coder/coder", "version": "v2.37.1+7c1a2e3"},
        DAUS: {"entries": [{"date": "2026-11-19", "amount": 3}, {"date": "2026-11-20", "amount": 1}]},
        PEOPLE: {
            "report": {
                **FRAME,
                "users": [
                    {"template_ids": [], "user_id": user, "username": name, "avatar_url": "", "seconds": seconds}
                    for user, name, seconds in ((ALICE, "alice", 80_500), (BOB, "bob", 60), (CAROL, "carol", 7_200))
                ],
            }
        },
        APPS: {
            "report": {
                **FRAME,
                "active_users": 3,
                "apps_usage": [
                    app("vscode", 80_500, type="builtin", display_name="Visual Studio Code"),
                    app("jetbrains", 0, type="builtin"),
                    app("reconnecting-pty", 3_600, type="builtin"),
                    app("ssh", 0, type="builtin"),
                    app("code-server", 1_800),
                    app("code-server", 600, icon="/icon/widgets.svg"),
                    app(" ", 60),
                ],
                "parameters_usage": [{"name": "license", "values": [{"value": "a-typed-secret", "count": 3}]}],
            },
            "interval_reports": [{**FRAME, "interval": "day", "active_users": 3}],
        },
        STATUS: {
            "status_counts": {
                "active": [
                    {"date": "2026-10-02T00:00:00Z", "count": 390},
                    {"date": "2026-11-20T00:00:00Z", "count": 412},
                    {"date": "2026-11-04T00:00:00Z", "count": 400},
                ],
                "dormant": [{"date": "2026-11-20T00:00:00Z", "count": 1000}],
                "suspended": [],
            }
        },
    }


def polls(bodies: Bodies, asked: list[httpx.Request] | None = None, **settings: Any) -> VendorPolls:
    """A source over bodies, whole responses, or functions of the parameters that give either."""

    def respond(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        given = bodies[request.url.path]
        given = given(dict(request.url.params)) if callable(given) else given
        return given if isinstance(given, httpx.Response) else httpx.Response(200, json=given)

    given = {"base_url": "https://coder.example.com", "history": timedelta(days=1), **settings}
    return VendorPolls("coder", given, NOW, httpx.MockTransport(respond))


def nobody(bodies: Bodies) -> Bodies:
    """The same server on a day without anybody."""
    bodies[PEOPLE]["report"]["users"] = None
    bodies[APPS]["report"]["apps_usage"] = None
    bodies[DAUS]["entries"] = None
    return bodies


def test_people_their_time_the_time_of_apps_and_seats_are_published() -> None:
    bench = polls(server())
    bench.poll()

    assert bench.exposition() == GOLDEN.read_text()
    assert "typed" not in GOLDEN.read_text()


def test_only_documented_parameters_are_sent_under_v2s_own_header() -> None:
    asked: list[httpx.Request] = []
    polls(server(), asked).poll()
    day = {"start_time": "2026-11-19T00:00:00Z", "end_time": "2026-11-20T00:00:00Z"}

    assert [(request.url.path, dict(request.url.params)) for request in asked] == [
        (BUILD, {}),
        (PEOPLE, day),
        (APPS, {**day, "interval": "day"}),
        (STATUS, {}),
        (DAUS, {"tz_offset": "0"}),
    ]
    assert {request.headers["coder-session-token"] for request in asked} == {"secret-token"}
    assert not any({"authorization", "session-token"} & set(request.headers) for request in asked)


def test_the_newest_day_is_read_first() -> None:
    asked: list[httpx.Request] = []
    polls(server(), asked, history=timedelta(days=3)).poll()

    assert [request.url.params["end_time"][:10] for request in asked if request.url.path == PEOPLE] == [
        "2026-11-20",
        "2026-11-19",
        "2026-11-18",
    ]


def test_a_slug_with_an_underscore_is_the_same_web_terminal() -> None:
    bodies = server()
    bodies[APPS]["report"]["apps_usage"] = [app("reconnecting_pty", 60), app("reconnecting-pty", 30), app("a-b_c", 1)]
    bench = polls(bodies)
    bench.poll()

    assert bench.values("adoption_activity_active_time_seconds") == {
        ("all", "1d", "a_b_c"): 1.0,
        ("all", "1d", "web_terminal"): 90.0,
    }


def test_people_are_found_by_name_and_by_id_and_rows_without_an_id_are_nobody() -> None:
    bodies = server()
    bodies[PEOPLE]["report"]["users"] += [
        {"user_id": ALICE, "username": "alice", "seconds": 60},
        {"user_id": "", "username": "", "seconds": 30},
    ]
    bench = polls(bodies)
    bench.poll()

    assert known_names(AccountBook(bench.store, "tool"), ["alice", "bob", CAROL, "dave"]) == {"alice", "bob", CAROL}
    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}
    assert bench.values("adoption_active_time_seconds") == {("all", "1d"): 80_500 + 60 + 7_200 + 60 + 30}


def test_a_day_without_anybody_is_late_while_its_weekdays_had_people_and_zero_after_a_day_of_grace() -> None:
    bodies = server()
    full, empty = copy.deepcopy(bodies), nobody(copy.deepcopy(bodies))

    def by_day(path: str) -> Answer:
        return lambda params: (empty if params["start_time"] >= "2026-11-18" else full)[path]

    bench = polls({**bodies, PEOPLE: by_day(PEOPLE), APPS: by_day(APPS)}, history=timedelta(days=9))
    bench.poll()
    late = bench.values("adoption_data_day_timestamp_seconds")
    bench.now += timedelta(hours=20)
    bench.poll()

    # The 18th has had its day of grace, the 19th has it until one in the morning of the 21st.
    assert late == {("all",): datetime(2026, 11, 18, tzinfo=UTC).timestamp()}
    assert bench.values("adoption_data_day_timestamp_seconds") == late
    bench.now += timedelta(hours=2)
    bench.poll()

    assert bench.values("adoption_active_users")["all", "1d"] == 0.0
    assert bench.values("adoption_active_time_seconds")["all", "1d"] == 0.0


def with_organizations() -> Bodies:
    """A server with two organizations; that of research has no templates."""
    bodies = server()
    return {
        **bodies,
        ORGANIZATIONS: [
            {"id": "1111", "name": "engineering", "display_name": "Engineering", "is_default": True},
            {"id": "2222", "name": "research", "display_name": "Research", "is_default": False},
        ],
        f"{ORGANIZATIONS}/1111/templates": lambda params: (
            [{"id": "tc"}] if params == {"q": "deprecated:true"} else [{"id": "tb"}, {"id": "ta"}]
        ),
        f"{ORGANIZATIONS}/2222/templates": lambda _: httpx.Response(200, text="null"),
    }


def test_an_organization_is_its_templates_deprecated_ones_too() -> None:
    asked: list[httpx.Request] = []
    bench = polls(with_organizations(), asked, organizations=["engineering", "research"])
    status = bench.poll()

    assert status.success
    assert [request.url.params["template_ids"] for request in asked if request.url.path in (PEOPLE, APPS)] == [
        "ta,tb,tc",
        "ta,tb,tc",
    ]
    assert bench.values("adoption_active_users") == {("engineering", "1d"): 3.0, ("research", "1d"): 0.0}
    assert bench.values("adoption_active_time_seconds")["research", "1d"] == 0.0
    # Seats and daily counts are of the whole server.
    assert not {DAUS, STATUS} & {request.url.path for request in asked}
    assert bench.values("adoption_seats") == {}


def test_a_server_that_knows_no_deprecated_templates_lists_them_all() -> None:
    asked: list[httpx.Request] = []
    bodies = with_organizations()
    refused = httpx.Response(400, json={"message": "Query parameters have invalid values."})
    bodies[f"{ORGANIZATIONS}/1111/templates"] = lambda params: refused if params else [{"id": "tb"}, {"id": "ta"}]
    status = polls(bodies, asked, organizations=["engineering"]).poll()

    assert status.success
    assert [request.url.params["template_ids"] for request in asked if request.url.path == PEOPLE] == ["ta,tb"]


def test_an_organization_that_is_not_there_sinks_no_other() -> None:
    bench = polls(with_organizations(), organizations=["sales", "engineering"])
    status = bench.poll()

    assert status.success
    assert bench.poller().failed == {
        "sales": Failure("rejected", "coder GET /api/v2/organizations: the token's user sees no organization sales")
    }
    assert bench.values("adoption_active_users") == {("engineering", "1d"): 3.0}


@pytest.mark.parametrize("active", [[], None, ...])
def test_without_counted_accounts_there_are_no_seats(active: Any) -> None:
    bodies = server()
    bodies[STATUS]["status_counts"] = {} if active is ... else {"active": active}
    bench = polls(bodies)

    assert bench.poll().success
    assert bench.values("adoption_seats") == {}


def test_configured_seats_are_not_asked_for() -> None:
    asked: list[httpx.Request] = []
    bench = polls(server(), asked, seats=250)
    bench.poll()

    assert bench.values("adoption_seats") == {("all",): 250.0}
    assert STATUS not in [request.url.path for request in asked]


AUDITOR = "403: Forbidden.; the token's user needs the role Auditor"


def test_what_a_template_admin_may_not_read_is_gone_without_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    refused = httpx.Response(403, json={"message": "Forbidden."})
    bench = polls({**server(), DAUS: refused, STATUS: refused})
    statuses = [bench.poll(), bench.poll()]

    assert [status.success for status in statuses] == [True, True]
    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}
    assert warnings(caplog) == [
        f"there are no seats: coder GET {STATUS}: {AUDITOR}",
        f"there is nothing of days before those that are read: coder GET {DAUS}: {AUDITOR}",
    ]


def test_daily_counts_that_the_servers_database_cannot_make_cost_no_people(caplog: pytest.LogCaptureFixture) -> None:
    failed = httpx.Response(500, text='{"message": "Internal error fetching DAUs."}{"entries": []}')
    bench = polls({**server(), DAUS: failed})

    assert bench.poll().success
    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}
    assert warnings(caplog) == [
        f"there is nothing of days before those that are read: coder GET {DAUS}: 500 in 4 attempts"
    ]


def test_sixty_days_of_the_servers_own_counts_are_the_baseline_of_days_that_were_not_read() -> None:
    bodies = server()
    amounts = {1: 2, 7: 10, 14: 14, 21: 0, 28: 21, 56: 30}
    bodies[DAUS]["entries"] += [{"date": f"{DAY - timedelta(days=back)}", "amount": n} for back, n in amounts.items()]
    bench = polls(bodies)
    bench.poll()

    assert bench.values("adoption_active_users_baseline") == {("all",): 12.0}
    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}
    assert bench.values("adoption_data_day_timestamp_seconds") == {
        ("all",): datetime(2026, 11, 19, tzinfo=UTC).timestamp()
    }
    ((_, published),) = bench.poller().publisher.state().values()
    assert published is not None
    assert {figures.day: figures.people["1d"] for figures in published.days if figures.people} == {
        DAY: 3,
        **{DAY - timedelta(days=back): n for back, n in amounts.items()},
    }


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings that were logged."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_count_that_differs_from_the_list_is_logged_once_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bodies = server()
    # Servers before 2.7 send a time.
    bodies[DAUS]["entries"] = [{"date": f"2026-11-{day}T00:00:00Z", "amount": 7} for day in (18, 19)]
    bench = polls(bodies, history=timedelta(days=2))
    bench.poll()
    bench.poll()

    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}
    assert warnings(caplog) == [
        (
            "insights/daus counts 7 people on 2026-11-19, user-activity lists 3; "
            "here and on other days the list is what counts"
        )
    ]


def test_the_version_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[httpx.Request] = []
    bench = polls(server(), asked)
    bench.poll()
    bench.poll()

    assert [getattr(record, "fields", None) for record in caplog.records if "version" in record.getMessage()] == [
        {"vendor": "coder", "url": "https://coder.example.com", "version": "v2.37.1+7c1a2e3"}
    ]
    assert [request.url.path for request in asked].count(BUILD) == 1


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(500), httpx.Response(200, html="<html>"), {}])
def test_a_server_without_a_version_is_read_all_the_same(answer: Any) -> None:
    bench = polls({**server(), BUILD: answer})

    assert bench.poll().success
    assert bench.exposition() == GOLDEN.read_text()


USER = ("report", "users", 1)
APP = ("report", "apps_usage", 0)
NO_COUNT = "not a whole number from 0 to 2^63 - 1"


@pytest.mark.parametrize(("endpoint", "path"), [(PEOPLE, "users"), (APPS, "apps_usage")])
def test_a_number_that_cannot_be_right_costs_its_day_alone(endpoint: str, path: str) -> None:
    bodies = server()
    right = bodies[endpoint]

    def answer(params: dict[str, str]) -> Any:
        if params["start_time"] != f"{DAY}T00:00:00Z":
            return right
        wrong = copy.deepcopy(right)
        wrong["report"][path][0]["seconds"] = -60
        return wrong

    bodies[endpoint] = answer
    bench = polls(bodies, history=timedelta(days=3))
    status = bench.poll()

    assert reason_and_message(status) == (
        "payload",
        f"all: coder GET {endpoint}: report.{path}[0].seconds is the number -60, {NO_COUNT}",
    )
    assert bench.store.days("tool", "all").keys() == {DAY - timedelta(days=back) for back in (1, 2)}


@pytest.mark.parametrize(
    ("endpoint", "path", "value", "message"),
    [
        (PEOPLE, ("report",), ..., "report is missing"),
        (PEOPLE, ("report", "users"), ..., "report.users is missing"),
        (PEOPLE, USER, None, "report.users[1] is null, not an object"),
        (PEOPLE, (*USER, "user_id"), ..., "report.users[1].user_id is missing"),
        (PEOPLE, (*USER, "username"), 7, "report.users[1].username is the number 7, not text"),
        (PEOPLE, (*USER, "seconds"), -60, f"report.users[1].seconds is the number -60, {NO_COUNT}"),
        (PEOPLE, (*USER, "seconds"), "60", f"report.users[1].seconds is text, {NO_COUNT}"),
        (
            PEOPLE,
            (*USER, "seconds"),
            10**10,
            "report.users[1].seconds is 10000000000, which is no time of a day",
        ),
        (APPS, ("report",), ..., "report is missing"),
        (APPS, (*APP, "slug"), ..., "report.apps_usage[0].slug is missing"),
        (APPS, (*APP, "seconds"), ..., "report.apps_usage[0].seconds is missing"),
        (APPS, (*APP, "seconds"), None, f"report.apps_usage[0].seconds is null, {NO_COUNT}"),
        (APPS, (*APP, "seconds"), -1, f"report.apps_usage[0].seconds is the number -1, {NO_COUNT}"),
        (APPS, (*APP, "seconds"), 0.5, f"report.apps_usage[0].seconds is the number 0.5, {NO_COUNT}"),
    ],
)
def test_a_body_that_cannot_be_right_is_a_payload_error_and_stores_nothing(
    endpoint: str, path: tuple[Any, ...], value: Any, message: str
) -> None:
    bodies = server()
    change(bodies[endpoint], path, value)
    bench = polls(bodies)
    status = bench.poll()

    assert reason_and_message(status) == (
        "payload",
        f"all: coder GET {endpoint}: {message}",
    )
    assert bench.samples() == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("date", "yesterday", "entries[0].date is not a day as YYYY-MM-DD"),
        ("amount", None, f"entries[0].amount is null, {NO_COUNT}"),
        ("amount", -1, f"entries[0].amount is the number -1, {NO_COUNT}"),
    ],
)
def test_a_wrong_count_of_the_servers_own_costs_neither_a_day_nor_seats(key: str, value: Any, message: str) -> None:
    bodies = server()
    bodies[DAUS]["entries"][0][key] = value
    bench = polls(bodies)
    status = bench.poll()

    assert reason_and_message(status) == ("payload", f"all: coder GET {DAUS}: {message}")
    assert bench.values("adoption_active_users") == {("all", "1d"): 3.0}
    assert bench.values("adoption_seats") == {("all",): 412.0}


def test_the_seconds_of_an_app_that_add_up_beyond_2_to_the_63_are_a_payload_error() -> None:
    bodies = server()
    bodies[APPS]["report"]["apps_usage"] = [app("zed", 2**63 - 1), app("zed", 1)]

    assert failure_of(polls(bodies).poll()).message == f"all: coder GET {APPS}: the seconds of zed add up beyond 2^63"


FOUR = (
    "either the token's user has neither the role Auditor nor Template Admin, or the server collects no usage "
    "statistics (CODER_STATS_COLLECTION_USAGE_STATS_ENABLE), or a template was deleted just now, or the host is "
    "Coder v1 (vendor: coder-classic)"
)


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        (
            httpx.Response(401, json={"message": "Your session has expired."}),
            "rejected",
            "401, the token was refused; check token/token_file: Your session has expired.",
        ),
        (httpx.Response(403, json={"message": "Forbidden."}), "rejected", AUDITOR),
        (
            httpx.Response(404, json={"message": "Resource not found or you do not have access to this resource"}),
            "rejected",
            f"404: Resource not found or you do not have access to this resource; {FOUR}",
        ),
        (
            httpx.Response(400, json={"message": "Query parameters have invalid values.", "validations": []}),
            "rejected",
            "400: Query parameters have invalid values.",
        ),
        (
            httpx.Response(429, json={"message": "You've been rate limited for sending more than 512 requests."}),
            "rate_limited",
            "429 in 4 attempts: You've been rate limited for sending more than 512 requests.",
        ),
        # The handler of a failed query goes on, and a second document follows.
        (
            httpx.Response(500, text='{"message": "Internal error."}{"report": {"users": []}}'),
            "unreachable",
            "500 in 4 attempts",
        ),
        (
            httpx.Response(200, text='{"report": {}}{"report": {}}'),
            "payload",
            "not JSON: Extra data (character 14 of 28)",
        ),
    ],
)
def test_a_fault_leaves_the_old_values_and_the_next_poll_recovers(
    answer: httpx.Response, reason: str, message: str
) -> None:
    bodies = server()
    bench = polls(bodies)
    bench.poll()
    good = bodies[APPS]
    bodies[APPS] = answer
    status = bench.poll()

    assert reason_and_message(status) == (reason, f"all: coder GET {APPS}: {message}")
    assert bench.exposition() == GOLDEN.read_text()
    bodies[APPS] = good

    assert bench.poll().success


@pytest.mark.parametrize("endpoint", [DAUS, STATUS])
def test_a_refused_token_is_not_taken_for_a_missing_permission(endpoint: str) -> None:
    status = polls({**server(), endpoint: httpx.Response(401)}).poll()

    assert reason_and_message(status) == (
        "rejected",
        f"all: coder GET {endpoint}: 401, the token was refused; check token/token_file",
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("organizations", [""], "String should have at least 1 character"),
        ("organizations", "engineering", "Input should be a valid tuple"),
        ("categories", {}, "Extra inputs are not permitted"),
        ("base_url", ..., "Field required"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused(key: str, value: Any, message: str) -> None:
    given = {"vendor": "coder", "token": "t", "base_url": "https://coder.example.com", key: value}

    with pytest.raises(ValidationError, match=message):
        CODER.settings.model_validate({name: given[name] for name in given if given[name] is not ...})


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
