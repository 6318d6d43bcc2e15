"""States in memory that end with the test in which they began."""

from exporter.state.store import Store

_open: list[Store] = []


def fresh_store() -> Store:
    """A new state; `conftest.py` closes it, since a connection that is left to the garbage collector is a warning."""
    store = Store.open()
    _open.append(store)
    return store


def close_stores() -> None:
    """Closes what is open."""
    while _open:
        _open.pop().close()
