"""Compares our clock with the `Date` header of a vendor's responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from exporter.model import CLOCK_TOLERANCE


@dataclass(frozen=True)
class Told:
    """The vendor's time in one response, and how far our clock was ahead of it (negative: behind)."""

    moment: datetime
    ahead: timedelta

    @property
    def agrees(self) -> bool:
        """Whether the clocks agree within CLOCK_TOLERANCE."""
        return abs(self.ahead) <= CLOCK_TOLERANCE


@dataclass
class VendorClock:
    """The vendor's time in the responses of one poll: the newest that disagrees with our clock, else the newest.

    `told` is None if no response had a time; `good` says whether one with a time was no refusal. Threads may share it.
    """

    told: Told | None = None
    good: bool = False

    def hear(self, headers: Mapping[str, str], now: datetime, *, good: bool) -> None:
        """Reads the headers of a response that has just arrived; ignores one from a cache, which is older than that."""
        moment = answer_time(headers)
        if moment is None or headers.get("age", "0").strip() != "0":
            return
        told = Told(moment, now - moment)
        if self.told is None or self.told.agrees or not told.agrees:
            self.told = told
        self.good |= good


def answer_time(headers: Mapping[str, str]) -> datetime | None:
    """The `Date` in the headers of a response; None if it is missing or not an HTTP date."""
    return http_date(headers.get("date", ""))


def http_date(text: str) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7) in UTC; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        # The oldest of the three formats has no zone; all three are in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
