"""Which alerts a real Alertmanager holds back with the example's configuration, and which not."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from tests.support import real_servers
from tests.support.daemons import get, wait_until

pytestmark = pytest.mark.servers("alertmanager")

EXAMPLE = Path(__file__).parents[2] / "prometheus" / "alertmanager.yml"


def alert(name: str, scope: str = "", source: str = "search", job: str = "adoption") -> Mapping[str, str]:
    labels = {
        "alertname": name,
        "job": job,
        "source": source,
        "vendor": "sourcegraph" if source else "",
        "scope": scope,
    }
    return {label: value for label, value in labels.items() if value}


def held_back(alerts: Sequence[Mapping[str, str]], folder: Path) -> list[Mapping[str, str]]:
    """Those of the alerts that are inhibited, in their order."""
    with real_servers.alertmanager(EXAMPLE.read_text(), folder) as url:
        httpx.post(f"{url}/api/v2/alerts", json=[{"labels": labels} for labels in alerts]).raise_for_status()
        wait_until(lambda: len(get(f"{url}/api/v2/alerts").json()) == len(alerts))
        inhibited = [one["labels"] for one in get(f"{url}/api/v2/alerts").json() if one["status"]["inhibitedBy"]]
    return [labels for labels in alerts if labels in inhibited]


def test_a_scope_that_is_late_or_cannot_be_read_holds_back_its_own_drop_alone(tmp_path: Path) -> None:
    alerts = [
        alert("AdoptionDataLate", "late"),
        alert("AdoptionDropped", "late"),
        alert("AdoptionScopeFailing", "closed-down"),
        alert("AdoptionSliding", "closed-down"),
        alert("AdoptionDropped", "dropping"),
        alert("AdoptionDropped", "late", source="another"),
        alert("AdoptionDropped", "late", job="another"),
    ]

    assert held_back(alerts, tmp_path) == [alert("AdoptionDropped", "late"), alert("AdoptionSliding", "closed-down")]


def test_a_source_that_cannot_be_read_holds_back_what_is_told_of_its_scopes(tmp_path: Path) -> None:
    alerts = [
        alert("AdoptionTokenRefused"),
        alert("AdoptionPollsFailing"),
        alert("AdoptionDropped", "one"),
        alert("AdoptionDataLate", "other"),
        alert("AdoptionDropped", "one", source="another"),
        alert("AdoptionReloadFailed", source=""),
    ]

    assert held_back(alerts, tmp_path) == alerts[1:4]


def test_a_drop_is_not_told_again_by_the_week_and_the_month_in_its_scope(tmp_path: Path) -> None:
    alerts = [
        alert("AdoptionDropped", "one"),
        alert("AdoptionWeeklyDrop", "one"),
        alert("AdoptionSliding", "one"),
        alert("AdoptionWeeklyDrop", "other"),
        alert("AdoptionSliding", "another"),
    ]

    assert held_back(alerts, tmp_path) == alerts[1:3]


def test_an_exporter_that_is_gone_holds_back_what_is_told_of_its_sources_and_no_other_s(tmp_path: Path) -> None:
    alerts = [
        alert("AdoptionExporterDown", source=""),
        alert("AdoptionDropped", "one"),
        alert("AdoptionPollOverdue"),
        alert("AdoptionDropped", "one", job="another"),
    ]

    assert held_back(alerts, tmp_path) == alerts[1:3]
