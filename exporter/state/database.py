"""The database of the state: SQLite or PostgreSQL, opened with its tables, and real transactions on it."""

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self

from sqlalchemy import Connection, Engine, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from exporter.errors import OperatorError
from exporter.redaction import without_values
from exporter.state import schema
from exporter.state.engine import MEMORY, ForeignFileError, connect, sqlite_file, sqlite_obstacle
from exporter.state.locks import FileLocks, SessionLocks, lock_key

# How long a suspended process keeps a leader lock or a transaction on PostgreSQL.
LOCK_SECONDS = 60.0
# The parameters of a statement are in memory several times over, and the garbage collector stops every thread while it
# looks at them: with 50,000 rows at once scrapes waited 70 ms ten times.
ROWS_AT_ONCE = 1000
NO_VARIABLES: Mapping[str, str] = {}


class StateError(OperatorError):
    """The state cannot be used: no database, another schema version, an unreachable server, a full disk."""


class LeaderLockLostError(StateError):
    """Another process has the source's leader lock now: what this process has read may be older."""


class Database:
    """Transactions on the tables of `schema`, safe in any thread. Raises StateError.

    `hidden` has the values of the variables in the URL, by name: errors show the names. `lock_seconds` is how long a
    suspended process keeps its leader locks on PostgreSQL.
    """

    def __init__(self, engine: Engine, hidden: Mapping[str, str], lock_seconds: float) -> None:
        self._engine = engine
        self._hidden = hidden
        self._broken: set[str] = set()
        self._unwiped = False
        # The tokens of the leader locks that this process holds, and the names that its threads hold or try to lock.
        self._held: dict[str, bytes] = {}
        self._names: set[str] = set()
        self._names_lock = threading.Lock()
        file = sqlite_file(engine)
        self._file_locks = None if file is None else FileLocks(Path(f"{file}-lock"))
        self._session_locks = SessionLocks(engine, lock_seconds) if self.shared else None
        # A database in memory has one connection: one transaction at a time.
        one = isinstance(engine.pool, StaticPool)
        self._one_at_a_time: AbstractContextManager[Any] = threading.RLock() if one else nullcontext()
        self.insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    @classmethod
    def open(
        cls, url: str = MEMORY, hidden: Mapping[str, str] = NO_VARIABLES, lock_seconds: float = LOCK_SECONDS
    ) -> Self:
        """Opens or creates the tables; raises StateError if it cannot or if they have another schema version."""
        # A password may also be a parameter, and a variable's value may be anywhere.
        where = "state.url" if hidden else _shown(url)
        try:
            database = cls(connect(url, lock_seconds), hidden, lock_seconds)
            try:
                with database.write() as connection:
                    if database.shared:
                        # Replicas that start together would create the same tables.
                        connection.execute(select(func.pg_advisory_xact_lock(lock_key("schema"))))
                    schema.metadata.create_all(connection)
                    database._check_version(connection)
            except (StateError, UnicodeError):
                database.close()
                raise
        except ForeignFileError:
            raise StateError(f"the file is a database of another program ({where})") from None
        except StateError as error:
            obstacle = sqlite_obstacle(url)
            raise StateError(f"{error} ({where}){obstacle and ': '}{obstacle}") from error
        except UnicodeError as error:
            # The configuration checks the host in the URL, so this one comes from the environment.
            raise StateError("the state cannot be used: PGHOST is no host that can be looked up") from error
        return database

    def close(self) -> None:
        """Closes the connections; the state keeps every committed transaction."""
        self._engine.dispose()
        if self._file_locks is not None:
            self._file_locks.close()

    def claim(self) -> None:
        """Locks other daemons out of a SQLite state until this process ends; raises StateError if one has it."""
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
        """A transaction that may write; give the `source` whose data it writes.

        Raises LeaderLockLostError if this process held the source's leader lock and another one holds it now. Another
        process that takes the lock waits for the end of the transaction.
        """
        writing = self._engine.execution_options(adoption_write=True)
        with self._in_words("write"), self._one_at_a_time, writing.connect() as connection, connection.begin():
            if source is not None:
                self._check_leader_lock(connection, source)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._in_words("read"), self._one_at_a_time, self._engine.connect() as connection, connection.begin():
            yield connection

    @property
    def shared(self) -> bool:
        """Whether several replicas may share the state: True for PostgreSQL."""
        return self._engine.dialect.name == "postgresql"

    @property
    def up(self) -> bool:
        """Whether the last read and the last write succeeded."""
        return not self._broken

    def probe(self) -> None:
        """Updates `up`: tries to read, and to write if the last read or write failed."""
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
        """Tries to take the leader lock of a name until the block ends; yields whether it did.

        One process at a time holds it. It ends with its process, and on PostgreSQL with its connection, so a killed
        replica delays no other. A suspended process has lost it when it resumes: `write` refuses what it would store.
        A connection pooler must be in session mode.
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

    def lock_until_commit(self, connection: Connection, name: str) -> None:
        """Locks a name until the transaction ends: other processes that lock the same name wait."""
        # SQLite has one writing transaction at a time.
        if self.shared:
            connection.execute(select(func.pg_advisory_xact_lock(lock_key(name, self.hash_key()))))

    def upsert(self, connection: Connection, table: Any, rows: Iterable[Mapping[str, Any]]) -> None:
        """Inserts rows, some at a time, replacing those with the same primary key. All rows have the same columns."""
        left = iter(rows)
        while some := list(islice(left, ROWS_AT_ONCE)):
            connection.execute(self._upsert(table, some[0]), some)

    def _upsert(self, table: Any, columns: Iterable[str]) -> Any:
        statement = self.insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {name: statement.excluded[name] for name in columns if name not in keys}
        if changed:
            return statement.on_conflict_do_update(index_elements=keys, set_=changed)
        return statement.on_conflict_do_nothing(index_elements=keys)

    def wipe(self) -> None:
        """Removes deleted data from the files of a SQLite state: writes its log into the database and truncates it.

        If another connection reads meanwhile, or after StateError, `probe` tries again.
        """
        self._unwiped = self._engine.dialect.name == "sqlite"
        if self._unwiped:
            with self._in_words("write"), self._one_at_a_time, closing(self._engine.raw_connection()) as connection:
                busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._unwiped = bool(busy)

    def hash_key(self) -> bytes:
        """The state's own key: hashes made with it are meaningless outside this state."""
        return self._hash_key

    @cached_property
    def _hash_key(self) -> bytes:
        with self.read() as connection:
            table = schema.meta
            key: bytes = connection.execute(select(table.c.value).where(table.c.name == "hash_key")).scalar_one()
            return key

    @contextmanager
    def _in_words(self, kind: Literal["read", "write"]) -> Iterator[None]:
        """Turns a driver's error into StateError and updates `up`; an error in our own rows stays a bug."""
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

    def _check_leader_lock(self, connection: Connection, source: str) -> None:
        held = self._held.get(source)
        if held is None:
            return
        table = schema.leader_lock
        query = select(table.c.token).where(table.c.source == source).with_for_update(read=True)
        if connection.execute(query).scalar_one_or_none() != held:
            raise LeaderLockLostError(f"another process reads {source} now, and what this one would store may be older")

    @contextmanager
    def _alone(self, name: str) -> Iterator[bool]:
        """Yields whether no other process and no other thread is in such a block for the name."""
        with self._names_lock:
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
