"""Companies up to today for tests of the real program with the real clock: alike on every day of the year."""

from datetime import UTC, datetime, timedelta

from exporter.simulator.company import Company

# With so many people, some are active on every day.
ENOUGH = 30


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def busy(people: int = ENOUGH, days: int = 100) -> Company:
    """A company that works on every day of its so many days up to today."""
    return Company(people=people, first_day=utc_now().date() - timedelta(days=days), rests=False)


def calm() -> str:
    """A `ready_at` in YAML with which no day becomes ready for hours, so that two polls find the same days."""
    return f'"{(utc_now().hour + 12) % 24:02}:00"'
