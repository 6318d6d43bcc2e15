"""Retries of requests that failed for a moment: how often, and after which pause."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from exporter.errors import VendorError
from exporter.transport.vendor_clock import answer_time, http_date

ATTEMPTS = 4
LONGEST_PAUSE = 60.0

_BACKOFF = wait_exponential(multiplier=1.0, exp_base=2, max=LONGEST_PAUSE / 2)
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")

T = TypeVar("T")


class RetryableError(Exception):
    """A failure that may pass.

    `error` is what to raise if no attempt is left, `pause` the seconds that the vendor asked to wait.
    """

    def __init__(self, error: VendorError, pause: float | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.pause = pause


def retrying(
    attempt: Callable[[], T], pause: Callable[[float], None], jitter: Callable[[], float], attempts: int = ATTEMPTS
) -> T:
    """Calls `attempt` until it raises no RetryableError, at most `attempts` times; raises the error of the last one.

    `pause` waits the given seconds: as many as the vendor asked for, else 1, 2 and 4 times 1 + `jitter`, which is
    below 1.
    """

    def seconds(state: RetryCallState) -> float:
        assert state.outcome is not None
        failure = state.outcome.exception()
        asked = failure.pause if isinstance(failure, RetryableError) else None
        return asked or _BACKOFF(state) * (1 + jitter())

    retry = Retrying(
        retry=retry_if_exception_type(RetryableError),
        stop=stop_after_attempt(attempts),
        wait=seconds,
        sleep=pause,
        reraise=True,
    )
    try:
        return retry(attempt)
    except RetryableError as failure:
        raise failure.error from failure.__cause__


def asked_pause(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the headers of a refusal ask to wait; None if they ask for nothing or for a moment in the past.

    `Retry-After` is seconds or an HTTP date. GitLab may leave it out and send `RateLimit-Reset` in Unix seconds, GitHub
    `X-RateLimit-Reset`, which counts where `X-RateLimit-Remaining` is 0 (2026-11). A moment is compared with the
    vendor's clock in `Date` if there is one, because ours may be wrong.
    """
    now = answer_time(headers) or now
    if "retry-after" in headers:
        pause = _retry_after(headers["retry-after"].strip(), now)
    elif "ratelimit-reset" in headers:
        pause = _until(headers["ratelimit-reset"], now)
    elif headers.get("x-ratelimit-remaining", "").strip() == "0":
        pause = _until(headers.get("x-ratelimit-reset", ""), now)
    else:
        pause = None
    return pause if pause is not None and pause > 0 else None


def _retry_after(value: str, now: datetime) -> float | None:
    seconds = _seconds(value)
    if seconds is not None:
        return seconds
    moment = http_date(value)
    return None if moment is None else (moment - now).total_seconds()


def _until(unix_seconds: str, now: datetime) -> float | None:
    moment = _seconds(unix_seconds.strip())
    return None if moment is None else moment - now.timestamp()


def _seconds(value: str) -> float | None:
    return float(value) if _SECONDS.fullmatch(value) else None
