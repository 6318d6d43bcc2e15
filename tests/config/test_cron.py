import re
from datetime import UTC, datetime, timedelta

import pytest

from exporter.config.cron import cron_trigger

# A Sunday.
_START = datetime(2026, 11, 1, tzinfo=UTC)


def _week(line: str) -> list[str]:
    """When a line comes round in one week, as `Sun 05:30`."""
    trigger, times, after = cron_trigger(line), [], _START
    while (due := trigger.get_next_fire_time(None, after)) < _START + timedelta(days=7):
        times.append(f"{due:%a %H:%M}")
        after = due + timedelta(seconds=1)
    return times


@pytest.mark.parametrize(
    ("line", "times"),
    [
        ("30 5 * * *", [f"{day} 05:30" for day in ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")]),
        ("30 5 * * 1-5", [f"{day} 05:30" for day in ("Mon", "Tue", "Wed", "Thu", "Fri")]),
        ("30 5 * * mon-fri", [f"{day} 05:30" for day in ("Mon", "Tue", "Wed", "Thu", "Fri")]),
        ("30 5 * * 0", ["Sun 05:30"]),
        ("30 5 * * 7", ["Sun 05:30"]),
        ("30 5 * * SUN,3", ["Sun 05:30", "Wed 05:30"]),
        ("30 5 * * fri-mon", [f"{day} 05:30" for day in ("Sun", "Mon", "Fri", "Sat")]),
        ("30 5 * * 5-7", [f"{day} 05:30" for day in ("Sun", "Fri", "Sat")]),
        ("30 5 * * */2", [f"{day} 05:30" for day in ("Sun", "Tue", "Thu", "Sat")]),
        ("30 5 * * 1-5/2", [f"{day} 05:30" for day in ("Mon", "Wed", "Fri")]),
        ("0 */12 1,2 * *", ["Sun 00:00", "Sun 12:00", "Mon 00:00", "Mon 12:00"]),
    ],
)
def test_a_line_means_what_crontab_means_by_it(line: str, times: list[str]) -> None:
    assert _week(line) == times


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "must be five fields: minute, hour, day of month, month, day of week"),
        ("@daily", "must be five fields: minute, hour, day of month, month, day of week"),
        ("0 5 * *", "must be five fields: minute, hour, day of month, month, day of week"),
        ("0 0 5 * * *", "must be five fields: minute, hour, day of month, month, day of week"),
        ("0 5 13 * fri", "must leave day of month or day of week as *"),
        ("0 5 31 2 *", "must name a time that comes round"),
        ("0 5 * * 8", 'must be a crontab line (day of week "8" is not 0-7 or sun-sat)'),
        ("0 5 * * monday", 'must be a crontab line (day of week "monday" is not 0-7 or sun-sat)'),
        ("0 5 * * abc", 'must be a crontab line (day of week "abc" is not 0-7 or sun-sat)'),
        ("0 5 * * ,", 'must be a crontab line (day of week "" is not 0-7 or sun-sat)'),
        ("0 5 * * *-3", 'must be a crontab line (day of week "*-3" is not 0-7 or sun-sat)'),
        ("0 5 * * * */0", "must be five fields: minute, hour, day of month, month, day of week"),
        ("5-1 5 * * *", "must be a crontab line (The minimum value in a range must not be higher than the maximum)"),
    ],
)
def test_a_wrong_line_is_refused_in_words(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        cron_trigger(line)

    assert str(raised.value) == message
