"""How the last reading of each scope of a source went, as the state keeps it over restarts."""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Connection, delete, select

from exporter.errors import Failure
from exporter.state import schema
from exporter.state.database import Database

# By scope; None where the reading went well.
Readings = Mapping[str, Failure | None]
NO_READINGS: Readings = MappingProxyType({})


def replace(database: Database, connection: Connection, source: str, readings: Readings) -> None:
    """Stores the readings of a source in place of those before: a scope that it no longer has leaves none behind."""
    table = schema.reading
    connection.execute(delete(table).where(table.c.source == source))
    rows = [
        {
            "source": source,
            "scope": scope,
            "reason": None if failure is None else failure.reason,
            "message": None if failure is None else failure.message,
            "status": None if failure is None else failure.status,
        }
        for scope, failure in readings.items()
    ]
    database.upsert(connection, table, rows)


def find(connection: Connection, source: str) -> Readings:
    """The readings of a source, sorted by scope."""
    table = schema.reading
    query = select(table.c.scope, table.c.reason, table.c.message, table.c.status)
    rows = connection.execute(query.where(table.c.source == source).order_by(table.c.scope))
    return {scope: None if reason is None else Failure(reason, *rest) for scope, reason, *rest in rows}
