"""The one way to talk to a vendor: blocking HTTP with a budget, retries, bounded bodies and no redirects."""

import io
import logging
import math
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
from typing import BinaryIO, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from exporter import __version__
from exporter.errors import BadPayload, RateLimited, Rejected, Unreachable
from exporter.redaction import presentable, secrets
from exporter.transport import json_object
from exporter.transport.body import Heard, pieces
from exporter.transport.http_environment import check_proxies, tls_context
from exporter.transport.json_object import refusal_text
from exporter.transport.rate_limit import Budget
from exporter.transport.retries import ATTEMPTS, LONGEST_PAUSE, RetryableError, asked_pause, retrying
from exporter.transport.vendor_clock import VendorClock

BODY_LIMIT = 256 * 2**20
# A file may be larger, but a few megabytes of gzip must not fill the disk: years of a large company's reports fit in.
DOWNLOAD_LIMIT = 16 * 2**30
# A body may take as long as it needs, but one that drips slower than this would hold its poll for hours.
SLOWEST_BYTES_PER_SECOND = 1024
_ERROR_BODY_LIMIT = 64 * 2**10

T = TypeVar("T")
Params = Mapping[str, str | int]

# A switch of the whole process: httpx would log every address with its query, which may name people.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Response:
    """An answer with a wanted status; `where` names vendor, method and path for messages."""

    where: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> object:
        """The body as one strict JSON document; BadPayload otherwise."""
        return json_object.loads(self.body, self.where)


@dataclass(kw_only=True, eq=False)
class Client:
    """Requests to one vendor; threads may share one. To be closed.

    `headers` carry the token; `timeout` is in seconds, for connecting and for each wait for data; `budget` belongs to
    the source and outlives its clients; `body_limit` and `download_limit` count decoded bytes; `ca_file` replaces the
    authorities that are trusted; `attempts` is 1 where a request must not be repeated. `count` hears each attempt's
    status code, or "error" for no answer; `traced` makes what encloses an attempt at vendor, method and path. `clock`
    hears what answers tell of the time. Every method raises the VendorError tree, and Unreachable soon after
    `stop` is set.
    """

    vendor: str
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    budget: Budget
    stop: threading.Event
    count: Callable[[str], None]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    traced: Callable[[str], AbstractContextManager[object]] = nullcontext
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
            # Not a ValueError: a token file is read again for each poll, and may have become a wrong one.
            raise Rejected(f"{self.vendor}: no HTTP header can carry the token; check token/token_file")
        try:
            # httpx asks for proxies itself.
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
            event_hooks={"response": [_hold_redirect]},
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
        """Close the connections."""
        self._http.close()

    def counting(self) -> Self:
        """The same client with a count of its own, for one of several who share it and ask side by side."""
        other = copy(self)
        other._made = 0
        return other

    def take_count(self) -> int:
        """How many attempts were made since this was last asked, those of other `counting` clients left out."""
        with self._counting:
            made, self._made = self._made, 0
        return made

    def get_json(self, path: str, params: Params | None = None) -> object:
        """GET one JSON document."""
        return self.request("GET", path, params=params).json()

    def post_json(self, path: str, body: object) -> object:
        """POST a JSON body, a query that may be repeated, and read the JSON answer."""
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
        """Ask, and again after a network error, a 429 or a 5xx; 2xx and the statuses in `accept_status` are answers."""
        where = self._where(method, path)
        request = self._http.build_request(
            method, self._url(path), params=params, json=json, headers={"Accept": "application/json", **(headers or {})}
        )

        def attempt() -> Response:
            body = io.BytesIO()
            with self._answer(request, where, accept_status) as answer:
                body.writelines(pieces(answer, where, self.body_limit, self._pace(where), self._shown))
            return Response(where, answer.status_code, answer.headers, body.getvalue())

        return self._asking(where, attempt)

    def download(self, path: str, params: Params | None, to: BinaryIO, *, progress: Heard | None = None) -> int:
        """GET into an open file, which is not whole where this fails, and return its size.

        `progress` hears the bytes received and, where the vendor says, the bytes to come in all (both as sent, so
        before unpacking).
        """
        where = self._where("GET", path)
        request = self._http.build_request("GET", self._url(path), params=params)

        def attempt() -> int:
            to.seek(0)
            to.truncate()
            with self._answer(request, where, ()) as answer:
                to.writelines(pieces(answer, where, self.download_limit, self._pace(where, progress), self._shown))
            to.flush()
            return to.tell()

        return self._asking(where, attempt)

    def _where(self, method: str, path: str) -> str:
        return f"{self.vendor} {method} {path.partition('?')[0]}"

    def _url(self, path: str) -> str:
        """Appended, never joined: a path cannot lead to another host, and https://host/gitlab keeps its own path."""
        if not path.startswith("/"):
            raise ValueError(f"a path begins with /, not {path[:1]!r}")
        return self.base_url.rstrip("/") + path

    def _asking(self, where: str, attempt: Callable[[], T]) -> T:
        """The attempt within budget and with retries, unless it stops."""

        def pause(seconds: float) -> None:
            if self.stop.wait(seconds):
                raise Unreachable(f"{where}: stopping")

        def within_budget() -> T:
            pause(self.budget.reserve())
            with self.traced(where):
                return attempt()

        return retrying(within_budget, pause, self.jitter, self.attempts)

    @contextmanager
    def _answer(self, request: httpx.Request, where: str, accept_status: Collection[int]) -> Iterator[httpx.Response]:
        """One attempt: an open answer with a wanted status, whose body is still to be read."""
        try:
            answer = self._http.send(request, stream=True)
        except httpx.TransportError as error:
            self._heard("error")
            raise RetryableError(Unreachable(f"{where}: no answer in {self._tries}: {self._fault(error)}")) from error
        status = answer.status_code
        self._heard(str(status))
        # What is out of order in between, such as a proxy, may answer with a 5xx of its own.
        if status < 500:
            self.clock.hear(answer.headers, self.now(), good=answer.is_success)
        try:
            if not answer.is_success and status not in accept_status:
                raise self._refusal(answer, where)
            yield answer
        except (httpx.TransportError, EOFError) as error:
            message = f"{where}: {status} with a body cut short in {self._tries}: {self._fault(error)}"
            raise RetryableError(Unreachable(message, status=status)) from error
        finally:
            answer.close()

    def _heard(self, code: str) -> None:
        with self._counting:
            self._made += 1
        self.count(code)

    def _pace(self, where: str, progress: Heard | None = None) -> Heard:
        """A listener to one body that ends it when the exporter stops or when it only drips."""
        began = self.monotonic()

        def heard(received: int, total: int | None) -> None:
            if self.stop.is_set():
                raise Unreachable(f"{where}: stopping")
            elapsed = self.monotonic() - began
            if elapsed > self.timeout and received < elapsed * SLOWEST_BYTES_PER_SECOND:
                raise httpx.ReadTimeout(f"less than {SLOWEST_BYTES_PER_SECOND} bytes a second")
            if progress is not None:
                progress(received, total)

        return heard

    def _refusal(self, answer: httpx.Response, where: str) -> Exception:
        """What an unwanted status means: a VendorError, or PassingError around one."""
        status = answer.status_code
        if answer.is_redirect:
            target = self._shown(_redirect_host(answer))
            message = f"{where}: {status}, redirected to {target}; the token is never sent elsewhere, check base_url"
            return Rejected(message, status=status)
        said = self._shown(refusal_text(self._head(answer, where)))
        words = f": {said}" if said else ""
        if status == 401:
            return Rejected(f"{where}: 401, the token was refused; check token/token_file{words}", status=status)
        if 400 <= status < 500 and status != 429:
            return Rejected(f"{where}: {status}{words}", status=status)
        kind = RateLimited if status == 429 else Unreachable
        pause = asked_pause(answer.headers, self.now())
        if pause is not None and pause > LONGEST_PAUSE:
            message = f"{where}: {status}, the vendor asks to wait {math.ceil(pause)} s{words}"
            return kind(message, status=status)
        return RetryableError(kind(f"{where}: {status} in {self._tries}{words}", status=status), pause)

    def _head(self, answer: httpx.Response, where: str) -> bytes:
        """The beginning of an error body, as far as it can be had."""
        head = io.BytesIO()
        with suppress(httpx.TransportError, EOFError, BadPayload):
            head.writelines(pieces(answer, where, _ERROR_BODY_LIMIT, self._pace(where), self._shown))
        return head.getvalue()

    def _fault(self, error: Exception) -> str:
        return self._shown(f"{type(error).__name__} {error}")

    def _shown(self, text: str) -> str:
        return presentable(text, self._hidden)


def _hold_redirect(answer: httpx.Response) -> None:
    """Put a redirect's address aside: httpx 0.28 reads it even where it may not follow, and breaks on an odd one."""
    if answer.is_redirect:
        answer.extensions["location"] = answer.headers.pop("location", "")


def _redirect_host(answer: httpx.Response) -> str:
    try:
        return urlsplit(urljoin(str(answer.url), answer.extensions["location"])).hostname or "nowhere"
    except ValueError:
        return "an unreadable address"
