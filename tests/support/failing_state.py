"""A state that fails at chosen calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from exporter.state.database import Database, StateError


class FailingState(Database):
    """A state that fails at each call for whose number `fails` is true; calls are counted from 1."""

    calls = 0
    fails: Callable[[int], bool] = staticmethod(lambda _call: False)

    def _called(self) -> None:
        self.calls += 1
        if self.fails(self.calls):
            raise StateError("the state cannot be used: it is gone")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._called()
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self, source: str | None = None) -> Iterator[Connection]:
        self._called()
        with super().write(source) as connection:
            yield connection
            # A disk may be full when the transaction is committed.
            self._called()

    def wipe(self) -> None:
        self._called()
        super().wipe()
