"""Signed links: reports that a vendor keeps on another host, behind links that are secrets and soon end.

A request for one carries no token, no cookie and no Authorization, and follows no redirect. Its query, which is the
secret, is in no message, no log and no span.
"""

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from typing import TYPE_CHECKING, BinaryIO

import httpx

from exporter.errors import BadPayload, LinkExpired, Rejected, VendorError
from exporter.redaction import presentable
from exporter.transport import ndjson
from exporter.transport.endpoints import Endpoint
from exporter.transport.exchange import Exchange
from exporter.transport.json_object import JsonObject
from exporter.transport.refusals import limits, redirect_host
from exporter.transport.retries import RetryableError

if TYPE_CHECKING:
    from exporter.transport.client import Client

# Decoded bytes of all the files of a report: ten times what 50,000 people fill in a day (Copilot, 2026-11).
REPORT_LIMIT = 2 * 2**30
_MOST_LINKS = 10_000
_PORTS = {"https": 443, "http": 80}
# What spans show of any link.
_ENDPOINT = Endpoint("GET", "/signed-link")


def report_rows(
    client: "Client",
    links: Callable[[], Sequence[str]],
    hosts: Collection[str],
    name: str,
    *,
    limit: int = REPORT_LIMIT,
    line_limit: int = ndjson.LINE_LIMIT,
) -> Generator[JsonObject, None, None]:
    """The rows of a report that is one or more NDJSON files behind signed links: all of its files, or an error.

    `links` asks the vendor for the envelope and returns its links; it is called again, once, when a link has expired,
    and then every file is downloaded anew, since new links may lead to a new report. `hosts` are the exact hosts that
    links may lead to, as `host` or `host:port`. `name` says in messages which report it is. The files are on disk, in
    memory is one line at a time. No row comes before every file is there; a wrong line raises BadPayload where it
    stands, so rows must be read to the end before any of them counts, and be closed where they are not.
    """
    with ExitStack() as closing:
        file = closing.enter_context(ndjson.temporary_file())
        try:
            parts = _download_all(client, links(), hosts, file, name, limit)
        except LinkExpired:
            parts = _download_all(client, links(), hosts, file, name, limit)
        file.seek(0)
        for where, size in parts:
            yield from ndjson.rows(file, size, where, line_limit=line_limit)


def download(
    exchange: Exchange,
    http: httpx.Client,
    link: str,
    hosts: Collection[str],
    to: BinaryIO,
    *,
    name: str,
    limit: int,
) -> int:
    """GETs a signed link into an open file from its position on; returns the size in bytes, unpacked.

    Accepts gzip by header and as the file's own form. Raises Rejected for a link that leads anywhere but to `hosts` by
    https (by http on loopback), or to a redirect; LinkExpired where the host refuses the link, which is not retried;
    BadPayload for more than `limit` bytes; Unreachable and RateLimited as for any request.
    """
    about = f"{exchange.vendor} {name}"
    url = checked(link, hosts, about)
    where = f"{about} from {_shown_host(url)}"
    start = to.tell()

    def attempt() -> int:
        exchange.pause(0, where)
        to.seek(start)
        to.truncate()
        with exchange.traced(_ENDPOINT), exchange.response(http, http.build_request("GET", url), where, judge) as open_:
            to.writelines(exchange.decoded(open_, where, limit, packed_file=True))
        to.flush()
        return to.tell() - start

    def judge(response: httpx.Response, where: str) -> VendorError | RetryableError | None:
        return None if response.is_success else _refusal(exchange, response, where)

    return exchange.repeated(where, attempt)


def checked(link: str, hosts: Collection[str], about: str) -> httpx.URL:
    """A link that leads to one of `hosts`, by https, or by http on loopback. `about` names the report for messages."""
    try:
        url = httpx.URL(link)
        allowed = {_place(httpx.URL(f"{url.scheme}://{host}")) for host in hosts}
    except (httpx.InvalidURL, ValueError):
        raise BadPayload(f"{about}: a download link is no address") from None
    host = _shown_host(url)
    if url.userinfo:
        raise Rejected(f"{about}: a download link to {host} holds a user name or password")
    if not host or _place(url) not in allowed:
        raise Rejected(f"{about}: a download link leads to {host or 'no host'}, allowed is {', '.join(hosts)}")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
        raise Rejected(f"{about}: a download link to {host} is not https")
    return url


def _download_all(
    client: "Client", links: Sequence[str], hosts: Collection[str], file: BinaryIO, name: str, limit: int
) -> list[tuple[str, int]]:
    """Downloads the files of all links, one behind the other; what messages call each of them, and its size."""
    if not 0 < len(links) <= _MOST_LINKS:
        raise BadPayload(f"{client.vendor} {name}: {len(links)} download links")
    file.seek(0)
    file.truncate()
    parts: list[tuple[str, int]] = []
    for number, link in enumerate(links, start=1):
        part = f"{name}, file {number} of {len(links)}"
        size = client.download_link(link, hosts, file, name=part, limit=limit - file.tell())
        parts.append((f"{client.vendor} {part}", size))
    return parts


def _refusal(exchange: Exchange, response: httpx.Response, where: str) -> VendorError | RetryableError:
    status = response.status_code
    if response.is_redirect:
        host = exchange.hidden.presentable(redirect_host(response))
        return Rejected(f"{where}: {status}, redirected to {host}; download links are not followed", status=status)
    if 400 <= status < 500 and not limits(response):
        # Without the host's words, which may repeat the query. A 401 says nothing about the vendor's token.
        words = f"{where}: {status}, the download link is refused or has expired"
        return LinkExpired(words, status=None if status == 401 else status)
    return exchange.refusal(response, where, "")


def _place(url: httpx.URL) -> tuple[bytes, int | None]:
    """Host and port of a URL as they are looked up; a name that is not ASCII in its punycode."""
    return url.raw_host.lower(), url.port or _PORTS.get(url.scheme)


def _shown_host(url: httpx.URL) -> str:
    """The host in ASCII, so that a letter that only looks like another shows, with its port unless that is usual."""
    host = presentable(url.raw_host.decode("ascii"), [])
    return host if url.port is None else f"{host}:{url.port}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
