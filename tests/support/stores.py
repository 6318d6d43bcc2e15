"""States in memory that are closed with the test that opened them."""

import threading

from exporter.state.store import Store
from tests.support.daemons import PATIENCE

_open: list[Store] = []


def fresh_store() -> Store:
    """A new state; `conftest.py` closes it, since an unclosed connection is a warning."""
    store = Store.open()
    _open.append(store)
    return store


def close_stores() -> None:
    """Closes every open state. SQLite crashes where a poll that nobody waits for still uses it."""
    for thread in threading.enumerate() if _open else ():
        if thread.name.startswith("job"):
            thread.join(PATIENCE)
    while _open:
        _open.pop().close()
