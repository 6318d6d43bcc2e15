"""Accepted hosts are those that the libraries can look up."""

import re

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from exporter.config.types import LinkHost
from exporter.hosts import check_host
from exporter.transport.links import checked

EMPTY = "must have a host without an empty part before, between or after its dots"
LONG_PART = "must have a host whose parts between dots have at most 63 characters"
LONG = "must have a host of at most 253 characters"
PUNYCODE = "must have a host whose parts that begin with xn-- are in punycode"
LETTERS = "must have a host of letters, digits and hyphens with dots between them"
IPV4 = "must have an IPv4 address such as 127.0.0.1, four numbers up to 255"
IPV6 = "must have an IPv6 address such as ::1 in its brackets"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "otel_collector",
        "Coder.Example.COM",
        "coder.example.com.",
        "a" * 63 + ".example",
        f"{'a.' * 126}a",
        "bücher.example",
        "BÜCHER。example",
        "xn--bcher-kva.example",
        "127.0.0.1",
        "127.1",
        "::1",
        "fe80::1%eth0",
    ],
)
def test_a_host_that_can_be_looked_up_is_returned_unchanged(host: str) -> None:
    assert check_host(host) == host


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("", EMPTY),
        (".", EMPTY),
        ("coder..example.com", EMPTY),
        (".example.com", EMPTY),
        ("example.com..", EMPTY),
        ("bücher..example", EMPTY),
        ("a" * 64 + ".example.com", LONG_PART),
        ("é" * 64, LETTERS),
        (f"{'a.' * 126}aa", LONG),
        ("xn--a.example.com", PUNYCODE),
        ("example.XN--999999999", PUNYCODE),
        ("xn--é", PUNYCODE),
        ("xn--bcher-kva-.example", PUNYCODE),
        ("☃.example.com", LETTERS),
        ("a\u200db.example.com", LETTERS),
        ("ss@db.example.com", LETTERS),
        ("a b", LETTERS),
        ("ex%61mple.com", LETTERS),
        ("*", LETTERS),
        ("a\0b", LETTERS),
        ("256.1.1.1", IPV4),
        ("010.0.0.1", IPV4),
        ("::g", IPV6),
        ("host:80", IPV6),
    ],
)
def test_a_host_that_cannot_be_looked_up_is_refused_with_the_reason(host: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}$"):
        check_host(host)


@given(
    host=st.text(max_size=80)
    | st.lists(st.text("a1-_xné。ß.\u0301", max_size=70) | st.from_regex(r"xn--[a-z0-9-]{0,8}"), max_size=6).map(
        ".".join
    )
    | st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,4}", fullmatch=True)
)
@example("xn--a")
@example("-。")
@example("a_b.é")
def test_no_library_breaks_on_an_accepted_host(host: str) -> None:
    try:
        check_host(host)
    except ValueError:
        return
    url = httpx.URL(f"http://[{host}]:80/" if ":" in host else f"http://{host}:80/")

    assert url.host
    # The socket module encodes a host in the same way before it asks the resolver.
    assert url.raw_host.decode().encode("idna")


LINK_HOST = TypeAdapter[str](LinkHost)
HOST_OR_PORT = "must be a host such as reports.example.com, or host:port"


@pytest.mark.parametrize(
    "host",
    [
        "copilot-reports.github.com",
        "Reports.Example.COM:8443",
        "bücher.example",
        "BÜCHER。example:1",
        "xn--bcher-kva.example",
        "a_b.example.",
        "127.0.0.1:65535",
        "[::1]",
        "[2001:db8::7]:443",
    ],
)
def test_a_host_of_links_may_have_a_port_and_is_one_that_links_can_lead_to(host: str) -> None:
    assert LINK_HOST.validate_python(host) == host
    assert checked(f"https://{host}/part?sig=x", [host], "report").scheme == "https"


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("", HOST_OR_PORT),
        ("https://reports.example.com", HOST_OR_PORT),
        ("reports.example.com/", HOST_OR_PORT),
        ("reports.example.com?x", HOST_OR_PORT),
        ("alice:pw@reports.example.com", HOST_OR_PORT),
        ("reports.example.com:", HOST_OR_PORT),
        ("reports.example.com:0", HOST_OR_PORT),
        ("reports.example.com:65536", HOST_OR_PORT),
        ("reports.example.com:https", HOST_OR_PORT),
        ("reports.example.com ", HOST_OR_PORT),
        ("reports.example.com\n", HOST_OR_PORT),
        ("[fe80::1%25eth0]", HOST_OR_PORT),
        ("::1", HOST_OR_PORT),
        ("[::1", HOST_OR_PORT),
        (":8080", HOST_OR_PORT),
        ("*.blob.core.windows.net", LETTERS),
        ("reports..example.com", EMPTY),
        ("300.0.0.1", IPV4),
    ],
)
def test_a_wrong_host_of_links_is_a_mistake(host: str, words: str) -> None:
    with pytest.raises(ValidationError, match=rf"Value error, {re.escape(words)}"):
        LINK_HOST.validate_python(host)
