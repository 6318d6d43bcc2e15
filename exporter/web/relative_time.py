"""The distance of a moment from now, in words."""

from datetime import datetime, timedelta

_UNITS = ((timedelta(days=1), "days"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
_SECOND = timedelta(seconds=1)


def distance(moment: datetime, now: datetime) -> str:
    """The distance in the largest unit that gives at least two: `3 days ago`, `90 min ago`, `in 42 s`, `now`."""
    away = abs(moment - now)
    if away < _SECOND:
        return "now"
    fitting = ((away // length, unit) for length, unit in _UNITS if away >= 2 * length)
    count, unit = next(fitting, (away // _SECOND, "s"))
    return f"{count} {unit} ago" if moment <= now else f"in {count} {unit}"
