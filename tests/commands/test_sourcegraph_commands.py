"""`sourcegraph-report` and `sourcegraph-tokens`: what they print where, and their exit codes."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exporter.commands.sourcegraph_report import sourcegraph_report
from exporter.commands.sourcegraph_tokens import sourcegraph_tokens
from tests.support import faulty_server
from tests.support.daemons import PATIENCE, wait_until
from tests.support.sourcegraph_reports import ACME, SAMPLE

pytestmark = pytest.mark.slow

COOKIE = "session-of-alice"
# Ids and times of the vendor's documentation (2025-05).
TOKEN = "4cf96e80-d5f3-4af0-a28d-3c70ba97abb4"
LISTED = {
    "tokens": [
        {
            "id": TOKEN,
            "displayName": "exporter",
            "createdAt": "2025-05-28T12:00:00Z",
            "expiresAt": "2025-12-31T23:59:59Z",
            "isExpired": True,
        },
        {"id": "f0dd", "createdAt": "2026-05-28T12:00:00Z", "isExpired": False},
    ]
}
MADE = {"id": TOKEN, "secret": "sams_at_abcdefghijk", "createdAt": "2025-05-28T12:00:00Z"}


@dataclass
class Asked:
    """What a server was asked: method and path, the cookie or token, and the body."""

    url: str = ""
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    bodies: list[object] = field(default_factory=list)


@contextmanager
def answering(status: int, body: bytes, *headers: tuple[str, str]) -> Iterator[Asked]:
    """A server that gives every request one answer."""
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            credential = self.headers.get("Cookie") or self.headers.get("Authorization") or ""
            asked.requests.append((self.command, self.path, credential))
            length = self.headers.get("Content-Length")
            if length:
                asked.bodies.append(json.loads(self.rfile.read(int(length))))
            self.send_response(status)
            for name, value in (("Content-Length", str(len(body))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        asked.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield asked
        finally:
            server.shutdown()


def tokens(url: str, *arguments: str, cookie: str | None = COOKIE, typed: str = "") -> Result:
    """Runs `sourcegraph-tokens`; `typed` is what stands on stdin."""
    name, *others = arguments
    environ = {"CAS_COOKIE": cookie}
    return CliRunner().invoke(sourcegraph_tokens, [name, "--base-url", url, *others], input=typed, env=environ)


def test_create_prints_the_secret_once_on_stdout_and_nowhere_else() -> None:
    with answering(200, json.dumps(MADE).encode()) as asked:
        done = tokens(asked.url, "create", "--display-name", "exporter", "--expires-at", "2099-12-31")

    assert (done.exit_code, done.stdout) == (0, "sams_at_abcdefghijk\n")
    assert done.stderr == f"token {TOKEN} expires never\n"
    assert asked.requests == [("POST", "/api/service-access-tokens", f"cas={COOKIE}")]
    assert asked.bodies == [{"displayName": "exporter", "expiresAt": "2099-12-31T00:00:00Z"}]


def test_create_sends_nothing_that_is_not_set() -> None:
    with answering(201, json.dumps({**MADE, "expiresAt": "2099-01-01T00:00:00Z"}).encode()) as asked:
        done = tokens(asked.url, "create")

    assert (done.exit_code, asked.bodies) == (0, [{}])
    assert done.stderr == f"token {TOKEN} expires 2099-01-01T00:00:00Z\n"


def test_list_shows_when_tokens_expire() -> None:
    with answering(200, json.dumps(LISTED).encode()) as asked:
        done = tokens(asked.url, "list")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "id\tname\tcreated\texpires\tstate",
        f"{TOKEN}\texporter\t2025-05-28T12:00:00Z\t2025-12-31T23:59:59Z\texpired",
        "f0dd\t\t2026-05-28T12:00:00Z\tnever\tvalid",
    ]


def test_revoke_deletes_a_token_and_looks_whether_it_is_gone() -> None:
    with answering(200, json.dumps(LISTED).encode()) as asked:
        done = tokens(asked.url, "revoke", TOKEN)

    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"token {TOKEN} is revoked\n")
    assert asked.requests == [
        ("DELETE", f"/api/service-access-tokens/{TOKEN}", f"cas={COOKIE}"),
        ("GET", "/api/service-access-tokens", f"cas={COOKIE}"),
    ]


def test_a_token_that_is_still_valid_after_revoking_is_exit_code_1() -> None:
    with answering(200, json.dumps(LISTED).encode()) as asked:
        done = tokens(asked.url, "revoke", "f0dd")

    assert done.exit_code == 1
    assert done.stderr == "sourcegraph GET /api/service-access-tokens: token f0dd is still valid\n"


def test_a_token_is_asked_for_once_since_each_request_could_make_one() -> None:
    with answering(503, b"") as asked:
        done = tokens(asked.url, "create")

    assert (done.exit_code, len(asked.requests)) == (1, 1)
    assert done.stderr == (
        "sourcegraph POST /api/service-access-tokens: 503 in 1 attempt; "
        "the token may have been made all the same: list shows it\n"
    )


def test_the_cookie_may_have_another_name_and_be_pasted_with_it() -> None:
    with answering(200, json.dumps(LISTED).encode()) as asked:
        done = tokens(
            asked.url, "list", "--cookie-name", "accounts_session_v2", cookie=f" accounts_session_v2={COOKIE}\n"
        )

    assert done.exit_code == 0
    assert asked.requests == [("GET", "/api/service-access-tokens", f"accounts_session_v2={COOKIE}")]


def test_without_the_variable_the_cookie_comes_from_a_pipe() -> None:
    with answering(200, json.dumps(LISTED).encode()) as asked:
        done = tokens(asked.url, "list", cookie=None, typed=f"{COOKIE}\n")

    assert (done.exit_code, done.stderr) == (0, "")
    assert asked.requests[0][2] == f"cas={COOKIE}"


@pytest.mark.slow
def test_at_a_terminal_the_cookie_is_asked_for_and_not_shown() -> None:
    leader, follower = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name != "CAS_COOKIE"}
    with answering(200, json.dumps(LISTED).encode()) as asked:
        command = [sys.executable, "-m", "exporter", "sourcegraph-tokens", "list", "--base-url", asked.url]
        process = subprocess.Popen(
            command, stdin=follower, stdout=follower, stderr=follower, env=environ, start_new_session=True
        )
        os.close(follower)
        seen = b""
        while not seen.endswith(b"Value of the cookie cas: "):
            seen += os.read(leader, 1)
        os.write(leader, f"{COOKIE}\n".encode())
        code = process.wait(PATIENCE)
        seen += os.read(leader, 65536)
    os.close(leader)

    assert code == 0
    assert asked.requests[0][2] == f"cas={COOKIE}"
    assert COOKIE.encode() not in seen


@pytest.mark.parametrize("status", [401, 403])
def test_a_cookie_that_is_refused_is_exit_code_1_and_one_line(status: int) -> None:
    with answering(status, b'{"error": "no session for session-of-alice"}') as asked:
        done = tokens(asked.url, "list")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"sourcegraph /api/service-access-tokens: the cookie cas was refused ({status}): "
        "sign in again and copy its value\n"
    )


def test_a_redirect_to_the_sign_in_page_is_a_refused_cookie_that_is_not_sent_on() -> None:
    with answering(302, b"", ("Location", "https://accounts.example.com/sign-in")) as asked:
        done = tokens(asked.url, "create")

    assert (done.exit_code, len(asked.requests)) == (1, 1)
    assert "the cookie cas was refused (302)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "body", "message"),
    [
        (
            ["create"],
            b"<html>",
            "sourcegraph POST /api/service-access-tokens: the body looks like an HTML page, not JSON",
        ),
        (["create"], b"{}", "sourcegraph POST /api/service-access-tokens: secret is missing"),
        (
            ["create"],
            b'{"secret": ""}',
            "sourcegraph POST /api/service-access-tokens: secret is blank; revoke the token, which nobody can use",
        ),
        (
            ["revoke", "f0dd"],
            b"<html>",
            "sourcegraph GET /api/service-access-tokens: the body looks like an HTML page, not JSON",
        ),
        (["list"], b'{"tokens": {}}', "sourcegraph GET /api/service-access-tokens: tokens is an object, not an array"),
        (
            ["list"],
            b'{"tokens": [{"isExpired": "no"}]}',
            "sourcegraph GET /api/service-access-tokens: tokens[0].isExpired is text, not a boolean",
        ),
    ],
)
def test_an_answer_that_cannot_be_right_is_exit_code_1_and_one_line(
    arguments: Sequence[str], body: bytes, message: str
) -> None:
    with answering(200, body) as asked:
        done = tokens(asked.url, *arguments)

    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"{message}\n")


@pytest.mark.parametrize(
    ("arguments", "cookie", "message"),
    [
        (["create", "--expires-at", "soon"], COOKIE, "must be a time such as 2027-12-31T23:59:59Z"),
        (["create", "--expires-at", "2020-01-01"], COOKIE, "must be in the future"),
        (["revoke", "../tokens"], COOKIE, "must be an id as the listing shows it"),
        (["list", "--cookie-name", "a=b; c"], COOKIE, "must be a cookie's name"),
        (["list"], "one; other=two", "the cookie must be the value of cas alone"),
        (["list"], "", "set CAS_COOKIE to the cookie's value, or be there to be asked for it"),
        (["list"], None, "set CAS_COOKIE to the cookie's value, or be there to be asked for it"),
        (["list", "--base-url", "analytics.example.com"], COOKIE, "must be an address such as"),
        (["list", "--base-url", "https://a..b"], COOKIE, "must have a host without an empty part before, between or"),
    ],
)
def test_a_mistake_is_exit_code_2_before_anything_is_asked(
    arguments: Sequence[str], cookie: str | None, message: str
) -> None:
    with answering(200, b"{}") as asked:
        done = tokens(asked.url, *arguments, cookie=cookie)

    assert (done.exit_code, asked.requests) == (2, [])
    assert message in done.stderr
    assert "Value of the cookie" not in done.stderr
    assert "other=two" not in done.stderr


def configured(folder: Path, url: str) -> Path:
    """A configuration of a Sourcegraph source and of one at another vendor."""
    path = folder / "config.yaml"
    path.write_text(
        "sources:\n"
        f'  cody: {{vendor: sourcegraph, token: sams_at_secret, base_url: "{url}", instances: [{ACME}]}}\n'
        "  other: {vendor: augment, token: secret}\n"
    )
    return path


def report(folder: Path, url: str, *more: str) -> Result:
    """Runs `sourcegraph-report` into report.csv."""
    arguments = ["--config.file", str(configured(folder, url)), "--output", str(folder / "report.csv"), *more]
    return CliRunner().invoke(sourcegraph_report, arguments)


ASKED = ("--source", "cody", "--instance", ACME, "--granularity", "by_user_month")


@pytest.fixture(autouse=True)
def _sigterm() -> Iterator[None]:
    """The command sets a handler for its process, which here is that of the tests."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_report_is_written_as_the_vendor_sends_it(tmp_path: Path) -> None:
    with answering(200, SAMPLE.encode()) as asked:
        done = report(tmp_path, asked.url, *ASKED, "--from", "2026-10-01", "--to", "2026-10-31")

    span = "&startDate=2026-10-01&endDate=2026-10-31"
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{tmp_path}/report.csv: {len(SAMPLE):,} bytes\n"
    assert (tmp_path / "report.csv").read_text() == SAMPLE
    assert asked.requests == [
        (
            "GET",
            f"/api/reports/by-user-client-date?instanceURL={ACME}&granularity=by_user_month{span}",
            "Bearer sams_at_secret",
        )
    ]


@pytest.mark.parametrize("granularity", ["by_user", "by_user_month", "by_user_day", "by_user_day_client_language"])
def test_every_granularity_can_be_had_with_and_without_dates(granularity: str, tmp_path: Path) -> None:
    with answering(200, SAMPLE.encode()) as asked:
        done = report(tmp_path, asked.url, "--source", "cody", "--instance", ACME, "--granularity", granularity)

    assert done.exit_code == 0
    assert asked.requests[0][1] == f"/api/reports/by-user-client-date?instanceURL={ACME}&granularity={granularity}"


def test_a_report_that_cannot_be_had_is_exit_code_1_and_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("old")
    with answering(404, b"") as asked:
        done = report(tmp_path, asked.url, *ASKED)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "sourcegraph GET /api/reports/by-user-client-date: 404\n"
    assert {path.name: path.read_text() for path in tmp_path.glob("report*")} == {"report.csv": "old"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>sign in", "the body looks like an HTML page, not CSV"),
        (b'{"error": "expired"}', "the body looks like JSON, not CSV"),
        (b"", "the body is empty"),
        (b"Searches,Language\n", "there is no column Instance user ID"),
    ],
)
def test_a_body_that_is_no_report_is_exit_code_1_and_leaves_the_old_file(
    body: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "report.csv").write_text("old")
    with answering(200, body) as asked:
        done = report(tmp_path, asked.url, *ASKED)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"sourcegraph GET /api/reports/by-user-client-date: {message}\n"
    assert {path.name: path.read_text() for path in tmp_path.glob("*report*")} == {"report.csv": "old"}


def test_a_report_goes_where_a_link_points(tmp_path: Path) -> None:
    (tmp_path / "report.csv").symlink_to(tmp_path / "real.csv")
    with answering(200, SAMPLE.encode()) as asked:
        assert report(tmp_path, asked.url, *ASKED).exit_code == 0

    assert (tmp_path / "report.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == SAMPLE


@pytest.mark.parametrize(
    ("output", "message"), [("pipe", "must be a file"), ("no/such.csv", "there is no folder {folder}/no that can be")]
)
def test_a_report_goes_into_files_alone(output: str, message: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with answering(200, SAMPLE.encode()) as asked:
        done = report(tmp_path, asked.url, *ASKED, "--output", str(tmp_path / output))

    assert (done.exit_code, asked.requests) == (2, [])
    assert f"Invalid value for '--output': {message.format(folder=tmp_path)}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "nobody", *ASKED[2:]], "there is no source nobody of vendor sourcegraph"),
        (["--source", "other", *ASKED[2:]], "there is no source other of vendor sourcegraph"),
        ([*ASKED, "--instance", f"https://{ACME}/"], f"must be a bare host: write {ACME}"),
        (
            [*ASKED, "--instance", "xn--a.example.com"],
            "must have a host whose parts that begin with xn-- are in punycode",
        ),
        ([*ASKED, "--granularity", "by_user_year"], "'by_user_year' is not one of"),
        ([*ASKED, "--from", "yesterday"], "must be a day such as 2026-11-19"),
        ([*ASKED, "--from", "2026-11-02", "--to", "2026-11-01"], "is after --to 2026-11-01"),
    ],
)
def test_a_mistake_in_what_is_asked_for_is_exit_code_2(arguments: Sequence[str], message: str, tmp_path: Path) -> None:
    with answering(200, SAMPLE.encode()) as asked:
        done = report(tmp_path, asked.url, *arguments)

    assert (done.exit_code, asked.requests) == (2, [])
    assert message in done.stderr
    assert list(tmp_path.glob("report*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_download_that_is_stopped_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    with faulty_server.serve(
        faulty_server.endless(b"1,true\n" * 10_000, "Content-Type: text/csv", pause=0.01)
    ) as served:
        process = started(tmp_path, served.url, stderr=subprocess.PIPE)
        wait_until(lambda: served.heads != [])
        process.send_signal(number)
        try:
            _, said = process.communicate(timeout=PATIENCE)
        finally:
            # Otherwise the server, which waits for its client to go, would never end.
            process.kill()

    killed = number == signal.SIGKILL
    assert (process.returncode, said) == ((-9, b"") if killed else (130, b"\n"))
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_what_a_killed_run_left_of_a_report_is_gone_after_the_next(tmp_path: Path) -> None:
    (tmp_path / "report.csv.part").write_text("alice@example.com")
    with answering(200, SAMPLE.encode()) as asked:
        done = report(tmp_path, asked.url, *ASKED)

    assert done.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "report.csv"]


@pytest.mark.slow
def test_a_terminal_sees_a_progress_bar(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    with answering(200, SAMPLE.encode()) as asked:
        process = started(tmp_path, asked.url, stderr=follower)
        os.close(follower)
        seen = b""
        while select.select([leader], [], [], PATIENCE)[0]:
            try:
                seen += os.read(leader, 4096)
            except OSError:
                break
        code = process.wait(PATIENCE)
    os.close(leader)

    assert code == 0
    assert "━━━".encode() in seen
    assert f"{len(SAMPLE):,} bytes".encode() in seen


def started(folder: Path, url: str, stderr: int) -> "subprocess.Popen[bytes]":
    """Starts `adoption-exporter sourcegraph-report` as a process."""
    arguments = ["--config.file", str(configured(folder, url)), "--output", str(folder / "report.csv"), *ASKED]
    return subprocess.Popen([sys.executable, "-m", "exporter", "sourcegraph-report", *arguments], stderr=stderr)
