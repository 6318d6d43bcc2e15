"""The one way to talk to a vendor: blocking HTTP with a budget, retries, bounded bodies and no redirects."""

import io
import logging
import math
import random
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
import stamina

from exporter import __version__, json_body
from exporter.body import Heard, pieces
from exporter.budget import Budget, asked_pause
from exporter.errors import BadPayload, RateLimited, Rejected, Unreachable, VendorError
from exporter.vendor_text import presentable, refusal_text, secrets

ATTEMPTS = 4
LONGEST_PAUSE = 60.0
BODY_LIMIT = 256 * 2**20
# A body may take as long as it needs, but one that drips slower than this would hold its poll for hours.
SLOWEST_BYTES_PER_SECOND = 1024
_ERROR_BODY_LIMIT = 64 * 2**10

T = TypeVar("T")
Params = Mapping[str, str | int]

# Both are switches of the whole process. stamina would log retries and count them in the default registry; httpx would
# log every address with its query, which may name people.
stamina.instrumentation.set_on_retry_hooks([])
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
        return json_body.loads(self.body, self.where)


@dataclass(kw_only=True, eq=False)
class Client:
    """Requests to one vendor; threads may share one. To be closed.

    `headers` carry the token; `timeout` is in seconds, for connecting and for each wait for data; `budget` belongs to
    the source and outlives its clients; `body_limit` counts decoded bytes; `verify` may be the path of a CA bundle.
    `count` hears each attempt's status code, or "error" for no answer. Every method raises the VendorError tree, and
    Unreachable soon after `stop` is set.
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
    jitter: Callable[[], float] = random.random
    body_limit: int = BODY_LIMIT
    verify: str | bool = True
    transport: httpx.BaseTransport | None = None

    def __post_init__(self) -> None:
        if httpx.URL(self.base_url).userinfo:
            raise ValueError(f"{self.vendor}: base_url holds a user name or password, which would replace the token")
        if not all(value.isascii() and value.isprintable() for value in self.headers.values()):
            raise ValueError(f"{self.vendor}: the token holds a character that no HTTP header can carry")
        self._hidden = secrets(self.headers)
        self._http = httpx.Client(
            headers={"User-Agent": f"adoption-exporter/{__version__}", "Accept-Encoding": "gzip", **self.headers},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=self.timeout,
            follow_redirects=False,
            verify=ssl.create_default_context(cafile=self.verify) if isinstance(self.verify, str) else self.verify,
            transport=self.transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

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
                body.writelines(pieces(answer, where, self.body_limit, self._pace(where)))
            return Response(where, answer.status_code, answer.headers, body.getvalue())

        return self._retrying(where, attempt)

    def download(
        self,
        path: str,
        params: Params | None,
        to: Path,
        *,
        limit: int | None = None,
        progress: Heard | None = None,
    ) -> int:
        """GET into a file, which appears only when it is whole, and return its size.

        `limit` counts decoded bytes; `progress` hears the bytes received and, where the vendor says, the bytes to come
        in all (both as sent, so before unpacking).
        """
        where = self._where("GET", path)
        request = self._http.build_request("GET", self._url(path), params=params)
        part = to.with_name(f"{to.name}.part")

        def attempt() -> int:
            with part.open("wb") as file, self._answer(request, where, ()) as answer:
                file.writelines(pieces(answer, where, limit, self._pace(where, progress)))
                return file.tell()

        try:
            size = self._retrying(where, attempt)
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
        return size

    def _where(self, method: str, path: str) -> str:
        return f"{self.vendor} {method} {path.partition('?')[0]}"

    def _url(self, path: str) -> str:
        """Appended, never joined: a path cannot lead to another host, and https://host/gitlab keeps its own path."""
        if not path.startswith("/"):
            raise ValueError(f"a path begins with /, not {path[:1]!r}")
        return self.base_url.rstrip("/") + path

    def _retrying(self, where: str, attempt: Callable[[], T]) -> T:
        pause = 0.0
        try:
            # stamina decides and counts; its own sleep is 0 because it would outlast `stop`, and because it caps
            # neither by wait_max nor by timeout what a hook returns.
            for trial in stamina.retry_context(
                on=lambda error: 0.0 if isinstance(error, _PassingError) else False,
                attempts=ATTEMPTS,
                timeout=None,
                wait_initial=2,
                wait_exp_base=3,
                wait_max=LONGEST_PAUSE / 2,
                wait_jitter=0,
            ):
                with trial:
                    self._sleep(pause, where)
                    self._sleep(self.budget.reserve(), where)
                    try:
                        return attempt()
                    except _PassingError as failure:
                        pause = failure.pause or trial.next_wait * (1 + self.jitter())
                        raise
        except _PassingError as failure:
            raise failure.error from failure.__cause__
        raise AssertionError("stamina ends with an answer or an error")

    def _sleep(self, seconds: float, where: str) -> None:
        if self.stop.wait(seconds):
            raise Unreachable(f"{where}: stopping")

    @contextmanager
    def _answer(self, request: httpx.Request, where: str, accept_status: Collection[int]) -> Iterator[httpx.Response]:
        """One attempt: an open answer with a wanted status, whose body is still to be read."""
        try:
            answer = self._http.send(request, stream=True)
        except httpx.TransportError as error:
            self.count("error")
            raise _PassingError(
                Unreachable(f"{where}: no answer in {ATTEMPTS} attempts: {self._fault(error)}")
            ) from error
        status = answer.status_code
        self.count(str(status))
        try:
            if not answer.is_success and status not in accept_status:
                raise self._refusal(answer, where)
            yield answer
        except (httpx.TransportError, EOFError) as error:
            message = f"{where}: {status} with a body cut short in {ATTEMPTS} attempts: {self._fault(error)}"
            raise _PassingError(Unreachable(message, status=status)) from error
        finally:
            answer.close()

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
        """What an unwanted status means: a VendorError, or _PassingError around one."""
        status = answer.status_code
        if answer.is_redirect:
            target = self._shown(answer.next_request.url.host) if answer.next_request else "nowhere"
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
        return _PassingError(kind(f"{where}: {status} in {ATTEMPTS} attempts{words}", status=status), pause)

    def _head(self, answer: httpx.Response, where: str) -> bytes:
        """The beginning of an error body, as far as it can be had."""
        head = io.BytesIO()
        with suppress(httpx.TransportError, EOFError, BadPayload):
            head.writelines(pieces(answer, where, _ERROR_BODY_LIMIT, self._pace(where)))
        return head.getvalue()

    def _fault(self, error: Exception) -> str:
        return self._shown(f"{type(error).__name__} {error}")

    def _shown(self, text: str) -> str:
        return presentable(text, self._hidden)


class _PassingError(Exception):
    """A failure that may pass: what to report if it was the last attempt, and the pause that the vendor asked for."""

    def __init__(self, error: VendorError, pause: float | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.pause = pause
