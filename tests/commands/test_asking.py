"""Commands that ask a running exporter."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import bcrypt
import click
import pytest
from click.testing import CliRunner, Result
from starlette.responses import PlainTextResponse

from exporter.cli import commands
from exporter.commands.status import watched
from exporter.publish.status import Report
from exporter.publish.team_match import TeamMatch
from exporter.web.access import Guard, WebAccess
from exporter.web.status_json import as_json
from tests.support.certificates import certificate
from tests.support.daemons import PATIENCE
from tests.support.reports import Web, everything, report, scope, source
from tests.support.web_server import serving


@contextmanager
def exporter(made: Report, web_file: Path | None = None) -> Iterator[str]:
    """The address of an exporter with this report."""
    access = WebAccess.open(web_file)
    with serving(Guard(Web(report=made).application("/adoption"), access), tls=lambda: access.config.tls) as address:
        yield f"{'https' if access.config.tls else 'http'}://{address}/adoption"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def without_trailing_spaces(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_status_is_a_plain_table_where_nobody_looks_at_it() -> None:
    with exporter(report(source("assistant"), source("cody", scope("acme.example.com", 7)))) as url:
        answer = run("status", "--url", url)

    assert (answer.exit_code, without_trailing_spaces(answer.output).splitlines()) == (
        0,
        [
            "source     scope             health  data day    late  1d  7d  28d  workday     people  usual  polled",
            "assistant  all               ok      2026-03-09     0  40  80  120  2026-03-09      40   40.5  4 min ago",
            "cody       acme.example.com  ok      2026-03-09     0   7  14   21  2026-03-09       7    7.5  4 min ago",
        ],
    )


def test_status_prints_the_document_and_fails_where_the_table_would() -> None:
    with exporter(report(source("assistant"))) as url:
        fine = run("status", "--url", url, "--format", "json")
    with exporter(report(replace(source("assistant"), health="failing"))) as url:
        failing = run("status", "--url", url, "--format", "json")

    assert (fine.exit_code, json.loads(fine.output)) == (0, as_json(report(source("assistant"))))
    assert (failing.exit_code, json.loads(failing.output)["sources"][0]["health"]) == (1, "failing")


def test_status_says_that_a_match_is_withheld() -> None:
    with exporter(report(replace(source(), teams=TeamMatch(42, None)))) as url:
        answer = run("status", "--url", url)

    assert answer.output.splitlines()[-1] == (
        "assistant: how many of 42 people the teams file knows is withheld (min_group_size)"
    )


EVERYTHING = """\
source  scope  health  data day  late  1d  7d  28d  workday  people  usual  polled
assistant  all  ok  2026-03-09  0  40  80  120  2026-03-09  40  40.5  4 min ago
cody  acme.sourcegraphcloud.com  ok  2026-03-09  0  12345  24690  37035  2026-03-09  12345  12345.5  4 min ago
cody  a-very-long-name-of-some.example.com  ok  2026-03-09  0  0  0  0  2026-03-09  0  0.5  4 min ago
product  group/late  late  2026-03-07  2  40  80  120  2026-03-06  38  -  4 min ago
product  group/broken  failing  2026-03-09  0  40  80  120  2026-03-09  40  40.5  4 min ago
product  group/<script>alert(1)</script>  ok  2026-03-09  0  40  80  120  2026-03-09  40  40.5  4 min ago
product  group/new  no_data  -  -  -  -  -  -  -  -  4 min ago
old  all  withdrawn  -  -  -  -  -  -  -  -  4 min ago
late  all  late  2026-03-07  2  40  80  120  -  -  -  4 min ago
new  -  pending  -  -  -  -  -  -  -  -  -

assistant: the teams file knows 40 of 42 people

product, group/broken: gitlab POST /load: 503 in 4 attempts
  The vendor's server is out of order. There is nothing to do here but wait: polls go on.

old: augment GET /dau: 401, the token was refused; check token/token_file
  The token is wrong, expired or revoked: put a new one in (token_file, or token and reload).

The configuration was not taken: config.yaml: sources.new.intervall: unknown key, did you mean "interval"?
"""


def test_status_exits_with_1_where_a_source_fails_and_says_what_to_do() -> None:
    with exporter(everything()) as url:
        answer = run("status", "--url", url)

    table, told = without_trailing_spaces(answer.output).split("\n\n", 1)
    # The first test shows that columns are aligned.
    assert (answer.exit_code, f"{re.sub(' {2,}', '  ', table)}\n\n{told}") == (1, EVERYTHING)


def test_a_healthy_exporter_is_healthy() -> None:
    with exporter(everything()) as url:
        assert (run("healthcheck", "--url", url).exit_code, run("healthcheck", "--url", f"{url}/").output) == (0, "")


def test_an_exporter_that_polls_no_more_is_not_healthy() -> None:
    with serving(Web(healthy=False).application()) as address:
        answer = run("healthcheck", "--url", f"http://{address}")

    assert (answer.exit_code, answer.stderr) == (1, f"http://{address} answers 503 for /-/healthy\n")


def test_a_watch_prints_the_page_again_after_each_pause(capsys: pytest.CaptureFixture[str]) -> None:
    pages = iter(["one", "two", "three"])

    watched(lambda: next(pages), [None, None])

    assert capsys.readouterr().out == "one\n\ntwo\n\nthree\n"


def test_a_watch_begins_each_page_at_the_top_of_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    pages = iter(["one", "two"])

    watched(lambda: next(pages), [None])

    assert capsys.readouterr().out == "\x1b[H\x1b[Jone\n\x1b[H\x1b[Jtwo\n"


@pytest.mark.slow
def test_a_watch_goes_on_without_an_answer_and_ends_by_ctrl_c_without_a_word() -> None:
    command = [sys.executable, "-m", "exporter", "status", "--url", "http://127.0.0.1:1", "--watch", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)

    failure = "http://127.0.0.1:1 does not answer: [Errno 111] Connection refused\n"
    assert (process.returncode, told, errors) == (0, [failure, "\n", failure], "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--watch", "--format", "json"], "--watch prints a table: it cannot be set beside --format json."),
        (["--watch", "0"], "Invalid value for '--watch': 0.0 is not in the range 1<=x<=86400."),
    ],
)
def test_a_watch_that_cannot_be_is_refused(arguments: list[str], words: str) -> None:
    answer = run("status", *arguments)

    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.splitlines()[-1] == f"Error: {words}"


@pytest.mark.parametrize("command", ["status", "healthcheck"])
def test_whoever_does_not_answer_is_a_failure_without_a_traceback(command: str) -> None:
    with exporter(report()) as url:
        elsewhere = run(command, "--url", f"{url}/elsewhere")
    silent = run(command, "--url", "http://alice:s3cret@127.0.0.1:1")
    nonsense = run(command, "--url", "nonsense")

    assert (elsewhere.exit_code, elsewhere.stderr.splitlines()) == (
        1,
        [f"{url}/elsewhere answers 404 for /{'-/healthy' if command == 'healthcheck' else 'api/v1/status'}"],
    )
    assert (silent.exit_code, silent.stderr) == (
        1,
        "http://127.0.0.1:1 does not answer: [Errno 111] Connection refused\n",
    )
    assert nonsense.exit_code == 2
    assert "must be an address such as http://127.0.0.1:10723" in nonsense.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://alice:s3/cret@127.0.0.1:1", "must be an address such as http://127.0.0.1:10723"),
        ("http://alice:s3@cret@127.0.0.1:1", "must be an address such as http://127.0.0.1:10723"),
        ("http://alice:s3cret@127.0.0.1:port", "must be an address such as https://host.example.com:8443/path"),
        ("http://alice:s3cret@[::1", "must be an address such as https://host.example.com:8443/path"),
        ("http://alice:s3cret@adoption..example.com", "must have a host without an empty part"),
        (f"http://alice:s3cret@{'a' * 70}.example.com", "must have a host whose parts between dots have at most 63"),
        ("http://alice:s3cret@xn--a", "must have a host whose parts that begin with xn-- are in punycode"),
        ("http://alice:s3cret@256.1.1.1", "must have an IPv4 address such as 127.0.0.1"),
    ],
)
@pytest.mark.parametrize("command", ["status", "healthcheck"])
def test_an_address_that_nobody_can_ask_is_a_mistake_and_its_password_stays_hidden(
    command: str, url: str, words: str
) -> None:
    answer = CliRunner().invoke(commands, [command], env={"ADOPTION_EXPORTER_URL": url})

    assert answer.exit_code == 2
    assert "Invalid value for '--url' (env var: 'ADOPTION_EXPORTER_URL'): " + words in answer.output
    assert [part for part in ("s3", "cret") if part in answer.output] == []


@pytest.mark.parametrize("command", ["status", "healthcheck"])
def test_what_no_client_can_be_made_of_is_a_mistake_that_names_it(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    monkeypatch.setenv("HTTPS_PROXY", "http://alice:s3/cret@proxy:3128")
    without = run(command, "--url", "https://127.0.0.1:1", "--ca-file", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSLKEYLOGFILE", f"{tmp_path}/s3cret/log")
    unwritable = run(command, "--url", "https://127.0.0.1:1")

    assert (without.exit_code, unwritable.exit_code) == (2, 2)
    assert "Error: --ca-file cannot be used: it holds no certificates in PEM form\n" in without.output
    assert "Error: SSLKEYLOGFILE cannot be used: No such file or directory\n" in unwritable.output


@pytest.mark.parametrize("body", ["<html>", "", "{}", "[]", '{"sources": []}'])
def test_another_server_is_no_exporter(body: str) -> None:
    with serving(PlainTextResponse(body)) as address:
        answer = run("status", "--url", f"http://{address}")

    assert (answer.exit_code, answer.output) == (1, f"http://{address} is no adoption-exporter\n")


def test_a_password_and_a_certificate_are_taken_from_options(tmp_path: Path) -> None:
    server = certificate(tmp_path)
    hashed = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()
    web = tmp_path / "web.yml"
    web.write_text(
        f"tls_server_config: {{cert_file: server.pem, key_file: server.key}}\nbasic_auth_users: {{alice: {hashed}}}\n"
    )
    with exporter(report(source()), web) as url:
        with_password = url.replace("https://", "https://alice:s3cret@")

        assert run("healthcheck", "--url", with_password, "--ca-file", str(server)).exit_code == 0
        assert run("healthcheck", "--url", with_password, "--insecure").exit_code == 0
        assert run("status", "--url", with_password, "--insecure").exit_code == 0
        assert "CERTIFICATE_VERIFY_FAILED" in run("healthcheck", "--url", with_password).stderr
        refused = run("healthcheck", "--url", url, "--insecure")
        assert (refused.exit_code, refused.stderr) == (
            1,
            f"{url} wants a password: put user:password@ before the host\n",
        )


def test_the_address_may_come_from_the_environment() -> None:
    with exporter(report(source())) as url:
        answer = CliRunner().invoke(commands, ["healthcheck"], env={"ADOPTION_EXPORTER_URL": url})

    assert answer.exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_a_shell(shell: str) -> None:
    answer = run("completion", shell)

    assert answer.exit_code == 0
    assert f"_ADOPTION_EXPORTER_COMPLETE={shell}_complete" in answer.output


def test_completion_knows_commands_and_options() -> None:
    environ = {"_ADOPTION_EXPORTER_COMPLETE": "bash_complete", "COMP_WORDS": "adoption-exporter hea", "COMP_CWORD": "1"}
    answer = CliRunner().invoke(commands, prog_name="adoption-exporter", env=environ)

    assert answer.output == "plain,healthcheck\n"


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_help_and_version_import_no_command(arguments: list[str]) -> None:
    script = f"import sys; sys.argv[1:] = {arguments!r}; from exporter import cli; cli.main()"
    listed = subprocess.run([sys.executable, "-X", "importtime", "-c", script], capture_output=True, text=True)

    imported = {line.rpartition("|")[2].strip() for line in listed.stderr.splitlines()}
    assert listed.returncode == 0
    assert {name for name in imported if name.startswith("exporter")} == {"exporter", "exporter.cli", "exporter.errors"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["check-config", "completion", "dashboards", "healthcheck", "metrics", "run", "status"]
)
def test_help_of_a_command_imports_only_what_its_options_need(command: str) -> None:
    script = f"import sys; sys.argv[1:] = [{command!r}, '--help']; from exporter import cli; cli.main()"
    listed = subprocess.run([sys.executable, "-X", "importtime", "-c", script], capture_output=True, text=True)

    imported = {line.rpartition("|")[2].strip() for line in listed.stderr.splitlines()}
    assert listed.returncode == 0
    assert imported.isdisjoint({"httpx", "polars", "pydantic", "rich", "sqlalchemy", "starlette", "structlog"})


@pytest.mark.slow
def test_a_configuration_is_checked_without_the_code_that_reads_vendors(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("sources: {cody: {vendor: augment, token: t0ken, seats: 250}}\n")
    arguments = ["check-config", str(tmp_path / "config.yaml")]
    script = f"import sys; sys.argv[1:] = {arguments!r}; from exporter import cli; cli.main()"
    listed = subprocess.run([sys.executable, "-X", "importtime", "-c", script], capture_output=True, text=True)

    imported = {line.rpartition("|")[2].strip() for line in listed.stderr.splitlines()}
    assert listed.returncode == 0
    assert imported.isdisjoint({"holidays", "httpx", "polars", "prometheus_client", "starlette"})


def test_each_command_answers_to_its_name_and_no_help_text_is_cut() -> None:
    context = click.Context(commands)
    found = {name: commands.get_command(context, name) for name in commands.list_commands(context)}

    assert [name for name, command in found.items() if command is None or command.name != name] == []
    assert "..." not in CliRunner().invoke(commands, ["--help"]).output.partition("Commands:")[2]
