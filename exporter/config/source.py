"""The settings that every source has; vendors extend them with keys and defaults of their own."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from exporter.config.calendar import Calendar
from exporter.config.cron import Cron
from exporter.config.durations import Days, DaysOrZero, Duration, DurationOrZero, ReadyAt
from exporter.config.types import BaseUrl, Count, Currency, ExistingFile, Moment, Money, Secret, Settings

__all__ = [
    "BaseUrl",
    "Duration",
    "PollSettings",
    "ReadyAt",
    "RequestsPerMinute",
    "SeatPrice",
    "SourceSettings",
    "VendorTeams",
]

RequestsPerMinute = Count


class VendorTeams(Settings):
    """Teams of the vendor, in place of those of the teams file; a vendor may add keys of its own."""

    origin: Literal["vendor"] = Field(alias="from")


class SeatPrice(Settings):
    """What one seat costs for a month."""

    amount: Money
    currency: Currency


class PollSettings(Settings):
    """When and how much of a source is read. `history` includes the data day; `cron` replaces `interval`."""

    cron: Cron | None = None
    interval: Duration = timedelta(hours=1)
    timeout: Duration = timedelta(seconds=30)
    history: Days = timedelta(days=60)
    lookback: DaysOrZero = timedelta(days=7)
    stale_after: Duration = timedelta(days=3)
    max_series: Count = 50_000
    day_series: DaysOrZero = timedelta(days=90)

    @field_validator("lookback")
    @classmethod
    def _within_history(cls, lookback: timedelta, info: ValidationInfo) -> timedelta:
        # A shorter history shortens the lookback too.
        history: timedelta = info.data.get("history", lookback)
        return min(lookback, history)


class SourceSettings(PollSettings):
    """One source. `token` is always set, also where it was read from `token_file`; `base_url` has no trailing slash.

    A vendor subclasses it with its own keys and defaults. It names in `instead_of_token` its keys that make a token
    needless; with one of them `token` is empty. One that has teams of its own sets `has_teams` (and `one_team_a_name`
    to False where several teams of one name are not one), one that counts people without listing them `lists_people`
    to False, and one that says who holds a seat, or how many there are, `registers_seats`. `also_called` are words, in
    lower case, that somebody may write for the vendor's name. `one_needed` are keys of which a source needs at least
    one.
    """

    instead_of_token: ClassVar[Sequence[str]] = ()
    has_teams: ClassVar[bool] = False
    one_team_a_name: ClassVar[bool] = True
    lists_people: ClassVar[bool] = True
    registers_seats: ClassVar[bool] = False
    also_called: ClassVar[Sequence[str]] = ()
    one_needed: ClassVar[Sequence[str]] = ()

    vendor: str
    token: Secret
    token_file: ExistingFile | None = None
    base_url: BaseUrl
    ready_at: ReadyAt = timedelta(hours=1)
    late_grace: DurationOrZero = timedelta(hours=24)
    seats: Count | None = None
    seat_price: SeatPrice | None = None
    teams: VendorTeams | None = None
    calendar: Calendar = Calendar()
    requests_per_minute: RequestsPerMinute = 60
    token_expires_at: Moment | None = None
    ca_file: ExistingFile | None = None

    @field_validator("teams")
    @classmethod
    def _has_teams(cls, teams: VendorTeams | None) -> VendorTeams | None:
        if teams is not None and not cls.has_teams:
            raise ValueError("cannot be set: this vendor has no teams of its own")
        return teams
