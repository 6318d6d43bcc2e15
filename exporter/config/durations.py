"""Durations such as `90s`, `1h30m` and `7d`, and when a day is ready (`03:00`, `2d6h`), as pydantic types."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)), ("s", timedelta(seconds=1)))
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,12}}){unit})?" for unit, _ in _UNITS))
_TIME_OF_DAY = re.compile(r"(?P<hours>[01]?[0-9]|2[0-3]):(?P<minutes>[0-5][0-9])")
# Longer ones would lead out of the range of datetime.date; no vendor has data that old.
_LONGEST = timedelta(days=36_500)
_LATEST_READY = timedelta(days=30)


def parse_duration(text: object) -> timedelta:
    """Parses `90s`, `1h30m`, `7d`: whole numbers of d, h, m, s in that order. Returns a timedelta as it is.

    Raises ValueError for anything else, for a number without a unit, and beyond 100 years.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not match or not match[0]:
        raise ValueError("must be a duration such as 90s, 30m, 1h30m or 7d")
    parts = [int(match[unit]) * length.total_seconds() for unit, length in _UNITS if match[unit]]
    if sum(parts) > _LONGEST.total_seconds():
        raise ValueError(f"must be at most {_LONGEST.days}d")
    return timedelta(seconds=sum(parts))


def format_duration(duration: timedelta) -> str:
    """Formats a duration of whole seconds: `1h30m`, `7d`, `0s`."""
    rest, text = duration, ""
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def parse_ready_at(text: object) -> timedelta:
    """Parses `03:00`, or a duration such as `2d6h`, as the time since the midnight after a day.

    Returns a timedelta as it is. Raises ValueError for anything else and beyond 30 days.
    """
    if isinstance(text, timedelta):
        return text
    match = _TIME_OF_DAY.fullmatch(text) if isinstance(text, str) else None
    if match:
        return timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    try:
        duration = parse_duration(text)
    except ValueError:
        raise ValueError("must be a time of day from 00:00 to 23:59, or a duration such as 2d6h") from None
    if duration > _LATEST_READY:
        raise ValueError(f"must be at most {_LATEST_READY.days}d")
    return duration


def format_ready_at(since_midnight: timedelta) -> str:
    """Formats a time within a day as `03:00`, anything else as a duration."""
    if since_midnight >= timedelta(days=1) or since_midnight % timedelta(minutes=1):
        return format_duration(since_midnight)
    hours, rest = divmod(since_midnight, timedelta(hours=1))
    return f"{hours:02}:{rest // timedelta(minutes=1):02}"


def _positive(duration: timedelta) -> timedelta:
    if duration <= timedelta():
        raise ValueError("must be longer than 0s")
    return duration


def _whole_days(duration: timedelta) -> timedelta:
    if duration % timedelta(days=1):
        raise ValueError("must be whole days such as 7d")
    return duration


DurationOrZero = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, when_used="json")
]
Duration = Annotated[DurationOrZero, AfterValidator(_positive)]
DaysOrZero = Annotated[DurationOrZero, AfterValidator(_whole_days)]
Days = Annotated[DaysOrZero, AfterValidator(_positive)]
ReadyAt = Annotated[timedelta, BeforeValidator(parse_ready_at), PlainSerializer(format_ready_at, when_used="json")]
