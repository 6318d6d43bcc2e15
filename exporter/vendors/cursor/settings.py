"""The settings of a source at Cursor, and what is remembered of it from poll to poll."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from exporter.config.source import BaseUrl, Duration, ReadyAt, RequestsPerMinute, SourceSettings
from exporter.model import ONE_DAY, newest_ready
from exporter.vendors.base import PollContext
from exporter.vendors.cursor.events import Events


class CursorSettings(SourceSettings):
    """A source at Cursor. The token is a key of the Admin API, which selects the team.

    Without `events` there are no tokens, money, models and service accounts, with `analytics` (Enterprise) there are
    languages and more activities. Members whose role is in `unpaid_roles` hold no seat.
    """

    has_teams: ClassVar[bool] = True

    base_url: BaseUrl = "https://api.cursor.com"
    # A page of 500 users and 30 days has 10 MB.
    timeout: Duration = timedelta(seconds=60)
    ready_at: ReadyAt = timedelta(hours=3)
    requests_per_minute: RequestsPerMinute = 20
    events: bool = True
    analytics: bool = False
    unpaid_roles: tuple[Annotated[str, Field(min_length=1)], ...] = ("free-owner",)


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
