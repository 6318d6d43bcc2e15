"""For random people in workspaces of several templates, Coder v2 gives what a brute-force count gives."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given

from exporter.simulator.coder import coder_app
from exporter.simulator.coder_work import ORGANIZATIONS, Session
from exporter.simulator.server import serve
from tests.support.coder_days import NEWEST, TEAMS, Workspaces, minutes, published, window, workspaces
from tests.support.examples import examples
from tests.support.vendor_polls import VendorPolls

NOW = datetime.combine(NEWEST, time(12), UTC) + timedelta(days=1)
LENGTHS = {"1d": 1, "7d": 7}
SETTINGS = {"history": timedelta(days=8), "late_grace": timedelta(), "token": "demo-token"}


def capped(made: Sequence[Session], teams: Sequence[str]) -> int:
    """Somebody's minutes: those in each team's workspace are added up, to at most thirty in each half hour."""
    half_hours = [0] * 48
    for team in teams:
        for minute in minutes([session for session in made if session.team == team]):
            half_hours[minute // 30] += 1
    return sum(min(30, count) for count in half_hours)


def counted(company: Workspaces, teams: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Every sample of the windows about the workspaces of the teams, the slow and obvious way."""
    for name, length in LENGTHS.items():
        spent = [(person, made, capped(made, teams)) for person, made in company.of(window(length))]
        apps: dict[str, int] = defaultdict(int)
        for _, made, _ in spent:
            for app, team in {(session.app, session.team) for session in made if session.team in teams}:
                of_app = [session for session in made if (session.app, session.team) == (app, team)]
                apps["web_terminal" if app == "reconnecting-pty" else app.replace("-", "_")] += len(minutes(of_app))
        yield "adoption_active_users", (name,), len({person for person, _, count in spent if count})
        yield "adoption_active_time_seconds", (name,), sum(count for _, _, count in spent) * 60
        for app, count in apps.items():
            yield "adoption_activity_active_time_seconds", (name, app), count * 60


@pytest.mark.slow
@examples(10)
@given(company=workspaces(9))
def test_what_is_published_equals_a_brute_force_count(company: Workspaces) -> None:
    with serve(coder_app(company, lambda: NOW, sessions=company.sessions)) as server:
        bench = VendorPolls("coder", {"base_url": server.url, **SETTINGS}, NOW)
        status = bench.poll()

    assert status.failure is None
    assert published(bench, "all") == {(metric, labels): value for metric, labels, value in counted(company, TEAMS)}
    assert bench.values("adoption_seats") == {("all",): 4.0}


@pytest.mark.slow
@examples(5)
@given(company=workspaces(9))
def test_an_organization_equals_a_brute_force_count_of_its_workspaces(company: Workspaces) -> None:
    with serve(coder_app(company, lambda: NOW, sessions=company.sessions)) as server:
        given = {"base_url": server.url, "organizations": list(ORGANIZATIONS), **SETTINGS}
        bench = VendorPolls("coder", given, NOW)
        status = bench.poll()

    assert status.failure is None
    for organization, teams in ORGANIZATIONS.items():
        assert published(bench, organization) == {
            (metric, labels): value for metric, labels, value in counted(company, teams)
        }
