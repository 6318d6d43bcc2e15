"""Requests that are refused whoever sends them: unclear ones, and those that a web page may have sent."""

from collections.abc import Collection, Mapping

import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from exporter.web.access import Guard, WebAccess
from exporter.web.config_file import WebConfig
from exporter.web.refusals import is_loopback, refusal
from tests.support.web_server import connect, received, serving

NAMES = frozenset({"localhost", "adoption.example.com", "10.1.2.3", "fd00::1"})
REBOUND = (
    "This exporter is not known as that host. If it is right, name it in web.allowed_hosts or --web.external-url.\n"
)
FOREIGN = "A page of another site may not do this.\n"


def said(
    headers: Mapping[str, str], method: str = "GET", names: Collection[str] | None = None
) -> tuple[int, str] | None:
    """The status and the words of a refusal."""
    answer = refusal(method, Headers(headers), names)
    return None if answer is None else (answer.status_code, bytes(answer.body).decode())


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:10723",
        "LocalHost:10723",
        "localhost.:10723",
        "127.0.0.1",
        "127.0.0.1:10723",
        "127.255.0.7:1",
        "[::1]",
        "[::1]:10723",
        "[0:0:0:0:0:0:0:1]:10723",
        "[::ffff:127.0.0.1]:10723",
        "adoption.example.com",
        "Adoption.Example.Com:443",
        "10.1.2.3:10723",
        "[fd00:0::1]:10723",
    ],
)
def test_loopback_and_the_names_of_the_exporter_are_hosts_that_it_answers_to(host: str) -> None:
    assert said({"host": host}, names=NAMES) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:10723",
        "localhost.evil.example",
        "evil.example.com",
        "127.0.0.1.evil.example",
        "128.0.0.1",
        "10.1.2.4",
        "0.0.0.0:10723",
        "[::2]:10723",
        "[::ffff:10.9.9.9]",
        "::1",
        "[::1",
        "localhost, evil.example",
        "evil.example@localhost",
        "localhost@evil.example",
        "localhost:port",
        "127.1",
        "2130706433",
        ":10723",
        ".",
        "löcalhost",
    ],
)
def test_any_other_host_is_a_page_under_another_name_and_refused(host: str) -> None:
    assert said({"host": host}, names=NAMES) == (421, REBOUND)


@pytest.mark.parametrize("headers", [{}, {"host": ""}])
def test_a_request_without_a_host_is_no_browsers(headers: dict[str, str]) -> None:
    assert said(headers, names=NAMES) is None


def test_without_names_every_host_will_do() -> None:
    assert said({"host": "anything.example"}) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://exporter.example.com"},
        {"origin": "http://exporter.example.com:80"},
        {"origin": "http://exporter.example.com:10724"},
        {"origin": "http://sub.exporter.example.com:10723"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://[::1"},
        {"origin": "exporter.example.com:10723"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "Cross-Site"},
        {"sec-fetch-site": "anything else"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site", "origin": "http://exporter.example.com:10723"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_page_of_another_site_may_change_nothing(headers: dict[str, str], method: str) -> None:
    assert said({"host": "exporter.example.com:10723", **headers}, method) == (403, FOREIGN)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "exporter.example.com:10723"},
        {"host": "exporter.example.com:10723", "origin": "http://exporter.example.com:10723"},
        {"host": "Exporter.example.com:10723", "origin": "https://exporter.example.com:10723"},
        {"host": "exporter.example.com", "origin": "https://exporter.example.com"},
        {"host": "exporter.example.com:443", "origin": "https://exporter.example.com"},
        {"host": "[::1]:10723", "origin": "http://[::1]:10723"},
        {"host": "exporter.example.com:10723", "sec-fetch-site": "same-origin"},
        {"host": "exporter.example.com:10723", "sec-fetch-site": "none"},
    ],
)
def test_whoever_is_no_page_of_another_site_may(headers: dict[str, str]) -> None:
    assert said(headers, "POST") is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_only_reads_may_come_from_a_link_anywhere(method: str) -> None:
    assert said({"host": "x", "origin": "https://evil.example", "sec-fetch-site": "cross-site"}, method) is None


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_length_beside_a_transfer_encoding_is_refused(method: str) -> None:
    answer = refusal(method, Headers({"host": "x", "content-length": "5", "transfer-encoding": "chunked"}), None)

    assert isinstance(answer, PlainTextResponse)
    assert (answer.status_code, answer.headers["connection"], bytes(answer.body)) == (
        400,
        "close",
        b"Content-Length and Transfer-Encoding exclude each other.\n",
    )


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_nothing_behind_a_request_with_two_lengths_is_read(version: bytes) -> None:
    smuggled = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
    head = (
        b"POST /first HTTP/%s\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: keep-alive\r\n\r\n0\r\n\r\n" % (version, 5 + len(smuggled))
    )
    guard = Guard(PlainTextResponse("page"), WebAccess(WebConfig()))
    with serving(guard) as address, connect(address, head + smuggled) as client:
        answer = received(client)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_an_address_of_this_machine_alone_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
