"""An environment that no client can use: each command says so in one sentence, and a poll is rejected."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter.cli import commands
from exporter.daemon.exporter import Exporter
from exporter.log import scrubber
from tests.support.configurations import load_text
from tests.support.failures import failure_of
from tests.support.stores import fresh_store

ENVIRONMENTS = {
    "NO_PROXY": "fd07::/64",
    "ALL_PROXY": "socks5://alice:s3cret@127.0.0.1:1080",
    "HTTPS_PROXY": "http://alice:s3/cret@proxy.example.com:3128",
    "HTTP_PROXY": "http://s3cret..example.com:3128",
    "SSL_CERT_FILE": "/nowhere/s3cret.pem",
    "SSL_CERT_DIR": "/nowhere/s3cret",
    "SSLKEYLOGFILE": "/nowhere/s3cret",
}
CONFIG = """
state: {url: "sqlite://"}
sources:
  cody: {vendor: sourcegraph, token: t0ken, instances: [acme.example.com], base_url: "https://127.0.0.1:1"}
"""
DAYS = ("--from", "2026-11-01", "--to", "2026-11-02")
COMMANDS = {
    "once": ("once", "--config.file", "{file}"),
    "check-config": ("check-config", "{file}", "--online"),
    "backfill": ("backfill", "--config.file", "{file}", *DAYS, "--output", "{folder}/history.om"),
    "dry-run": ("backfill", "--config.file", "{file}", *DAYS, "--dry-run"),
    "sourcegraph-report": (
        *("sourcegraph-report", "--config.file", "{file}", "--source", "cody", "--instance", "acme.example.com"),
        *("--granularity", "by_user_day", "--output", "{folder}/report.csv"),
    ),
    "sourcegraph-tokens": ("sourcegraph-tokens", "list", "--base-url", "https://127.0.0.1:1"),
}


@pytest.fixture(params=ENVIRONMENTS)
def variable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a variable, set to a value that no client can use."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name in ENVIRONMENTS]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(request.param, ENVIRONMENTS[request.param])
    monkeypatch.setenv("CAS_COOKIE", "cookie-of-a-session")
    return str(request.param)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_it_in_one_sentence_without_the_value(command: str, variable: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    arguments = [argument.format(file=file, folder=tmp_path) for argument in COMMANDS[command]]
    done = CliRunner().invoke(commands, arguments)
    lines = [line for line in done.stderr.splitlines() if variable in line]

    assert (done.exit_code, len(lines)) == (1, 1)
    assert "Traceback" not in done.output
    assert [part for part in ("s3", "cret", "alice", "fd07", "nowhere") if part in done.output] == []


def test_a_poll_is_rejected_and_no_bug(variable: str, tmp_path: Path) -> None:
    source = '{vendor: augment, token: t0ken, base_url: "https://127.0.0.1:1"}'
    exporter = Exporter.open(load_text(tmp_path, f"sources: {{acme: {source}}}"), fresh_store())

    exporter.poll("acme")

    last = exporter.pollers["acme"].last
    assert last is not None
    assert (failure_of(last).reason, failure_of(last).message.split()[:2]) == ("rejected", ["augment:", variable])
    assert scrubber([])(failure_of(last).message) == failure_of(last).message
