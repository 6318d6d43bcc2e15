"""The example vendor, whose file and test are there to be copied: configured, polled and published like any other."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.errors import Failure
from exporter.poll.online_check import online_check
from exporter.vendors import SETTINGS
from exporter.vendors.example import EXAMPLE, Context, ExampleSession
from exporter.vendors.registry import VENDORS
from tests.support.configurations import load_text
from tests.support.vendor_polls import VendorPolls

RECORDED = Path(__file__).parents[1] / "recorded" / "example"
GOLDEN = Path(__file__).parents[1] / "golden" / "example.txt"
DAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
PLATFORM = "/v1/workspaces/ws-1/days/2026-03-09"
LICENCES = "/v1/workspaces/ws-1/licences"

Bodies = dict[str, Any]


def recorded(name: str) -> Any:
    """A body as the vendor sent it. Of a real vendor: unchanged but for names of people, which are made up."""
    return json.loads((RECORDED / f"{name}.json").read_text())


def server() -> Bodies:
    """What a server with one recorded day answers, by path."""
    return {
        "/v1/workspaces": recorded("workspaces"),
        PLATFORM: recorded("day"),
        LICENCES: recorded("licences"),
    }


def answers(bodies: Bodies, asked: list[httpx.Request] | None = None) -> Callable[[httpx.Request], httpx.Response]:
    """A handler over bodies or whole responses."""

    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        body = bodies[request.url.path]
        return body if isinstance(body, httpx.Response) else httpx.Response(200, json=body)

    return answer


def polls(
    bodies: Bodies, folder: Path, asked: list[httpx.Request] | None = None, workspaces: str = "[platform]"
) -> VendorPolls:
    """A source as a configuration file has it, in a registry with one vendor more."""
    text = f"""
sources:
  tool: {{vendor: example, token: secret-token, workspaces: {workspaces}, history: 1d, late_grace: 0s}}
"""
    config = load_text(folder, text, {**SETTINGS, "example": EXAMPLE.settings})
    settings = config.sources["tool"].model_dump()
    transport = httpx.MockTransport(answers(bodies, asked))
    return VendorPolls("example", settings, NOW, transport, {**VENDORS, "example": EXAMPLE})


def test_a_configured_source_is_polled_and_published(tmp_path: Path) -> None:
    bench = polls(server(), tmp_path)
    bench.poll()

    assert bench.poller().failed == {}
    assert bench.exposition() == GOLDEN.read_text()


def test_it_asks_for_the_workspaces_then_the_day_and_then_the_licences_with_the_token(tmp_path: Path) -> None:
    asked: list[httpx.Request] = []
    polls(server(), tmp_path, asked).poll()

    assert [request.url.path for request in asked] == ["/v1/workspaces", PLATFORM, LICENCES]
    assert {request.headers["authorization"] for request in asked} == {"Bearer secret-token"}


def test_it_takes_at_least_as_many_requests_as_it_says(tmp_path: Path) -> None:
    asked: list[httpx.Request] = []
    polls(server(), tmp_path, asked).poll()

    assert EXAMPLE.least_requests(1, 1) <= len(asked)


def test_the_vendor_is_not_registered() -> None:
    assert EXAMPLE.name not in VENDORS


def test_a_day_that_is_not_finished_is_not_published(tmp_path: Path) -> None:
    bodies = server()
    bodies[PLATFORM]["finished"] = False
    bench = polls(bodies, tmp_path)
    bench.poll()

    assert bench.poller().failed == {}
    assert bench.values("adoption_active_users") == {}


def test_a_finished_day_without_rows_is_zeros(tmp_path: Path) -> None:
    bodies = server()
    bodies[PLATFORM]["rows"] = []
    bench = polls(bodies, tmp_path)
    bench.poll()

    assert bench.values("adoption_active_users") == {("platform", "1d"): 0.0}


def test_a_count_that_the_vendor_leaves_out_is_absent_and_not_zero(tmp_path: Path) -> None:
    bodies = server()
    del bodies[PLATFORM]["rows"][0]["prompts"]
    bench = polls(bodies, tmp_path)
    bench.poll()

    assert bench.values("adoption_usage") == {
        ("platform", "1d", "completions_accepted"): 4.0,
        ("platform", "1d", "completions_suggested"): 15.0,
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompts": -1}, "rows[1].prompts is the number -1, not a whole number from 0 to 2^63 - 1"),
        ({"robot": "no"}, "rows[1].robot is text, not a boolean"),
        ({"email": None}, "rows[1].email is null, not text"),
    ],
)
def test_a_value_that_cannot_be_right_costs_the_day_and_is_named(change: Bodies, words: str, tmp_path: Path) -> None:
    bodies = server()
    bodies[PLATFORM]["rows"][1].update(change)
    bench = polls(bodies, tmp_path)
    bench.poll()

    assert bench.poller().failed == {"platform": Failure("payload", f"example GET {PLATFORM}: {words}")}
    assert bench.values("adoption_active_users") == {}


def test_an_answer_about_another_day_is_refused(tmp_path: Path) -> None:
    bodies = server()
    bodies[PLATFORM]["day"] = "2026-03-08"
    bench = polls(bodies, tmp_path)
    bench.poll()

    words = f"example GET {PLATFORM}: asked for day 2026-03-09, got 2026-03-08"
    assert bench.poller().failed == {"platform": Failure("payload", words)}


def test_a_workspace_that_the_token_does_not_see_is_rejected(tmp_path: Path) -> None:
    bodies = server()
    bodies["/v1/workspaces"]["workspaces"] = []
    bench = polls(bodies, tmp_path)
    bench.poll()

    words = "example GET /v1/workspaces: the token sees no workspace platform"
    assert bench.poller().failed == {"platform": Failure("rejected", words)}


def test_without_configured_workspaces_each_one_that_the_token_sees_is_a_scope(tmp_path: Path) -> None:
    bodies = server()
    bodies["/v1/workspaces/ws-2/days/2026-03-09"] = bodies[PLATFORM]
    bodies["/v1/workspaces/ws-2/licences"] = bodies[LICENCES]
    bench = polls(bodies, tmp_path, workspaces="[]")
    bench.poll()

    assert bench.values("adoption_active_users") == {("platform", "1d"): 2.0, ("mobile", "1d"): 2.0}


def test_the_online_check_names_each_endpoint_that_refuses_the_token(tmp_path: Path) -> None:
    bodies = server()
    source = polls(bodies, tmp_path).poller().source
    assert online_check(source, NOW).problems == []

    bodies[LICENCES] = httpx.Response(403, json={"message": "billing scope needed"})
    assert online_check(source, NOW).problems == [f"platform: example GET {LICENCES}: 403: billing scope needed"]


def test_a_session_lives_from_poll_to_poll_and_another_poller_opens_its_own(tmp_path: Path) -> None:
    opened: list[ExampleSession] = []
    read_with: list[ExampleSession] = []

    def open_session() -> ExampleSession:
        opened.append(ExampleSession())
        return opened[-1]

    def scopes(context: Context) -> Sequence[str]:
        read_with.append(context.session)
        return EXAMPLE.scopes(context)

    watched = replace(EXAMPLE, open_session=open_session, scopes=scopes)
    one, other = polls(server(), tmp_path), polls(server(), tmp_path)
    for bench in (one, other):
        bench.vendors = {"example": watched}
        bench.poll()
    one.poll()

    first, second = opened
    assert [session is first for session in read_with] == [True, False, True]
    assert read_with[1] is second
    assert first.ids == {"platform": "ws-1", "mobile": "ws-2"}
