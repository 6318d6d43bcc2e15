"""Coder v2's rules for insights requests: known parameters only, whole days, and an end that may be now."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple, NoReturn

_LAYOUT = "2006-01-02T15:04:05Z07:00"
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_WEEK = 7 * _DAY

INTERVALS = {"day": _DAY, "week": _WEEK}


class RefusalError(Exception):
    """An error response: its HTTP status and its body."""

    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, **more}


class Span(NamedTuple):
    """A time range without its end."""

    start: datetime
    end: datetime


def refuse_unknown(params: Collection[str], known: Collection[str]) -> None:
    """Refuses unknown parameters."""
    unknown = [(name, f'"{name}" is not a valid query param') for name in params if name not in known]
    if unknown:
        _invalid("Query parameters have invalid values.", *unknown)


def span(params: Mapping[str, str], now: datetime) -> Span:
    """The range from start_time to end_time."""
    for name in ("start_time", "end_time"):
        if name not in params:
            detail = f'Query param "{name}" is required and cannot be empty'
            _invalid("Query parameters have invalid values.", (name, detail))
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    start, end = _time(params, "start_time", hour), _time(params, "end_time", hour)
    _check_clock(params, "start_time", start, time())
    is_today = end.date() == hour.astimezone(end.tzinfo).date()
    _check_clock(params, "end_time", end, time(end.hour) if is_today else time())
    if end < start:
        _wrong("end_time", 'Query param "end_time" must be after than "start_time"')
    return Span(start, end)


def intervals(params: Mapping[str, str], whole: Span) -> list[Span]:
    """The parts of a range, each as long as `interval`, the last one perhaps shorter; none without `interval`."""
    name = params.get("interval", "")
    if not name:
        return []
    if name not in INTERVALS:
        _wrong("interval", "must be one of [day week]")
    rest = (whole.end - whole.start) % _WEEK
    if name == "week" and timedelta() < rest < 6 * _DAY - _HOUR:
        _invalid(
            "Query parameter has invalid value.", ("end_time", "Last report interval should have at least 6 days.")
        )
    parts = []
    start = whole.start
    while start < whole.end:
        parts.append(Span(start, min(start + INTERVALS[name], whole.end)))
        start += INTERVALS[name]
    return parts


def offset(params: Mapping[str, str]) -> int:
    """The hours of tz_offset."""
    try:
        return int(params.get("tz_offset", "0"))
    except ValueError:
        _invalid(
            "Query parameters have invalid values.", ("tz_offset", 'Query param "tz_offset" must be a valid integer')
        )


def _time(params: Mapping[str, str], name: str, hour: datetime) -> datetime:
    try:
        moment = datetime.strptime(params[name], "%Y-%m-%dT%H:%M:%S%z")
    except ValueError as error:
        _wrong(name, f'Query param "{name}" must be a valid date format ({_LAYOUT}): {error}')
    if moment == datetime(1, 1, 1, tzinfo=UTC):
        _wrong(name, f'Query param "{name}" must not be zero')
    if moment > hour + _HOUR:
        _wrong(name, f'Query param "{name}" must not be in the future')
    return moment


def _check_clock(params: Mapping[str, str], name: str, moment: datetime, clock: time) -> None:
    if moment.time() != clock:
        _wrong(name, f'Query param "{name}" must have the clock set to {clock}, got {params[name]}')


def _wrong(field: str, detail: str) -> NoReturn:
    _invalid("Query parameter has invalid value.", (field, detail))


def _invalid(message: str, *validations: tuple[str, str]) -> NoReturn:
    details = [{"field": field, "detail": detail} for field, detail in validations]
    raise RefusalError(400, message, validations=details)
