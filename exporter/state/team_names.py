"""The names of a vendor's own teams by id: a team that was renamed has its newest name on every day."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, select

from exporter.state import schema
from exporter.state.database import Database


def note(
    database: Database, connection: Connection, source: str, scope: str, day: date, names: Mapping[str, str]
) -> None:
    """Records names as of a day; those of a newer day stay."""
    if not names:
        return
    table = schema.team
    query = select(table.c.team, table.c.day).where(table.c.source == source, table.c.scope == scope)
    known = {row.team: row.day for row in connection.execute(query)}
    rows = [
        {"source": source, "scope": scope, "team": team, "name": name, "day": day}
        for team, name in names.items()
        if team not in known or known[team] <= day
    ]
    database.upsert(connection, table, rows)


def find(database: Database, source: str, scope: str) -> Mapping[str, str]:
    """The newest name of each team by id."""
    table = schema.team
    query = select(table.c.team, table.c.name).where(table.c.source == source, table.c.scope == scope)
    with database.read() as connection:
        return {row.team: row.name for row in connection.execute(query)}
