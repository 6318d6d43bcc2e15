"""Locks between processes that share one state; a lock ends with its process."""

import errno
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

# PostgreSQL notices a vanished client as soon as a client notices a vanished PostgreSQL.
_SERVER_PATIENCE = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")
# The setting exists from PostgreSQL 14 on.
_IDLE_TIMEOUT = text(
    "SELECT set_config(name, :milliseconds, false) FROM pg_settings WHERE name = 'idle_session_timeout'"
)
_HEARTBEATS = 4
# Byte offsets in the lock file: the daemon's, then those of names.
_DAEMON = 0
_NAMES = 2**60


def lock_key(name: str, state: bytes = b"") -> int:
    """The lock number of a name, a signed 64-bit integer; `state` separates states on one database server."""
    return int.from_bytes(hashlib.blake2b(name.encode(), key=state, digest_size=8).digest(), signed=True)


class FileLocks:
    """Byte-range locks in a file beside a SQLite state. A process must have only one of these per file.

    The file is created on first use, for its owner alone, and stays empty. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._opening = threading.Lock()

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """Tries to lock a name until the block ends; yields whether it did."""
        offset = _DAEMON + 1 + abs(lock_key(name)) % _NAMES
        ours = self._take(offset)
        try:
            yield ours
        finally:
            if ours and self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, offset)

    def claim(self) -> bool:
        """Claims the state until `close`; False if another process has claimed it."""
        return self._take(_DAEMON)

    def close(self) -> None:
        """Releases every lock."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self, offset: int) -> bool:
        with self._opening:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                # The umask may have removed bits.
                os.fchmod(self._file, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True


class SessionLocks:
    """Advisory locks of PostgreSQL, each on a connection of its own. Raises SQLAlchemyError.

    The server ends a connection that is idle for `seconds`; a thread sends heartbeats.
    """

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds

    @contextmanager
    def hold(self, key: int) -> Iterator[bool]:
        """Tries to lock a key until the block ends or the connection is lost; yields whether it did."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # The pool must not lend this connection, with its short idle timeout, to others.
            connection.detach()
            for setting in _SERVER_PATIENCE:
                connection.exec_driver_sql(f"SET {setting}")
            connection.execute(_IDLE_TIMEOUT, {"milliseconds": str(round(self._seconds * 1000))})
            ours: bool = connection.execute(select(func.pg_try_advisory_lock(key))).scalar_one()
            ended = threading.Event()
            heartbeats = threading.Thread(target=self._beat, args=(connection, ended), name="leader-lock", daemon=True)
            heartbeats.start()
            try:
                yield ours
            finally:
                ended.set()
                heartbeats.join()

    def _beat(self, connection: Connection, ended: threading.Event) -> None:
        while not ended.wait(self._seconds / _HEARTBEATS):
            try:
                connection.execute(select(1))
            except SQLAlchemyError:
                # The next leader stores a token of its own, and every write checks that first.
                return
