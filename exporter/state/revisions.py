"""Which stored days changed after they were first stored: how many, and when each did last."""

from collections.abc import Mapping

from sqlalchemy import Connection

from exporter.state import schema
from exporter.state.database import Database


def note(database: Database, connection: Connection, key: Mapping[str, object], at: float) -> None:
    """Counts a revision of the day `key` (source, scope, day) and notes its moment (Unix s)."""
    scopes = schema.scope
    where = (scopes.c.source == key["source"], scopes.c.scope == key["scope"])
    connection.execute(scopes.update().where(*where).values(revised=scopes.c.revised + 1))
    database.upsert(connection, schema.revision, [{**key, "at": at}])
