"""The calendar of a source: its weekend, public holidays, closed and half days."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, field_validator

from exporter.config.types import Settings

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class DayRange(NamedTuple):
    """Days in a row, both ends included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"

    def holds(self, day: date) -> bool:
        """Whether the day is one of them."""
        return self.first <= day <= self.last


def _parse_day(text: object) -> date:
    try:
        # Beside 2027-01-31, `fromisoformat` takes 20270131 and 2027-W04-7.
        if isinstance(text, str) and _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    if isinstance(text, date):
        return text
    raise ValueError("must be a day such as 2026-12-31")


def _parse_range(text: object) -> DayRange:
    if isinstance(text, DayRange):
        return text
    first, dots, last = text.partition("..") if isinstance(text, str) else ("", "", "")
    try:
        found = DayRange(_parse_day(first), _parse_day(last if dots else first))
    except ValueError:
        words = "must be a day such as 2026-11-27 or a range such as 2026-12-24..2027-01-03"
        raise ValueError(words) from None
    if found.last < found.first:
        raise ValueError("must be a range whose first day comes first")
    return found


Day = Annotated[date, BeforeValidator(_parse_day)]
Days = Annotated[DayRange, BeforeValidator(_parse_range), PlainSerializer(str, return_type=str, when_used="json")]


class Calendar(Settings):
    """Working days: all but the `weekend`, the holidays of `country` and `subdivision`, `closed` and `half` days.

    `closed` are days on which nobody works, `half` those on which fewer people do. A day may be both.
    """

    country: str | None = None
    subdivision: str | None = None
    weekend: tuple[Weekday, ...] = ("sat", "sun")
    closed: tuple[Days, ...] = ()
    half: tuple[Day, ...] = ()

    @field_validator("country")
    @classmethod
    def _known_country(cls, country: str | None) -> str | None:
        if country is not None and country not in _countries():
            raise ValueError("must be a country code such as DE or US")
        return country

    @field_validator("subdivision")
    @classmethod
    def _known_subdivision(cls, subdivision: str | None, info: ValidationInfo) -> str | None:
        if subdivision is None or "country" not in info.data:
            return subdivision
        country = info.data["country"]
        if country is None:
            raise ValueError("needs a country beside it")
        known = _countries()[country]
        if subdivision not in known:
            raise ValueError(f"must be one of {', '.join(known)}" if known else f"cannot be set: {country} has none")
        return subdivision


def _countries() -> Mapping[str, Sequence[str]]:
    """The subdivisions of each country that is known."""
    # Imported here: it costs 2 MiB and 80 ms, which only those with a country should pay.
    import holidays

    return holidays.list_supported_countries()


def inherited(default: Calendar, own: Mapping[str, object]) -> dict[str, object]:
    """The keys of a default calendar that hold beside a source's own keys: a subdivision goes with its country."""
    replaced = own.keys() | ({"subdivision"} if "country" in own else set())
    return {name: getattr(default, name) for name in default.model_fields_set - replaced}
