"""Joint hashes: which accounts, also of several sources, are one person's, without any e-mail in the state."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, literal, select

from exporter.model import Identity
from exporter.state import schema
from exporter.state.database import Database

_JOINS = "joins:"


class Joint(NamedTuple):
    """A joint hash of an account; `email` is False where it is of an id that other sources have too."""

    number: int
    hash: bytes
    email: bool


def email_hash(database: Database, email: str) -> bytes:
    """The joint hash of an e-mail, in any case, or of a person's name in the identities file."""
    return _hash(database, f"email:{email.lower()}")


def wants(database: Database, connection: Connection, source: str, *, wanted: bool) -> bool:
    """Makes a source have joint hashes, or none any more; True where this deleted some.

    Where it had none, the accounts of the stored days are `unjoined` until they are read again.
    """
    meta, joint, unjoined, day = schema.meta, schema.joint, schema.unjoined, schema.day
    if wanted == has(connection, source):
        return False
    if not wanted:
        connection.execute(delete(meta).where(meta.c.name == f"{_JOINS}{source}"))
        connection.execute(delete(unjoined).where(unjoined.c.source == source))
        return connection.execute(delete(joint).where(joint.c.source == source)).rowcount > 0
    database.upsert(connection, meta, [{"name": f"{_JOINS}{source}", "value": b""}])
    with_people = (day.c.people.is_not(None), day.c.people_total > 0)
    stored = select(day.c.source, day.c.scope, day.c.day).where(day.c.source == source, *with_people)
    connection.execute(database.insert(unjoined).from_select(["source", "scope", "day"], stored))
    return False


def has(connection: Connection, source: str) -> bool:
    """Whether accounts of the source have joint hashes."""
    name = schema.meta.c.name
    return connection.execute(select(literal(1)).where(name == f"{_JOINS}{source}")).first() is not None


def record(database: Database, connection: Connection, source: str, fresh: Iterable[tuple[Identity, int]]) -> None:
    """Stores the joint hashes of identities with their numbers; an account keeps those that it had."""
    rows = [
        {"source": source, "number": number, "hash": digest, "email": email}
        for identity, number in fresh
        for digest, email in _joints(database, identity)
    ]
    unique = {(row["number"], row["hash"]): row for row in rows}
    database.upsert(connection, schema.joint, unique.values())


def find(connection: Connection, source: str) -> list[Joint]:
    """Every joint hash of a source, by account."""
    table = schema.joint
    query = select(table.c.number, table.c.hash, table.c.email).where(table.c.source == source)
    return [Joint(*row) for row in connection.execute(query.order_by(table.c.number, table.c.email.desc()))]


def version(connection: Connection, source: str) -> tuple[object, ...]:
    """A value that changes when a joint hash is added or removed."""
    table = schema.joint
    query = select(func.count(), func.sum(table.c.number)).where(table.c.source == source)
    return tuple(connection.execute(query).one())


def _joints(database: Database, identity: Identity) -> Iterable[tuple[bytes, bool]]:
    if identity.email:
        yield email_hash(database, identity.email), True
    if identity.joint_id:
        yield _hash(database, f"id:{identity.joint_id}"), False


def _hash(database: Database, text: str) -> bytes:
    # No source has an empty name, so this is the hash of nothing else.
    return hashlib.blake2b(f"\0joint:{text}".encode(), key=database.hash_key(), digest_size=16).digest()
