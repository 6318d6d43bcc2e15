"""Waits for signals."""

import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Signals:
    """Signals that have arrived and were not returned by `wait` yet."""

    def __init__(self, arrived: socket.socket) -> None:
        self._arrived = arrived

    def wait(self) -> int:
        """Blocks until a signal arrives and returns its number."""
        return self._arrived.recv(1)[0]


@contextmanager
def caught(numbers: Sequence[int]) -> Iterator[Signals]:
    """Catches signals, also those that were blocked until now. For the main thread."""
    # A signal may reach any thread, and Python's handlers run only when the main thread wakes up: one that waits for a
    # lock or an event would sleep on. Bytes in a socket wake it.
    arrived, written = socket.socketpair()
    with arrived, written:
        written.setblocking(False)
        wakeup = signal.set_wakeup_fd(written.fileno())
        before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        try:
            yield Signals(arrived)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
