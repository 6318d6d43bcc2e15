"""Locks between processes that work with one state; a lock ends with its process."""

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

# The server is asked to notice a vanished holder of a lock as soon as we would notice a vanished server.
_SERVER_PATIENCE = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")
# PostgreSQL has it from version 14 on.
_SAY_SOMETHING_WITHIN = text(
    "SELECT set_config(name, :milliseconds, false) FROM pg_settings WHERE name = 'idle_session_timeout'"
)
_BEATS = 4
# Places in a file of locks: the daemon's, then those of names.
_DAEMON = 0
_NAMES = 2**60


def lock_key(name: str, state: bytes = b"") -> int:
    """A name as the number of a lock, of 64 bits with a sign; `state` keeps states in one database server apart."""
    return int.from_bytes(hashlib.blake2b(name.encode(), key=state, digest_size=8).digest(), signed=True)


class FileLocks:
    """Places in a file beside a SQLite state. A process must have no more than one of these for a file.

    The file is made when it is first needed, for its owner alone, and stays, empty. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._opening = threading.Lock()

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """Whether the name is ours until the block ends."""
        place = _DAEMON + 1 + abs(lock_key(name)) % _NAMES
        ours = self._take(place)
        try:
            yield ours
        finally:
            if ours and self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def claim(self) -> bool:
        """Whether no other process has claimed the state; from now on this one has."""
        return self._take(_DAEMON)

    def close(self) -> None:
        """Gives everything back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self, place: int) -> bool:
        with self._opening:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                # Whatever the umask has left of it.
                os.fchmod(self._file, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True


class SessionLocks:
    """Advisory locks of PostgreSQL, each of a connection of its own. Raises SQLAlchemyError.

    The server ends the connection of a process that says nothing on it for so many seconds.
    """

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds

    @contextmanager
    def hold(self, key: int) -> Iterator[bool]:
        """Whether the key is ours until the block ends, or until the connection is lost."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # It must not come into the hands of somebody who says nothing on it for a while.
            connection.detach()
            for setting in _SERVER_PATIENCE:
                connection.exec_driver_sql(f"SET {setting}")
            connection.execute(_SAY_SOMETHING_WITHIN, {"milliseconds": str(round(self._seconds * 1000))})
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
        while not ended.wait(self._seconds / _BEATS):
            try:
                connection.execute(select(1))
            except SQLAlchemyError:
                # Whoever has the turn now has said so in the state, which is asked before anything is written.
                return
