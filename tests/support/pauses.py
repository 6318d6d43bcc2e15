"""Pauses of a client that take no time."""

import threading


class Pauses(threading.Event):
    """A stop event whose waits take no time: they move a clock instead. Set it, and the next wait ends everything."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        if timeout:
            self.taken.append(timeout)
        return self.is_set()

    def monotonic(self) -> float:
        """The seconds that all waits would have taken."""
        return sum(self.taken)
