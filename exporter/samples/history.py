"""The stored days of one scope, from which samples of any data day are made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl
from pyroaring import BitMap

from exporter.model import WINDOWS, window_days
from exporter.samples.aggregate import Aggregate, combined, day_aggregate
from exporter.samples.lifecycle import first_seen
from exporter.samples.rolling import union_sizes
from exporter.samples.teams import Membership, with_teams, with_vendor_teams
from exporter.samples.windows import Money
from exporter.state import holders
from exporter.state.holders import Held
from exporter.state.records import StoredDay
from exporter.state.store import Store

_LONGEST = max(WINDOWS.values())
# A window is the next smaller one several times, so that data days in a row share their weeks.
_MADE_OF = {"7d": "1d", "28d": "7d"}


@dataclass(frozen=True)
class Roster:
    """The people of a window, and those of them whom the teams file lists."""

    people: BitMap
    listed: BitMap


class ScopeHistory:
    """The stored days of one scope that are `known`, each as it was when it was first needed.

    `hides` is True where other days are stored too. Counts of the vendor after the last known day are ignored.

    Teams are those of `members`, or the vendor's own teams by their names where `vendor_teams` is given.

    Over consecutive data days, up or down, each day is read once and each week is added up once. Four weeks of facts
    are held in memory, with `users` also the amounts by account, and a set of people for each stored day.
    """

    def __init__(
        self,
        store: Store,
        source: str,
        scope: str,
        *,
        members: Membership | None = None,
        vendor_teams: Mapping[str, str] | None = None,
        users: pl.DataFrame | None = None,
        known: Callable[[Mapping[date, StoredDay]], Mapping[date, StoredDay]] = lambda stored: stored,
    ) -> None:
        self.scope = scope
        self.users = users
        self.members = members
        checked = store.check(source, scope, sorted(store.days(source, scope))[-_LONGEST:])
        stored = store.days(source, scope)
        self.days = known(stored)
        self.hides = len(self.days) < len(stored)
        last = max(self.days, default=date.min)
        self.counted = {key: people for key, people in store.windows(source, scope).items() if people.data_day <= last}
        self._store = store
        self._source = source
        self._vendor_teams = vendor_teams
        self._with_accounts = any(part is not None for part in (users, members, vendor_teams))
        # Of the days that this history is the first to read, so that they are decoded once.
        self._checked = {} if self._with_accounts else checked
        # The longest window, and the days by which money has come later.
        self._span = _LONGEST
        self._aggregates: dict[tuple[str, date], Aggregate | None] = {}
        self._tables: dict[date, pl.DataFrame | None] = {}

    @cached_property
    def head_counts(self) -> Mapping[date, int | None]:
        """The people of each stored day, None where the vendor gave no number, and of other days that it counted."""
        counted = {day: people.people for (day, window), people in self.counted.items() if window == "1d"}
        return counted | {day: stored.people for day, stored in self.days.items()}

    @cached_property
    def people(self) -> Mapping[date, BitMap]:
        """The people of every known day that lists them."""
        return {day: people for day, people in self._store.people(self._source, self.scope).items() if day in self.days}

    def roster(self, data_day: date) -> Roster | None:
        """The people of the longest window that ends with a day; None without teams or where no day lists people."""
        days = [day for day in window_days(data_day, _LONGEST) if day in self.people]
        if self.members is None or not days:
            return None
        people = BitMap.union(*(self.people[day] for day in days))
        return Roster(people, people & self.members.listed)

    @cached_property
    def window_counts(self) -> Mapping[str, Mapping[date, int]]:
        """The people of each window by its last day: of the days that list them, else as the vendor counted."""
        counts: dict[str, dict[date, int]] = {window: {} for window in WINDOWS}
        counts["1d"] |= {day: people for day, people in self.head_counts.items() if people is not None}
        for (day, window), counted in self.counted.items():
            counts[window][day] = counted.people
        for window, length in WINDOWS.items():
            counts[window] |= union_sizes(self.people, length)
        return counts

    @property
    def oldest(self) -> date:
        """The oldest day that is stored or that the vendor counted; ValueError where there is none."""
        return min(self.head_counts)

    @cached_property
    def held(self) -> Held | None:
        """Who holds a seat, as the vendor says now."""
        return holders.find(self._store.database, self._source, self.scope)

    @cached_property
    def first_seen(self) -> Mapping[date, BitMap]:
        """For each day, the people that no earlier stored day lists."""
        return first_seen(self.people)

    def aggregates(self, data_day: date) -> dict[str, Aggregate]:
        """The windows that end with a day, by name; those in which a day is not stored are left out."""
        self._read(data_day)
        return self._windows(data_day)

    def money(self, data_day: date) -> Money | None:
        """The newest of the four weeks' days of which the money is known, with the windows that end with it."""
        self._read(data_day)
        for behind, day in enumerate(window_days(data_day, _LONGEST)):
            aggregate = self._aggregates["1d", day]
            if aggregate is not None and aggregate.bases:
                self._span = max(self._span, behind + _LONGEST)
                self._read(data_day)
                return Money(day, self._windows(day))
        return None

    def by_account(self, data_day: date, window: str) -> Sequence[pl.DataFrame] | None:
        """Amounts by account for each day of a window; None where a day is not stored or has none."""
        self._read(data_day)
        tables = [self._tables.get(day) for day in window_days(data_day, WINDOWS[window])]
        known = [table for table in tables if table is not None]
        return known if len(known) == len(tables) else None

    def _read(self, data_day: date) -> None:
        """Reads the days of the longest windows, of activity and of money, and drops all others."""
        days = window_days(data_day, self._span)
        self._aggregates = {
            (window, day): aggregate for (window, day), aggregate in self._aggregates.items() if day in days
        }
        self._tables = {day: table for day, table in self._tables.items() if day in days}
        unread = [day for day in days if ("1d", day) not in self._aggregates]
        found = {day: self._checked.pop(day) for day in unread if day in self.days and day in self._checked}
        known = [day for day in unread if day in self.days and day not in found]
        if known:
            found |= self._store.facts(self._source, self.scope, known, by_account=self._with_accounts)
        for day in unread:
            facts = found.get(day)
            if facts is not None and self._vendor_teams is not None:
                facts = with_vendor_teams(facts, self._vendor_teams)
            elif facts is not None and self.members is not None:
                facts = with_teams(facts, self.members)
            self._aggregates["1d", day] = None if facts is None else day_aggregate(facts)
            if self.users is not None and facts is not None:
                self._tables[day] = facts.by_account

    def _windows(self, last: date) -> dict[str, Aggregate]:
        found = {window: self._aggregate(window, last) for window in WINDOWS}
        return {window: aggregate for window, aggregate in found.items() if aggregate is not None}

    def _aggregate(self, window: str, last: date) -> Aggregate | None:
        if (window, last) not in self._aggregates:
            part = _MADE_OF[window]
            length = WINDOWS[part]
            ends = window_days(last, WINDOWS[window])[::length]
            aggregates = [self._aggregate(part, end) for end in ends]
            known = [aggregate for aggregate in aggregates if aggregate is not None]
            self._aggregates[window, last] = combined(known) if len(known) == len(aggregates) else None
        return self._aggregates[window, last]
