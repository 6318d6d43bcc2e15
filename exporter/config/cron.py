"""Crontab lines of five fields, read as crontab(5) means them, as APScheduler triggers in UTC."""

import re
from datetime import UTC, datetime
from typing import Annotated

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAYS = re.compile(r"(?:\*|(?P<first>[0-7]|[a-z]{3})(?:-(?P<last>[0-7]|[a-z]{3}))?)(?:/(?P<step>[1-7]))?")
# Any moment will do: a line of five fields is due within eight years (29 February) or never.
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def cron_trigger(line: str) -> CronTrigger:
    """Returns the trigger of a line such as `30 5 * * mon-fri`; raises ValueError where it is wrong or never due."""
    fields = line.split()
    if len(fields) != 5:
        raise ValueError("must be five fields: minute, hour, day of month, month, day of week")
    if fields[2] != "*" and fields[4] != "*":
        # crontab(5) runs when either matches, APScheduler when both do: a line with both is ambiguous.
        raise ValueError("must leave day of month or day of week as *")
    try:
        trigger = CronTrigger.from_crontab(" ".join([*fields[:4], _weekdays(fields[4])]), timezone=UTC)
    except ValueError as error:
        raise ValueError(f"must be a crontab line ({error})") from error
    if trigger.get_next_fire_time(None, _SOME_DAY) is None:
        raise ValueError("must name a time that comes round")
    return trigger


def _weekdays(field: str) -> str:
    """Names the days of the week: crontab(5) counts from Sunday (0 and 7), APScheduler 3 from Monday."""
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.lower().split(","):
        match = _WEEKDAYS.fullmatch(part)
        if not match:
            raise ValueError(f'day of week "{part}" is not 0-7 or sun-sat')
        first = _weekday(match["first"] or "sun")
        last = _weekday(match["last"] or match["first"] or "sat")
        days.update(day % 7 for day in range(first, last + 1 if first <= last else last + 8, int(match["step"] or 1)))
    return ",".join(_DAYS[day] for day in sorted(days))


def _weekday(text: str) -> int:
    if text.isdigit():
        return int(text)
    if text not in _DAYS:
        raise ValueError(f'day of week "{text}" is not 0-7 or sun-sat')
    return _DAYS.index(text)


def _checked(line: str) -> str:
    cron_trigger(line)
    return line


Cron = Annotated[str, AfterValidator(_checked)]
