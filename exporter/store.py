"""The state: what was read, kept in SQLite or PostgreSQL, one transaction for each day."""

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pyroaring import BitMap
from sqlalchemy import Connection, Engine, create_engine, delete, event, func, null, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from exporter import facts as facts_format
from exporter import schema
from exporter.model import DayFacts, Reading, WindowPeople

MEMORY = "sqlite://"
Change = Literal["new", "same", "revised"]


class StateError(Exception):
    """The state cannot be used: another schema version, or not a database."""


@dataclass(frozen=True)
class StoredDay:
    """What a poll needs to know of a stored day: its people, whether they are listed, what it cost, and when."""

    people: int | None
    listed: bool
    requests: int
    read_at: float


@dataclass(frozen=True)
class ScopeStatus:
    """How a scope stands: `listed` is False once the source no longer has it; times are Unix seconds."""

    listed: bool
    last_success: float | None
    revised: int
    seats: int | None


@dataclass(frozen=True)
class PollStatus:
    """How the last poll of a source went; times are Unix seconds.

    What follows `last_success` is None after a success, and `status` too where no HTTP status was the reason.
    """

    success: bool
    ended: float
    duration: float
    last_success: float | None
    reason: str | None = None
    message: str | None = None
    status: int | None = None


class Store:
    """Facts by (source, scope, day). Every method is one transaction and may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # A database in memory is one connection, so its transactions take turns.
        shared = isinstance(engine.pool, StaticPool)
        self._turn: AbstractContextManager[Any] = threading.RLock() if shared else nullcontext()
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    @classmethod
    def open(cls, url: str = MEMORY) -> "Store":
        """Opens or creates the state; raises StateError where it cannot or where another schema version wrote it."""
        store = cls(_engine(url))
        try:
            with store.write() as connection:
                schema.metadata.create_all(connection)
                store._check_version(connection)
        except DBAPIError as error:
            store.close()
            raise StateError(f"the state cannot be opened: {error.orig}") from error
        except StateError:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Gives the connections back; the state stays as the last whole transaction left it."""
        self._engine.dispose()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write."""
        writing = self._engine.execution_options(adoption_write=True)
        with self._turn, writing.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._turn, self._engine.connect() as connection, connection.begin():
            yield connection

    def upsert(self, connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Inserts rows, replacing those with the same primary key."""
        if not rows:
            return
        statement = self._insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        if changed:
            statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        connection.execute(statement, list(rows))

    def wipe(self) -> None:
        """Leaves nothing of what was deleted in the files of a SQLite state: its log is emptied into the database."""
        if self._engine.dialect.name == "sqlite":
            with self._turn, closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def hash_key(self) -> bytes:
        """The state's own key: hashes made with it mean nothing outside of this state."""
        with self.read() as connection:
            return _meta(connection, "hash_key")

    # Days

    def days(self, source: str, scope: str) -> dict[date, StoredDay]:
        """The stored days of a scope."""
        table = schema.day
        listed = table.c.people.is_not(None)
        query = select(table.c.day, table.c.people_total, listed, table.c.requests, table.c.read_at).where(
            table.c.source == source, table.c.scope == scope
        )
        with self.read() as connection:
            return {day: StoredDay(*rest) for day, *rest in connection.execute(query)}

    def facts(self, source: str, scope: str, days: Sequence[date], *, by_account: bool = True) -> dict[date, DayFacts]:
        """The facts of those of the days that are stored; `by_account`, the largest part of them, may be left out."""
        table = schema.day
        accounts = table.c.by_account if by_account else null()
        query = select(table.c.day, table.c.facts, accounts).where(
            table.c.source == source, table.c.scope == scope, table.c.day.in_(days)
        )
        with self.read() as connection:
            return {day: facts_format.decode(data, table) for day, data, table in connection.execute(query)}

    def people(self, source: str, scope: str) -> dict[date, BitMap]:
        """The people of every stored day of a scope, for vendors that list them."""
        table = schema.day
        query = select(table.c.day, table.c.people).where(
            table.c.source == source, table.c.scope == scope, table.c.people.is_not(None)
        )
        with self.read() as connection:
            return {day: facts_format.unpack_accounts(data) for day, data in connection.execute(query)}

    def replace(self, source: str, scope: str, reading: Reading, *, now: datetime, requests: int) -> Change:
        """Stores a day whole in place of what was there; says whether that changed it and counts the revision."""
        stored = self.facts(source, scope, [reading.day]).get(reading.day)
        read = reading.facts if stored is None else facts_format.keep_known_kinds(stored, reading.facts)
        change: Change = "new" if stored is None else "same" if facts_format.same(stored, read) else "revised"
        people = facts_format.people_of(read)
        row = {
            "source": source,
            "scope": scope,
            "day": reading.day,
            "facts": facts_format.encode(read),
            "by_account": facts_format.encode_accounts(read),
            "people": None if people is None else facts_format.pack_accounts(people),
            "people_total": read.people_total(),
            "requests": requests,
            "read_at": now.timestamp(),
        }
        with self.write() as connection:
            self.upsert(connection, schema.day, [row])
            if change == "revised":
                table = schema.scope
                where = (table.c.source == source, table.c.scope == scope)
                connection.execute(table.update().where(*where).values(revised=table.c.revised + 1))
        return change

    def prune(self, source: str, before: date) -> int:
        """Forgets days before the given one; returns how many."""
        with self.write() as connection:
            for table, column in ((schema.window, schema.window.c.data_day), (schema.day, schema.day.c.day)):
                result = connection.execute(delete(table).where(table.c.source == source, column < before))
        return result.rowcount

    # Scopes

    def list_scopes(self, source: str, scopes: Sequence[str]) -> None:
        """Records which scopes the source has now; others stay stored and are no longer published."""
        table = schema.scope
        rows = [{"source": source, "scope": scope, "listed": True, "revised": 0} for scope in scopes]
        with self.write() as connection:
            connection.execute(table.update().where(table.c.source == source).values(listed=False))
            if rows:
                statement = self._insert(table)
                again = statement.on_conflict_do_update(index_elements=["source", "scope"], set_={"listed": True})
                connection.execute(again, rows)

    def scopes(self, source: str) -> dict[str, ScopeStatus]:
        """Every scope of a source that was ever listed."""
        table = schema.scope
        query = select(table.c.scope, table.c.listed, table.c.last_success, table.c.revised, table.c.seats)
        with self.read() as connection:
            rows = connection.execute(query.where(table.c.source == source).order_by(table.c.scope))
            return {name: ScopeStatus(*rest) for name, *rest in rows}

    def scope_read(self, source: str, scope: str, *, now: datetime, seats: int | None) -> None:
        """Records that a scope was read without an error."""
        table = schema.scope
        where = (table.c.source == source, table.c.scope == scope)
        with self.write() as connection:
            connection.execute(table.update().where(*where).values(last_success=now.timestamp(), seats=seats))

    def windows(self, source: str, scope: str) -> dict[tuple[date, str], WindowPeople]:
        """People that the vendor counted over windows, by (data day, window)."""
        table = schema.window
        query = select(table.c.data_day, table.c.window, table.c.people, table.c.service).where(
            table.c.source == source, table.c.scope == scope
        )
        with self.read() as connection:
            return {(row[0], row[1]): WindowPeople(*row) for row in connection.execute(query)}

    def forget_window(self, source: str, scope: str, data_day: date, window: str) -> None:
        """Forgets what the vendor counted over a window in which a day turned out to be incomplete."""
        table = schema.window
        key = (table.c.source == source, table.c.scope == scope, table.c.data_day == data_day, table.c.window == window)
        with self.write() as connection:
            connection.execute(delete(table).where(*key))

    def replace_windows(self, source: str, scope: str, windows: Sequence[WindowPeople]) -> None:
        """Stores what the vendor counted over windows."""
        rows = [
            {
                "source": source,
                "scope": scope,
                "data_day": window.data_day,
                "window": window.window,
                "people": window.people,
                "service": window.service,
            }
            for window in windows
        ]
        with self.write() as connection:
            self.upsert(connection, schema.window, rows)

    # Polls

    def record_poll(self, source: str, status: PollStatus) -> None:
        """Keeps how the source's last poll went."""
        row = {
            "source": source,
            "success": status.success,
            "ended": status.ended,
            "duration": status.duration,
            "last_success": status.last_success,
            "reason": status.reason,
            "message": status.message,
            "status": status.status,
        }
        with self.write() as connection:
            self.upsert(connection, schema.poll, [row])

    def last_poll(self, source: str) -> PollStatus | None:
        """How the source's last poll went, whichever process made it."""
        table = schema.poll
        columns = (
            table.c.success,
            table.c.ended,
            table.c.duration,
            table.c.last_success,
            table.c.reason,
            table.c.message,
            table.c.status,
        )
        with self.read() as connection:
            row = connection.execute(select(*columns).where(table.c.source == source)).one_or_none()
        return None if row is None else PollStatus(*row)

    def _check_version(self, connection: Connection) -> None:
        version = connection.execute(
            select(schema.meta.c.value).where(schema.meta.c.name == "schema_version")
        ).scalar_one_or_none()
        if version is None:
            rows = [
                {"name": "schema_version", "value": str(schema.SCHEMA_VERSION).encode()},
                {"name": "hash_key", "value": secrets.token_bytes(32)},
            ]
            connection.execute(self._insert(schema.meta).on_conflict_do_nothing(), rows)
        elif int(version) != schema.SCHEMA_VERSION:
            raise StateError(
                f"the state has schema version {int(version)}, "
                f"this version of adoption-exporter reads {schema.SCHEMA_VERSION}"
            )


def _meta(connection: Connection, name: str) -> bytes:
    value: bytes = connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == name)).scalar_one()
    return value


def next_number(connection: Connection, source: str) -> int:
    """The smallest account number of a source that was never handed out."""
    table = schema.account
    largest = connection.execute(select(func.max(table.c.number)).where(table.c.source == source)).scalar_one()
    return 0 if largest is None else largest + 1


def _engine(url: str) -> Engine:
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    arguments = {"check_same_thread": False, "timeout": 30}
    if url in (MEMORY, "sqlite:///:memory:"):
        return _with_transactions(create_engine(url, connect_args=arguments, poolclass=StaticPool), wal=False)
    return _with_transactions(create_engine(url, connect_args=arguments), wal=True)


def _with_transactions(engine: Engine, *, wal: bool) -> Engine:
    """SQLite with real transactions: the driver's own BEGIN comes too late for a read that leads to a write."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        if wal:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            # Only some builds of SQLite do so by themselves: a deleted name must not stay in a free corner of the file.
            connection.execute("PRAGMA secure_delete=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("adoption_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
