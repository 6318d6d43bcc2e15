"""The rate limit of a source: a token bucket."""

import threading
from collections.abc import Callable

BURST = 20


class Budget:
    """A token bucket that starts full: at most `burst` requests at once and `per_minute` in the long run.

    Threads may share it. An interval of t seconds has at most burst + t * per_minute / 60 requests.
    """

    def __init__(self, per_minute: float, *, monotonic: Callable[[], float], burst: int = BURST) -> None:
        self._interval = 60 / per_minute
        self._lead = (burst - 1) * self._interval
        self._monotonic = monotonic
        self._full_at = monotonic()
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Takes a token and returns the seconds to wait before using it; 0.0 if it may be used at once."""
        with self._lock:
            now = self._monotonic()
            missing = max(0.0, self._full_at - now)
            self._full_at = now + missing + self._interval
        return max(0.0, missing - self._lead)
