"""What a vendor counted over whole windows itself: people by (data day, window)."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, delete, select

from exporter.model import ONE_DAY, WINDOWS, WindowPeople
from exporter.state import schema
from exporter.state.database import Database


def find(database: Database, source: str, scope: str) -> dict[tuple[date, str], WindowPeople]:
    """The counts of a scope by (data day, window)."""
    table = schema.window
    query = select(table.c.data_day, table.c.window, table.c.people, table.c.service).where(
        table.c.source == source, table.c.scope == scope
    )
    with database.read() as connection:
        return {(row[0], row[1]): WindowPeople(*row) for row in connection.execute(query)}


def replace(database: Database, source: str, scope: str, windows: Sequence[WindowPeople]) -> None:
    """Stores counts."""
    rows = [
        {
            "source": source,
            "scope": scope,
            "data_day": window.data_day,
            "window": window.window,
            "people": window.people,
            "service": window.service,
        }
        for window in windows
    ]
    with database.write(source) as connection:
        database.upsert(connection, schema.window, rows)


def forget(database: Database, source: str, scope: str, data_day: date, window: str) -> None:
    """Deletes the count of one window."""
    table = schema.window
    key = (table.c.source == source, table.c.scope == scope, table.c.data_day == data_day, table.c.window == window)
    with database.write(source) as connection:
        connection.execute(delete(table).where(*key))


def forget_with(connection: Connection, source: str, scope: str, day: date) -> None:
    """Deletes the counts of every window that holds a day."""
    table = schema.window
    for window, length in WINDOWS.items():
        holds = (table.c.window == window, table.c.data_day >= day, table.c.data_day < day + length * ONE_DAY)
        connection.execute(delete(table).where(table.c.source == source, table.c.scope == scope, *holds))
