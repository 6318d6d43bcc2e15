"""A vendor's rate limit: a token bucket."""

from collections.abc import Callable
from datetime import datetime


class Limiter:
    """Takes `burst` requests at once and `per_minute` in the long run, on the vendor's own clock."""

    def __init__(self, per_minute: float, burst: int, now: Callable[[], datetime]) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._now = now
        self._left = float(burst)
        self._seen = now()

    def take(self) -> float:
        """Takes one request and returns 0.0, or takes none and returns the seconds until one is free."""
        moment = self._now()
        self._left = min(self._burst, self._left + max(0.0, (moment - self._seen).total_seconds()) * self._per_second)
        self._seen = moment
        if self._left < 1:
            return (1 - self._left) / self._per_second
        self._left -= 1
        return 0.0
