"""`dashboards`: the addresses to which alerts link."""

import re
from pathlib import Path

from click.testing import CliRunner

from exporter.cli import commands

ALERTS = Path("prometheus/alerts.yaml")
CHECKOUT = Path(__file__).parents[2]


def written(folder: Path, *flags: str) -> str:
    done = CliRunner().invoke(commands, ["dashboards", "--output", str(folder), *flags])
    assert done.exit_code == 0, done.output
    return (folder / ALERTS).read_text()


def test_alerts_link_to_the_given_addresses_and_are_else_the_same(tmp_path: Path) -> None:
    alerts = written(
        tmp_path, "--runbooks", "https://git.example.com/runbooks/", "--grafana", "https://grafana.example.com"
    )
    links = {link.rpartition("/")[0] for link in re.findall(r"_url: (\S+)", alerts)}

    assert links == {"https://git.example.com/runbooks", "https://grafana.example.com/d"}
    assert unlinked(alerts) == unlinked((CHECKOUT / ALERTS).read_text())


def test_without_addresses_they_link_to_the_exporter_and_to_grafana_on_this_machine(tmp_path: Path) -> None:
    assert written(tmp_path) == (CHECKOUT / ALERTS).read_text()


def unlinked(alerts: str) -> list[str]:
    return [line for line in alerts.splitlines() if "_url: " not in line]
