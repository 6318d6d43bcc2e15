"""HTTP requests to a vendor: blocking, within a rate limit, with retries and bounded bodies, without redirects."""

import io
import logging
import os
import random
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self, TypeVar

import httpx

from exporter import __version__
from exporter.errors import BadPayload, Rejected, Unreachable, VendorError
from exporter.redaction import presentable, secrets
from exporter.transport import json_object
from exporter.transport.body import OnProgress, decoded
from exporter.transport.http_environment import check_proxies, tls_context
from exporter.transport.json_object import refusal_text
from exporter.transport.rate_limit import Budget
from exporter.transport.refusals import hold_redirect, redirect_host, redirected, refused
from exporter.transport.retries import ATTEMPTS, RetryableError, retrying
from exporter.transport.vendor_clock import VendorClock

BODY_LIMIT = 256 * 2**20
# Years of a large company's reports fit in, and a few megabytes of gzip cannot fill the disk.
DOWNLOAD_LIMIT = 16 * 2**30
# A body has no deadline, but a slower one would hold its poll for hours.
SLOWEST_BYTES_PER_SECOND = 1024
_ERROR_BODY_LIMIT = 64 * 2**10

T = TypeVar("T")
Params = Mapping[str, str | int]

# For the whole process: httpx logs every URL with its query, which may name people.
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


class Endpoint(NamedTuple):
    """What a request goes to; `path` has no query."""

    method: str
    path: str


@dataclass(kw_only=True, eq=False)
class Client:
    """Sends requests to one vendor; threads may share it. Close it after use.

    `headers` carry the token. `timeout` is in seconds, for connecting and for each wait for data. `budget` belongs to
    the source and outlives its clients. `body_limit` and `download_limit` are in decoded bytes. `ca_file` replaces the
    trusted authorities. `attempts` is 1 if a request must not be repeated. `count` is called with the HTTP status of
    each attempt, or with None if there was no response. `traced` returns the context manager around each attempt at an
    endpoint. `clock` records the time that responses report.

    Every method raises VendorError, and Unreachable soon after `stop` is set.
    """

    vendor: str
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    budget: Budget
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
        if not all(value.isascii() and value.isprintable() for value in self.headers.values()):
            # Not a ValueError: a token file is read for each poll and may have changed.
            raise Rejected(f"{self.vendor}: no HTTP header can carry the token; check token/token_file")
        try:
            # httpx reads the proxies itself.
            check_proxies(os.environ, socks="socksio")
            trusted = tls_context(self.ca_file, os.environ)
        except ValueError as error:
            raise Rejected(f"{self.vendor}: {error}") from None
        self._hidden = secrets(self.headers)
        self._tries = f"{self.attempts} attempt{'s' if self.attempts > 1 else ''}"
        self._http = httpx.Client(
            headers={"User-Agent": f"adoption-exporter/{__version__}", "Accept-Encoding": "gzip", **self.headers},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=self.timeout,
            follow_redirects=False,
            event_hooks={"response": [hold_redirect]},
            verify=trusted,
            transport=self.transport,
        )
        self._counting = threading.Lock()
        self._made = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def counting(self) -> Self:
        """The same client with a count of its own, for callers that share it at the same time."""
        other = copy(self)
        other._made = 0
        return other

    def take_count(self) -> int:
        """The number of attempts since the last call, without those of other `counting` clients."""
        with self._counting:
            made, self._made = self._made, 0
        return made

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
        """Sends a request and returns a response with a 2xx or one of `accept_status`.

        Repeats it after a network error, a 429 or a 5xx.
        """
        endpoint = Endpoint(method, path.partition("?")[0])
        where = self._where(endpoint)
        request = self._http.build_request(
            method, self._url(path), params=params, json=json, headers={"Accept": "application/json", **(headers or {})}
        )

        def attempt() -> Response:
            body = io.BytesIO()
            with self._response(request, where, accept_status) as response:
                body.writelines(self._decoded(response, where, self.body_limit))
            return Response(where, response.status_code, response.headers, body.getvalue())

        return self._with_retries(endpoint, attempt)

    def download(self, path: str, params: Params | None, to: BinaryIO, *, progress: OnProgress | None = None) -> int:
        """GETs into an open file and returns its size in bytes; the file holds a part of the body if this raises.

        `progress` is called with the bytes received so far and the bytes in all, or None where the vendor does not say;
        both count the body before it is unpacked.
        """
        endpoint = Endpoint("GET", path.partition("?")[0])
        where = self._where(endpoint)
        request = self._http.build_request("GET", self._url(path), params=params)

        def attempt() -> int:
            to.seek(0)
            to.truncate()
            with self._response(request, where, ()) as response:
                to.writelines(self._decoded(response, where, self.download_limit, progress))
            to.flush()
            return to.tell()

        return self._with_retries(endpoint, attempt)

    def _where(self, endpoint: Endpoint) -> str:
        return f"{self.vendor} {endpoint.method} {endpoint.path}"

    def _url(self, path: str) -> str:
        """Appends `path`, so that it cannot lead to another host and https://host/gitlab keeps its own path."""
        if not path.startswith("/"):
            raise ValueError(f"a path begins with /, not {path[:1]!r}")
        return self.base_url.rstrip("/") + path

    def _with_retries(self, endpoint: Endpoint, attempt: Callable[[], T]) -> T:
        """Calls `attempt` within the budget, again where it may help; Unreachable when the exporter stops."""

        def pause(seconds: float) -> None:
            if self.stop.wait(seconds):
                raise Unreachable(f"{self._where(endpoint)}: stopping")

        def within_budget() -> T:
            pause(self.budget.reserve())
            with self.traced(endpoint):
                return attempt()

        return retrying(within_budget, pause, self.jitter, self.attempts)

    @contextmanager
    def _response(self, request: httpx.Request, where: str, accept_status: Collection[int]) -> Iterator[httpx.Response]:
        """Makes one attempt: an open response with a wanted status, whose body is not read yet."""
        try:
            response = self._http.send(request, stream=True)
        except httpx.TransportError as error:
            self._count_attempt(None)
            raise RetryableError(Unreachable(f"{where}: no answer in {self._tries}: {self._fault(error)}")) from error
        status = response.status_code
        self._count_attempt(status)
        # A broken proxy may answer with a 5xx and a time of its own.
        if status < 500:
            self.clock.hear(response.headers, self.now(), good=response.is_success)
        try:
            if not response.is_success and status not in accept_status:
                raise self._refusal(response, where)
            yield response
        except (httpx.TransportError, EOFError) as error:
            message = f"{where}: {status} with a body cut short in {self._tries}: {self._fault(error)}"
            raise RetryableError(Unreachable(message, status=status)) from error
        finally:
            response.close()

    def _count_attempt(self, status: int | None) -> None:
        with self._counting:
            self._made += 1
        self.count(status)

    def _decoded(
        self, response: httpx.Response, where: str, limit: int, progress: OnProgress | None = None
    ) -> Iterator[bytes]:
        """The decoded body of a response; aborts it when the exporter stops or the body comes too slowly."""
        began = self.monotonic()

        def on_progress(received: int, total: int | None) -> None:
            if self.stop.is_set():
                raise Unreachable(f"{where}: stopping")
            elapsed = self.monotonic() - began
            if elapsed > self.timeout and received < elapsed * SLOWEST_BYTES_PER_SECOND:
                raise httpx.ReadTimeout(f"less than {SLOWEST_BYTES_PER_SECOND} bytes a second")
            if progress is not None:
                progress(received, total)

        return decoded(response, where, limit, on_progress, self._presentable)

    def _refusal(self, response: httpx.Response, where: str) -> VendorError | RetryableError:
        if response.is_redirect:
            return redirected(where, response.status_code, self._presentable(redirect_host(response)))
        words = self._presentable(refusal_text(self._error_body(response, where)))
        return refused(response, where, words, self._tries, self.now())

    def _error_body(self, response: httpx.Response, where: str) -> bytes:
        """The beginning of an error body, as far as it can be read."""
        body = io.BytesIO()
        with suppress(httpx.TransportError, EOFError, BadPayload):
            body.writelines(self._decoded(response, where, _ERROR_BODY_LIMIT))
        return body.getvalue()

    def _fault(self, error: Exception) -> str:
        return self._presentable(f"{type(error).__name__} {error}")

    def _presentable(self, text: str) -> str:
        return presentable(text, self._hidden)
