"""Computes the next items of a generator while one is used."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetch(items: Generator[T, None, None], most: int = 1) -> Generator[T, None, None]:
    """Yields `items`, computed up to `most` ahead in a thread; an error is raised at its position.

    Closing it waits for the item that is being computed and closes `items`.
    """
    pool = ThreadPoolExecutor(1, "ahead")
    try:
        coming = deque(pool.submit(_next, items) for _ in range(most))
        while following := coming.popleft().result():
            coming.append(pool.submit(_next, items))
            yield following[0]
    finally:
        pool.shutdown(cancel_futures=True)
        items.close()


def _next(items: Generator[T, None, None]) -> tuple[T] | None:
    return next(((item,) for item in items), None)
