"""Which stored days count, by the clock as it stands: one that was ahead may have left days that are still to come."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from exporter.model import CLOCK_TOLERANCE, ONE_DAY, newest_ready
from exporter.state.store import StoredDay


def newest_known(now: datetime, ready_at: timedelta) -> date:
    """The newest day that may be known: another replica may be ahead by a moment, or a clock be put right by one."""
    return newest_ready(now + CLOCK_TOLERANCE, ready_at)


def known_days(stored: Mapping[date, StoredDay], now: datetime, ready_at: timedelta) -> dict[date, StoredDay]:
    """The stored days that are ready and that no clock read that was more than a day ahead of this one.

    The others are as if they were not stored: not published, and read when they are due. What a clock stored that was
    less than a day ahead is finished, or is read again with the lookback.
    """
    newest, latest = newest_known(now, ready_at), (now + ONE_DAY).timestamp()
    return {day: about for day, about in stored.items() if day <= newest and about.read_at <= latest}
