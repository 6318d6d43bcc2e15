"""Reads the events of days in spans, and keeps those of the newest days from poll to poll."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from exporter.errors import BadPayload, VendorError
from exporter.model import ONE_DAY, ready_since
from exporter.vendors.cursor.api import RANGE
from exporter.vendors.cursor.events import Events, EventUsage, read_events
from exporter.vendors.cursor.session import Context, KeptEvents, in_lookback
from exporter.vendors.optional_read import optional

LOST = "tokens, spend, models and service accounts"

# Amounts are made anew for about a day (2026): events of a day that ended less than this ago are read again,
_MOVING = timedelta(days=3)
# but no sooner than this.
_AGAIN_AFTER = timedelta(hours=6)

# How much is read before the days of a span are stored: about half a minute within the rate limit.
_MOST_EVENTS = 30_000
# Where it is not known yet how many a day has.
_FIRST_DAYS = 3


@dataclass
class EventDays:
    """The events of days in one poll. After an outage, which `failed` keeps, or a refusal nothing more is asked."""

    context: Context
    failed: VendorError | None = None
    _read: dict[date, Events | BadPayload] = field(default_factory=dict)
    _ended: bool = False

    def of(self, day: date, older: Sequence[date], *, expected: bool) -> Events | BadPayload | None:
        """The events of a day; None where they are not known: refused, down, or none came of those `expected`.

        `older` are the days that will be asked for next, newest first: the nearest of them are read with this one.
        """
        if not self.context.settings.events:
            return None
        if day not in self._read and not self._is_due(day):
            return self.context.session.events[day].events
        if day not in self._read and not self._ended:
            self._ask(day, older)
        found = self._read.get(day)
        if not isinstance(found, Events):
            return found
        if expected and not len(found):
            return None
        if in_lookback(self.context, day):
            self.context.session.events[day] = KeptEvents(found, self.context.now)
        return found

    def forget_old(self) -> None:
        """Drops what is not read again any more."""
        kept = self.context.session.events
        self.context.session.events = {day: about for day, about in kept.items() if in_lookback(self.context, day)}

    def _is_due(self, day: date) -> bool:
        kept = self.context.session.events.get(day)
        if kept is None:
            return True
        moves = self.context.now < ready_since(day, _MOVING)
        return moves and not timedelta() <= self.context.now - kept.read_at < _AGAIN_AFTER

    def _ask(self, day: date, older: Sequence[date]) -> None:
        session = self.context.session
        most = _FIRST_DAYS if session.events_a_day is None else max(1, min(RANGE, _MOST_EVENTS // session.events_a_day))
        asked = [day]
        for other in older:
            if len(asked) == most or other != asked[-1] - ONE_DAY or not self._is_due(other):
                break
            asked.append(other)
        try:
            usage = optional(self.context, LOST, lambda: read_events(self.context.client, asked))
        except BadPayload as error:
            self._read |= dict.fromkeys(asked, error)
            return
        except VendorError as error:
            # The days come without events, and then the poll fails.
            self.failed, usage = error, None
        if usage is None:
            self._ended = True
            return
        self._warn(usage)
        self._read |= usage.days
        session.events_a_day = max([1, *(len(found) for found in usage.days.values() if isinstance(found, Events))])

    def _warn(self, usage: EventUsage) -> None:
        if usage.strange:
            self.context.warn(
                "strange events", f"{usage.strange} events are of other days than asked for, and left out"
            )
        if usage.absent:
            self.context.warn("absent events", f"{usage.absent} events that the vendor counts did not come")
