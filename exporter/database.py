"""The database of the state: SQLite or PostgreSQL, opened with its tables, and real transactions on it."""

import hashlib
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from exporter import schema
from exporter.variables import without_values

MEMORY = "sqlite://"
NO_VARIABLES: Mapping[str, str] = {}

# Otherwise a PostgreSQL whose machine has vanished is waited for until TCP gives up: two hours, or never. Parameters of
# libpq, which the URL may set otherwise; the server is asked to notice a vanished holder of a lock as soon.
_CLIENT_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# How long SQLite waits for another process to end its transaction, where the URL does not say.
_SQLITE_SECONDS = 30
_SERVER_PATIENCE = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")

# Where PGCLIENTENCODING says something else, psycopg may give bytes in place of text.
_TEXT = {"client_encoding": "utf8"}

# An error would show the values of its statement, which may name people.
_QUIET = {"hide_parameters": True}


class StateError(Exception):
    """The state cannot be used: no database, another schema version, a server that is gone, a disk that is full."""


@contextmanager
def _said_in_words(hidden: Mapping[str, str]) -> Iterator[None]:
    """What is wrong with the state in the driver's words, without the values of variables (`hidden`).

    What is wrong with a row of ours stays the bug that it is.
    """
    try:
        yield
    except (DataError, IntegrityError):
        raise
    except SQLAlchemyError as error:
        words = error.orig if isinstance(error, DBAPIError) else error
        line = without_values(" ".join(str(words).split()), hidden)
        raise StateError(f"the state cannot be used: {line}") from error


class Database:
    """Transactions on the tables of `schema`; may be used from any thread, and raises StateError."""

    def __init__(self, engine: Engine, hidden: Mapping[str, str]) -> None:
        self._engine = engine
        self._hidden = hidden
        # A database in memory is one connection, so its transactions take turns.
        shared = isinstance(engine.pool, StaticPool)
        self._turn: AbstractContextManager[Any] = threading.RLock() if shared else nullcontext()
        self.insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    @classmethod
    def open(cls, url: str = MEMORY, hidden: Mapping[str, str] = NO_VARIABLES) -> "Database":
        """Opens or creates the tables; raises StateError where it cannot or where another schema version wrote them.

        `hidden` are the values of the variables that the URL was made of, by name: errors show the names.
        """
        database = cls(_engine(url), hidden)
        try:
            with database.write() as connection:
                if database.shared:
                    # Replicas that start together would make the same tables.
                    connection.execute(select(func.pg_advisory_xact_lock(_lock_key("schema"))))
                schema.metadata.create_all(connection)
                database._check_version(connection)
        except StateError as error:
            database.close()
            shown = make_url(url).set(query={}).render_as_string(hide_password=True)
            raise StateError(f"{error} ({'state.url' if hidden else shown})") from error
        except UnicodeError as error:
            # Of the state's URL it was checked.
            database.close()
            raise StateError("the state cannot be used: PGHOST is no host that can be looked up") from error
        return database

    def close(self) -> None:
        """Gives the connections back; what is stored stays as the last whole transaction left it."""
        self._engine.dispose()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write."""
        writing = self._engine.execution_options(adoption_write=True)
        with _said_in_words(self._hidden), self._turn, writing.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with _said_in_words(self._hidden), self._turn, self._engine.connect() as connection, connection.begin():
            yield connection

    @property
    def shared(self) -> bool:
        """Whether other processes may work with it at the same time: several replicas share PostgreSQL."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def turn(self, name: str) -> Iterator[bool]:
        """Whether it is our turn until the block ends: one process at a time has the turn of a name.

        The lock dies with its connection, so a killed replica holds up nobody. A pooler must be in session mode.
        """
        if not self.shared:
            yield True
            return
        key = _lock_key(name, self.hash_key())
        with (
            _said_in_words(self._hidden),
            self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            for setting in _SERVER_PATIENCE:
                connection.exec_driver_sql(f"SET {setting}")
            try:
                yield connection.execute(select(func.pg_try_advisory_lock(key))).scalar_one()
            finally:
                # A connection that was lost meanwhile has given the lock back already.
                with suppress(DBAPIError):
                    connection.execute(select(func.pg_advisory_unlock_all()))

    def upsert(self, connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Inserts rows, replacing those with the same primary key."""
        if not rows:
            return
        statement = self.insert(table)
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
            with _said_in_words(self._hidden), self._turn, closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def hash_key(self) -> bytes:
        """The state's own key: hashes made with it mean nothing outside of this state."""
        with self.read() as connection:
            table = schema.meta
            key: bytes = connection.execute(select(table.c.value).where(table.c.name == "hash_key")).scalar_one()
            return key

    def _check_version(self, connection: Connection) -> None:
        version = connection.execute(
            select(schema.meta.c.value).where(schema.meta.c.name == "schema_version")
        ).scalar_one_or_none()
        if version is None:
            rows = [
                {"name": "schema_version", "value": str(schema.SCHEMA_VERSION).encode()},
                {"name": "hash_key", "value": secrets.token_bytes(32)},
            ]
            connection.execute(self.insert(schema.meta).on_conflict_do_nothing(), rows)
        elif int(version) != schema.SCHEMA_VERSION:
            raise StateError(
                f"the state has schema version {int(version)}, "
                f"this version of adoption-exporter reads {schema.SCHEMA_VERSION}"
            )


def _lock_key(name: str, state: bytes = b"") -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), key=state, digest_size=8).digest(), signed=True)


def _engine(url: str) -> Engine:
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    if not url.startswith("sqlite"):
        given = make_url(url).query
        patience = {name: value for name, value in _CLIENT_PATIENCE.items() if name not in given}
        # A source holds a connection for as long as it is read, and each of its transactions takes another: a limit
        # would have many sources wait for each other until none goes on.
        return create_engine(url, pool_pre_ping=True, max_overflow=-1, connect_args={**patience, **_TEXT}, **_QUIET)
    seconds = make_url(url).query.get("timeout", _SQLITE_SECONDS)
    arguments = {"check_same_thread": False, "timeout": float(str(seconds))}
    if url in (MEMORY, "sqlite:///:memory:"):
        return _with_transactions(create_engine(url, connect_args=arguments, poolclass=StaticPool, **_QUIET), wal=False)
    return _with_transactions(create_engine(url, connect_args=arguments, **_QUIET), wal=True)


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
