"""Two writers of the same days at the same time, as two stores on one database."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

from pyroaring import BitMap

from exporter.model import EVERYBODY, DayFacts, Reading
from exporter.state.records import Replacement
from exporter.state.store import Store

NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)
FIRST = date(2026, 1, 1)
ACCOUNTS = BitMap([1, 2])


def replace_at_once(stores: Sequence[Store], days: int) -> list[list[Replacement]]:
    """The replacements of each writer by day; each writer has another service account."""
    meeting = Barrier(len(stores))

    def write(number: int, store: Store) -> list[Replacement]:
        replacements = []
        for back in range(days):
            facts = DayFacts(people={EVERYBODY: ACCOUNTS}, service=BitMap([1 + number]), head_count=number)
            meeting.wait(30)
            reading = Reading(FIRST + timedelta(days=back), facts)
            replacements.append(store.replace("tool", "all", reading, now=NOW, requests=1))
        return replacements

    stores[0].list_scopes("tool", ["all"])
    with ThreadPoolExecutor(len(stores)) as pool:
        return list(pool.map(write, range(len(stores)), stores))


def assert_one_came_first(replacements: Sequence[Sequence[Replacement]], store: Store) -> None:
    """Each day is new to one writer and revised to the other, which keeps the first one's service accounts."""
    days = [FIRST + timedelta(days=back) for back in range(len(replacements[0]))]
    kept = store.facts("tool", "all", days)
    for day, both in zip(days, zip(*replacements, strict=True), strict=True):
        assert sorted(one.change for one in both) == ["new", "revised"]
        first, second = sorted(both, key=lambda one: one.change)
        assert second.before == first.after
        assert kept[day] == second.after
        assert second.after.service == first.after.service
    assert store.scopes("tool")["all"].revised == len(days)
