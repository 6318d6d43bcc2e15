"""Questions to the Cube behind GitLab, and the queries that ask them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

# Cube silently cuts the rows at `limit`; its default is 10,000, its maximum 50,000 (2026-11).
PAGE_SIZE = 10_000

PEOPLE: Final = "people"
# An average: time is this multiplied by the number of sessions of the same row.
MINUTES: Final = "session_minutes"
TIME: Final = "active_time"

Query = Mapping[str, object]


@dataclass(frozen=True)
class Question:
    """Measures of one cube by UTC day: `measures` maps our name to the member.

    With a `dimension` there is one measure, and `activities` maps a value of the dimension to the activity that it
    counts. The answer to an `extra` question does not show whether the day's data has arrived.
    """

    time: str
    measures: Mapping[str, str]
    dimension: str | None = None
    activities: Mapping[str, str] = field(default_factory=dict)
    extra: bool = False

    def names(self) -> list[str]:
        """The names of the numbers that a day gets."""
        if self.dimension is not None:
            return list(self.activities.values())
        return [TIME if name == MINUTES else name for name in self.measures]

    def counted(self) -> str:
        """The cheapest measure that shows whether there are rows at all; counting distinct people takes longer."""
        return self.measures[max(self.measures, key=lambda name: name not in (PEOPLE, MINUTES))]


class People(NamedTuple):
    """The measure that counts distinct people, and the time dimension of its cube."""

    measure: str
    time: str


def day_query(question: Question, start: date, end: date, offset: int = 0) -> Query:
    """The query for a page of rows, from the start to the end day inclusive."""
    order = {question.time: "asc"}
    query = {
        "measures": sorted(set(question.measures.values())),
        "timeDimensions": [{"dimension": question.time, "granularity": "day", "dateRange": _range(start, end)}],
        "order": order,
        "limit": PAGE_SIZE,
        "offset": offset,
        "timezone": "UTC",
    }
    if question.dimension is None:
        return query
    # Only the configured values, so that the answer stays small where a dimension has a value for each person.
    wanted = {"member": question.dimension, "operator": "equals", "values": list(question.activities)}
    return {
        **query,
        "dimensions": [question.dimension],
        "filters": [wanted],
        "order": {**order, question.dimension: "asc"},
    }


def window_query(measure: str, time: str, start: date, end: date) -> Query:
    """The query for one measure from the start to the end day inclusive, as a single row."""
    return {
        "measures": [measure],
        "timeDimensions": [{"dimension": time, "dateRange": _range(start, end)}],
        "order": {measure: "desc"},
        "limit": PAGE_SIZE,
        "timezone": "UTC",
    }


def _range(start: date, end: date) -> list[str]:
    return [start.isoformat(), end.isoformat()]
