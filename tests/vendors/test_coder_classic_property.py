"""For random people in several categories at once, Coder v1 gives what a brute-force count gives, to the nanosecond."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.coder_classic import coder_classic_app, organization_id
from exporter.simulator.coder_work import ORGANIZATIONS, Session
from exporter.simulator.server import serve
from tests.support.coder_days import NEWEST, TEAMS, Workspaces, minutes, published, window, workspaces
from tests.support.examples import examples
from tests.support.vendor_polls import VendorPolls

NOW = datetime.combine(NEWEST, time(12), UTC) + timedelta(days=1)
LENGTHS = {"1d": 1, "7d": 7, "28d": 28}
SETTINGS = {"history": timedelta(days=32), "late_grace": timedelta()}
# Which apps a category has, written down a second time so that the two can disagree.
APPS = {
    "ide": {"code-server", "jupyter"},
    "login": None,
    "app": {"jupyter"},
    "tunnel": {"vscode", "jetbrains", "ssh", "sftp"},
    "web_terminal": {"reconnecting-pty"},
}


def within(category: str, made: list[Session]) -> set[int]:
    """The minutes of somebody's day that are in a category."""
    apps = APPS[category]
    if apps is None:
        return {session.start for session in made}
    return minutes([session for session in made if session.app in apps])


def counted(company: Workspaces, teams: list[str]) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Every sample of the three windows about the workspaces of the teams, the slow and obvious way."""
    for name, length in LENGTHS.items():
        active: dict[str, set[str]] = defaultdict(set)
        samples: dict[str, int] = dict.fromkeys(["", *APPS], 0)
        for person, everything in company.of(window(length)):
            made = [session for session in everything if session.team in teams]
            for category in ["", *APPS]:
                spent = within(category, made) if category else minutes(made)
                samples[category] += len(spent)
                if spent:
                    active[category].add(person)
        yield "adoption_active_users", (name,), len(active[""])
        yield "adoption_active_time_seconds", (name,), samples[""] * 60
        for category in APPS:
            yield "adoption_usage", (name, category), samples[category]
            if samples[category]:
                yield "adoption_activity_active_users", (name, category), len(active[category])
                yield "adoption_activity_active_time_seconds", (name, category), samples[category] * 60


@pytest.mark.slow
@examples(8)
@given(company=workspaces(30), end_included=st.booleans())
def test_what_is_published_equals_a_brute_force_count(company: Workspaces, end_included: bool) -> None:
    app = coder_classic_app(company, lambda: NOW, end_included=end_included, sessions=company.sessions)
    with serve(app) as server:
        bench = VendorPolls("coder-classic", {"base_url": server.url, "token": "demo-token", **SETTINGS}, NOW)
        status = bench.poll()

    assert status.failure is None
    assert published(bench, "all") == {(metric, labels): value for metric, labels, value in counted(company, TEAMS)}


@pytest.mark.slow
@examples(3)
@given(company=workspaces(30))
def test_an_organization_equals_a_brute_force_count_of_its_workspaces(company: Workspaces) -> None:
    organizations = {organization_id(name): list(teams) for name, teams in ORGANIZATIONS.items()}
    with serve(coder_classic_app(company, lambda: NOW, sessions=company.sessions)) as server:
        given = {"base_url": server.url, "token": "demo-token", "organizations": list(organizations), **SETTINGS}
        bench = VendorPolls("coder-classic", given, NOW)
        status = bench.poll()

    assert status.failure is None
    for organization, teams in organizations.items():
        assert published(bench, organization) == {
            (metric, labels): value for metric, labels, value in counted(company, teams)
        }


Spent = Mapping[tuple[str, date], int]
people_days = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(window(28)))


@pytest.mark.slow
@examples(10)
@given(spent=st.dictionaries(people_days, st.integers(1, 2**55), min_size=1, max_size=120))
def test_time_is_exact_to_the_nanosecond_however_much_it_is(spent: Spent) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        start, end = (date.fromisoformat(request.url.params[name][:10]) for name in ("start", "end"))
        buckets = [
            {
                "time": f"{day}T00:00:00Z",
                "duration": 86_400 * 10**9,
                "user_activity": [
                    {"user_id": person, "duration": spent[person, day], "count": 1}
                    for person in "abcdefgh"
                    if (person, day) in spent
                ],
            }
            for day in (start + timedelta(days=ahead) for ahead in range((end - start).days))
        ]
        return httpx.Response(200, json={"activity": buckets, "users": None})

    bench = VendorPolls(
        "coder-classic", {"base_url": "https://coder.example.com", **SETTINGS}, NOW, httpx.MockTransport(respond)
    )
    status = bench.poll()
    sums = {
        name: sum(nanoseconds for (_, day), nanoseconds in spent.items() if day in window(length))
        for name, length in LENGTHS.items()
    }

    assert status.failure is None
    assert bench.values("adoption_active_time_seconds") == {
        ("all", name): float(Fraction(total, 10**9)) for name, total in sums.items()
    }
