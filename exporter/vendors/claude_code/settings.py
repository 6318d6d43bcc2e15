"""The settings of a source at Claude Code; what is left out depends on which of its two APIs is read."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from exporter.config.source import BaseUrl, ReadyAt, RequestsPerMinute, SourceSettings, VendorTeams
from exporter.config.types import HiddenValueError

Api = Literal["console", "enterprise"]
Name = Annotated[str, Field(min_length=1)]

# How keys begin, of which API they are not, and where the right one is made. The vendor says only that each "cannot
# call" the other API (2026-08).
WHERE: Mapping[Api, str] = {
    "console": "an Admin key (sk-ant-admin...), which an admin makes at Claude Console > Settings > Admin keys",
    "enterprise": "a key with the scope read:analytics (sk-ant-api...), which the primary owner makes at claude.ai > "
    "Organization settings > API",
}
_OF_THE_OTHER: Mapping[Api, str] = {"console": "sk-ant-api", "enterprise": "sk-ant-admin"}
_KEYS: Mapping[Api, Sequence[str]] = {"console": ("api_keys", "seat_roles"), "enterprise": ("billing", "teams")}
# The vendor aggregates a day at 10:00 UTC of the next one (2026-08); large reports may take a minute.
_OF_ENTERPRISE = {"ready_at": "12:00", "timeout": "60s"}


class ClaudeTeams(VendorTeams):
    """Teams from the groups of the organization; `groups` are ids or names, without any it is all of them."""

    groups: tuple[Name, ...] = ()


class ClaudeCodeSettings(SourceSettings):
    """A source at one API of Claude Code, as `api` says.

    Console: `api_keys` says whose the usage of an API key is, a service account's or its owner's, and `seat_roles`
    which roles may use Claude Code. Enterprise: `billing` is `usage` where the plan bills every token.
    """

    has_teams: ClassVar[bool] = True
    registers_seats: ClassVar[bool] = True
    # Names of groups are not unique, and several groups of one name are several teams.
    one_team_a_name: ClassVar[bool] = False
    also_called: ClassVar = ("claude", "anthropic")

    api: Api
    base_url: BaseUrl = "https://api.anthropic.com"
    requests_per_minute: RequestsPerMinute = 30
    # An hour late by the documentation, and one more.
    ready_at: ReadyAt = timedelta(hours=2)
    api_keys: Literal["service", "owner"] = "service"
    seat_roles: tuple[Name, ...] = ("claude_code_user", "developer")
    billing: Literal["usage", "seats"] = "seats"
    teams: ClaudeTeams | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, given: object) -> object:
        if isinstance(given, Mapping) and given.get("api") == "enterprise":
            return {**_OF_ENTERPRISE, **given}
        return given

    @model_validator(mode="after")
    def _keys_of_the_api(self) -> Self:
        other: Api = "enterprise" if self.api == "console" else "console"
        wrong = [key for key in _KEYS[other] if key in self.model_fields_set and getattr(self, key) is not None]
        if wrong:
            raise ValueError(f"{wrong[0]} cannot be set beside api: {self.api}")
        if self.api == "console" and self.seat_price is not None:
            raise ValueError("seat_price cannot be set beside api: console, where seats are free")
        return self

    @model_validator(mode="after")
    def _key_of_the_api(self) -> Self:
        if self.token.get_secret_value().startswith(_OF_THE_OTHER[self.api]):
            raise HiddenValueError(f"has a key of the other API: api: {self.api} needs {WHERE[self.api]}")
        return self
