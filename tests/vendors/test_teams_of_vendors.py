"""Teams and single users add up to the totals, for every vendor that tells what accounts did."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.config.teams_file import teams_file
from exporter.simulator.company import Company
from exporter.simulator.server import build, serve
from exporter.state.accounts import plain
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
COMPANY = Company(people=20, first_day=NOW.date() - timedelta(days=60))
VENDORS: list[tuple[str, dict[str, Any]]] = [
    ("augment", {}),
    ("coder", {}),
    ("coder-classic", {}),
    ("copilot", {"organizations": ["acme"], "identity": "saml"}),
    ("sourcegraph", {"instances": ["acme.sourcegraphcloud.com"]}),
]


def polled(vendor: str, settings: dict[str, Any], folder: Path) -> VendorPolls:
    """One poll of a month, with everybody whose number is even in team `even` by e-mail or user name."""
    people = [person for person in COMPANY.roster(NOW.date()) if person.number % 2 == 0]
    users = [user for person in people for user in (person.email, person.username)]
    path = folder / "teams.csv"
    path.write_text("user,team\n" + "".join(f"{user.upper()},even\n" for user in users))
    with serve(build(COMPANY, lambda: NOW)) as server:
        bench = VendorPolls(
            vendor,
            {
                "base_url": f"{server.url}/{vendor}",
                "token": "demo-token",
                "history": timedelta(days=28),
                "late_grace": timedelta(0),
                **settings,
            },
            NOW,
            label=plain,
            teams=teams_file(path),
        )
        assert bench.poll().failure is None
    return bench


def together(values: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """The sums over the last label."""
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for labels, value in values.items():
        sums[labels[:-1]] += value
    return dict(sums)


def above_zero(values: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    return {labels: value for labels, value in values.items() if value > 0}


@pytest.mark.parametrize(("vendor", "settings"), VENDORS, ids=[vendor for vendor, _ in VENDORS])
def test_teams_add_up_to_the_totals(vendor: str, settings: dict[str, Any], tmp_path: Path) -> None:
    bench = polled(vendor, settings, tmp_path)
    people, usage = bench.values("adoption_team_active_users"), bench.values("adoption_team_usage")
    time = bench.values("adoption_team_active_time_seconds")

    assert {labels[-1] for labels in people} == {"even", "unassigned"}
    assert together(people) == bench.values("adoption_active_users")
    assert together(usage) == above_zero(bench.values("adoption_usage"))
    assert together(time) == pytest.approx(above_zero(bench.values("adoption_active_time_seconds")), rel=1e-12)
    assert {labels[1] for labels in people} == {"1d", "7d", "28d"}
    assert usage or time


@pytest.mark.parametrize(("vendor", "settings"), VENDORS, ids=[vendor for vendor, _ in VENDORS])
def test_users_add_up_to_the_totals_less_the_rows_without_an_id(
    vendor: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    bench = polled(vendor, settings, tmp_path)
    usage, time = bench.values("adoption_user_usage"), bench.values("adoption_user_active_time_seconds")
    of_all = above_zero(bench.values("adoption_usage"))

    assert together(time) == pytest.approx(above_zero(bench.values("adoption_active_time_seconds")), rel=1e-12)
    assert together(usage).keys() == of_all.keys()
    assert all(of_all[labels] >= value for labels, value in together(usage).items())
