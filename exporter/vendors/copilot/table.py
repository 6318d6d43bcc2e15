"""The rows of a day as tables, which take a tenth of the memory that the rows would: a day has 50,000 of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from exporter.model import Amount, Dimension, column
from exporter.vendors.copilot import words
from exporter.vendors.copilot.row import PLACED, SPOKEN, Part, Row

# Few enough that the garbage collector, which lets no scrape run, finds little to look at.
_CHUNK = 200

# Which amounts each dimension has.
BY: Mapping[Dimension, Sequence[Amount]] = {"client": tuple(PLACED), "language": SPOKEN, "model": tuple(PLACED)}
_FLAG = "flag|"


def flag_column(activity: Amount) -> str:
    """The name of a flag's column."""
    return f"{_FLAG}{activity.activity}"


@dataclass(frozen=True)
class Table:
    """The rows of a day, one for each account and each row without one.

    `rows` has `row` (UInt32), `id` and `login` (null where there is none), `active`, a column of Int64 for each amount
    of `words.COUNTED` and a Boolean for each flag. `credits` are in the order of `rows`. `parts` have `row`, the
    dimension's name and its amounts. `repeated` says that an account had several rows, of which the last counts.
    """

    rows: pl.DataFrame
    credits: Sequence[Decimal | None]
    parts: Mapping[Dimension, pl.DataFrame]
    repeated: bool
    overfull: bool


@dataclass
class _Chunks:
    """Rows so far: those that are not in a table yet, and the tables."""

    waiting: list[Row] = field(default_factory=list)
    rows: list[pl.DataFrame] = field(default_factory=list)
    parts: dict[Dimension, list[pl.DataFrame]] = field(default_factory=lambda: {dimension: [] for dimension in BY})
    number: int = 0

    def pack(self) -> None:
        """Makes a table of the rows that wait."""
        self.rows.append(_rows(self.waiting, self.number))
        for dimension in BY:
            self.parts[dimension].append(_parts(self.waiting, dimension, self.number))
        self.number += len(self.waiting)
        self.waiting.clear()


def table_of(rows: Iterable[Row]) -> Table:
    """The table of a day's rows; reads them to the end."""
    chunks = _Chunks()
    credits_used: list[Decimal | None] = []
    overfull = False
    for row in rows:
        credits_used.append(row.credits)
        overfull = overfull or row.overfull
        chunks.waiting.append(row)
        if len(chunks.waiting) == _CHUNK:
            chunks.pack()
    chunks.pack()
    every = pl.concat(chunks.rows, rechunk=True)
    # An account may have a row in several files. Adding them up would count twice (2026-11).
    last = every.filter(pl.col("id").is_null() | (pl.col("row") == pl.col("row").max().over("id")))
    kept = last["row"].to_list()
    return Table(
        rows=last,
        credits=credits_used if len(kept) == len(credits_used) else [credits_used[number] for number in kept],
        parts={
            dimension: pl.concat(tables, rechunk=True).join(last.select("row"), on="row", how="semi")
            for dimension, tables in chunks.parts.items()
        },
        repeated=len(kept) < len(credits_used),
        overfull=overfull,
    )


def _rows(rows: Sequence[Row], first: int) -> pl.DataFrame:
    counts = {column(amount): [row.counts[amount] for row in rows] for amount in words.COUNTED}
    flags = {flag_column(activity): [row.flags[activity] for row in rows] for activity in words.FLAGS}
    return pl.DataFrame(
        {
            "row": range(first, first + len(rows)),
            "id": [row.user_id or None for row in rows],
            "login": [row.login or None for row in rows],
            "active": [row.active for row in rows],
            **counts,
            **flags,
        },
        schema={
            "row": pl.UInt32,
            "id": pl.String,
            "login": pl.String,
            "active": pl.Boolean,
            **dict.fromkeys(counts, pl.Int64),
            **dict.fromkeys(flags, pl.Boolean),
        },
    )


def _parts(rows: Sequence[Row], dimension: Dimension, first: int) -> pl.DataFrame:
    found = [(number, part) for number, row in enumerate(rows, start=first) for part in _of(row, dimension)]
    names = [column(amount) for amount in BY[dimension]]
    amounts: Iterator[Collection[int]] = zip(*(part.amounts for _, part in found), strict=True)
    return pl.DataFrame(
        {
            "row": [number for number, _ in found],
            dimension: [part.name for _, part in found],
            **dict(zip(names, amounts if found else [()] * len(names), strict=True)),
        },
        schema={"row": pl.UInt32, dimension: pl.String, **dict.fromkeys(names, pl.Int64)},
    )


def _of(row: Row, dimension: Dimension) -> Collection[Part]:
    return {"client": row.clients, "language": row.languages, "model": row.models}[dimension]
