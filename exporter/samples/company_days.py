"""The people of the company's sources by day, read from the state as far as they are needed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pyroaring import BitMap

from exporter.metrics import Sample
from exporter.model import WINDOWS, window_days
from exporter.samples.company import company_samples, known_windows
from exporter.samples.persons import Group, Persons
from exporter.state.records import StoredDay
from exporter.state.store import Store

_LONGEST = max(WINDOWS.values())


@dataclass(frozen=True)
class ListedDays:
    """The scopes of a source, and the days of which every one of them lists the people."""

    scopes: Sequence[str]
    days: frozenset[date]


NOTHING_LISTED = ListedDays((), frozenset())


def listed(stored: Mapping[date, StoredDay]) -> frozenset[date] | None:
    """Those of the known days of a scope that list people whose e-mails are known as far as the vendor tells them.

    None for a scope that is of money alone (a bill of Copilot under another name): no day of it lists anybody.
    """
    if stored and not any(about.listed for about in stored.values()):
        return None
    return frozenset(day for day, about in stored.items() if about.listed and not about.unjoined)


def listed_days(by_scope: Mapping[str, Collection[date] | None]) -> ListedDays:
    """The listed days of a source from those of each scope that has people."""
    with_people = {scope: frozenset(days) for scope, days in by_scope.items() if days is not None}
    return ListedDays(tuple(with_people), frozenset.intersection(*with_people.values()) if with_people else frozenset())


class CompanyDays:
    """Makes samples of data days in a row, up or down; reads each day once until its source is forgotten."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._people: dict[str, dict[date, BitMap]] = {}
        self._groups: dict[tuple[str, str], tuple[BitMap, Persons, Group]] = {}

    def forget(self, source: str) -> None:
        """Reads the days of a source again when they are next needed."""
        self._people.pop(source, None)

    def samples(self, day: date, sources: Mapping[str, ListedDays], persons: Persons, least: int) -> list[Sample]:
        """The samples as of a day that every source knows. Raises StateError."""
        for source, about in sources.items():
            self._read(source, about, day)
        windows = {
            window: {source: self._group(source, window, day, persons) for source in sources}
            for window in known_windows([about.days for about in sources.values()], day)
        }
        return company_samples(day, windows, persons, least)

    def _read(self, source: str, about: ListedDays, last: date) -> None:
        wanted = [day for day in window_days(last, _LONGEST) if day in about.days]
        kept = {day: people for day, people in self._people.get(source, {}).items() if day in wanted}
        unread = [day for day in wanted if day not in kept]
        if unread:
            found = [self._store.people(source, scope, unread) for scope in about.scopes]
            kept |= {day: BitMap.union(*(people[day] for people in found)) for day in unread}
        self._people[source] = kept

    def _group(self, source: str, window: str, day: date, persons: Persons) -> Group:
        accounts = BitMap.union(*(self._people[source][one] for one in window_days(day, WINDOWS[window])))
        made = self._groups.get((source, window))
        # Few publications bring new people.
        if made is None or made[1] is not persons or made[0] != accounts:
            made = accounts, persons, persons.group(source, accounts)
            self._groups[source, window] = made
        return made[2]
