"""Connections to the database of the state: a SQLite file for its owner alone, or PostgreSQL that answers in time."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import StaticPool

MEMORY = "sqlite://"

# The application id in a SQLite file's header: "Adop".
APPLICATION_ID = 0x41646F70
_HEADER = slice(0, 16), b"SQLite format 3\0"
_ID = slice(68, 72)

# Parameters of libpq, unless the URL sets them. Without them, a wait for a PostgreSQL whose machine has vanished ends
# when TCP gives up: after two hours, or never.
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

# How long SQLite waits for another process to end its transaction, unless the URL sets `timeout`.
_SQLITE_SECONDS = 30

# With another PGCLIENTENCODING psycopg may return bytes in place of text.
_TEXT = {"client_encoding": "utf8"}

# Otherwise an error shows the values of its statement, which may name people.
_QUIET = {"hide_parameters": True}


class ForeignFileError(Exception):
    """The SQLite file belongs to another program."""


def connect(url: str, transaction_seconds: float) -> Engine:
    """The engine of a state's URL. PostgreSQL ends a transaction that is idle for `transaction_seconds`.

    Creates the SQLite file if there is none. Raises ForeignFileError.
    """
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    if not url.startswith("sqlite"):
        given = make_url(url).query
        patience = {name: value for name, value in _PATIENCE.items() if name not in given}
        # A poll holds one connection and takes another for each transaction: with a limit, many sources could wait for
        # each other for ever.
        engine = create_engine(url, pool_pre_ping=True, max_overflow=-1, connect_args={**patience, **_TEXT}, **_QUIET)
        return _without_idle_transactions(engine, transaction_seconds)
    seconds = make_url(url).query.get("timeout", _SQLITE_SECONDS)
    arguments = {"check_same_thread": False, "timeout": float(str(seconds))}
    if url in (MEMORY, "sqlite:///:memory:"):
        return _with_transactions(create_engine(url, connect_args=arguments, poolclass=StaticPool, **_QUIET), wal=False)
    engine = create_engine(url, connect_args=arguments, **_QUIET)
    file = sqlite_file(engine)
    if file is not None:
        _own(file)
    return _with_transactions(engine, wal=True)


def sqlite_file(engine: Engine) -> Path | None:
    """The file of a SQLite state; None for a state in memory and for PostgreSQL."""
    if engine.dialect.name != "sqlite" or isinstance(engine.pool, StaticPool):
        return None
    return file_of(engine.url)


def file_of(url: URL) -> Path | None:
    """The file of a SQLite URL; None for one in memory."""
    name = url.database
    if not name or name == ":memory:":
        return None
    # SQLite also takes a URI, with options of its own.
    return Path(unquote(urlsplit(name).path)) if name.startswith("file:") else Path(name)


def sqlite_obstacle(url: str) -> str:
    """Why this user cannot write the file of a SQLite URL, which SQLite's own words leave open; empty if it can."""
    name = file_of(make_url(url)) if url.startswith("sqlite") else None
    if name is None:
        return ""
    file = name.absolute()
    if not os.access(file.parent, os.X_OK):
        return f"there is no folder {file.parent} that user {os.geteuid()} may enter"
    for path in (file.parent, file):
        if os.access(path, os.F_OK) and not os.access(path, os.W_OK):
            return f"user {os.geteuid()} may not write {path}"
    return ""


def _own(file: Path) -> None:
    """Creates a file for its owner alone, or checks that the existing one is a state; raises ForeignFileError."""
    # What fails here fails in SQLite too, which reports it.
    with suppress(OSError, sqlite3.Error):
        try:
            # SQLite gives its log and index files the same mode, whatever the umask is.
            made = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            if file.stat().st_size and not _is_state(file):
                raise ForeignFileError(file) from None
            for part in (file, *(Path(f"{file}{suffix}") for suffix in ("-wal", "-shm"))):
                with suppress(OSError):
                    part.chmod(0o600)
        else:
            os.fchmod(made, 0o600)
            os.close(made)
        if not file.stat().st_size:
            # Before the file has a log, so that the header holds the id from the beginning.
            with closing(sqlite3.connect(file)) as connection:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _is_state(file: Path) -> bool:
    """Whether a SQLite file is a state of ours; True if it is no SQLite file, which SQLite itself refuses."""
    with file.open("rb") as stream:
        header = stream.read(_ID.stop)
    where, magic = _HEADER
    if header[where] != magic:
        return True
    application = int.from_bytes(header[_ID])
    if application:
        return application == APPLICATION_ID
    # The first states have no id. A file without a log can be opened without a trace.
    trace = "mode=ro" if Path(f"{file}-wal").exists() else "immutable=1"
    with closing(sqlite3.connect(f"file:{quote(str(file))}?{trace}", uri=True)) as connection:
        try:
            return connection.execute("SELECT 1 FROM meta WHERE name = 'schema_version'").fetchone() is not None
        except sqlite3.OperationalError:
            return False


def _without_idle_transactions(engine: Engine, seconds: float) -> Engine:
    """Makes PostgreSQL end an idle transaction: the process may be suspended while others wait for it."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(f"SET idle_in_transaction_session_timeout = {round(seconds * 1000)}")
        connection.autocommit = False

    return engine


def _with_transactions(engine: Engine, *, wal: bool) -> Engine:
    """Makes SQLite's transactions real: the driver sends BEGIN too late for a read that leads to a write."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        if wal:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            # A deleted name must not stay in free space of the file; only some builds of SQLite have this as default.
            connection.execute("PRAGMA secure_delete=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("adoption_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
