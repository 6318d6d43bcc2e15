"""What the store returns beside facts: a stored day, a scope's status, the result of storing a day."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from exporter.model import DayFacts

# A day is completed by fields that were pending, or that were read again without the rest of the day: no revision.
Change = Literal["new", "same", "completed", "revised"]


class Replacement(NamedTuple):
    """The result of storing a day: the facts stored before (None if there were none) and the facts stored now."""

    change: Change
    before: DayFacts | None
    after: DayFacts


@dataclass(frozen=True)
class StoredDay:
    """What a poll needs to know of a stored day.

    `people` is the head count, `listed` whether the vendor names its people, `requests` what reading it cost. Times are
    Unix seconds; `empty_since` is the first of the unbroken run of reads that returned the day without a row,
    `revised_at` when the day last changed after it was first stored, and `pending` is True where the vendor gives some
    fields later. `unjoined` is True where the day was read before its accounts could be joined with other sources'.
    """

    people: int | None
    listed: bool
    requests: int
    read_at: float
    empty_since: float | None = None
    pending: bool = False
    revised_at: float | None = None
    unjoined: bool = False


@dataclass(frozen=True)
class ScopeStatus:
    """The status of a scope: `listed` is False once the source no longer has it; times are Unix seconds."""

    listed: bool
    last_success: float | None
    revised: int
    seats: int | None
