"""compose.yaml: by the format's schema, and whether what it names is there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner

from exporter.cli import commands
from tests.support import real_servers

CHECKOUT = Path(__file__).parents[2]
FILE = CHECKOUT / "compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]


def mounts(service: str) -> dict[str, str]:
    """The files and folders of the checkout that a service sees, by the path where it does."""
    pairs = [volume.split(":") for volume in SERVICES[service].get("volumes", [])]
    return {pair[1]: pair[0] for pair in pairs if pair[0].startswith("./")}


def test_it_fits_the_schema_of_compose_files() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]

    said = subprocess.run(command, capture_output=True, text=True)

    assert said.returncode == 0, said.stdout


def test_it_starts_the_exporter_prometheus_alertmanager_and_grafana() -> None:
    assert list(SERVICES) == ["exporter", "prometheus", "alertmanager", "grafana"]


def test_every_mounted_path_is_there_and_cannot_be_written() -> None:
    found = [(path, (CHECKOUT / path).exists()) for service in SERVICES for path in mounts(service).values()]
    modes = {
        volume.split(":")[2:] == ["ro"]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    }

    assert [path for path, there in found if not there] == []
    assert modes == {True}


def test_images_of_others_are_pinned_and_ours_is_built_here() -> None:
    images = {name: service["image"] for name, service in SERVICES.items()}

    assert (images.pop("exporter"), SERVICES["exporter"]["build"]) == ("adoption-exporter", ".")
    assert [image for image in images.values() if not re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", image)] == []


def test_nothing_is_reached_from_beyond_this_machine_and_nothing_has_a_right() -> None:
    for name, service in SERVICES.items():
        assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in service["ports"]), name
        assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (
            *(True, ["ALL"]),
            ["no-new-privileges:true"],
        )


def test_the_exporter_is_a_demo_that_listens_where_the_others_look_for_it() -> None:
    command = SERVICES["exporter"]["command"]

    assert CliRunner().invoke(commands, [*command, "--help"]).exit_code == 0
    assert command == ["demo", "--web.listen-address", "0.0.0.0:10723"]


def test_prometheus_asks_and_tells_the_services_of_this_file() -> None:
    settings = yaml.safe_load((CHECKOUT / mounts("prometheus")["/etc/prometheus/prometheus.yml"]).read_text())
    (job,) = settings["scrape_configs"]
    (alertmanager,) = settings["alerting"]["alertmanagers"]

    assert job["static_configs"] == [{"targets": ["exporter:10723"]}]
    assert alertmanager["static_configs"] == [{"targets": ["alertmanager:9093"]}]


@pytest.mark.servers("promtool")
def test_prometheus_finds_its_rules_where_they_are_mounted(tmp_path: Path) -> None:
    for target, source in mounts("prometheus").items():
        shutil.copy(CHECKOUT / source, tmp_path / Path(target).name)

    checked = real_servers.promtool("check", "config", tmp_path / "prometheus.yml")

    assert checked.returncode == 0, checked.stderr
    assert "2 rule files found" in checked.stdout


@pytest.mark.servers("prometheus")
def test_prometheus_keeps_history_that_is_backfilled(tmp_path: Path) -> None:
    """The image's own flags are gone where a command is given: what is mounted must be named again."""
    command = SERVICES["prometheus"]["command"]
    files = {flag: path for flag, _, path in (argument.partition("=") for argument in command)}
    assert files["--config.file"] in mounts("prometheus")
    assert f"prometheus:{files['--storage.tsdb.path']}" in SERVICES["prometheus"]["volumes"]
    others = [argument for argument in command if not argument.startswith(("--config.file=", "--storage.tsdb.path="))]

    with real_servers.prometheus("", tmp_path, *others) as url:
        flags = httpx.get(f"{url}/api/v1/status/flags").json()["data"]

    assert flags["storage.tsdb.retention.time"] == "3y"


def test_grafana_finds_its_dashboards_and_prometheus_where_its_provisioning_says() -> None:
    provisioning = CHECKOUT / mounts("grafana")["/etc/grafana/provisioning"]
    (provider,) = provisioned(provisioning / "dashboards", "providers")
    (datasource,) = provisioned(provisioning / "datasources", "datasources")

    assert list((CHECKOUT / mounts("grafana")[provider["options"]["path"]]).glob("*.json"))
    assert datasource["url"] == "http://prometheus:9090"


def provisioned(folder: Path, key: str) -> list[dict[str, Any]]:
    return [item for path in sorted(folder.glob("*.yaml")) for item in yaml.safe_load(path.read_text())[key]]
