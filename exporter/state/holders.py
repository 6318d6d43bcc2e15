"""Who holds a seat of a scope, as the vendor last said it: numbers of accounts, no names."""

import io
from dataclasses import dataclass
from datetime import date

import polars as pl
from pyroaring import BitMap
from sqlalchemy import Connection, select, update

from exporter.model import Seats
from exporter.state import schema
from exporter.state.codec import UNREADABLE, pack_accounts, unpack_accounts
from exporter.state.database import Database


@dataclass(frozen=True)
class Held:
    """Seats with the day (UTC) on which the vendor was asked."""

    seats: Seats
    read_on: date


def replace(
    database: Database, connection: Connection, source: str, scope: str, seats: Seats | None, read_on: date
) -> None:
    """Stores the holders of a scope in place of those before, None where the vendor does not name them.

    Who holds no seat any more is remembered until the accounts are pruned.
    """
    table = schema.holders
    query = select(table.c.holders, table.c.former).where(table.c.source == source, table.c.scope == scope)
    before = connection.execute(query).one_or_none()
    if before is None and seats is None:
        return
    former = BitMap() if before is None else unpack_accounts(before.former) | _accounts(before.holders)
    row = {
        "source": source,
        "scope": scope,
        "read_on": read_on,
        "holders": None if seats is None else _packed(seats.holders),
        "number": None if seats is None else seats.count,
        "forgets_after": None if seats is None else seats.forgets_after,
        "former": pack_accounts(former),
    }
    database.upsert(connection, table, [row])


def find(database: Database, source: str, scope: str) -> Held | None:
    """The holders of a scope; None where the vendor does not name them, or the state cannot be read."""
    table = schema.holders
    query = select(table).where(table.c.source == source, table.c.scope == scope)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    found = None if row is None else _table(row.holders)
    return None if row is None or found is None else Held(Seats(found, row.number, row.forgets_after), row.read_on)


def accounts(database: Database, source: str) -> tuple[BitMap, BitMap]:
    """The accounts that hold a seat in any scope of a source, and those that held one before."""
    table = schema.holders
    query = select(table.c.holders, table.c.former).where(table.c.source == source)
    with database.read() as connection:
        rows = connection.execute(query).all()
    now = BitMap.union(BitMap(), *(_accounts(row.holders) for row in rows))
    return now, BitMap.union(BitMap(), *(unpack_accounts(row.former) for row in rows)) - now


def forget_former(database: Database, source: str) -> None:
    """Forgets who held a seat before."""
    table = schema.holders
    with database.write(source) as connection:
        connection.execute(update(table).where(table.c.source == source).values(former=pack_accounts(BitMap())))


def _packed(holders: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    holders.write_ipc(buffer, compression="zstd")
    return buffer.getvalue()


def _table(data: bytes | None) -> pl.DataFrame | None:
    """The stored table; None for none, and for one that is corrupt: the next poll stores another."""
    try:
        return None if data is None else pl.read_ipc(io.BytesIO(data))
    except UNREADABLE:
        return None


def _accounts(data: bytes | None) -> BitMap:
    holders = _table(data)
    return BitMap() if holders is None else BitMap(holders["account"].to_list())
