"""Opens a state for a command that only looks at it."""

from collections.abc import Mapping

from sqlalchemy import make_url

from exporter.state.database import StateError
from exporter.state.engine import file_of
from exporter.state.store import Store


def open_existing(url: str, hidden: Mapping[str, str]) -> Store:
    """Opens a state that a daemon has made. Raises StateError where there is none, and makes none."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        file = file_of(parsed)
        if file is None:
            raise StateError("the state is in the memory of the process that has it: state.url names no file")
        if not file.exists():
            raise StateError(f"there is no state yet: {file.resolve()} is missing")
    return Store.open(url, hidden)
