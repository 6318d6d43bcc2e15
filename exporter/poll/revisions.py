"""What a vendor changed when it revised a day, in words for the log."""

from collections.abc import Iterator
from decimal import Decimal

from exporter.model import DayFacts


def changes(before: DayFacts, after: DayFacts) -> str:
    """People and totals of a day before and after, as far as they differ: `people 31 -> 33, usage messages 5 -> 9`."""
    return ", ".join(_changes(before, after)) or "only what clients, languages or single accounts have"


def _changes(before: DayFacts, after: DayFacts) -> Iterator[str]:
    people = before.people_total(), after.people_total()
    if people[0] != people[1]:
        yield f"people {_shown(people[0])} -> {_shown(people[1])}"
    for key in sorted({key for key in (*before.amounts, *after.amounts) if key.dimension == "total"}):
        was, now = before.amounts.get(key), after.amounts.get(key)
        if was != now:
            yield f"{' '.join(filter(None, key.amount))} {_shown(was)} -> {_shown(now)}"


def _shown(value: int | Decimal | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3f}" if isinstance(value, Decimal) else str(value)
