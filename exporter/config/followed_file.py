"""A file of the configuration that is read again when it changes."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from exporter.log import event

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass
class FollowedFile(Generic[T]):
    """A file that may change at any time. An invalid file keeps the content as it was and is logged once.

    `what` is its content in a word ("teams"), `read` raises OSError or ValueError, and `numbers` are logged with each
    new content.
    """

    path: Path
    what: str
    read: Callable[[Path], T]
    numbers: Callable[[T], Mapping[str, int]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _version: tuple[int, int, int] | None = None
    _complaint: str | None = None
    _content: T | None = None

    def content(self) -> T | None:
        """The content: the same object while it does not change, None where the file could never be read."""
        with self._lock:
            try:
                found = self.path.stat()
                version = found.st_mtime_ns, found.st_size, found.st_ino
                if version != self._version:
                    self._version = version
                    self._take(self.read(self.path))
            except OSError as error:
                self._version = None
                self._refuse(f"cannot be read: {error.strerror}")
            except ValueError as error:
                self._refuse(str(error))
            return self._content

    def _take(self, content: T) -> None:
        if content != self._content:
            self._content = content
            event(logger, logging.INFO, f"{self.what} file read", file=self.path, **self.numbers(content))
        self._complaint = None

    def _refuse(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            message = f"{self.what} file refused, {self.what} stay as they are"
            event(logger, logging.ERROR, message, file=self.path, error=complaint)
