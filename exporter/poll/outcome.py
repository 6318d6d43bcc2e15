"""What comes of one poll: days that were stored, scopes that failed, and whether the rest is worth a try."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from exporter.errors import Failure
from exporter.state.records import Change
from exporter.transport.vendor_clock import VendorClock

# Scopes share token, quota and host: after so many in a row that fail for one of these the others are not tried. A
# single one may have reasons of its own.
_HOPELESS = {"token": 3, "quota": 3, "host": 10}


@dataclass
class Outcome:
    """What came of a poll so far; the threads that read its scopes share it.

    `failed` has "" for the source as a whole, and `clock` is what the vendor told of the time.
    """

    days: dict[str, int] = field(default_factory=lambda: {"new": 0, "same": 0, "revised": 0})
    failed: dict[str, Failure] = field(default_factory=dict)
    in_a_row: Counter[str] = field(default_factory=Counter)
    clock: VendorClock = field(default_factory=VendorClock)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stored(self, change: Change) -> None:
        """Counts a day that was stored."""
        with self.lock:
            self.days[change] += 1

    def fail(self, scope: str, failure: Failure) -> None:
        """Notes a scope that failed."""
        with self.lock:
            self.failed[scope] = failure
            shared = _shared_cause(failure)
            if shared is None:
                self.in_a_row.clear()
            else:
                self.in_a_row[shared] += 1

    def read(self) -> None:
        """Notes that a scope was read."""
        with self.lock:
            self.in_a_row.clear()

    def skip(self, scope: str) -> None:
        """Notes a scope that is not tried, since it would fail as the last ones did."""
        with self.lock:
            self.failed[scope] = list(self.failed.values())[-1]

    def hopeless(self) -> bool:
        """Whether scopes that were not tried yet need not be."""
        return any(self.in_a_row[cause] >= most for cause, most in _HOPELESS.items())


def _shared_cause(failure: Failure) -> str | None:
    """What other scopes would fail for too."""
    if failure.status == 401:
        return "token"
    if failure.reason == "rate_limited":
        return "quota"
    return "host" if failure.reason == "unreachable" and failure.status is None else None
