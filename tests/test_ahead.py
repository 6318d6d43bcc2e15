import threading
from collections.abc import Iterator

import pytest

from exporter.ahead import ahead


def test_the_items_come_in_their_order() -> None:
    assert list(ahead(iter([0, None, "", 3]))) == [0, None, "", 3]
    assert list(ahead(iter([]))) == []


def test_the_next_item_is_made_while_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            yield number
            event.set()

    found = ahead(items())
    assert next(found) == 0
    assert made[0].wait(10)
    assert next(found) == 1
    assert made[1].wait(10)
    found.close()


def test_an_error_comes_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second item")

    found = ahead(items())

    assert next(found) == 1
    with pytest.raises(ValueError, match="the second item"):
        next(found)


def test_who_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    found = ahead(iter(range(1_000)))
    next(found)
    found.close()

    assert threading.active_count() == before
