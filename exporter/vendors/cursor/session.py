"""What is remembered of a source at Cursor from poll to poll."""

from dataclasses import dataclass, field
from datetime import date, datetime

from exporter.model import ONE_DAY, newest_ready
from exporter.vendors.base import PollContext
from exporter.vendors.cursor.events import Events
from exporter.vendors.cursor.settings import CursorSettings


@dataclass(frozen=True)
class KeptEvents:
    """The events of a day, and when they were read."""

    events: Events
    read_at: datetime


@dataclass
class CursorSession:
    """Events of the days of the lookback, the most events of a day, and the oldest day with an active row so far."""

    events: dict[date, KeptEvents] = field(default_factory=dict)
    events_a_day: int | None = None
    first_active: date | None = None


Context = PollContext[CursorSettings, CursorSession]


def in_lookback(context: Context, day: date) -> bool:
    """Whether a day is read again at every poll."""
    return newest_ready(context.now, context.settings.ready_at) - day < context.settings.lookback


def waits(context: Context, day: date) -> bool:
    """Whether what a day lacks is waited for: while the lookback reads the day again anyway.

    No longer, because a day that is read after somebody has left the team may have lost them (2026).
    """
    age = newest_ready(context.now, context.settings.ready_at) - day
    return age < max(context.settings.lookback - ONE_DAY, ONE_DAY)
