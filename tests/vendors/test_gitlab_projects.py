"""Which projects a GitLab source reads: by number, path and group, once a day, each project once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from exporter.errors import BadPayload, RateLimited, Rejected, Unreachable, VendorError
from exporter.vendors.gitlab.projects import directory, look_again
from exporter.vendors.gitlab.session import Directory
from tests.support.gitlab_requests import NOW, Asked

API = "/gitlab/api/v4"
DAY = timedelta(days=1)


@dataclass
class GitLab:
    """Projects and groups, and what was asked for. `broken` answers a raw path in place of what would be there."""

    projects: dict[int, str] = field(default_factory=dict)
    groups: dict[str, Sequence[int]] = field(default_factory=dict)
    broken: dict[str, httpx.Response] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    queries: list[Mapping[str, str]] = field(default_factory=list)
    page: Callable[[Sequence[Any], Mapping[str, str]], httpx.Response] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0].removeprefix(API)
        self.asked.append(path)
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        if path in self.broken:
            reply = self.broken[path]
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        kind, reference, *_ = path.strip("/").split("/")
        reference = reference.replace("%2F", "/")
        if kind == "groups":
            self.queries.append(query)
            rows = [self.shown(number) for number in self.groups[reference]]
            return self.page(rows, query) if self.page else httpx.Response(200, json=rows, headers={"X-Next-Page": ""})
        for number, name in self.projects.items():
            if reference.lower() in (str(number), name):
                return httpx.Response(200, json=self.shown(number))
        return httpx.Response(404, json={"message": "404 Project Not Found"})

    def shown(self, number: int) -> Mapping[str, object]:
        return {"id": number, "path_with_namespace": self.projects[number], "name": "left out"}


def find(asked: Asked, **settings: Any) -> Directory:
    with asked.context(**settings) as context:
        return directory(context)


def test_a_project_is_read_once_however_often_it_is_named() -> None:
    gitlab = GitLab({42: "group/app", 7: "platform/deep/site"}, {"platform": [7], "group": [42]})

    found = find(Asked(gitlab), projects=[42, "group/app", "platform/deep/site"], groups=["platform", "group"])

    assert found == Directory({"group/app": 42, "platform/deep/site": 7})
    assert gitlab.asked == [
        "/projects/42",
        "/projects/group%2Fapp",
        "/projects/platform%2Fdeep%2Fsite",
        "/groups/platform/projects",
        "/groups/group/projects",
    ]


def test_a_group_is_asked_for_with_subgroups_and_without_archived_projects() -> None:
    gitlab = GitLab({7: "platform/deep/site"}, {"platform/deep": [7], "12": [7]})

    assert find(Asked(gitlab), projects=[], groups=["platform/deep", 12]) == Directory({"platform/deep/site": 7})
    assert gitlab.asked == ["/groups/platform%2Fdeep/projects", "/groups/12/projects"]
    assert gitlab.queries[0] == {
        "include_subgroups": "true",
        "archived": "false",
        "simple": "true",
        "order_by": "id",
        "sort": "asc",
        "per_page": "100",
    }


def test_a_project_of_a_group_that_says_that_it_is_archived_is_left_out() -> None:
    rows = [
        {"id": 7, "path_with_namespace": "platform/site", "archived": False},
        {"id": 8, "path_with_namespace": "platform/old", "archived": True},
    ]
    gitlab = GitLab(broken={"/groups/platform/projects": httpx.Response(200, json=rows)})

    assert find(Asked(gitlab), projects=[], groups=["platform"]) == Directory({"platform/site": 7})


def numbered(rows: Sequence[Any], query: Mapping[str, str]) -> httpx.Response:
    page = int(query.get("page", "1"))
    following = str(page + 1) if page * 100 < len(rows) else ""
    return httpx.Response(200, json=rows[(page - 1) * 100 : page * 100], headers={"X-Next-Page": following})


def by_key_on_another_host(rows: Sequence[Any], query: Mapping[str, str]) -> httpx.Response:
    left = [row for row in rows if row["id"] > int(query.get("id_after", "0"))]
    first = '<https://elsewhere.example.com/api?id_after=0&pagination=keyset>; rel="first"'
    following = f'<https://elsewhere.example.com/api?id_after={left[99]["id"]}>; rel="next"' if len(left) > 100 else ""
    return httpx.Response(200, json=left[:100], headers={"Link": ", ".join(filter(None, [first, following]))})


def without_headers(rows: Sequence[Any], query: Mapping[str, str]) -> httpx.Response:
    page = int(query.get("page", "1"))
    return httpx.Response(200, json=rows[(page - 1) * 100 : page * 100])


@pytest.mark.parametrize("page", [numbered, by_key_on_another_host, without_headers])
@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
def test_every_page_of_a_group_is_read_and_none_from_another_host(
    page: Callable[[Sequence[Any], Mapping[str, str]], httpx.Response], count: int
) -> None:
    paths = {number: f"platform/app-{number}" for number in range(1, count + 1)}
    gitlab = GitLab(paths, {"platform": list(paths)}, page=page)

    assert find(Asked(gitlab), projects=[], groups=["platform"]).ids == {path: number for number, path in paths.items()}
    assert set(gitlab.asked) == {"/groups/platform/projects"}


def test_a_page_that_comes_after_itself_is_not_read_for_ever() -> None:
    gitlab = GitLab({7: "platform/app"}, {"platform": [7]})
    gitlab.page = lambda rows, _: httpx.Response(200, json=rows, headers={"X-Next-Page": "2"})

    error = find(Asked(gitlab), projects=[], groups=["platform"]).failed["platform"]

    assert isinstance(error, BadPayload)
    assert str(error) == "gitlab GET /api/v4/groups/platform/projects: page 2 says that it comes after itself"


def test_what_is_found_is_looked_up_again_on_the_next_day_by_number() -> None:
    gitlab = GitLab({42: "group/app", 7: "platform/site"}, {"platform": [7]})
    asked = Asked(gitlab)
    named = {"projects": [42], "groups": ["platform"]}
    find(asked, **named)
    asked.now = NOW.replace(hour=23)
    find(asked, **named)
    assert gitlab.asked == ["/projects/42", "/groups/platform/projects"]

    gitlab.projects = {42: "group/renamed", 7: "platform/site", 8: "platform/new"}
    gitlab.groups = {"platform": [8]}
    asked.now = NOW + DAY

    assert find(asked, **named) == Directory({"group/renamed": 42, "platform/new": 8})
    assert gitlab.asked[2:] == ["/projects/42", "/groups/platform/projects"]
    assert asked.remarks == [
        (
            "project 42 has moved from group/app to group/renamed, which is a scope of its own: its days so far stay "
            "stored under group/app"
        )
    ]


def test_a_project_that_no_longer_has_the_path_by_which_it_is_named_fails_under_it_and_is_not_read() -> None:
    gitlab = GitLab({42: "group/app", 7: "platform/site"})
    asked = Asked(gitlab)
    find(asked, projects=["Group/App", 7])
    gitlab.projects = {42: "group/renamed", 7: "platform/site"}
    for hours in (24, 25):
        asked.now = NOW + timedelta(hours=hours)
        found = find(asked, projects=["Group/App", 7])

        assert found.ids == {"platform/site": 7}
        assert {name: str(error) for name, error in found.failed.items()} == {
            "Group/App": "gitlab: project 42 has moved to group/renamed; name it by its new path or its number"
        }
    assert asked.remarks == []
    assert find(asked, projects=["Group/App", 42, 7]).ids == {"group/renamed": 42, "platform/site": 7}


def test_a_known_project_that_is_gone_stays_so_that_reading_it_fails() -> None:
    gitlab = GitLab({42: "group/app"})
    asked = Asked(gitlab)
    find(asked, projects=[42])
    asked.now = NOW + DAY
    gitlab.projects = {}

    assert find(asked, projects=[42]) == Directory({"group/app": 42})


def test_a_project_that_moved_before_it_was_ever_found_says_so() -> None:
    gitlab = GitLab(
        broken={"/projects/group%2Fapp": httpx.Response(302, headers={"Location": "https://h/projects/42"})}
    )

    error = find(Asked(gitlab), projects=["group/app"]).failed["group/app"]

    assert str(error) == (
        "gitlab GET /api/v4/projects/group%2Fapp: 302, the project has moved; name it by its new path or its number"
    )


def test_a_redirect_of_a_project_that_is_named_by_number_is_one_of_the_server() -> None:
    gitlab = GitLab(broken={"/projects/42": httpx.Response(302, headers={"Location": "https://sso.example.com/"})})

    error = find(Asked(gitlab), projects=[42]).failed["42"]

    assert str(error) == (
        "gitlab GET /api/v4/projects/42: 302, redirected to sso.example.com; the token is never sent elsewhere, "
        "check base_url"
    )


def test_what_cannot_be_found_is_listed_under_its_configured_name_and_the_rest_is_read() -> None:
    gitlab = GitLab({42: "group/app"})
    gitlab.broken = {
        "/projects/9": httpx.Response(200, json={"id": 9}),
        "/projects/8": httpx.Response(503),
        "/groups/platform/projects": httpx.Response(404, json={"message": "404 Group Not Found"}),
    }

    found = find(Asked(gitlab), projects=[42, 9, 8, "no/such"], groups=["platform"])

    assert found.ids == {"group/app": 42}
    assert {name: f"{type(error).__name__}: {error}" for name, error in found.failed.items()} == {
        "9": "BadPayload: gitlab GET /api/v4/projects/9: path_with_namespace is missing",
        "8": "Unreachable: gitlab GET /api/v4/projects/8: 503 in 4 attempts",
        "no/such": "Rejected: gitlab GET /api/v4/projects/no%2Fsuch: 404: 404 Project Not Found",
        "platform": "Rejected: gitlab GET /api/v4/groups/platform/projects: 404: 404 Group Not Found",
    }


def test_a_group_that_cannot_be_listed_for_once_keeps_its_projects_and_is_asked_again() -> None:
    gitlab = GitLab({7: "platform/site"}, {"platform": [7]})
    asked = Asked(gitlab)
    find(asked, projects=[], groups=["platform"])
    asked.now = NOW + DAY
    gitlab.broken = {"/groups/platform/projects": httpx.Response(502)}

    found = find(asked, projects=[], groups=["platform"])
    assert (found.ids, list(found.failed)) == ({"platform/site": 7}, ["platform"])

    gitlab.broken = {}
    assert find(asked, projects=[], groups=["platform"]) == Directory({"platform/site": 7})


def test_a_group_that_is_gone_loses_its_projects() -> None:
    gitlab = GitLab({7: "platform/site"}, {"platform": [7]})
    asked = Asked(gitlab)
    find(asked, projects=[], groups=["platform"])
    asked.now = NOW + DAY
    gitlab.broken = {"/groups/platform/projects": httpx.Response(404, json={"message": "404 Group Not Found"})}

    found = find(asked, projects=[], groups=["platform"])

    assert (found.ids, list(found.failed)) == ({}, ["platform"])


@pytest.mark.parametrize("status", [302, 403, 502])
def test_a_known_project_that_cannot_be_looked_up_for_once_is_read_as_before(status: int) -> None:
    gitlab = GitLab({42: "group/app"})
    asked = Asked(gitlab)
    find(asked, projects=[42])
    asked.now = NOW + DAY
    gitlab.broken = {"/projects/42": httpx.Response(status)}

    assert find(asked, projects=[42]) == Directory({"group/app": 42})


@pytest.mark.parametrize(
    ("status", "failed"),
    [(404, ["42"]), (403, ["42", "group/app", "platform/gone"]), (502, ["42", "group/app", "platform/gone"])],
)
def test_after_a_restart_a_scope_that_may_be_of_what_cannot_be_looked_up_fails_and_one_that_is_gone_is_not_there(
    status: int, failed: list[str]
) -> None:
    gitlab = GitLab({7: "platform/site"}, {"platform": [7]}, {"/projects/42": httpx.Response(status)})
    asked = Asked(gitlab, listed=("42", "group/app", "platform/gone", "platform/site"))

    found = find(asked, projects=[42], groups=["platform"])

    assert (found.ids, list(found.failed)) == ({"platform/site": 7}, failed)


def test_a_project_that_was_not_found_when_it_was_read_is_looked_up_at_the_next_poll() -> None:
    gitlab = GitLab({7: "platform/site", 8: "platform/gone", 42: "group/app"}, {"platform": [7, 8]})
    asked = Asked(gitlab)
    named = {"projects": [42], "groups": ["platform"]}
    find(asked, **named)
    gitlab.groups = {"platform": [7]}
    with asked.context(**named) as context:
        look_again(context, 8)

    assert find(asked, **named) == Directory({"group/app": 42, "platform/site": 7})
    assert gitlab.asked == ["/projects/42", "/groups/platform/projects", "/groups/platform/projects"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401, json={"message": "401 Unauthorized"}), Rejected),
        (httpx.Response(429, text="Retry later"), RateLimited),
    ],
)
def test_a_refused_token_or_a_used_up_quota_ends_the_search_at_once(
    answer: httpx.Response, error: type[VendorError]
) -> None:
    gitlab = GitLab(broken={"/projects/1": answer})

    with pytest.raises(error):
        find(Asked(gitlab), projects=[1, 2, 3])

    assert set(gitlab.asked) == {"/projects/1"}


@pytest.mark.parametrize("status", [None, 503])
def test_a_host_that_is_down_ends_the_search(status: int | None) -> None:
    seen: list[str] = []

    def down(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        if status is None:
            raise httpx.ConnectTimeout("timed out")
        return httpx.Response(status)

    with pytest.raises(Unreachable):
        find(Asked(down), projects=[*range(1, 100)])

    assert seen == [f"{API}/projects/{number}" for number in range(1, 11) for _ in range(4)]


def test_projects_that_give_no_answer_keep_no_other_from_being_found() -> None:
    gitlab = GitLab({7: "group/seven"})

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/7"):
            return gitlab(request)
        raise httpx.ReadError("reset")

    found = find(Asked(answer), projects=[*range(1, 15)])

    assert found.ids == {"group/seven": 7}
    assert list(found.failed) == [str(number) for number in range(1, 15) if number != 7]
