"""Refuses ambiguous requests, and requests that another site's page may have caused a browser to send."""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

_READING = ("GET", "HEAD", "OPTIONS")
_OWN_SITES = ("same-origin", "none")
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:\[(?P<ip>[0-9A-Fa-f:.]+)\]|(?P<name>[0-9A-Za-z._-]+))(?::[0-9]*)?")

_UNCLEAR = PlainTextResponse(
    "Content-Length and Transfer-Encoding exclude each other.\n",
    400,
    # The end of this request is unknown.
    {"Connection": "close"},
)
_MISDIRECTED = PlainTextResponse(
    "This exporter is not known as that host. If it is right, name it in web.allowed_hosts or --web.external-url.\n",
    421,
)
_FOREIGN = PlainTextResponse("A page of another site may not do this.\n", 403)


def refusal(method: str, headers: Headers, names: Collection[str] | None) -> PlainTextResponse | None:
    """The response to a request that is refused, else None.

    `names` are the lower-case host names and addresses that the exporter serves beside loopback, None for any. They
    stop DNS rebinding: a page whose host name resolves to 127.0.0.1 could otherwise read everything.
    """
    if "content-length" in headers and "transfer-encoding" in headers:
        return _UNCLEAR
    host = headers.get("host", "")
    # Every browser sends a Host header.
    if names is not None and host and not _is_named(host, names):
        return _MISDIRECTED
    if method not in _READING and _is_foreign(host, headers):
        return _FOREIGN
    return None


def is_loopback(host: str) -> bool:
    """Whether a host is a loopback IP address."""
    address = _address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address is not None and (mapped or address).is_loopback


def _is_named(host: str, names: Collection[str]) -> bool:
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["ip"] or match["name"].lower().removesuffix(".")
    return is_loopback(name) or str(_address(name) or name) in names


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_foreign(host: str, headers: Headers) -> bool:
    """Whether a page of another site caused a request, by headers that only browsers send."""
    if any(site not in _OWN_SITES for site in headers.getlist("sec-fetch-site")):
        return True
    return any(not _is_same(origin, host) for origin in headers.getlist("origin"))


def _is_same(origin: str, host: str) -> bool:
    """Whether an origin, such as https://example.com, has this host; the scheme may differ behind a proxy."""
    try:
        one, other = urlsplit(origin), urlsplit(f"//{host}")
        ports = one.port, other.port
    except ValueError:
        return False
    default = _PORTS.get(one.scheme)
    return bool(one.hostname) and one.hostname == other.hostname and (ports[0] or default) == (ports[1] or default)
