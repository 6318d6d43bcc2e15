"""HTTP requests to a vendor: blocking, within a rate limit, with retries and bounded bodies, without redirects."""

import io
import logging
import os
import random
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

import httpx

from exporter import __version__
from exporter.errors import Rejected, VendorError
from exporter.transport import json_object, links
from exporter.transport.body import OnProgress
from exporter.transport.credentials import Credential, Fixed
from exporter.transport.endpoints import Endpoint, Endpoints
from exporter.transport.exchange import Counter, Exchange
from exporter.transport.http_environment import check_proxies, tls_context
from exporter.transport.refusals import hold_redirect, limits, redirect_host, redirected
from exporter.transport.retries import ATTEMPTS, RetryableError
from exporter.transport.vendor_clock import VendorClock

BODY_LIMIT = 256 * 2**20
# Years of a large company's reports fit in, and a few megabytes of gzip cannot fill the disk.
DOWNLOAD_LIMIT = 16 * 2**30

T = TypeVar("T")
Params = Mapping[str, str | int]

# For the whole process: httpx logs every URL with its query, which may name people or be a secret.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Response:
    """A whole response with a wanted status; `where` names vendor, method and path for messages."""

    where: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> object:
        """The body as one strict JSON document; BadPayload otherwise."""
        return json_object.loads(self.body, self.where)


@dataclass(kw_only=True, eq=False)
class Client:
    """Sends requests to one vendor; threads may share it. Close it after use.

    `headers` are secret; `public_headers` are sent beside them and may be shown. `endpoints` belongs to the source and
    outlives its clients: nothing but what it lists is sent. `timeout` is in seconds, for connecting and for each wait
    for data. `body_limit` and `download_limit` are in decoded bytes. `ca_file` replaces the trusted authorities.
    `attempts` is 1 if a request must not be repeated. `count` is called with the HTTP status of each attempt, or with
    None if there was no response. `traced` returns the context manager around each attempt at an endpoint. `clock`
    records the time that responses report.

    Every method that asks raises VendorError, and Unreachable soon after `stop` is set.
    """

    vendor: str
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    public_headers: Mapping[str, str] = field(default_factory=dict)
    endpoints: Endpoints
    timeout: float
    stop: threading.Event
    count: Callable[[int | None], None]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    traced: Callable[[Endpoint], AbstractContextManager[object]] = nullcontext
    jitter: Callable[[], float] = random.random
    attempts: int = ATTEMPTS
    body_limit: int = BODY_LIMIT
    download_limit: int = DOWNLOAD_LIMIT
    ca_file: Path | None = None
    transport: httpx.BaseTransport | None = None
    clock: VendorClock = field(default_factory=VendorClock)

    def __post_init__(self) -> None:
        if httpx.URL(self.base_url).userinfo:
            raise ValueError(f"{self.vendor}: base_url holds a user name or password, which would replace the token")
        self._credential: Credential = Fixed(self.headers)
        self._check(self.headers)
        try:
            # httpx reads the proxies itself.
            check_proxies(os.environ, socks="socksio")
            trusted = tls_context(self.ca_file, os.environ)
        except ValueError as error:
            raise Rejected(f"{self.vendor}: {error}") from None
        self._exchange = Exchange(
            vendor=self.vendor,
            timeout=self.timeout,
            stop=self.stop,
            count=self.count,
            now=self.now,
            monotonic=self.monotonic,
            traced=self.traced,
            jitter=self.jitter,
            attempts=self.attempts,
        )
        connect = partial(
            httpx.Client,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=self.timeout,
            follow_redirects=False,
            event_hooks={"response": [hold_redirect]},
            verify=trusted,
            transport=self.transport,
        )
        plain = {"User-Agent": f"adoption-exporter/{__version__}", "Accept-Encoding": "gzip"}
        self._http = connect(headers=plain)
        # For links to other hosts: connections of its own, which no header of the vendor's can reach.
        self._strangers = connect(headers=plain)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()
        self._strangers.close()

    def counting(self) -> Self:
        """The same client with a count of its own, for callers that share it at the same time."""
        other = copy(self)
        other._exchange = copy(self._exchange)
        other._exchange.made = Counter()
        return other

    def signed_in(self, credential: Credential) -> Self:
        """The same client, with its count, whose requests carry the headers of another credential."""
        other = copy(self)
        other._credential = credential
        return other

    def once(self) -> Self:
        """The same client, with its count, which repeats no request."""
        other = copy(self)
        other._exchange = replace(self._exchange, attempts=1)
        return other

    def take_count(self) -> int:
        """The number of attempts since the last call, without those of other `counting` clients."""
        return self._exchange.made.take()

    def presentable(self, text: str) -> str:
        """A vendor's text, fit for a message: one short line without e-mail addresses and secrets that were sent."""
        return self._exchange.hidden.presentable(text)

    def get_json(self, path: str, params: Params | None = None) -> object:
        """GETs one JSON document."""
        return self.request("GET", path, params=params).json()

    def post_json(self, path: str, body: object) -> object:
        """POSTs a JSON body, which must be a query that may be repeated, and reads the JSON response."""
        return self.request("POST", path, json=body).json()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        accept_status: Collection[int] = (),
    ) -> Response:
        """Sends a request and returns a response with a 2xx or one of `accept_status`, which no rate limit is.

        Repeats it after a network error, a rate limit or a 5xx.
        """
        endpoint = Endpoint(method, path.partition("?")[0])

        def attempt(where: str, secret: Mapping[str, str]) -> Response:
            every = {"Accept": "application/json", **self.public_headers, **(headers or {}), **secret}
            request = self._http.build_request(method, self._url(path), params=params, json=json, headers=every)
            body = io.BytesIO()
            judge = partial(self._judge, accept_status)
            with self._exchange.response(self._http, request, where, judge, self.clock) as response:
                body.writelines(self._exchange.decoded(response, where, self.body_limit))
            return Response(where, response.status_code, response.headers, body.getvalue())

        return self._repeated(endpoint, attempt)

    def download(self, path: str, params: Params | None, to: BinaryIO, *, progress: OnProgress | None = None) -> int:
        """GETs into an open file and returns its size in bytes; the file holds a part of the body if this raises.

        `progress` is called with the bytes received so far and the bytes in all, or None where the vendor does not say;
        both count the body before it is unpacked.
        """

        def attempt(where: str, secret: Mapping[str, str]) -> int:
            every = {**self.public_headers, **secret}
            request = self._http.build_request("GET", self._url(path), params=params, headers=every)
            to.seek(0)
            to.truncate()
            with self._exchange.response(self._http, request, where, partial(self._judge, ()), self.clock) as response:
                to.writelines(self._exchange.decoded(response, where, self.download_limit, progress))
            to.flush()
            return to.tell()

        return self._repeated(Endpoint("GET", path.partition("?")[0]), attempt)

    def stream(self, path: str, params: Params | None, use: Callable[[Iterator[bytes]], T]) -> T:
        """GETs a body and returns what `use` makes of its pieces as they come.

        `use` must begin anew whenever it is called: it is called again after an answer that was cut short.
        """

        def attempt(where: str, secret: Mapping[str, str]) -> T:
            every = {**self.public_headers, **secret}
            request = self._http.build_request("GET", self._url(path), params=params, headers=every)
            with self._exchange.response(self._http, request, where, partial(self._judge, ()), self.clock) as response:
                return use(self._exchange.decoded(response, where, self.download_limit))

        return self._repeated(Endpoint("GET", path.partition("?")[0]), attempt)

    def download_link(self, link: str, hosts: Collection[str], to: BinaryIO, *, name: str, limit: int) -> int:
        """GETs a signed link of one of `hosts` into an open file from its position on; returns the size in bytes.

        See `links.download`. It takes nothing from a rate limit, and carries no header of this client.
        """
        return links.download(self._exchange, self._strangers, link, hosts, to, name=name, limit=limit)

    def _url(self, path: str) -> str:
        """Appends `path`, so that it cannot lead to another host and https://host/gitlab keeps its own path."""
        if not path.startswith("/"):
            raise ValueError(f"a path begins with /, not {path[:1]!r}")
        return self.base_url.rstrip("/") + path

    def _repeated(self, endpoint: Endpoint, attempt: Callable[[str, Mapping[str, str]], T]) -> T:
        """Calls `attempt` within the rate limit, and once more after a 401 where the credential has new headers."""
        budget = self.endpoints.budget(self.vendor, endpoint)
        where = f"{self.vendor} {endpoint.method} {endpoint.path}"

        def within_budget(secret: Mapping[str, str]) -> T:
            self._exchange.pause(budget.reserve(), where)
            with self.traced(endpoint):
                return attempt(where, secret)

        def once() -> T:
            secret = self._secret()
            try:
                return within_budget(secret)
            except Rejected as error:
                if error.status != 401 or not self._credential.refused(self, secret):
                    raise
            return within_budget(self._secret())

        return self._exchange.repeated(where, once)

    def _secret(self) -> Mapping[str, str]:
        """The secret headers of the next attempt."""
        secret = self._credential.headers(self)
        self._check(secret)
        self._exchange.hidden.add(secret)
        return secret

    def _check(self, secret: Mapping[str, str]) -> None:
        if not all(value.isascii() and value.isprintable() for value in secret.values()):
            # Not a ValueError: a token file is read for each poll and may have changed.
            raise Rejected(f"{self.vendor}: no HTTP header can carry the token; {self._credential.advice}")

    def _judge(
        self, accept_status: Collection[int], response: httpx.Response, where: str
    ) -> VendorError | RetryableError | None:
        if response.is_success or (response.status_code in accept_status and not limits(response)):
            return None
        if response.is_redirect:
            return redirected(where, response.status_code, self.presentable(redirect_host(response)))
        return self._exchange.refusal(response, where, self._credential.advice)
