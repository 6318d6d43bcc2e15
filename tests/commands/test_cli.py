"""The command line as a process: what it prints where, and its exit codes."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.model import Reading
from exporter.simulator.augment import augment_app
from exporter.simulator.server import VENDORS, serve
from exporter.simulator.sourcegraph import sourcegraph_app
from exporter.state.store import Store
from tests.publish.test_label_texts import ODD
from tests.support.command_line import cli, process
from tests.support.companies import busy, utc_now
from tests.support.daemons import PATIENCE
from tests.support.made_up_vendor import people

pytestmark = pytest.mark.slow

BY_TEAM = "adoption_team_active_users"


@pytest.fixture(scope="module")
def augment() -> Iterator[str]:
    """The address of a simulated Augment server."""
    with serve(augment_app(busy(), utc_now)) as server:
        yield server.url


def configured(folder: Path, **sources: str) -> str:
    """A configuration of Augment sources, given as their flow mappings."""
    path = folder / "config.yaml"
    blocks = [f"  {name}: {{vendor: augment, requests_per_minute: 100000, {block}}}" for name, block in sources.items()]
    path.write_text("\n".join([f'state: {{url: "sqlite:///{folder}/state.db"}}', "sources:", *blocks]))
    return str(path)


def series(exposition: str, name: str) -> list[str]:
    return [line for line in exposition.splitlines() if line.startswith(f"{name}{{")]


def test_once_prints_the_exposition_on_stdout_and_the_log_on_stderr(tmp_path: Path, augment: str) -> None:
    done = cli("once", "--config.file", configured(tmp_path, a=f'token: demo-token, base_url: "{augment}"'))

    assert done.returncode == 0
    assert len(series(done.stdout, "adoption_active_users")) == 3
    assert series(done.stdout, "adoption_exporter_poll_success") == [
        'adoption_exporter_poll_success{source="a",vendor="augment"} 1.0'
    ]
    assert [line.split()[2:4] for line in done.stderr.splitlines()] == [['msg="poll', 'finished"']]
    assert not (tmp_path / "state.db").exists()


@pytest.mark.parametrize("form", ["text", "openmetrics", "json"])
def test_once_prints_nothing_of_a_process_that_ends(tmp_path: Path, augment: str, form: str) -> None:
    """In node_exporter's textfile directory they would be other processes' series once more."""
    config = configured(tmp_path, a=f'token: demo-token, base_url: "{augment}"')
    done = cli("once", "--config.file", config, "--history", "1d", "--format", form)

    found = set(re.findall(r"\b(?:process|python)_\w+", done.stdout)) - {"python_version"}
    assert (done.returncode, found) == (0, set())
    assert "adoption_exporter_build_info" in done.stdout


@pytest.mark.parametrize("form", ["text", "openmetrics", "json"])
def test_once_prints_a_label_byte_by_byte(tmp_path: Path, augment: str, form: str) -> None:
    """What a terminal would obey too, wherever the output goes and whatever the locale is."""
    team = f"a{''.join(ODD)}z"
    config = configured(tmp_path, a=f'token: demo-token, base_url: "{augment}"')
    with (tmp_path / "config.yaml").open("a") as file:
        file.write("\nteams: {file: teams.csv}\n")
    with (tmp_path / "teams.csv").open("w", encoding="utf-8", newline="") as file:
        everybody = busy().roster(utc_now().date())
        csv.writer(file).writerows([("user", "team"), *((person.email, team) for person in everybody)])

    command = [sys.executable, "-m", "exporter", "once", "--config.file", config, "--history", "7d", "--format", form]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env={**os.environ, "LC_ALL": "POSIX"})

    printed = done.stdout.decode()
    if form == "json":
        found = {series["labels"]["team"] for series in json.loads(printed) if series["metric"] == BY_TEAM}
    else:
        families = parse_text(printed) if form == "text" else parse_openmetrics(printed)
        found = {series.labels["team"] for family in families if family.name == BY_TEAM for series in family.samples}
    assert found - {"unassigned"} == {team}


def test_a_name_that_was_another_vendors_is_refused_in_one_line(tmp_path: Path) -> None:
    config = configured(tmp_path, tool='token: demo-token, base_url: "http://127.0.0.1:1"')
    store = Store.open(f"sqlite:///{tmp_path}/state.db")
    with store.database.write() as connection:
        store.adopt(connection, "tool", "coder")
    store.replace("tool", "all", Reading(date(2026, 3, 9), people(1)), now=utc_now(), requests=1)
    store.close()
    done = process("run", "--config.file", config, "--web.listen-address", "127.0.0.1:0")

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "sources.tool.vendor: the state holds days of coder under this name: choose another name for the new source\n",
    )


def test_once_prints_what_succeeded_and_exits_with_1_where_a_source_failed(tmp_path: Path, augment: str) -> None:
    config = configured(
        tmp_path,
        good=f'token: demo-token, base_url: "{augment}"',
        bad=f'token: wrong-token, base_url: "{augment}"',
    )
    done = cli("once", "--config.file", config, "--history", "1d")

    assert done.returncode == 1
    assert [line.partition('source="')[2][:4] for line in series(done.stdout, "adoption_active_users")] == ["good"] * 3
    assert 'adoption_exporter_poll_failures_total{reason="rejected",source="bad",vendor="augment"} 1.0' in done.stdout
    assert "wrong-token" not in done.stdout + done.stderr


def test_once_exits_with_1_where_one_scope_failed_and_the_poll_did_not(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    with serve(sourcegraph_app(busy(), utc_now)) as server:
        config.write_text(
            f'sources: {{cody: {{vendor: sourcegraph, token: demo-token, base_url: "{server.url}", '
            "instances: [acme.sourcegraphcloud.com, gone.sourcegraphcloud.com]}}"
        )
        done = cli("once", "--config.file", str(config), "--history", "2d")

    assert done.returncode == 1
    assert series(done.stdout, "adoption_exporter_scope_success") == [
        'adoption_exporter_scope_success{scope="acme.sourcegraphcloud.com",source="cody",vendor="sourcegraph"} 1.0',
        'adoption_exporter_scope_success{scope="gone.sourcegraphcloud.com",source="cody",vendor="sourcegraph"} 0.0',
    ]
    assert series(done.stdout, "adoption_exporter_poll_success") == [
        'adoption_exporter_poll_success{source="cody",vendor="sourcegraph"} 1.0'
    ]
    assert len(series(done.stdout, "adoption_active_users")) == 1


def test_once_polls_only_the_named_sources_and_keeps_the_state_when_asked(tmp_path: Path, augment: str) -> None:
    block = f'token: demo-token, base_url: "{augment}"'
    config = configured(tmp_path, a=block, b=block)
    done = cli("once", "--config.file", config, "--source", "b", "--history", "2d", "--format", "json", "--state")
    values = {
        (entry["labels"]["source"], entry["labels"].get("window")): entry["value"]
        for entry in json.loads(done.stdout)
        if entry["metric"] == "adoption_active_users"
    }

    assert done.returncode == 0
    assert values.keys() == {("b", "1d"), ("b", "7d"), ("b", "28d")}
    assert (tmp_path / "state.db").exists()


def test_once_counts_the_company_over_all_sources_and_not_over_some(tmp_path: Path, augment: str) -> None:
    block = f'token: demo-token, base_url: "{augment}"'
    config = configured(tmp_path, a=block, b=block)
    both, one = [
        cli("once", "--config.file", config, "--history", "1d", *sources).stdout
        for sources in ((), ("--source", "a", "--source", "b"))
    ]

    [people] = {line.split()[1] for line in series(both, "adoption_active_users") if 'window="1d"' in line}
    assert series(both, "adoption_company_active_users") == [f'adoption_company_active_users{{window="1d"}} {people}']
    assert series(both, "adoption_company_users_by_tools") == [
        f'adoption_company_users_by_tools{{tools="2",window="1d"}} {people}'
    ]
    assert "adoption_company_" not in one


def test_openmetrics_ends_as_it_must(tmp_path: Path, augment: str) -> None:
    config = configured(tmp_path, a=f'token: demo-token, base_url: "{augment}"')
    done = cli("once", "--config.file", config, "--history", "1d", "--format", "openmetrics")

    assert done.stdout.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("arguments", "errors"),
    [
        (["once"], ["Missing option '--config.file'."]),
        (["once", "--config.file", "no-such.yaml"], ["no-such.yaml: cannot be read: No such file or directory"]),
        (["fly"], ["No such command 'fly'."]),
        (["completion"], ["Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish"]),
        (["run", "--config.file", "x", "--log.level", "loud"], None),
        (["demo", "--web.listen-address", "nowhere"], None),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(arguments: list[str], errors: list[str] | None) -> None:
    done = cli(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert errors is None or done.stderr.splitlines() == errors


@pytest.mark.parametrize("arguments", [[], ["sourcegraph-tokens"]])
def test_without_a_command_the_help_is_shown_line_by_line(arguments: list[str]) -> None:
    done = cli(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(" ".join(["Usage: adoption-exporter", *arguments, "[OPTIONS] COMMAND [ARGS]...\n"]))


def test_a_configuration_error_is_one_line_for_each_mistake(tmp_path: Path) -> None:
    config = configured(tmp_path, a="tokn: x, interval: soon")
    done = process("run", "--config.file", config)

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"{config}: sources.a: needs token or token_file",
        f'{config}: sources.a.tokn: unknown key, did you mean "token"?',
        f'{config}: sources.a.interval: must be a duration such as 90s, 30m, 1h30m or 7d, not "soon"',
    ]


def test_an_unknown_source_is_a_usage_error(tmp_path: Path) -> None:
    done = cli("once", "--config.file", configured(tmp_path, a="token: x"), "--source", "b")

    assert done.returncode == 2
    assert done.stderr.splitlines() == ["Invalid value for --source: there is no source b in the configuration"]


def test_an_address_that_is_taken_is_said_in_one_line(tmp_path: Path, augment: str) -> None:
    address = augment.removeprefix("http://")
    done = process("demo", "--web.listen-address", address)

    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"cannot listen on {address}: Address already in use"]


def test_check_config_online_says_which_credential_is_refused(tmp_path: Path, augment: str) -> None:
    good = f'token: demo-token, base_url: "{augment}"'
    bad = f'token: wrong-token, base_url: "{augment}"'
    teams = tmp_path / "teams.csv"
    days = [utc_now().date() - timedelta(days=back) for back in range(30)]
    everybody = sorted({person.email for day in days for person in busy().roster(day)})
    teams.write_text("Email;Team\n" + "".join(f"{email};web\n" for email in everybody))
    path = Path(configured(tmp_path, a=good))
    path.write_text(f"teams: {{file: {teams}}}\n{path.read_text()}")
    fine = cli("check-config", str(path), "--online")
    refused = cli("check-config", configured(tmp_path, a=good, b=bad), "--online")

    assert (fine.returncode, fine.stderr) == (0, "")
    assert fine.stdout.startswith(f"{path}: ok, 1 source answered\n  teams file {teams}: ")
    assert re.search(r"    teams file: knows ([1-9]\d*) of \1 people of ", fine.stdout)
    assert refused.returncode == 1
    assert refused.stdout.startswith(f"{path}: 2 sources, not all of them answered\n  a (augment)\n")
    assert refused.stderr.startswith(
        f"{tmp_path}/config.yaml: sources.b: all: augment GET /analytics/v0/dau-count: 401"
    )


def test_simulate_says_where_each_vendor_is_and_the_token_and_ends_on_a_signal() -> None:
    command = [sys.executable, "-m", "exporter", "simulate", "--listen", "127.0.0.1:0", "--people", "3", "--days", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        urls = [process.stderr.readline().removeprefix("base_url: ").strip() for _ in VENDORS]
        token = process.stderr.readline()
        answers = [httpx.get(f"{url}/", timeout=PATIENCE).status_code for url in urls]
        process.terminate()
        code = process.wait(PATIENCE)

    assert [url.rpartition("/")[2] for url in urls] == sorted(VENDORS)
    assert token == "token: demo-token\n"
    assert [answer for answer in answers if not 400 <= answer < 500] == []
    assert code == 0
