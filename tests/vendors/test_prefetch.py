import threading
from collections.abc import Generator

import pytest

from exporter.vendors.sourcegraph.prefetch import prefetch
from tests.support.daemons import PATIENCE


def test_the_items_come_in_their_order() -> None:
    def items() -> Generator[object, None, None]:
        yield from [0, None, "", 3]

    assert list(prefetch(items())) == [0, None, "", 3]
    assert list(prefetch(items(), 10)) == [0, None, "", 3]


def test_the_next_item_is_made_while_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Generator[int, None, None]:
        for number, event in enumerate(made):
            yield number
            event.set()

    found = prefetch(items())
    assert next(found) == 0
    assert made[0].wait(PATIENCE)
    assert next(found) == 1
    assert made[1].wait(PATIENCE)
    found.close()


def test_no_more_items_are_made_than_may_wait() -> None:
    made = []

    def items() -> Generator[int, None, None]:
        for number in range(100):
            made.append(number)
            yield number

    found = prefetch(items(), 3)
    assert next(found) == 0
    found.close()

    assert len(made) <= 4


def test_an_error_comes_in_its_turn() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise ValueError("the second item")

    found = prefetch(items(), 5)

    assert next(found) == 1
    with pytest.raises(ValueError, match="the second item"):
        next(found)


def test_who_stops_early_leaves_no_thread_behind_and_closes_the_items() -> None:
    closed = []

    def items() -> Generator[int, None, None]:
        try:
            yield from range(1_000)
        finally:
            closed.append("items")

    before = set(threading.enumerate())
    found = prefetch(items(), 3)
    next(found)
    found.close()

    assert (set(threading.enumerate()) - before, closed) == (set(), ["items"])
