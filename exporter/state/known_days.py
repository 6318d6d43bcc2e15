"""Which stored days count by the current clock: an earlier clock that was ahead may have stored days too early."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from exporter.model import CLOCK_TOLERANCE, ONE_DAY, newest_ready
from exporter.state.records import StoredDay


def newest_known(now: datetime, ready_at: timedelta) -> date:
    """The newest day that may be known, with a tolerance for replicas and for corrections of the clock."""
    return newest_ready(now + CLOCK_TOLERANCE, ready_at)


def known_days(stored: Mapping[date, StoredDay], now: datetime, ready_at: timedelta) -> dict[date, StoredDay]:
    """The stored days that are ready and were not read by a clock more than a day ahead of `now`.

    The others count as not stored: they are not published, and a poll reads them when they are due. A day stored by a
    clock less than a day ahead is complete, or is read again with the lookback.
    """
    newest, latest = newest_known(now, ready_at), (now + ONE_DAY).timestamp()
    return {day: about for day, about in stored.items() if day <= newest and about.read_at <= latest}


def first_active(known: Mapping[date, StoredDay]) -> date | None:
    """The oldest of the known days that had people; None where none had."""
    return min((day for day, about in known.items() if about.people), default=None)
