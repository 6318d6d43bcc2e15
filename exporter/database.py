"""The database of the state: SQLite or PostgreSQL, opened with its tables, and real transactions on it."""

import hashlib
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from exporter import schema
from exporter.file_locks import FileLocks

MEMORY = "sqlite://"

# Otherwise a PostgreSQL whose machine has vanished is waited for until TCP gives up: two hours, or never. Parameters of
# libpq, which the URL may set otherwise; the server is asked to notice a vanished holder of a lock as soon.
_CLIENT_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_SERVER_PATIENCE = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")

# How long a process that stands still may keep a turn or a transaction on PostgreSQL.
TURN_SECONDS = 60.0
_BEATS = 4

# PostgreSQL has it from version 14 on.
_SAY_SOMETHING_WITHIN = text(
    "SELECT set_config(name, :milliseconds, false) FROM pg_settings WHERE name = 'idle_session_timeout'"
)

# Places in the file of locks beside a SQLite state: the daemon's, then those of turns.
_DAEMON = 0
_FIRST_TURN = 1
_TURNS = 2**60

# An error would show the values of its statement, which may name people.
_QUIET = {"hide_parameters": True}


class StateError(Exception):
    """The state cannot be used: no database, another schema version, a server that is gone, a disk that is full."""


class TurnLostError(StateError):
    """Another process has the turn of the source now, and what this one has read of it may be older."""


class Database:
    """Transactions on the tables of `schema`; may be used from any thread, and raises StateError.

    `turn_seconds` is for how long a process that stands still keeps its turns on PostgreSQL.
    """

    def __init__(self, engine: Engine, turn_seconds: float = TURN_SECONDS) -> None:
        self._engine = engine
        self._turn_seconds = turn_seconds
        self._broken: set[str] = set()
        self._held: dict[str, bytes] = {}
        self._names: set[str] = set()
        self._holding = threading.Lock()
        self._locks = _file_locks(engine)
        # A database in memory is one connection, so its transactions take turns.
        shared = isinstance(engine.pool, StaticPool)
        self._turn: AbstractContextManager[Any] = threading.RLock() if shared else nullcontext()
        self.insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    @classmethod
    def open(cls, url: str = MEMORY, turn_seconds: float = TURN_SECONDS) -> "Database":
        """Opens or creates the tables; raises StateError where it cannot or where another schema version wrote them."""
        database = cls(_engine(url, turn_seconds), turn_seconds)
        try:
            with database.write() as connection:
                if database.shared:
                    # Replicas that start together would make the same tables.
                    connection.execute(select(func.pg_advisory_xact_lock(_lock_key("schema"))))
                schema.metadata.create_all(connection)
                database._check_version(connection)
        except StateError as error:
            database.close()
            where = make_url(url).render_as_string(hide_password=True)
            raise StateError(f"{error} ({where})") from error
        return database

    def close(self) -> None:
        """Gives the connections back; what is stored stays as the last whole transaction left it."""
        self._engine.dispose()
        if self._locks is not None:
            self._locks.close()

    @contextmanager
    def write(self, source: str | None = None) -> Iterator[Connection]:
        """A transaction that may write; what is read of a source is written with its name.

        Raises TurnLostError where this process has had the turn of the source and another one has it by now. Whoever
        wants the turn waits for the end of the transaction.
        """
        writing = self._engine.execution_options(adoption_write=True)
        with self._in_words("write"), self._turn, writing.connect() as connection, connection.begin():
            if source is not None:
                self._check_turn(connection, source)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._in_words("read"), self._turn, self._engine.connect() as connection, connection.begin():
            yield connection

    @property
    def shared(self) -> bool:
        """Whether other processes may work with it at the same time: several replicas share PostgreSQL."""
        return self._engine.dialect.name == "postgresql"

    @property
    def up(self) -> bool:
        """Whether the state could be used when that was last tried, for reading and for writing."""
        return not self._broken

    def probe(self) -> None:
        """Tries whether the state can be used, so that `up` says so: to read it, and to write where that failed."""
        with suppress(StateError):
            with self.read() as connection:
                connection.execute(select(schema.meta.c.name).limit(1)).all()
            if not self.up:
                with self.write() as connection:
                    self.upsert(connection, schema.meta, [{"name": "probe", "value": secrets.token_bytes(8)}])

    @contextmanager
    def turn(self, name: str) -> Iterator[bool]:
        """Whether it is our turn until the block ends: one process at a time has the turn of a name.

        The turn ends with its process, and on PostgreSQL with its connection, so a killed replica holds up nobody. A
        process that stands still has lost it when it wakes: what it would write then is refused. A pooler must be in
        session mode.
        """
        with self._alone(name) as ours:
            if not ours:
                yield False
                return
            token = secrets.token_bytes(16)
            with self.write() as connection:
                self.upsert(connection, schema.turn, [{"source": name, "token": token}])
            self._held[name] = token
            try:
                yield True
            finally:
                del self._held[name]

    def take_turns(self, connection: Connection, name: str) -> None:
        """Has transactions of other processes wait until this one has ended, where they ask for the same name."""
        # SQLite has one transaction that writes at a time.
        if self.shared:
            connection.execute(select(func.pg_advisory_xact_lock(_lock_key(name, self.hash_key()))))

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
            with self._in_words("write"), self._turn, closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def hash_key(self) -> bytes:
        """The state's own key: hashes made with it mean nothing outside of this state."""
        return self._hash_key

    @cached_property
    def _hash_key(self) -> bytes:
        with self.read() as connection:
            table = schema.meta
            key: bytes = connection.execute(select(table.c.value).where(table.c.name == "hash_key")).scalar_one()
            return key

    @contextmanager
    def _in_words(self, kind: Literal["read", "write"]) -> Iterator[None]:
        """What is wrong with the state in the driver's words; what is wrong with a row of ours stays the bug it is."""
        try:
            yield
        except (DataError, IntegrityError):
            raise
        except SQLAlchemyError as error:
            self._broken.add(kind)
            words = error.orig if isinstance(error, DBAPIError) else error
            raise StateError(f"the state cannot be used: {' '.join(str(words).split())}") from error
        else:
            self._broken.discard(kind)

    def _check_turn(self, connection: Connection, source: str) -> None:
        held = self._held.get(source)
        if held is None:
            return
        table = schema.turn
        query = select(table.c.token).where(table.c.source == source).with_for_update(read=True)
        if connection.execute(query).scalar_one_or_none() != held:
            raise TurnLostError(f"another process reads {source} now, and what this one would store may be older")

    @contextmanager
    def _alone(self, name: str) -> Iterator[bool]:
        """Whether no other process, and no other thread of ours, is in such a block for the name."""
        with self._holding:
            free = name not in self._names
            self._names.add(name)
        if not free:
            yield False
            return
        try:
            with self._locked(name) as ours:
                yield ours
        finally:
            self._names.discard(name)

    @contextmanager
    def _locked(self, name: str) -> Iterator[bool]:
        if self.shared:
            with self._session_lock(_lock_key(name, self.hash_key())) as ours:
                yield ours
        elif self._locks is None:
            yield True
        else:
            place = _FIRST_TURN + abs(_lock_key(name)) % _TURNS
            ours = self._take_file_lock(self._locks, place)
            try:
                yield ours
            finally:
                if ours:
                    self._locks.give(place)

    def _take_file_lock(self, locks: FileLocks, place: int) -> bool:
        try:
            return locks.take(place)
        except OSError as error:
            raise StateError(f"the state cannot be used: {error}") from error

    @contextmanager
    def _session_lock(self, key: int) -> Iterator[bool]:
        """An advisory lock of a connection of its own, which the server ends when it hears nothing of us any more."""
        with (
            self._in_words("read"),
            self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            # It must not come into the hands of somebody who says nothing on it for a while.
            connection.detach()
            for setting in _SERVER_PATIENCE:
                connection.exec_driver_sql(f"SET {setting}")
            connection.execute(_SAY_SOMETHING_WITHIN, {"milliseconds": str(round(self._turn_seconds * 1000))})
            ours: bool = connection.execute(select(func.pg_try_advisory_lock(key))).scalar_one()
            ended = threading.Event()
            beats = threading.Thread(target=self._beat, args=(connection, ended), name="turn", daemon=True)
            beats.start()
            try:
                yield ours
            finally:
                ended.set()
                beats.join()

    def _beat(self, connection: Connection, ended: threading.Event) -> None:
        while not ended.wait(self._turn_seconds / _BEATS):
            try:
                connection.execute(select(1))
            except SQLAlchemyError:
                # Whoever has the turn now will have said so in the state, before anything is written.
                return

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


def _file_locks(engine: Engine) -> FileLocks | None:
    """The locks beside the file of a SQLite state; None where there is no file."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or isinstance(engine.pool, StaticPool) or not path:
        return None
    return FileLocks(Path(f"{path}-lock"))


def _engine(url: str, turn_seconds: float) -> Engine:
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    if not url.startswith("sqlite"):
        given = make_url(url).query
        patience = {name: value for name, value in _CLIENT_PATIENCE.items() if name not in given}
        # A source holds a connection for as long as it is read, and each of its transactions takes another: a limit
        # would have many sources wait for each other until none goes on.
        engine = create_engine(url, pool_pre_ping=True, max_overflow=-1, connect_args=patience, **_QUIET)
        return _without_idle_transactions(engine, turn_seconds)
    arguments = {"check_same_thread": False, "timeout": 30}
    if url in (MEMORY, "sqlite:///:memory:"):
        return _with_transactions(create_engine(url, connect_args=arguments, poolclass=StaticPool, **_QUIET), wal=False)
    return _with_transactions(create_engine(url, connect_args=arguments, **_QUIET), wal=True)


def _without_idle_transactions(engine: Engine, seconds: float) -> Engine:
    """PostgreSQL that ends the transaction of a process that stands still: others may wait for it."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(f"SET idle_in_transaction_session_timeout = {round(seconds * 1000)}")
        connection.autocommit = False

    return engine


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
