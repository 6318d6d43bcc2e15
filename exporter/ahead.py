"""Making the next item while one is used."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items, of which a thread makes the next one while the caller uses one; an error comes in its turn."""
    with ThreadPoolExecutor(1, "ahead") as pool:
        coming = pool.submit(_next, items)
        while following := coming.result():
            coming = pool.submit(_next, items)
            yield following[0]


def _next(items: Iterator[T]) -> tuple[T] | None:
    return next(((item,) for item in items), None)
