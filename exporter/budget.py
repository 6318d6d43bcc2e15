"""How fast a vendor may be asked: our own token bucket, and the pause that a vendor asks for."""

import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BURST = 20

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)


class Budget:
    """A token bucket that starts full: at most `burst` requests at once and `per_minute` in the long run.

    Threads may share one. No interval of t seconds sees more than burst + t * per_minute / 60 requests.
    """

    def __init__(self, per_minute: float, *, monotonic: Callable[[], float], burst: int = BURST) -> None:
        self._interval = 60 / per_minute
        self._lead = (burst - 1) * self._interval
        self._monotonic = monotonic
        self._full_at = monotonic()
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take a token and return the seconds to wait until it is there; 0.0 when it may be used at once."""
        with self._lock:
            now = self._monotonic()
            missing = max(0.0, self._full_at - now)
            self._full_at = now + missing + self._interval
        return max(0.0, missing - self._lead)


def asked_pause(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a refusing vendor asks to wait; None where it does not say, or names a moment that has passed.

    `Retry-After` is seconds or an HTTP date. GitLab may leave it out and send `RateLimit-Reset` in Unix seconds
    (2026-11).
    """
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
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    # The oldest of the three HTTP date forms names no zone; all three are UTC (RFC 9110, 5.6.7).
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()


def _seconds(value: str) -> float | None:
    return float(value) if _SECONDS.fullmatch(value) else None
