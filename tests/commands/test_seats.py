"""`seats`: names on stdout for those who may see them, and nowhere else."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from exporter.commands.seats import _written
from exporter.poll.seat_holders import HeldSeat
from exporter.simulator.server import build, serve
from tests.support.command_line import cli
from tests.support.companies import busy, utc_now

COMPANY = busy()
SEATS = [
    HeldSeat("ide", "acme", "bob@example.com", date(2026, 1, 2), None, never_used=True),
    HeldSeat("ide", "acme", "car\x1b[31mol", None, date(2026, 5, 3), never_used=False),
    HeldSeat("ide", "acme", "dave, jr", None, None, never_used=None),
]


def configured(folder: Path, url: str, per_user: str = "plain") -> str:
    (folder / "config.yaml").write_text(
        f'state: {{url: "sqlite:///{folder}/state.db"}}\n'
        f"people: {{per_user: {per_user}, pseudonym_key_file: key}}\n"
        "sources:\n"
        f'  ide: {{vendor: copilot, base_url: "{url}/copilot", token: demo-token, organizations: [acme], '
        "requests_per_minute: 100000}\n"
        f'  chat: {{vendor: augment, base_url: "{url}/augment", token: wrong-token}}\n'
    )
    (folder / "key").write_text("0123456789abcdef")
    return str(folder / "config.yaml")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a configuration, and a state that has polled once."""
    folder = tmp_path_factory.mktemp("seats")
    with serve(build(COMPANY, utc_now)) as vendors:
        config = configured(folder, vendors.url)
        assert cli("once", "--state", "--config.file", config, "--source", "ide", "--history", "40d").returncode == 0
        yield folder


@pytest.mark.slow
def test_idle_holders_are_named_on_stdout_and_in_no_other_place(filled: Path) -> None:
    done = cli("seats", "--config.file", str(filled / "config.yaml"), "--source", "ide", "--format", "json")
    never = cli(
        "seats", "--config.file", str(filled / "config.yaml"), "--source", "ide", "--format", "csv", "--never-used"
    )

    listed = json.loads(done.stdout)
    names = {seat["name"] for seat in listed}
    assert (done.returncode, never.returncode) == (0, 0)
    assert {(seat["source"], seat["scope"]) for seat in listed} == {("ide", "acme")}
    assert names
    assert names <= {person.username for person in COMPANY.roster(utc_now().date())} | {
        f"{person.username}-x" for person in COMPANY.roster(utc_now().date())
    }
    assert [line.split(" ", 2)[2] for line in done.stderr.splitlines() if "with names" in line] == [
        f'msg="a list of seats with names was made" listed={len(listed)} seats={_seats(done.stderr)}'
    ]
    assert not any(name in done.stderr for name in names)
    rows = list(csv.DictReader(io.StringIO(never.stdout)))
    assert [row["name"] for row in rows] == [seat["name"] for seat in listed if seat["never_used"]]


def _seats(log: str) -> str:
    return log.rpartition("seats=")[2].split()[0]


@pytest.mark.slow
def test_what_fails_is_told_and_the_rest_is_printed(filled: Path) -> None:
    done = cli("seats", "--config.file", str(filled / "config.yaml"))

    assert done.returncode == 0
    assert "chat: its vendor does not say who holds a seat" in done.stderr.splitlines()
    assert done.stdout.splitlines()[0].split() == [
        "source",
        "scope",
        "name",
        "since",
        "last",
        "active",
        "never",
        "used",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("per_user", ["none", "pseudonym"])
def test_names_are_refused_where_they_may_not_be_printed(tmp_path: Path, per_user: str) -> None:
    config = configured(tmp_path, "http://127.0.0.1:1", per_user)
    done = cli("seats", "--config.file", config)

    reason = "names may be printed where it is plain, which also puts them into /metrics"
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        f"people.per_user is {per_user} in {config}: {reason}\n",
    )
    assert not (tmp_path / "state.db").exists()


@pytest.mark.slow
def test_without_a_state_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    done = cli("seats", "--config.file", configured(tmp_path, "http://127.0.0.1:1"))

    assert done.returncode == 2
    assert done.stderr == f"there is no state yet: {tmp_path}/state.db is missing\n"


def test_a_list_is_a_table_a_csv_or_a_json() -> None:
    assert _written(SEATS, "csv") == (
        "source,scope,name,since,last active,never used\n"
        "ide,acme,bob@example.com,2026-01-02,,yes\n"
        "ide,acme,car�[31mol,,2026-05-03,no\n"
        'ide,acme,"dave, jr",,,\n'
    )
    assert [line.split() for line in _written(SEATS, "table").splitlines()[1:]] == [
        ["ide", "acme", "bob@example.com", "2026-01-02", "-", "yes"],
        ["ide", "acme", "car�[31mol", "-", "2026-05-03", "no"],
        ["ide", "acme", "dave,", "jr", "-", "-", "-"],
    ]
    assert json.loads(_written(SEATS, "json"))[0] == {
        "source": "ide",
        "scope": "acme",
        "name": "bob@example.com",
        "since": "2026-01-02",
        "last_active": None,
        "never_used": True,
    }
