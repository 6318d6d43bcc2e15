"""Random numbers that depend only on a key: the same in any order, process and machine."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from struct import Struct
from typing import TypeVar

Item = TypeVar("Item")

_WORDS = Struct("<16I")
_WORD = 2**32


class Stream:
    """The random numbers of one key. A `random.Random` per person and day would be ten times slower."""

    def __init__(self, key: str) -> None:
        self._word = _words(key).__next__

    def unit(self) -> float:
        """A number from 0 up to, but not including, 1."""
        return self._word() / _WORD

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._word() < probability * _WORD

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, including both."""
        return low + (self._word() * (high - low + 1) >> 32)

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.whole(0, len(items) - 1)]


def _words(key: str) -> Iterator[int]:
    block = key.encode()
    while True:
        block = blake2b(block).digest()
        yield from _WORDS.unpack(block)
