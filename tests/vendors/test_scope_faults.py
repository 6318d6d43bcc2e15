"""One scope of a vendor that has several is refused, cut off or answered with nonsense: no other knows of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from exporter.simulator import coder, coder_classic
from exporter.simulator.coder_work import ORGANIZATIONS
from exporter.simulator.company import Company
from exporter.simulator.server import build, serve
from tests.support.failures import failure_of
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TWO_DAYS = {"history": timedelta(days=2)}


@dataclass(frozen=True)
class Several:
    """A source with several scopes, and whether a request is about one of them; `bad` is not to be read."""

    vendor: str
    settings: dict[str, Any]
    scopes: Sequence[str]
    bad: str
    is_about: Callable[[httpx.Request, str], bool]


NAMES = sorted(ORGANIZATIONS)
CLASSIC = sorted(map(coder_classic.organization_id, NAMES))
PROJECTS = {"11": "platform/portal", "12": "platform/docs/handbook"}
INSTANCES = ["acme.sourcegraphcloud.com", "sourcegraph.example.com"]
EVERY = [
    Several(
        "sourcegraph",
        {"instances": INSTANCES},
        INSTANCES,
        INSTANCES[0],
        lambda request, scope: request.url.params.get("instanceURL") == scope,
    ),
    Several(
        "gitlab",
        {"projects": list(PROJECTS.values())},
        list(PROJECTS.values()),
        PROJECTS["11"],
        lambda request, scope: any(
            f"/projects/{number}/product" in request.url.path for number, path in PROJECTS.items() if path == scope
        ),
    ),
    Several(
        "coder",
        {"organizations": NAMES},
        NAMES,
        NAMES[0],
        lambda request, scope: f"/organizations/{coder.organization_id(scope)}/" in request.url.path,
    ),
    Several(
        "coder-classic",
        {"organizations": CLASSIC},
        CLASSIC,
        CLASSIC[0],
        lambda request, scope: request.url.params.get("org") == scope,
    ),
    Several(
        "copilot",
        {"organizations": ["acme", "acme-data"]},
        ["acme", "acme-data"],
        "acme",
        lambda request, scope: f"/orgs/{scope}/" in request.url.path,
    ),
]
FAULTS: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "403": lambda _: httpx.Response(403, json={"message": "403 Forbidden"}),
    "404": lambda _: httpx.Response(404, json={"message": "404 Not Found"}),
    "302": lambda _: httpx.Response(302, headers={"Location": "https://elsewhere.example.com/"}),
    "500": lambda _: httpx.Response(500),
    "429": lambda _: httpx.Response(429),
    "no JSON and no CSV": lambda _: httpx.Response(200, content=b"\xff<html>"),
}


@dataclass
class Faulty(httpx.BaseTransport):
    """The simulator, with a fault where a request is about one of `bad`."""

    several: Several
    fault: Callable[[httpx.Request], httpx.Response]
    bad: Sequence[str] = ()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if any(self.several.is_about(request, scope) for scope in self.bad):
            return self.fault(request)
        with httpx.HTTPTransport() as real:
            answer = real.handle_request(request)
            assert isinstance(answer.stream, httpx.SyncByteStream)
            return httpx.Response(answer.status_code, headers=answer.headers, content=b"".join(answer.stream))


@pytest.fixture(scope="module")
def simulators() -> Iterator[str]:
    """The address of every simulated vendor, each under its name."""
    company = Company(people=30, first_day=date(2026, 1, 1), rests=False)
    with serve(build(company, lambda: NOW)) as server:
        yield server.url


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("several", EVERY, ids=lambda several: several.vendor)
def test_a_fault_of_one_scope_is_told_for_it_alone_and_the_next_poll_recovers(
    simulators: str, several: Several, fault: str
) -> None:
    faulty = Faulty(several, FAULTS[fault], [several.bad])
    settings = {"token": "demo-token", "base_url": f"{simulators}/{several.vendor}", **TWO_DAYS, **several.settings}
    made = VendorPolls(several.vendor, settings, NOW, faulty)
    good = [scope for scope in several.scopes if scope != several.bad]

    status = made.poll()
    assert (status.success, list(made.poller().failed)) == (True, [several.bad])
    assert {scope: made.own("scope_success", scope=scope) for scope in several.scopes} == {
        **dict.fromkeys(good, 1),
        several.bad: 0,
    }
    assert made.own("poll_success") == 1
    assert sorted(scope for (scope,) in made.values("adoption_data_day_timestamp_seconds")) == sorted(good)

    faulty.bad = several.scopes
    made.now += timedelta(hours=1)
    assert failure_of(made.poll())
    assert made.own("poll_success") == 0
    # What was read stays, as it does with every outage.
    assert sorted(scope for (scope,) in made.values("adoption_data_day_timestamp_seconds")) == sorted(good)

    faulty.bad = ()
    made.now += timedelta(hours=1)
    assert (made.poll().success, made.poller().failed) == (True, {})
    assert {scope: made.own("scope_success", scope=scope) for scope in several.scopes} == dict.fromkeys(
        several.scopes, 1
    )
    assert sorted(scope for (scope,) in made.values("adoption_data_day_timestamp_seconds")) == sorted(several.scopes)
