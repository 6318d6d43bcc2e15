"""One scope on Monday 9 March 2026: facts for windows, and the samples of the windows."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from exporter.metrics import Sample
from exporter.model import WINDOWS, Amount, AmountKey, DayFacts, PeopleKey, window_days
from exporter.samples.aggregate import combined, day_aggregate
from exporter.samples.windows import Scope, samples

DATA_DAY = date(2026, 3, 9)
VIM = PeopleKey("client", "vim")
GO = PeopleKey("language", "go")
SEARCHING = PeopleKey("activity", "searches")
SEARCHES = AmountKey(Amount("usage", "searches"))
CHATS = AmountKey(Amount("usage", "chat_messages"))
LINES = AmountKey(Amount("code_lines", "written"))
CHARACTERS = AmountKey(Amount("code_characters", "written"))
TIME = AmountKey(Amount("active_time", ""))
IDE_TIME = AmountKey(Amount("active_time", "ide"))
SEARCHES_IN_VIM = AmountKey(Amount("usage", "searches"), "client", "vim")
SEARCHES_IN_GO = AmountKey(Amount("usage", "searches"), "language", "go")


def back(days: int) -> date:
    return DATA_DAY - timedelta(days=days)


def scope(facts: Mapping[date, DayFacts], **more: Any) -> Scope:
    known = {day: day_aggregate(found) for day, found in facts.items()}
    windows = {name: window_days(DATA_DAY, length) for name, length in WINDOWS.items()}
    return Scope(
        source="acme",
        vendor="augment",
        name="all",
        data_day=DATA_DAY,
        aggregates={
            name: combined([known[day] for day in days])
            for name, days in windows.items()
            if all(day in known for day in days)
        },
        people={day: found.people_total() for day, found in facts.items()},
        **more,
    )


def week(facts: DayFacts, *, days: int = 7) -> dict[date, DayFacts]:
    """The same facts on each day of a window."""
    return {back(number): facts for number in range(days)}


def shown(scope: Scope) -> dict[str, float]:
    """Every sample as `metric{window,member}`, without the labels of the scope; no series twice."""
    made = samples(scope)
    names = [_name(sample) for sample in made]
    assert len(set(names)) == len(names)
    assert {sample.labels[:3] for sample in made} == {(scope.source, scope.vendor, scope.name)}
    return {name: sample.value for name, sample in zip(names, made, strict=True)}


def _name(sample: Sample) -> str:
    short = sample.metric.removeprefix("adoption_")
    return f"{short}{{{','.join(sample.labels[3:])}}}" if sample.labels[3:] else short


ABOUT = {"data_day_timestamp_seconds": datetime(2026, 3, 9, tzinfo=UTC).timestamp(), "data_revisions_total": 0}
