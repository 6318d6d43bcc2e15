"""States in memory that are closed with the test that opened them."""

from exporter.state.store import Store

_open: list[Store] = []


def fresh_store() -> Store:
    """A new state; `conftest.py` closes it, since an unclosed connection is a warning."""
    store = Store.open()
    _open.append(store)
    return store


def close_stores() -> None:
    """Closes every open state."""
    while _open:
        _open.pop().close()
