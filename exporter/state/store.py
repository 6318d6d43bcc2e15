"""The store: facts of days, scopes and polls in SQLite or PostgreSQL, one transaction for each day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, null, select

from exporter.errors import Failure
from exporter.model import DayFacts, Reading, Seats, WindowPeople
from exporter.state import codec as facts_format
from exporter.state import holders, revisions, schema, scope_readings, team_names, window_counts
from exporter.state.database import LOCK_SECONDS, NO_VARIABLES, Database
from exporter.state.engine import MEMORY
from exporter.state.records import Replacement, ScopeStatus, StoredDay
from exporter.state.reread import change_of, merged
from exporter.state.scope_readings import NO_READINGS, Readings
from exporter.state.unreadable import Unreadable


@dataclass(frozen=True)
class PollStatus:
    """The result of the last poll of a source; times are Unix seconds.

    A failure of the state is not stored: the state cannot be written then.
    """

    ended: float
    duration: float
    last_success: float | None
    failure: Failure | None = None

    @property
    def success(self) -> bool:
        """Whether the poll read at least one scope, where the source has any."""
        return self.failure is None

    @property
    def of_state(self) -> bool:
        """Whether the state failed, and not the vendor."""
        return self.failure is not None and self.failure.of_state


class Store:
    """Facts by (source, scope, day), with the status of scopes and polls. Every method is safe in any thread."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._unreadable = Unreadable()

    @classmethod
    def open(
        cls, url: str = MEMORY, hidden: Mapping[str, str] = NO_VARIABLES, lock_seconds: float = LOCK_SECONDS
    ) -> "Store":
        """Opens or creates the state; see `Database.open`. Raises StateError."""
        return cls(Database.open(url, hidden, lock_seconds))

    def close(self) -> None:
        """Closes the connections; the state keeps every committed transaction."""
        self.database.close()

    # Sources

    def adopt(self, connection: Connection, source: str, vendor: str) -> str:
        """The vendor to which a source's stored days belong; records and returns `vendor` if there are none.

        Older states do not record a vendor: their days belong to the first one that is given.
        """
        meta, day = schema.meta, schema.day
        name = f"vendor:{source}"
        known: bytes | None = connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()
        if known is not None and known != vendor.encode():
            held = connection.execute(select(day.c.day).where(day.c.source == source).limit(1)).first()
            if held is not None:
                return known.decode()
        self.database.upsert(connection, meta, [{"name": name, "value": vendor.encode()}])
        return vendor

    # Days

    def days(self, source: str, scope: str) -> dict[date, StoredDay]:
        """The stored days of a scope, without those already found unreadable."""
        table, emptied, pending = schema.day, schema.emptied, schema.pending
        revision, unjoined = schema.revision, schema.unjoined
        listed, waits = table.c.people.is_not(None), pending.c.day.is_not(None)
        of_day = (table.c.day, table.c.people_total, listed, table.c.requests, table.c.read_at)
        query = select(*of_day, emptied.c.since, waits, revision.c.at, unjoined.c.day.is_not(None)).select_from(table)
        for other in (emptied, pending, revision, unjoined):
            query = query.outerjoin(other, and_(*(other.c[key.name] == key for key in table.primary_key)))
        query = query.where(table.c.source == source, table.c.scope == scope)
        with self.database.read() as connection:
            rows = connection.execute(query)
            return {day: StoredDay(*rest) for day, *rest in rows if (source, scope, day) not in self._unreadable}

    def check(self, source: str, scope: str, days: Sequence[date]) -> dict[date, DayFacts]:
        """Checks a day once per process, so that `days` omits unreadable ones; returns the others, without tables."""
        found: dict[date, DayFacts] = {}
        for some in self._unreadable.unchecked(source, scope, days):
            found |= self._facts(source, scope, some, schema.day.c.by_account, table=False)
        return found

    def facts(self, source: str, scope: str, days: Sequence[date], *, by_account: bool = True) -> dict[date, DayFacts]:
        """The facts of those days that are stored and readable; `by_account`, the largest part, is optional."""
        return self._facts(source, scope, days, schema.day.c.by_account if by_account else null(), table=by_account)

    def _facts(
        self, source: str, scope: str, days: Sequence[date], accounts: ColumnElement[Any], *, table: bool
    ) -> dict[date, DayFacts]:
        day = schema.day.c
        query = select(day.day, day.facts, accounts).where(day.source == source, day.scope == scope, day.day.in_(days))
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return self._unreadable.readable(
            source, scope, ((day, partial(facts_format.decode, *data, table=table)) for day, *data in rows)
        )

    def people(self, source: str, scope: str, days: Collection[date] | None = None) -> dict[date, BitMap]:
        """The people of every stored day of a scope whose vendor lists them, or of those among `days`."""
        table = schema.day
        query = select(table.c.day, table.c.people).where(
            table.c.source == source, table.c.scope == scope, table.c.people.is_not(None)
        )
        if days is not None:
            query = query.where(table.c.day.in_(days))
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return self._unreadable.readable(
            source, scope, ((day, partial(facts_format.unpack_accounts, data)) for day, data in rows)
        )

    def replace(self, source: str, scope: str, reading: Reading, *, now: datetime, requests: int) -> Replacement:
        """Stores a day whole, in place of what was stored before; see `merged` for what a re-read day keeps.

        A revised day counts as a revision and deletes the vendor's own counts of every window that holds it. A reading
        of some fields alone (`only`) changes a stored day, and nothing where the day is not stored.
        """
        key = {"source": source, "scope": scope, "day": reading.day}
        # Another process may store the same day: the day that is compared must be the day that is replaced.
        with self.database.write(source) as connection:
            self.database.lock_until_commit(connection, f"{source} {scope}")
            stored = self._stored(connection, source, scope, reading.day)
            if stored is None and reading.only is not None:
                return Replacement("same", None, reading.facts)
            after = reading.facts if stored is None else merged(stored, reading)
            change = change_of(stored, reading, after)
            content = facts_format.columns(after)
            if reading.only is None:
                read = {"requests": requests, "read_at": now.timestamp()}
                self.database.upsert(connection, schema.day, [{**key, **content, **read}])
                for settled in (schema.emptied, schema.unjoined):
                    connection.execute(delete(settled).where(*_is(settled, key)))
            else:
                connection.execute(schema.day.update().where(*_is(schema.day, key)).values(**content))
            connection.execute(delete(schema.pending).where(*_is(schema.pending, key)))
            if after.pending:
                self.database.upsert(connection, schema.pending, [key])
            team_names.note(self.database, connection, source, scope, reading.day, reading.team_names)
            if change == "revised":
                revisions.note(self.database, connection, key, now.timestamp())
                # In the same transaction: a poll may fail before it reads new counts, and the old ones would stay.
                window_counts.forget_with(connection, source, scope, reading.day)
        self._unreadable.replaced(source, scope, reading.day)
        return Replacement(change, stored, after)

    def _stored(self, connection: Connection, source: str, scope: str, day: date) -> DayFacts | None:
        """A day as it is stored; None where it is not, or cannot be read."""
        table = schema.day
        query = select(table.c.facts, table.c.by_account).where(*_is_day(table, source, scope, day))
        rows = ((day, partial(facts_format.decode, *data)) for data in connection.execute(query).all())
        return self._unreadable.readable(source, scope, rows).get(day)

    def came_empty(self, source: str, scope: str, day: date, *, since: float, now: datetime) -> None:
        """Records that a stored day was read without a row, as in every read since `since`; its facts stay."""
        row = {"source": source, "scope": scope, "day": day, "since": since}
        table = schema.day
        with self.database.write(source) as connection:
            self.database.upsert(connection, schema.emptied, [row])
            read = table.update().where(*_is_day(table, source, scope, day)).values(read_at=now.timestamp())
            connection.execute(read)

    def forget_day(self, source: str, scope: str, day: date) -> None:
        """Deletes a day and the vendor's own counts of every window that holds it."""
        with self.database.write(source) as connection:
            for table in (schema.day, schema.revision):
                connection.execute(delete(table).where(*_is_day(table, source, scope, day)))
            window_counts.forget_with(connection, source, scope, day)

    def days_before(self, source: str, before: date) -> dict[str, list[date]]:
        """The stored days of each scope before a day; scopes without such days are omitted."""
        table = schema.day
        query = select(table.c.scope, table.c.day).where(table.c.source == source, table.c.day < before)
        found: dict[str, list[date]] = {}
        with self.database.read() as connection:
            for scope, day in connection.execute(query.order_by(table.c.scope, table.c.day)):
                found.setdefault(scope, []).append(day)
        return found

    def prune(self, source: str, before: date) -> int:
        """Deletes the days before a day; returns how many."""
        with self.database.write(source) as connection:
            others = (schema.emptied, schema.pending, schema.revision, schema.unjoined, schema.day)
            for column in (schema.window.c.data_day, *(table.c.day for table in others)):
                table = column.table
                result = connection.execute(delete(table).where(table.c.source == source, column < before))
        return result.rowcount

    # Scopes

    def list_scopes(self, source: str, scopes: Sequence[str]) -> None:
        """Records which scopes the source has now; all others stay stored but are no longer published."""
        table = schema.scope
        rows = [{"source": source, "scope": scope, "listed": True, "revised": 0} for scope in scopes]
        with self.database.write(source) as connection:
            connection.execute(table.update().where(table.c.source == source).values(listed=False))
            if rows:
                statement = self.database.insert(table)
                again = statement.on_conflict_do_update(index_elements=["source", "scope"], set_={"listed": True})
                connection.execute(again, rows)

    def scopes(self, source: str) -> dict[str, ScopeStatus]:
        """The status of every scope that a source ever had."""
        table = schema.scope
        query = select(table.c.scope, table.c.listed, table.c.last_success, table.c.revised, table.c.seats)
        with self.database.read() as connection:
            rows = connection.execute(query.where(table.c.source == source).order_by(table.c.scope))
            return {name: ScopeStatus(*rest) for name, *rest in rows}

    def scope_read(self, source: str, scope: str, *, now: datetime) -> None:
        """Records that the days of a scope were read without error."""
        table = schema.scope
        where = (table.c.source == source, table.c.scope == scope)
        with self.database.write(source) as connection:
            connection.execute(table.update().where(*where).values(last_success=now.timestamp()))

    def seats_read(self, source: str, scope: str, seats: int | Seats | None, *, now: datetime) -> None:
        """Records the seats of a scope: a number, or who holds them; None where the vendor says nothing of them."""
        table = schema.scope
        where = (table.c.source == source, table.c.scope == scope)
        number, named = (seats.number(), seats) if isinstance(seats, Seats) else (seats, None)
        with self.database.write(source) as connection:
            connection.execute(table.update().where(*where).values(seats=number))
            holders.replace(self.database, connection, source, scope, named, now.astimezone(UTC).date())

    def windows(self, source: str, scope: str) -> dict[tuple[date, str], WindowPeople]:
        """The vendor's own counts of people, by (data day, window)."""
        return window_counts.find(self.database, source, scope)

    def forget_window(self, source: str, scope: str, data_day: date, window: str) -> None:
        """Deletes the vendor's own count of a window, one day of which turned out to be incomplete."""
        window_counts.forget(self.database, source, scope, data_day, window)

    def replace_windows(self, source: str, scope: str, windows: Sequence[WindowPeople]) -> None:
        """Stores the vendor's own counts of windows."""
        window_counts.replace(self.database, source, scope, windows)

    # Polls

    def record_poll(self, source: str, status: PollStatus, readings: Readings = NO_READINGS) -> None:
        """Stores the result of the source's last poll, and how the reading of each of its scopes went."""
        failure = status.failure
        row = {
            "source": source,
            "success": status.success,
            "ended": status.ended,
            "duration": status.duration,
            "last_success": status.last_success,
            "reason": None if failure is None else failure.reason,
            "message": None if failure is None else failure.message,
            "status": None if failure is None else failure.status,
        }
        with self.database.write(source) as connection:
            self.database.upsert(connection, schema.poll, [row])
            scope_readings.replace(self.database, connection, source, readings)

    def readings(self, source: str) -> Readings:
        """How the last reading of each scope went that the source had at its last poll."""
        with self.database.read() as connection:
            return scope_readings.find(connection, source)

    def last_poll(self, source: str) -> PollStatus | None:
        """The result of the source's last poll, by whichever process."""
        table = schema.poll
        with self.database.read() as connection:
            row = connection.execute(select(table).where(table.c.source == source)).one_or_none()
        if row is None:
            return None
        failure = None if row.success else Failure(row.reason, row.message, row.status)
        return PollStatus(row.ended, row.duration, row.last_success, failure)


def _is_day(table: Table, source: str, scope: str, day: date) -> tuple[ColumnElement[bool], ...]:
    return _is(table, {"source": source, "scope": scope, "day": day})


def _is(table: Table, key: Mapping[str, object]) -> tuple[ColumnElement[bool], ...]:
    return tuple(table.c[name] == value for name, value in key.items())
