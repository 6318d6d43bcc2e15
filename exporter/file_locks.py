"""Locks between the processes of one machine, each on a place in one file; they end with their process."""

import errno
import fcntl
import os
from pathlib import Path


class FileLocks:
    """Places in a file that one process at a time may hold. A process must have no more than one of these for a file.

    The file is made when it is first needed, readable by its owner alone, and stays, empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self, place: int) -> bool:
        """Whether the place is ours now; False where another process holds it. Raises OSError."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True

    def give(self, place: int) -> None:
        """Lets others have a place."""
        assert self._file is not None, "what is given was taken"
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def close(self) -> None:
        """Lets others have every place."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
