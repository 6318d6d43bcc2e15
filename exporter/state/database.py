"""The database of the state: SQLite or PostgreSQL, opened with its tables, and real transactions on it."""

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from sqlalchemy import Connection, Engine, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from exporter.redaction import without_values
from exporter.state import schema
from exporter.state.engine import MEMORY, ForeignFileError, connect, sqlite_file
from exporter.state.locks import FileLocks, SessionLocks, lock_key

# How long a process that stands still may keep a turn or a transaction on PostgreSQL.
TURN_SECONDS = 60.0
NO_VARIABLES: Mapping[str, str] = {}


class StateError(Exception):
    """The state cannot be used: no database, another schema version, a server that is gone, a disk that is full."""


class TurnLostError(StateError):
    """Another process has the turn of the source now, and what this one has read of it may be older."""


class Database:
    """Transactions on the tables of `schema`; may be used from any thread, and raises StateError.

    `hidden` are the values of the variables that the URL was made of, by name: errors show the names. `turn_seconds` is
    for how long a process that stands still keeps its turns on PostgreSQL.
    """

    def __init__(self, engine: Engine, hidden: Mapping[str, str], turn_seconds: float) -> None:
        self._engine = engine
        self._hidden = hidden
        self._broken: set[str] = set()
        self._unwiped = False
        # The tokens of our turns, and the names whose turn some thread of ours has or asks for.
        self._held: dict[str, bytes] = {}
        self._names: set[str] = set()
        self._asking = threading.Lock()
        file = sqlite_file(engine)
        self._file_locks = None if file is None else FileLocks(Path(f"{file}-lock"))
        self._session_locks = SessionLocks(engine, turn_seconds) if self.shared else None
        # A database in memory is one connection, so its transactions take turns.
        one = isinstance(engine.pool, StaticPool)
        self._turn: AbstractContextManager[Any] = threading.RLock() if one else nullcontext()
        self.insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    @classmethod
    def open(
        cls, url: str = MEMORY, hidden: Mapping[str, str] = NO_VARIABLES, turn_seconds: float = TURN_SECONDS
    ) -> Self:
        """Opens or creates the tables; raises StateError where it cannot or where another schema version wrote them."""
        # Behind the `?` may stand a password too, and anywhere the value of a variable.
        where = "state.url" if hidden else _shown(url)
        try:
            database = cls(connect(url, turn_seconds), hidden, turn_seconds)
            try:
                with database.write() as connection:
                    if database.shared:
                        # Replicas that start together would make the same tables.
                        connection.execute(select(func.pg_advisory_xact_lock(lock_key("schema"))))
                    schema.metadata.create_all(connection)
                    database._check_version(connection)
            except (StateError, UnicodeError):
                database.close()
                raise
        except ForeignFileError:
            raise StateError(f"the file is a database of another program ({where})") from None
        except StateError as error:
            raise StateError(f"{error} ({where})") from error
        except UnicodeError as error:
            # Of the state's URL it was checked.
            raise StateError("the state cannot be used: PGHOST is no host that can be looked up") from error
        return database

    def close(self) -> None:
        """Gives the connections back; what is stored stays as the last whole transaction left it."""
        self._engine.dispose()
        if self._file_locks is not None:
            self._file_locks.close()

    def claim(self) -> None:
        """Keeps other daemons from a SQLite state until this process ends; raises StateError where one has it."""
        if self._file_locks is None:
            return
        with self._in_words("read"):
            alone = self._file_locks.claim()
        where = "state.url" if self._hidden else _shown(str(self._engine.url))
        if not alone:
            raise StateError(
                f"another adoption-exporter runs on this state ({where}): "
                "on SQLite there can be one, several replicas need PostgreSQL"
            )

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
            if self._unwiped:
                self.wipe()

    @contextmanager
    def leader_lock(self, name: str) -> Iterator[bool]:
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
                self.upsert(connection, schema.leader_lock, [{"source": name, "token": token}])
            self._held[name] = token
            try:
                yield True
            finally:
                del self._held[name]

    def take_turns(self, connection: Connection, name: str) -> None:
        """Has transactions of other processes wait until this one has ended, where they ask for the same name."""
        # SQLite has one transaction that writes at a time.
        if self.shared:
            connection.execute(select(func.pg_advisory_xact_lock(lock_key(name, self.hash_key()))))

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
        """Leaves nothing of what was deleted in the files of a SQLite state: its log is emptied into the database.

        Where somebody reads meanwhile, or where it fails with StateError, `probe` tries again.
        """
        self._unwiped = self._engine.dialect.name == "sqlite"
        if self._unwiped:
            with self._in_words("write"), self._turn, closing(self._engine.raw_connection()) as connection:
                busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._unwiped = bool(busy)

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
        except (SQLAlchemyError, OSError) as error:
            self._broken.add(kind)
            words = error.orig if isinstance(error, DBAPIError) else error
            line = without_values(" ".join(str(words).split()), self._hidden)
            raise StateError(f"the state cannot be used: {line}") from error
        else:
            self._broken.discard(kind)

    def _check_turn(self, connection: Connection, source: str) -> None:
        held = self._held.get(source)
        if held is None:
            return
        table = schema.leader_lock
        query = select(table.c.token).where(table.c.source == source).with_for_update(read=True)
        if connection.execute(query).scalar_one_or_none() != held:
            raise TurnLostError(f"another process reads {source} now, and what this one would store may be older")

    @contextmanager
    def _alone(self, name: str) -> Iterator[bool]:
        """Whether no other process, and no other thread of ours, is in such a block for the name."""
        with self._asking:
            free = name not in self._names
            self._names.add(name)
        if not free:
            yield False
            return
        try:
            with ExitStack() as held:
                with self._in_words("read"):
                    ours = held.enter_context(self._lock(name))
                yield ours
        finally:
            self._names.discard(name)

    def _lock(self, name: str) -> AbstractContextManager[bool]:
        if self._session_locks is not None:
            return self._session_locks.hold(lock_key(name, self.hash_key()))
        return nullcontext(enter_result=True) if self._file_locks is None else self._file_locks.hold(name)

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


def _shown(url: str) -> str:
    return make_url(url).set(query={}).render_as_string(hide_password=True)
