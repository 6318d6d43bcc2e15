"""The settings of a source at Cursor."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from exporter.config.source import BaseUrl, Duration, ReadyAt, RequestsPerMinute, SourceSettings


class CursorSettings(SourceSettings):
    """A source at Cursor. The token is a key of the Admin API, which selects the team.

    Without `events` there are no tokens, money, models and service accounts, with `analytics` (Enterprise) there are
    languages and more activities. Members whose role is in `unpaid_roles` hold no seat.
    """

    has_teams: ClassVar[bool] = True
    registers_seats: ClassVar[bool] = True

    base_url: BaseUrl = "https://api.cursor.com"
    # A page of 500 users and 30 days has 10 MB.
    timeout: Duration = timedelta(seconds=60)
    ready_at: ReadyAt = timedelta(hours=3)
    requests_per_minute: RequestsPerMinute = 20
    events: bool = True
    analytics: bool = False
    unpaid_roles: tuple[Annotated[str, Field(min_length=1)], ...] = ("free-owner",)
