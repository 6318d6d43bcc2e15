"""Whether our clock is right: what a vendor's answers say of the time, in their `Date` header."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from exporter.model import CLOCK_TOLERANCE


@dataclass(frozen=True)
class Told:
    """The vendor's time as one answer told it, and by how much our clock was ahead of it (negative: behind)."""

    moment: datetime
    ahead: timedelta

    @property
    def agrees(self) -> bool:
        """Whether both clocks may be right."""
        return abs(self.ahead) <= CLOCK_TOLERANCE


@dataclass
class VendorClock:
    """What the answers of one poll told of the time: the newest, or one that disagreed. None: no answer told it.

    `good` says whether an answer that told the time was no refusal. Threads may share one.
    """

    told: Told | None = None
    good: bool = False

    def hear(self, headers: Mapping[str, str], now: datetime, *, good: bool) -> None:
        """Takes the headers of an answer that has just come. One from a cache tells when it was put there."""
        moment = answer_time(headers)
        if moment is None or headers.get("age", "0").strip() != "0":
            return
        told = Told(moment, now - moment)
        if self.told is None or self.told.agrees or not told.agrees:
            self.told = told
        self.good |= good


def answer_time(headers: Mapping[str, str]) -> datetime | None:
    """The vendor's time in the headers of an answer; None where it is missing or no HTTP date."""
    return http_date(headers.get("date", ""))


def http_date(text: str) -> datetime | None:
    """A moment as HTTP writes it; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        # The oldest of the three forms names no zone; all three are UTC (RFC 9110, 5.6.7).
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
