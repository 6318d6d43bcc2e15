"""One exchange with a host: attempts and their pauses, what comes back, and what is counted and traced of it."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import httpx

from exporter.errors import BadPayload, Unreachable, VendorError
from exporter.redaction import Hidden
from exporter.transport.body import OnProgress, decoded
from exporter.transport.endpoints import Endpoint
from exporter.transport.json_object import refusal_text
from exporter.transport.refusals import refused
from exporter.transport.retries import RetryableError, retrying
from exporter.transport.vendor_clock import VendorClock

# A body has no deadline, but a slower one would hold its poll for hours.
SLOWEST_BYTES_PER_SECOND = 1024
_ERROR_BODY_LIMIT = 64 * 2**10

T = TypeVar("T")
# Raised in place of a response: the error of one with an unwanted status, or None where the status is wanted.
Judge = Callable[[httpx.Response, str], VendorError | RetryableError | None]


class Counter:
    """Attempts since they were last taken. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made = 0

    def add(self) -> None:
        """Counts one."""
        with self._lock:
            self._made += 1

    def take(self) -> int:
        """The number so far, which begins anew."""
        with self._lock:
            made, self._made = self._made, 0
        return made


@dataclass(kw_only=True, eq=False)
class Exchange:
    """What all requests of a client have in common, to whichever host they go. The fields are those of `Client`."""

    vendor: str
    timeout: float
    stop: threading.Event
    count: Callable[[int | None], None]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    traced: Callable[[Endpoint], AbstractContextManager[object]]
    jitter: Callable[[], float]
    attempts: int
    made: Counter = field(default_factory=Counter)
    hidden: Hidden = field(default_factory=Hidden)

    @property
    def tries(self) -> str:
        """How many attempts there are, for messages."""
        return f"{self.attempts} attempt{'s' if self.attempts > 1 else ''}"

    def pause(self, seconds: float, where: str) -> None:
        """Waits; Unreachable when the exporter stops."""
        if self.stop.wait(seconds):
            raise Unreachable(f"{where}: stopping")

    def repeated(self, where: str, attempt: Callable[[], T]) -> T:
        """Calls `attempt` again where it may help; Unreachable when the exporter stops."""
        return retrying(attempt, lambda seconds: self.pause(seconds, where), self.jitter, self.attempts)

    @contextmanager
    def response(
        self, http: httpx.Client, request: httpx.Request, where: str, judge: Judge, clock: VendorClock | None = None
    ) -> Iterator[httpx.Response]:
        """Makes one attempt: an open response that `judge` accepts, whose body is not read yet."""
        try:
            response = http.send(request, stream=True)
        except httpx.TransportError as error:
            self._count(None)
            raise RetryableError(Unreachable(f"{where}: no answer in {self.tries}: {self._fault(error)}")) from error
        status = response.status_code
        self._count(status)
        # A broken proxy may answer with a 5xx and a time of its own.
        if clock is not None and status < 500:
            clock.hear(response.headers, self.now(), good=response.is_success)
        try:
            error_of_status = judge(response, where)
            if error_of_status is not None:
                raise error_of_status
            yield response
        except (httpx.TransportError, EOFError) as error:
            message = f"{where}: {status} with a body cut short in {self.tries}: {self._fault(error)}"
            raise RetryableError(Unreachable(message, status=status)) from error
        finally:
            response.close()

    def decoded(
        self,
        response: httpx.Response,
        where: str,
        limit: int,
        progress: OnProgress | None = None,
        *,
        packed_file: bool = False,
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

        return decoded(response, where, limit, on_progress, self.hidden.presentable, packed_file=packed_file)

    def refusal(self, response: httpx.Response, where: str, advice: str) -> VendorError | RetryableError:
        """The error for an unwanted status other than a redirect, with the vendor's words."""
        words = self.hidden.presentable(refusal_text(self._error_body(response, where)))
        return refused(response, where, words, self.tries, self.now(), advice)

    def _error_body(self, response: httpx.Response, where: str) -> bytes:
        """The beginning of an error body, as far as it can be read."""
        body = io.BytesIO()
        with suppress(httpx.TransportError, EOFError, BadPayload):
            body.writelines(self.decoded(response, where, _ERROR_BODY_LIMIT))
        return body.getvalue()

    def _count(self, status: int | None) -> None:
        self.made.add()
        self.count(status)

    def _fault(self, error: Exception) -> str:
        return self.hidden.presentable(f"{type(error).__name__} {error}")
