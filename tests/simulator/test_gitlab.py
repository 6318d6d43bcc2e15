"""The simulated GitLab: Cube's semantics, the words of each layer, pages, limits and quirks."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from exporter.simulator.company import Company
from exporter.simulator.gitlab import Quirks, gitlab_app
from exporter.simulator.gitlab_products import Project
from exporter.simulator.gitlab_proxy import as_gitlab, with_zeros
from tests.support.asgi import request
from tests.support.gitlab_server import NoHistory, Visit, project

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
FIRST, SECOND, FOURTH = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 4)
TIME = "TrackedEvents.derivedTstamp"
VISITS = [
    Visit(FIRST, "ada", {"page_view": 2, "custom": 1}, 1, Decimal(7), name="search"),
    Visit(FIRST, "bo", {"page_view": 3}, 2, Decimal(13)),
    Visit(SECOND, "ada", {"link_click": 4}, name="share"),
    Visit(FOURTH, "cy", {"custom": 5}, 1, Decimal(1), name="search"),
]
SITE = project(7, "platform/site", VISITS, former=("platform/old-site",))


def app(*projects: Project, **more: Any) -> Starlette:
    return gitlab_app(NoHistory(), lambda: NOW, projects=lambda: projects or (SITE,), **more)


def ask(gitlab: Starlette, method: str, path: str, body: object = None, token: str = "demo-token") -> httpx.Response:
    return request(gitlab, method, f"/api/v4/{path}", json=body, headers={"PRIVATE-TOKEN": token})


def load(gitlab: Starlette, query: Mapping[str, object], **more: object) -> httpx.Response:
    return ask(gitlab, "POST", "projects/7/product_analytics/request/load", {"query": query, **more})


def data(query: Mapping[str, object], **more: Any) -> Any:
    answer = load(app(**more), query)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"][0]["data"]


def by_day(*measures: str, **more: object) -> dict[str, object]:
    cube = measures[0].partition(".")[0]
    time = TIME if cube == "TrackedEvents" else "Sessions.startAt"
    span = {"dimension": time, "granularity": "day", "dateRange": ["2026-03-01", "2026-03-04"]}
    return {"measures": list(measures), "timeDimensions": [span], **more}


def day(value: date, **measures: str | None) -> dict[str, str | None]:
    moment = f"{value}T00:00:00.000"
    return {f"{TIME}.day": moment, TIME: moment, **{f"TrackedEvents.{name}": text for name, text in measures.items()}}


# Data


def test_a_body_has_cubes_shape() -> None:
    body = load(app(), by_day("TrackedEvents.count", order={TIME: "desc"}, limit=1)).json()

    assert body == {
        "queryType": "regularQuery",
        "results": [
            {
                "query": {
                    "measures": ["TrackedEvents.count"],
                    "timeDimensions": [
                        {
                            "dimension": TIME,
                            "granularity": "day",
                            "dateRange": ["2026-03-01T00:00:00.000", "2026-03-04T23:59:59.999"],
                        }
                    ],
                    "order": [{"id": TIME, "desc": True}],
                    "limit": 1,
                    "rowLimit": 1,
                    "timezone": "UTC",
                    "filters": [],
                    "dimensions": [],
                    "queryType": "regularQuery",
                },
                "data": [day(FOURTH, count="5")],
                "lastRefreshTime": "2026-03-05T12:00:00.000Z",
                "refreshKeyValues": [],
                "usedPreAggregations": {},
                "dataSource": "default",
                "dbType": "clickhouse",
                "external": False,
                "slowQuery": False,
                "total": None,
            }
        ],
        "slowQuery": False,
    }


def test_measures_by_day_leave_out_days_without_rows() -> None:
    names = ("count", "uniqueUsersCount", "pageViewsCount", "linkClicksCount")
    numbers = {FIRST: ("6", "2", "5", "0"), SECOND: ("4", "1", "0", "4"), FOURTH: ("5", "1", "0", "0")}

    assert data(by_day(*(f"TrackedEvents.{name}" for name in names))) == [
        day(value, **dict(zip(names, texts, strict=True))) for value, texts in numbers.items()
    ]


def test_averages_have_twenty_decimals_and_no_sessions_have_none() -> None:
    average = "Sessions.averageDurationMinutes"
    span = {"dimension": "Sessions.startAt", "dateRange": ["2026-03-02", "2026-03-03"]}
    nothing = {"measures": ["Sessions.count", average], "timeDimensions": [span]}

    assert [row[average] for row in data(by_day("Sessions.count", average))] == [
        "6.66666666666666666667",
        "1.00000000000000000000",
    ]
    assert data(nothing) == [{"Sessions.count": "0", average: None}]
    assert data(by_day("Sessions.count", average), quirks=Quirks(json_numbers=True))[0][average] == 20 / 3


def test_people_of_a_window_are_counted_once() -> None:
    query = by_day("TrackedEvents.uniqueUsersCount")
    query["timeDimensions"] = [{"dimension": TIME, "dateRange": ["2026-03-01", "2026-03-04"]}]

    assert data(query) == [{"TrackedEvents.uniqueUsersCount": "3"}]


def test_dimensions_filters_order_and_pages() -> None:
    name = "TrackedEvents.eventName"
    query = {"measures": ["TrackedEvents.count"], "dimensions": [name], "order": {"TrackedEvents.count": "desc"}}
    wanted = {"member": name, "operator": "equals", "values": ["search"]}

    assert [(row[name], row["TrackedEvents.count"]) for row in data(query)] == [
        ("search", "8"),
        ("share", "4"),
        (None, "3"),
    ]
    assert [row[name] for row in data({**query, "limit": 2, "offset": 1})] == ["share", None]
    assert data({**query, "offset": 3}) == []
    assert [row["TrackedEvents.count"] for row in data(by_day("TrackedEvents.count", filters=[wanted]))] == ["3", "5"]


@pytest.mark.parametrize(
    ("operator", "values", "count"),
    [("equals", ["search"], "8"), ("notEquals", ["search"], "7"), ("set", [], "12"), ("notSet", [], "3")],
)
def test_filters(operator: str, values: list[str], count: str) -> None:
    one = {"member": "TrackedEvents.eventName", "operator": operator, "values": values}

    assert data({"measures": ["TrackedEvents.count"], "filters": [one]}) == [{"TrackedEvents.count": count}]


def test_the_limit_cuts_without_a_word_and_zeros_are_filled_in_after_it() -> None:
    filled = {"member": TIME, "operator": "inDateRange", "values": ["2026-03-01", "2026-03-03"]}
    query = {
        "measures": ["TrackedEvents.count"],
        "timeDimensions": [{"dimension": TIME, "granularity": "day"}],
        "filters": [filled],
        "limit": 1,
    }

    assert data(query) == [day(FIRST, count="6"), day(SECOND, count="0"), day(date(2026, 3, 3), count="0")]
    assert data(by_day("TrackedEvents.count", limit=1)) == [day(FIRST, count="6")]


def test_an_empty_answer_is_not_filled() -> None:
    body: dict[str, Any] = {"results": [{"data": []}]}
    query = {"filters": [{"member": TIME, "operator": "inDateRange", "values": ["2026-03-01", "2026-03-03"]}]}

    assert with_zeros(body, query) == {"results": [{"data": []}]}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {},
            (
                "Query should contain either measures, dimensions or timeDimensions with granularities in order to be "
                "valid"
            ),
        ),
        ({"measures": ["TrackedEvents.nope"]}, "'nope' not found for path 'TrackedEvents.nope'"),
        ({"measures": ["Nope.count"]}, "Cube 'Nope' not found for path 'Nope.count'"),
        (
            {"measures": ["TrackedEvents.count", "Sessions.count"]},
            "Can't find join path to join 'TrackedEvents', 'Sessions'",
        ),
        ({"measures": ["Sessions.count"], "foo": 1}, 'Invalid query format: "foo" is not allowed'),
        ({"measures": ["Sessions.count"], "limit": 50_001}, "Error: The query limit has been exceeded."),
        ({"measures": ["Sessions.count"], "timezone": "Mars/Base"}, "Error: Unknown timezone: Mars/Base"),
        (
            {
                "measures": ["Sessions.count"],
                "timeDimensions": [{"dimension": "Sessions.startAt", "dateRange": "blahblah"}],
            },
            "Can't parse date: 'blahblah'",
        ),
    ],
)
def test_cubes_errors_are_400s_with_cubes_words_in_load_and_dry_run(query: Mapping[str, object], message: str) -> None:
    dry_run = ask(app(), "POST", "projects/7/product_analytics/request/dry-run", {"query": query})

    for answer in (load(app(), query), dry_run):
        assert (answer.status_code, answer.json()) == (400, {"message": message})


# GitLab's own layer


def test_dry_run_reads_no_data() -> None:
    gitlab = app()
    answer = ask(gitlab, "POST", "projects/7/product_analytics/request/dry-run", {"query": by_day("Sessions.count")})

    assert answer.status_code == 200
    assert (answer.json()["results"], answer.json()["queryOrder"]) == (None, [])
    assert gitlab.state.loads == {}


def test_meta_lists_members_and_is_there_for_one_method_alone() -> None:
    path = "projects/7/product_analytics/request/meta"
    by_post = ask(app(), "POST", path).json()

    assert ask(app(quirks=Quirks(meta_method="GET")), "GET", path).json() == by_post
    assert {cube["name"]: [member["name"] for member in cube["measures"]] for cube in by_post["cubes"]} == {
        "TrackedEvents": [
            "TrackedEvents.count",
            "TrackedEvents.uniqueUsersCount",
            "TrackedEvents.pageViewsCount",
            "TrackedEvents.linkClicksCount",
        ],
        "Sessions": ["Sessions.count", "Sessions.uniqueUsersCount", "Sessions.averageDurationMinutes"],
    }
    assert by_post["cubes"][0]["dimensions"][0] == {"name": TIME, "type": "time"}
    missing = ask(app(), "GET", path)
    assert (missing.status_code, missing.json()) == (404, {"error": "404 Not Found"})


def test_a_project_may_have_members_of_its_own() -> None:
    other = project(8, "platform/docs", VISITS, generation="snowplow", lacks=["uniqueUsersCount", "linkClicksCount"])

    members = ask(app(SITE, other), "POST", "projects/8/product_analytics/request/meta").json()["cubes"]

    assert {cube["name"]: [member["name"] for member in cube["measures"]] for cube in members} == {
        "SnowplowTrackedEvents": ["SnowplowTrackedEvents.count", "SnowplowTrackedEvents.pageViewsCount"],
        "SnowplowSessions": ["SnowplowSessions.count", "SnowplowSessions.averageDurationMinutes"],
    }


@pytest.mark.parametrize(
    ("path", "body", "status", "answer"),
    [
        ("projects/7/product_analytics/request/load", {}, 400, {"error": "query is missing"}),
        ("projects/7/product_analytics/request/load", {"query": [{}]}, 400, {"error": "query is invalid"}),
        ("projects/platform%2Fsite/product_analytics/request/load", {"query": {}}, 404, {"error": "404 Not Found"}),
        ("projects/site/product_analytics/request/load", {"query": {}}, 400, {"error": "project_id is invalid"}),
        ("projects/9/product_analytics/request/load", {"query": {}}, 404, {"message": "404 Project Not Found"}),
        ("projects/7/product_analytics/funnels", {}, 404, {"error": "404 Not Found"}),
    ],
)
def test_gitlabs_refusals(path: str, body: object, status: int, answer: object) -> None:
    refused = ask(app(), "POST", path, body)

    assert (refused.status_code, refused.json()) == (status, answer)


def test_a_wrong_token_is_refused() -> None:
    refused = ask(app(), "GET", "projects/7", token="another")

    assert (refused.status_code, refused.json()) == (401, {"message": "401 Unauthorized"})


def test_a_project_without_a_database_is_a_404_of_its_own() -> None:
    refused = load(app(project(7, "platform/site", database=False)), by_day("Sessions.count"))

    assert (refused.status_code, refused.json()) == (404, {"message": "404 Clickhouse Database Not Found"})


@pytest.mark.parametrize(
    ("quirks", "status", "body"),
    [
        (Quirks(waits=2), 200, {"error": "Continue wait", "requestId": "simulated-span-1"}),
        (Quirks(waits=2, wait_is_400=True), 400, {"message": "Continue wait"}),
    ],
)
def test_a_query_is_to_be_sent_again_until_its_answer_is_there(quirks: Quirks, status: int, body: object) -> None:
    gitlab = app(quirks=quirks)
    answers = [load(gitlab, by_day("Sessions.count")) for _ in range(4)]

    assert [(answer.status_code, answer.json()) for answer in answers[:2]] == [(status, body)] * 2
    assert [answer.status_code for answer in answers[2:]] == [200, 200]
    assert gitlab.state.loads == {7: 4}


def test_a_request_with_include_token_makes_an_access_token() -> None:
    gitlab = app()
    load(gitlab, by_day("Sessions.count"), include_token=True)
    load(gitlab, by_day("Sessions.count"), include_token=False)

    assert gitlab.state.tokens_made == {7: 1}


@pytest.mark.parametrize("retry_after", [True, False])
def test_the_limit_is_plain_text_with_the_moment_of_its_end(retry_after: bool) -> None:
    gitlab = app(requests_per_minute=60, quirks=Quirks(retry_after=retry_after))
    answers = [ask(gitlab, "GET", "projects/7") for _ in range(21)]

    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert answers[-1].text == "Retry later"
    assert answers[-1].headers["ratelimit-reset"] == str(int(NOW.timestamp()) + 1)
    assert answers[-1].headers.get("retry-after") == ("1" if retry_after else None)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (
            "Error: Code: 60. DB::Exception: Table gitlab_project_7.events does not exist. (UNKNOWN_TABLE)",
            (404, {"message": "404 Clickhouse Database Not Found"}),
        ),
        ("Error: connect ECONNREFUSED", (400, {"message": "Error: connect ECONNREFUSED"})),
        ("", (200, {"error": ""})),
    ],
)
def test_only_cubes_words_decide_gitlabs_status(error: str, answer: object) -> None:
    assert as_gitlab({"error": error}) == answer


# Projects and groups


@pytest.mark.parametrize("reference", ["7", "platform%2Fsite"])
def test_a_project_is_found_by_number_and_by_encoded_path(reference: str) -> None:
    assert ask(app(), "GET", f"projects/{reference}").json() == {
        "id": 7,
        "path_with_namespace": "platform/site",
        "archived": False,
    }


def test_a_path_that_is_not_encoded_is_no_project() -> None:
    assert ask(app(), "GET", "projects/platform/site").json() == {"error": "404 Not Found"}


def test_a_former_path_redirects_to_the_number() -> None:
    moved = ask(app(), "GET", "projects/platform%2Fold-site")

    assert (moved.status_code, moved.headers["location"]) == (302, "http://vendor.example.com/api/v4/projects/7")


MANY = [project(number, f"platform/{'deep/' if number % 2 else ''}app-{number}") for number in range(1, 8)]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("include_subgroups=true&archived=false", [1, 2, 3, 4, 5, 6, 7]),
        ("archived=false", [2, 4, 6]),
        ("include_subgroups=true", [1, 2, 3, 4, 5, 6, 7, 9]),
    ],
)
def test_a_group_lists_what_is_asked_for(query: str, numbers: list[int]) -> None:
    gitlab = app(*MANY, project(9, "platform/deep/archived", archived=True), project(10, "other/app"))

    for reference in ("platform", "102"):
        listed = ask(gitlab, "GET", f"groups/{reference}/projects?{query}").json()
        assert [one["id"] for one in listed] == numbers


@pytest.mark.parametrize("keyset", [True, False])
def test_a_group_has_pages(keyset: bool) -> None:
    gitlab = app(*MANY, quirks=Quirks(keyset=keyset))
    path: str | None = "groups/platform/projects?include_subgroups=true&per_page=3"
    pages = []
    while path is not None:
        answer = ask(gitlab, "GET", path)
        pages.append([one["id"] for one in answer.json()])
        link = answer.headers.get("link")
        path = None if link is None else link.partition("/api/v4/")[2].partition(">")[0]
        assert ("x-next-page" in answer.headers) is not keyset

    assert pages == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_group_that_is_not_there_is_a_404() -> None:
    assert ask(app(), "GET", "groups/nobody/projects").json() == {"message": "404 Group Not Found"}


# The company's own products


def test_the_companys_products_are_used_and_a_late_day_is_silent() -> None:
    company = Company(people=60)
    late = Company(people=60, scenario="late-data")
    query = {
        "measures": ["TrackedEvents.uniqueUsersCount"],
        "timeDimensions": [{"dimension": TIME, "granularity": "day", "dateRange": ["2026-03-02", "2026-03-05"]}],
    }
    path = "projects/11/product_analytics/request/load"

    def days(history: Company) -> list[str]:
        answer = ask(gitlab_app(history, lambda: NOW), "POST", path, {"query": query}).json()
        return [row[TIME][:10] for row in answer["results"][0]["data"]]

    assert days(company) == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert days(late) == ["2026-03-02"]
    listed = ask(
        gitlab_app(company, lambda: NOW), "GET", "groups/platform/projects?include_subgroups=true&archived=false"
    ).json()
    assert [one["path_with_namespace"] for one in listed] == [
        "platform/portal",
        "platform/docs/handbook",
        "platform/new-idea",
    ]


def test_a_revised_day_grows() -> None:
    company = Company(people=60, scenario="revised")
    query = by_day("TrackedEvents.count")

    def events(now: datetime) -> int:
        path = "projects/11/product_analytics/request/load"
        answer = ask(gitlab_app(company, lambda: now), "POST", path, {"query": query}).json()
        return int(answer["results"][0]["data"][-1]["TrackedEvents.count"])

    early = datetime(2026, 3, 5, 1, tzinfo=UTC)
    assert events(early) < events(early + timedelta(hours=6))
