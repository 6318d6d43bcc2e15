"""The Dockerfile as it is written; `make image-test` builds and runs it."""

import json
import re
import subprocess
import sysconfig
from pathlib import Path

from click.testing import CliRunner

from exporter.cli import commands

CHECKOUT = Path(__file__).parents[2]
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"

    said = subprocess.run([hadolint, "--no-color", "Dockerfile"], cwd=CHECKOUT, capture_output=True, text=True)

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_the_base_is_an_argument_and_pinned_by_its_digest() -> None:
    (base,) = re.findall(r"^ARG BASE_IMAGE=(.*)$", DOCKERFILE, re.MULTILINE)

    assert re.fullmatch(r"debian:[a-z]+-[0-9]{8}-slim@sha256:[0-9a-f]{64}", base)
    assert re.findall(r"^FROM (.*)$", DOCKERFILE, re.MULTILINE) == ["${BASE_IMAGE} AS build", "scratch"]


def test_every_instruction_starts_a_command_that_there_is() -> None:
    (entry,) = instructions("ENTRYPOINT")
    (command,) = instructions("CMD")
    (probe,) = instructions(r"HEALTHCHECK .*CMD")

    assert (entry, probe[:1]) == (["adoption-exporter"], entry)
    for arguments in (command, probe[1:]):
        assert CliRunner().invoke(commands, [*arguments, "--help"]).exit_code == 0, arguments


def test_the_build_sees_what_it_copies_and_no_configuration_or_database() -> None:
    allowed = {line.removeprefix("!") for line in ignored() if line.startswith("!")}

    assert ignored()[0] == "*"
    assert allowed == {
        *("LICENSE", "README.md", "pyproject.toml", "requirements.txt", "requirements-build.txt"),
        *("exporter", "deploy/image", "grafana/dashboards", "grafana/provisioning"),
        *("prometheus/*.yaml", "prometheus/*.yml", "docs/runbooks", "docs/configuration.yaml"),
    }
    assert [path for path in allowed if not list(CHECKOUT.glob(path))] == []


def instructions(name: str) -> list[list[str]]:
    """The command lines of an instruction in its exec form."""
    return [json.loads(line) for line in re.findall(rf"^{name} (\[.*\])$", DOCKERFILE, re.MULTILINE)]


def ignored() -> list[str]:
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]
