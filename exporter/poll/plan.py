"""Which days a poll reads, and which empty days are late rather than zero. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from statistics import median

from exporter.model import CLOCK_TOLERANCE, ONE_DAY, WINDOWS, WindowPeople, newest_ready, ready_since, window_days
from exporter.samples.calendar import IsWorkday
from exporter.samples.comparable import WEEKS_BACK, comparable_days
from exporter.state.known_days import newest_known
from exporter.state.records import StoredDay
from exporter.state.store import PollStatus
from exporter.transport.vendor_clock import Told

# Re-reading costs quota. Up to one burst of the token bucket it is done at every poll; beyond that, once after each
# time that the vendor has published a new day.
CHEAP_REREAD = 20

# So many people on most of the same weekdays are missed on a day that is no working day too.
_USUAL_PEOPLE = 5

# The longest window, and a week by which another source of the company may be behind.
_JOINED_DAYS = 35

# The windows that a vendor may have to count people over; one day is its own window.
LONGER_WINDOWS = ("7d", "28d")


@dataclass(frozen=True)
class ReadWindow:
    """When days are ready, how long to wait for rows, how far back to read, to re-read and to keep (in days).

    `is_workday` is the source's calendar.
    """

    ready_at: timedelta
    history: int
    lookback: int
    late_grace: timedelta
    retention: int
    is_workday: IsWorkday


def days_to_read(now: datetime, read_window: ReadWindow, stored: Mapping[date, StoredDay]) -> list[date]:
    """The ready days that are not stored, and the stored ones of the lookback, in doubt or incomplete, newest first.

    `stored` holds the days that may be known now. Of those whose accounts cannot be joined with other sources', the
    newest are read again, once.
    """
    newest = newest_ready(now, read_window.ready_at)
    history = [newest - timedelta(days=back) for back in range(read_window.history)]
    older = [day for day in history[read_window.lookback :] if day in stored]
    unsettled = [day for day in older if stored[day].empty_since is not None or stored[day].pending]
    again = [day for day in history[: read_window.lookback] if day in stored] + unsettled
    # Judged apart: what is missing must not wait for a day because what is there would cost much.
    incomplete = sorted((day for day in again if stored[day].pending), key=lambda day: stored[day].read_at)
    complete = [day for day in again if not stored[day].pending]
    published = ready_since(newest, read_window.ready_at)
    # After an outage many days lack something: at each poll come as many as are cheap together, by turns.
    spent = accumulate(stored[day].requests for day in incomplete)
    cheap = [day for day, requests in zip(incomplete, spent, strict=True) if requests <= CHEAP_REREAD]
    again = [*cheap, *_not_since(published, incomplete[len(cheap) :], stored, now)]
    again += complete if _cost(complete, stored) <= CHEAP_REREAD else _not_since(published, complete, stored, now)
    unjoined = {day for day in history[:_JOINED_DAYS] if day in stored and stored[day].unjoined}
    wanted = {day for day in history if day not in stored} | set(again) | unjoined
    return sorted(wanted, reverse=True)


def _cost(days: Sequence[date], stored: Mapping[date, StoredDay]) -> int:
    return sum(stored[day].requests for day in days)


def _not_since(
    published: datetime, days: Sequence[date], stored: Mapping[date, StoredDay], now: datetime
) -> Sequence[date]:
    """The days that were not read since the newest day was published."""
    # A day that was read in the future was read by a clock that was ahead.
    return [day for day in days if not published.timestamp() <= stored[day].read_at <= now.timestamp()]


def is_ready(day: date, now: datetime, read_window: ReadWindow, vendor_time: Told | None) -> bool:
    """Whether a read day may be stored: it is ready by our clock and, where that disagrees, by the vendor's too.

    A vendor cannot have finished a day that is not over by its own clock, whatever it answers.
    """
    moments = [now] if vendor_time is None or vendor_time.agrees else [now, vendor_time.moment]
    return all(day <= newest_known(moment, read_window.ready_at) for moment in moments)


def came_when_due(now: datetime, last: PollStatus | None, due: Callable[[datetime], datetime]) -> bool:
    """Whether a poll came within a week of its due time after the last one.

    Otherwise it is the first of the source, the first after a long stop, or the clock has jumped.
    """
    if last is None:
        return False
    before = datetime.fromtimestamp(last.ended, UTC)
    return before - CLOCK_TOLERANCE <= now <= due(before) + 7 * ONE_DAY


def oldest_kept(now: datetime, read_window: ReadWindow) -> date:
    """The oldest day that the state keeps: never newer than what the next poll would read again."""
    return newest_ready(now, read_window.ready_at) - timedelta(days=max(read_window.retention, read_window.history) - 1)


def is_fresh(day: date, now: datetime, read_window: ReadWindow) -> bool:
    """Whether a ready day without a single row may still be late."""
    return now < ready_since(day, read_window.ready_at) + read_window.late_grace


def is_late(day: date, now: datetime, read_window: ReadWindow, people: Mapping[date, int]) -> bool:
    """Whether a ready day without a single row is late rather than zero, by the people of the known days.

    It is while its grace has not passed, on a working day where a comparable day had people, and on any day where the
    same weekdays of ten weeks usually have some. A holiday or a quiet Saturday is zero at once.
    """
    if not is_fresh(day, now, read_window):
        return False
    if any(people[other] > 0 for other in comparable_days(day, people, read_window.is_workday)):
        return True
    weekdays = [day - timedelta(weeks=weeks) for weeks in range(1, WEEKS_BACK + 1)]
    known = [people[other] for other in weekdays if other in people]
    return bool(known) and median(known) >= _USUAL_PEOPLE


def head_counts(known: Mapping[date, StoredDay], counted: Mapping[tuple[date, str], WindowPeople]) -> dict[date, int]:
    """The people of each known day, and of other days that the vendor `counted`; a day without a number is no zero."""
    counts = {day: people.people for (day, window), people in counted.items() if window == "1d"}
    return counts | {day: stored.people for day, stored in known.items() if stored.people is not None}


def windows_to_ask(
    data_day: date,
    stored: Mapping[date, StoredDay],
    counted: Collection[tuple[date, str]],
    unread: Collection[date],
) -> list[str]:
    """The windows up to the data day whose people the vendor has to count.

    Windows over stored days that list their people need no request; one with an `unread` day, or with a day that came
    back without a row, is unknown.
    """
    unread = {*unread, *(day for day, known in stored.items() if known.empty_since is not None)}
    wanted = []
    for window in LONGER_WINDOWS:
        days = window_days(data_day, WINDOWS[window])
        listed = all(day in stored and stored[day].listed for day in days)
        if not listed and (data_day, window) not in counted and not any(day in unread for day in days):
            wanted.append(window)
    return wanted
