"""Signed links: real second servers, whose requests must hold no secret."""

import gzip
import logging
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import Any

import httpx
import pytest

from exporter.errors import BadPayload, LinkExpired, RateLimited, Rejected, Unreachable, VendorError
from exporter.transport import ndjson
from exporter.transport.client import Client
from exporter.transport.endpoints import Endpoint
from exporter.transport.links import checked, report_rows
from tests.support import faulty_server
from tests.support.clients import TOKEN, World, failure

SECRET = "c2lnbmF0dXJl"
QUERY = f"?se=2026-11-20T13%3A00%3A00Z&sig={SECRET}%3D"
NAME = "users-1-day of 2026-11-19"
HOST = "copilot-reports.github.com"
LINES = b'{"user_id": 1}\n{"user_id": 2}\n'


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as closing:
        yield World(closing)


def rows_of(client: Client, *links: str, hosts: Sequence[str] | None = None, **limits: int) -> list[dict[str, Any]]:
    allowed = [httpx.URL(link).netloc.decode() for link in links] if hosts is None else hosts
    return [row.fields for row in report_rows(client, lambda: links, allowed, NAME, **limits)]


def refusal_of(world: World, *answers: faulty_server.Answer, **changes: Any) -> tuple[type[VendorError], str]:
    """What a report behind one link becomes, with the address of its server cut out."""
    with faulty_server.serve(*answers) as server:
        error = failure(lambda: rows_of(world.client(**changes), f"{server.url}/part{QUERY}"))
    return type(error), str(error).replace(server.url.removeprefix("http://"), "HOST")


# What the second host sees


def test_the_second_host_sees_no_secret_of_the_first(world: World) -> None:
    cookie = "Set-Cookie: session=1; Path=/"
    with (
        faulty_server.serve(faulty_server.body(b'{"download_links": []}', cookie)) as vendor,
        faulty_server.serve(faulty_server.body(LINES, cookie)) as reports,
    ):
        client = world.client(
            base_url=vendor.url, headers={"Authorization": f"Bearer {TOKEN}"}, public_headers={"X-Version": "1"}
        )
        client.get_json("/envelope")
        rows = rows_of(client, f"{reports.url}/a{QUERY}", f"{reports.url}/b{QUERY}")
        client.get_json("/envelope")

    assert rows == [{"user_id": 1}, {"user_id": 2}] * 2
    assert [[line.split(":")[0] for line in head.split("\r\n")[1:] if line] for head in reports.heads] == [
        ["Host", "Accept", "Connection", "User-Agent", "Accept-Encoding"]
    ] * 2
    assert [head.split(" HTTP")[0] for head in reports.heads] == [f"GET /a{QUERY}", f"GET /b{QUERY}"]
    assert not any(word in head for head in reports.heads for word in (TOKEN, "session", "Bearer"))
    assert [SECRET in head for head in vendor.heads] == [False, False]


def test_a_link_takes_nothing_from_the_rate_limit_and_counts_as_a_request(world: World) -> None:
    with faulty_server.serve(faulty_server.body(LINES)) as reports:
        client = world.client().counting()
        rows_of(client, *[f"{reports.url}/{number}{QUERY}" for number in range(30)])

    assert (world.stop.taken, client.take_count(), world.statuses) == ([], 30, [200] * 30)
    assert client.clock.told is None


def test_netrc_passwords_are_not_sent_to_the_second_host(
    world: World, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login alice password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with faulty_server.serve(faulty_server.body(LINES)) as reports:
        rows_of(world.client(), f"{reports.url}/a")

    assert "authorization" not in reports.heads[0].lower()


def test_the_query_of_a_link_is_in_no_log_no_error_and_no_span(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    spans: list[Endpoint] = []

    def traced(endpoint: Endpoint) -> ExitStack:
        spans.append(endpoint)
        return ExitStack()

    body = f"<Error><Message>Signature {SECRET} did not match</Message></Error>".encode()
    answers = [faulty_server.reset, faulty_server.body(body, status="403 Forbidden")]
    with faulty_server.serve(*answers) as server:
        client = world.client(traced=traced)
        error = failure(lambda: rows_of(client, f"{server.url}/acme/part{QUERY}"))

    told = [str(error), repr(error), str(error.__cause__), repr(spans), caplog.text]
    assert [SECRET in text or "acme" in text for text in told] == [False] * len(told)


# Where a link may lead


@pytest.mark.parametrize(
    ("link", "hosts"),
    [
        (f"https://{HOST}/a{QUERY}", [HOST]),
        (f"https://{HOST.upper()}:443/a", ["other.example.com", HOST]),
        (f"https://{HOST}:8443/a", [f"{HOST}:8443"]),
        ("http://127.0.0.1:8080/a", ["127.0.0.1:8080"]),
        ("http://[::1]:8080/a", ["[::1]:8080"]),
        ("http://localhost/a", ["localhost"]),
        ("https://[2001:db8::7]/a", ["[2001:db8::7]"]),
        ("https://bücher.example/a", ["xn--bcher-kva.example"]),
        ("https://xn--bcher-kva.example/a", ["bücher.example"]),
    ],
)
def test_a_link_to_a_listed_host_is_followed(link: str, hosts: list[str]) -> None:
    assert checked(link, hosts, "copilot report") == httpx.URL(link)


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("https://evil.example.net/a?sig=x", f"leads to evil.example.net, allowed is {HOST}"),
        (f"https://{HOST}:8443/a", f"leads to {HOST}:8443, allowed is {HOST}"),
        (f"https://{HOST}./a", f"leads to {HOST}., allowed is {HOST}"),
        (f"https://{HOST}.evil.example.net/", f"leads to {HOST}.evil.example.net, allowed is {HOST}"),
        (f"https://evil.{HOST}/", f"leads to evil.{HOST}, allowed is {HOST}"),
        (f"https://evil.example.net\\@{HOST}/", f"to {HOST} holds a user name or password"),
        (f"https://alice:pw@{HOST}/", f"to {HOST} holds a user name or password"),
        (f"https://{HOST}@evil.example.net/", "to evil.example.net holds a user name or password"),
        (f"http://{HOST}/", f"to {HOST} is not https"),
        (f"ftp://{HOST}/", f"to {HOST} is not https"),
        ("https://[::ffff:7f00:1]/", f"leads to ::ffff:7f00:1, allowed is {HOST}"),
        # A Cyrillic letter that looks like an o.
        ("https://cоpilot-reports.github.com/", f"leads to xn--cpilot-reports-vzl.github.com, allowed is {HOST}"),
        ("/a?sig=x", f"leads to no host, allowed is {HOST}"),
        ("mailto:alice@example.com", f"leads to no host, allowed is {HOST}"),
    ],
)
def test_a_link_that_leads_elsewhere_is_refused_by_its_host(world: World, link: str, message: str) -> None:
    client = world.answering()
    error = failure(lambda: rows_of(client, link, hosts=[HOST]))

    assert (type(error), str(error)) == (Rejected, f"augment {NAME}, file 1 of 1: a download link {message}")
    assert world.statuses == []


@pytest.mark.parametrize(
    "link", ["https://[::bad/", f"https://{HOST}:port/", f"https://{HOST}/\x00", "https://xn--a/", ""]
)
def test_what_is_no_address_is_a_bad_payload_or_refused_and_is_not_asked(world: World, link: str) -> None:
    error = failure(lambda: rows_of(world.answering(), link, hosts=[HOST]))

    assert type(error) in (BadPayload, Rejected)
    assert world.statuses == []


def test_plain_http_is_for_loopback_alone(world: World) -> None:
    error = failure(lambda: rows_of(world.answering(), "http://10.0.0.7:8080/a", hosts=["10.0.0.7:8080"]))

    assert str(error).endswith("a download link to 10.0.0.7:8080 is not https")


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(world: World, status: int) -> None:
    with faulty_server.serve(faulty_server.body(LINES)) as elsewhere:
        redirect = faulty_server.body(b"", f"Location: {elsewhere.url}/?sig={SECRET}", status=f"{status} Moved")
        kind, message = refusal_of(world, redirect)

    assert (kind, message) == (
        Rejected,
        f"augment {NAME}, file 1 of 1 from HOST: {status}, redirected to 127.0.0.1; download links are not followed",
    )
    assert elsewhere.heads == []


# Links that end


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410])
def test_an_expired_link_is_told_apart_and_not_retried(world: World, status: int) -> None:
    with faulty_server.serve(faulty_server.body(b"<Error/>", status=f"{status} No")) as server, TemporaryFile() as file:
        host = server.url.removeprefix("http://")
        client = world.client()
        error = failure(lambda: client.download_link(f"{server.url}/a", [host], file, name=NAME, limit=100))

    words = f"augment {NAME} from {host}: {status}, the download link is refused or has expired"
    assert (type(error), str(error), error.reason) == (LinkExpired, words, "unreachable")
    # A 401 would look like a refused token, and end the poll.
    assert error.status == (None if status == 401 else status)
    assert len(server.heads) == 1


def test_after_an_expired_link_the_envelope_is_asked_once_more_and_every_file_is_read_anew(world: World) -> None:
    gone = faulty_server.body(b"", status="403 Forbidden")
    with faulty_server.serve(
        faulty_server.body(b'{"day": "old"}\n'), gone, faulty_server.body(b'{"day": "new"}'), faulty_server.body(LINES)
    ) as server:
        envelopes = iter([["/1", "/2"], ["/3", "/4"]])
        rows = report_rows(
            world.client(),
            lambda: [f"{server.url}{path}" for path in next(envelopes)],
            [server.url.removeprefix("http://")],
            NAME,
        )
        found = [row.fields for row in rows]

    assert found == [{"day": "new"}, {"user_id": 1}, {"user_id": 2}]
    assert [head.split()[1] for head in server.heads] == ["/1", "/2", "/3", "/4"]


def test_a_link_that_expires_twice_is_an_outage_and_gives_no_row(world: World) -> None:
    gone = faulty_server.body(b"", status="404 Not Found")
    seen: list[object] = []
    with faulty_server.serve(faulty_server.body(LINES), gone, faulty_server.body(LINES), gone) as server:
        host = server.url.removeprefix("http://")
        links = [f"{server.url}/1", f"{server.url}/2"]
        error = failure(lambda: seen.extend(report_rows(world.client(), lambda: links, [host], NAME)))

    assert str(error) == f"augment {NAME}, file 2 of 2 from {host}: 404, the download link is refused or has expired"
    assert (seen, len(server.heads)) == ([], 4)


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_report_has_one_to_ten_thousand_links(world: World, count: int) -> None:
    error = failure(lambda: list(report_rows(world.answering(), lambda: ["x"] * count, [HOST], NAME)))

    assert (type(error), str(error)) == (BadPayload, f"augment {NAME}: {count} download links")


# Faults of the second host


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (faulty_server.cut(LINES), Unreachable, "200 with a body cut short in 4 attempts: RemoteProtocolError "),
        (faulty_server.cut_chunks(LINES), Unreachable, "200 with a body cut short in 4 attempts: RemoteProtocolError "),
        (
            faulty_server.body(gzip.compress(LINES)[:-1]),
            Unreachable,
            "200 with a body cut short in 4 attempts: EOFError the gzip stream has no end",
        ),
        (faulty_server.reset, Unreachable, "no answer in 4 attempts: ReadError "),
        (faulty_server.body(b"", status="503 Busy"), Unreachable, "503 in 4 attempts"),
        (faulty_server.body(b"", status="429 Slow"), RateLimited, "429 in 4 attempts"),
        (
            faulty_server.body(b"{}", "Retry-After: 600", status="403 Slow"),
            RateLimited,
            "403, the vendor asks to wait 600 s",
        ),
        (faulty_server.endless(b"{}\n" * 1000), BadPayload, "the body is larger than 1000000 bytes"),
        (
            faulty_server.body(gzip.compress(b" " * 2_000_000)),
            BadPayload,
            "the body is larger than 1000000 bytes",
        ),
        (
            faulty_server.body(b"{}", "Content-Encoding: br"),
            BadPayload,
            'the body has the encoding "br", and only gzip was asked for',
        ),
    ],
)
def test_a_fault_of_the_second_host_is_named(
    world: World, fault: faulty_server.Answer, kind: type[VendorError], message: str
) -> None:
    with faulty_server.serve(fault) as server:
        error = failure(lambda: rows_of(world.client(), f"{server.url}/part{QUERY}", limit=1_000_000))

    host = server.url.removeprefix("http://")
    assert type(error) is kind
    assert str(error).startswith(f"augment {NAME}, file 1 of 1 from {host}: {message}")


def test_a_retried_file_begins_where_the_one_before_ended(world: World) -> None:
    answers = faulty_server.body(LINES), faulty_server.cut(b'{"half": 1}\n{'), faulty_server.body(b'{"user_id": 3}')
    with faulty_server.serve(*answers) as server:
        rows = rows_of(world.client(), f"{server.url}/1", f"{server.url}/2")

    assert rows == [{"user_id": 1}, {"user_id": 2}, {"user_id": 3}]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (LINES, []),
        (gzip.compress(LINES), ["Content-Encoding: gzip"]),
        (gzip.compress(LINES), ["Content-Type: application/gzip"]),
        (gzip.compress(LINES[:15]) + gzip.compress(LINES[15:]), []),
        (LINES, ["Content-Type: text/html"]),
    ],
    ids=["plain", "encoding", "file", "two members", "html"],
)
def test_a_file_may_be_gzip_by_its_header_or_by_itself(world: World, content: bytes, headers: list[str]) -> None:
    with faulty_server.serve(faulty_server.body(content, *headers)) as server:
        assert rows_of(world.client(), f"{server.url}/a") == [{"user_id": 1}, {"user_id": 2}]


def test_an_empty_file_has_no_rows(world: World) -> None:
    with faulty_server.serve(faulty_server.body(b"")) as server:
        assert rows_of(world.client(), f"{server.url}/a") == []


def test_the_limit_holds_for_all_files_together(world: World) -> None:
    with faulty_server.serve(faulty_server.body(LINES)) as server:
        links = [f"{server.url}/{number}" for number in range(3)]
        assert len(rows_of(world.client(), *links, limit=3 * len(LINES))) == 6
        error = failure(lambda: rows_of(world.client(), *links, limit=3 * len(LINES) - 1))

    assert "file 3 of 3" in str(error)
    assert str(error).endswith(f"the body is larger than {len(LINES) - 1} bytes")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>alice</html>", "line 1: the body looks like an HTML page, not JSON"),
        (LINES + b'{"user_id": ', "line 3: not JSON: Expecting value (character 12 of 12)"),
        (LINES + b"\n[1]\n", "line 4: the body is an array, not an object"),
        (LINES + b"\xff\n", "line 3: not UTF-8 at byte 0 of 2"),
        (LINES + b'{"a": "' + b"x" * 100 + b'"}', "line 3 is longer than 50 bytes"),
    ],
)
def test_a_wrong_line_is_named_without_its_content(world: World, content: bytes, message: str) -> None:
    with faulty_server.serve(faulty_server.body(content)) as server:
        error = failure(lambda: rows_of(world.client(), f"{server.url}/a", line_limit=50))

    assert (type(error), str(error)) == (BadPayload, f"augment {NAME}, file 1 of 1, {message}")


def test_a_wrong_field_is_named_with_its_line(world: World) -> None:
    with faulty_server.serve(faulty_server.body(LINES + b'{"user_id": "alice"}\n')) as server:
        host = server.url.removeprefix("http://")
        rows = report_rows(world.client(), lambda: [f"{server.url}/a"], [host], NAME)
        error = failure(lambda: [row.whole("user_id") for row in rows])

    assert str(error).startswith(f"augment {NAME}, file 1 of 1, line 3: user_id is text")


def test_a_long_report_is_not_held_in_memory(world: World) -> None:
    line = b'{"user_id": 123456, "user_login": "octocat", "text": "' + b"x" * 4000 + b'"}\n'
    content = line * 10_000
    with faulty_server.serve(faulty_server.body(content)) as server:
        host = server.url.removeprefix("http://")
        client = world.client()
        tracemalloc.start()
        count = sum(1 for _ in report_rows(client, lambda: [f"{server.url}/a"], [host], NAME))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert count == 10_000
    assert peak < 4 * 2**20 < len(content) / 8


def test_the_limits_are_those_of_a_very_large_company() -> None:
    assert ndjson.LINE_LIMIT == 16 * 2**20
