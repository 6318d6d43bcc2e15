"""The unit file: what systemd says of it, and that the exporter lives with it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter.cli import commands
from exporter.commands.demo import write_people
from exporter.simulator.server import build, serve
from tests.support.companies import busy, utc_now
from tests.support.confined import settings
from tests.support.daemons import PATIENCE, daemon
from tests.support.service_manager import service_manager

UNIT = Path(__file__).parents[2] / "systemd" / "adoption-exporter.service"
PROGRAM = "/opt/adoption-exporter/bin/adoption-exporter"
MOST_EXPOSURE = 1.5

CONFIG = (
    'state: {url: "sqlite://"}\nsources: {tool: {vendor: augment, base_url: "http://127.0.0.1:1", token: secret}}\n'
)


@pytest.mark.servers("systemd-analyze")
def test_systemd_has_nothing_to_say_against_the_unit(tmp_path: Path) -> None:
    assert verified(UNIT.read_text(), tmp_path) == ""


@pytest.mark.servers("systemd-analyze")
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("[Service]", "[Service]\nDynamicUsers=yes"), "DynamicUsers"),
        (("WatchdogSec=1min", "WatchdogSec=soon"), "Failed to parse"),
        (("LoadCredential=token:", "LoadCredential="), "Credential name"),
    ],
)
def test_a_mistake_in_the_unit_would_be_seen(change: tuple[str, str], complaint: str, tmp_path: Path) -> None:
    assert complaint in verified(UNIT.read_text().replace(*change), tmp_path)


@pytest.mark.servers("systemd-analyze")
def test_the_unit_is_closed_as_far_as_an_exporter_can_be() -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE * 10:.0f}", str(UNIT)]

    said = subprocess.run(command, capture_output=True, text=True)

    exposure = re.search(r"Overall exposure level .*: ([\d.]+)", said.stdout)
    assert (said.returncode, said.stderr) == (0, "")
    assert exposure is not None
    assert float(exposure[1]) <= MOST_EXPOSURE


def test_the_unit_starts_a_command_that_there_is() -> None:
    program, *arguments = shlex.split(settings(UNIT)["ExecStart"][0])

    told = CliRunner().invoke(commands, [*arguments, "--help"])

    assert program == PROGRAM
    assert (told.exit_code, told.output.split("\n")[0]) == (0, "Usage: commands run [OPTIONS]")


def test_a_reload_needs_no_program_but_the_shell_whose_kill_is_its_own() -> None:
    # A small Debian has no program kill: it comes with the package procps.
    assert settings(UNIT)["ExecReload"] == ["/bin/sh -c 'kill -HUP $MAINPID'"]


def test_the_process_metrics_stay_visible() -> None:
    assert "ProcSubset" not in settings(UNIT)


@pytest.mark.servers("systemd-analyze")
def test_every_vendor_is_read_under_the_units_system_call_filters(tmp_path: Path) -> None:
    company = busy()
    write_people(company, utc_now().date(), tmp_path)
    with serve(build(company, utc_now)) as simulators:
        demo = Path("exporter/commands/demo.yaml").resolve()
        command = [sys.executable, "-m", "exporter", "once", "--config.file", str(demo), "--history", "2d"]
        said = subprocess.run(
            [sys.executable, "-m", "tests.support.confined", str(UNIT), *command],
            env={**os.environ, **environment(), "SIMULATOR": simulators.url, "PEOPLE": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    polled = re.findall(r"^adoption_exporter_poll_success\{.*\} ([\d.]+)$", said.stdout, re.MULTILINE)
    assert said.returncode == 0, said.stderr
    assert set(polled) == {"1.0"}


@pytest.mark.servers("systemd-analyze")
def test_a_call_that_is_not_allowed_fails_under_the_filters() -> None:
    denied = "import os, mmap\ntry: mmap.mmap(-1, 4096, prot=7)\nexcept PermissionError: os.setpriority(0, 0, 5)"

    said = subprocess.run(
        [sys.executable, "-m", "tests.support.confined", str(UNIT), sys.executable, "-c", denied],
        capture_output=True,
        text=True,
    )

    assert said.stderr.splitlines()[-1] == "PermissionError: [Errno 1] Operation not permitted"


@pytest.mark.slow
def test_the_daemon_tells_systemd_when_it_serves_that_it_lives_and_when_it_stops(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    with (
        service_manager(tmp_path / "notify") as heard,
        daemon(
            tmp_path,
            *("run", "--config.file", str(config)),
            **environment(),
            NOTIFY_SOCKET=str(tmp_path / "notify"),
            WATCHDOG_USEC="2000000",
        ) as running,
    ):
        first = next(heard)
        assert running.get("/-/healthy").is_success
        petted = [next(heard), next(heard)]
        code = running.stop()
        last = [message for message in heard if message != "WATCHDOG=1"]

    assert first == f"READY=1\nSTATUS=Serving {running.url}"
    assert petted == ["WATCHDOG=1", "WATCHDOG=1"]
    assert (last, code) == (["STOPPING=1"], 0)


def environment() -> dict[str, str]:
    """The environment variables that the unit sets."""
    return dict(value.split("=", 1) for value in settings(UNIT)["Environment"])


def verified(unit: str, folder: Path) -> str:
    """What `systemd-analyze verify` says of a unit, whose program need not be installed here."""
    path = folder / UNIT.name
    path.write_text(unit.replace(PROGRAM, sys.executable))
    return subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True).stderr
