"""Asking again after a failure that may pass: how often, and after which pause."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

import stamina

from exporter.errors import VendorError
from exporter.transport.vendor_clock import answer_time, http_date

ATTEMPTS = 4
LONGEST_PAUSE = 60.0

_FIRST_PAUSE = 1.0
_GROWTH = 2
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")

T = TypeVar("T")

# A switch of the whole process: stamina would log each retry and count it in the default registry.
stamina.instrumentation.set_on_retry_hooks([])


class RetryableError(Exception):
    """A failure that may pass: what to report if it was the last attempt, and the pause that the vendor asked for."""

    def __init__(self, error: VendorError, pause: float | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.pause = pause


def retrying(
    attempt: Callable[[], T], pause: Callable[[float], None], jitter: Callable[[], float], attempts: int = ATTEMPTS
) -> T:
    """The result of the first of the attempts without a PassingError; the error in the last one otherwise.

    `pause` waits the given seconds: as the vendor asked, else 1, 2 and 4 times 1 + `jitter`, which is below 1.
    """
    seconds = 0.0
    try:
        # stamina would sleep for what a hook returns, deaf to a shutdown: it sleeps 0, and we pause before the attempt.
        for trial in stamina.retry_context(
            on=lambda error: 0.0 if isinstance(error, RetryableError) else False,
            attempts=attempts,
            timeout=None,
            wait_initial=_FIRST_PAUSE,
            wait_exp_base=_GROWTH,
            wait_max=LONGEST_PAUSE / 2,
            wait_jitter=0,
        ):
            with trial:
                if seconds:
                    pause(seconds)
                try:
                    return attempt()
                except RetryableError as failure:
                    seconds = failure.pause or trial.next_wait * (1 + jitter())
                    raise
    except RetryableError as failure:
        raise failure.error from failure.__cause__
    raise AssertionError("the last attempt returns or raises")


def asked_pause(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a refusing vendor asks to wait; None where it does not say, or names a moment that has passed.

    `Retry-After` is seconds or an HTTP date. GitLab may leave it out and send `RateLimit-Reset` in Unix seconds
    (2026-11). A moment is compared with the vendor's own clock, where the answer tells it: ours may be wrong.
    """
    now = answer_time(headers) or now
    if "retry-after" in headers:
        pause = _retry_after(headers["retry-after"].strip(), now)
    elif "ratelimit-reset" in headers:
        reset = _seconds(headers["ratelimit-reset"].strip())
        pause = None if reset is None else reset - now.timestamp()
    else:
        pause = None
    return pause if pause is not None and pause > 0 else None


def _retry_after(value: str, now: datetime) -> float | None:
    seconds = _seconds(value)
    if seconds is not None:
        return seconds
    moment = http_date(value)
    return None if moment is None else (moment - now).total_seconds()


def _seconds(value: str) -> float | None:
    return float(value) if _SECONDS.fullmatch(value) else None
