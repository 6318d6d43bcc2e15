"""Adds up a report block by block: what is kept of a day are its people and its clients and languages, not its rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from exporter.errors import BadPayload
from exporter.model import Dimension, column
from exporter.vendors.rollup import LARGEST
from exporter.vendors.sourcegraph.columns import Columns
from exporter.vendors.sourcegraph.report import Report, tables
from exporter.vendors.sourcegraph.rows import schema

# How many rows of sums of a day wait, at least, until those of one person become one.
_WAITING = 50_000


@dataclass
class Ids:
    """A number for each text, such as the spelling of an id: its row in `texts`, in the order of their first sight."""

    texts: pl.Series

    def number(self, texts: pl.Series) -> pl.Series:
        """The numbers of texts; null stays null."""
        numbers = self._known(texts)
        if numbers.null_count() > texts.null_count():
            new = texts.filter(numbers.is_null() & texts.is_not_null()).unique(maintain_order=True)
            # Copied: Polars would keep all texts of the block in memory.
            self.texts = pl.concat([self.texts, pl.Series(new.to_list(), dtype=pl.String)])
            numbers = self._known(texts)
        return numbers

    def _known(self, texts: pl.Series) -> pl.Series:
        known = pl.DataFrame({"text": self.texts}).with_row_index("number")
        return pl.DataFrame({"text": texts}).join(known, on="text", how="left", maintain_order="left")["number"]


def no_ids() -> Ids:
    """No text was seen yet."""
    return Ids(pl.Series(dtype=pl.String))


@dataclass(frozen=True)
class Day:
    """What a report has of a day.

    `people` has a row for each spelling of an id (null: rows without one): `number`, `active` (in any row), the last
    `email` and `username`, and the sum of each count. `groups` has a row for each client and language: the sums of
    usage, and `number`, a list of their people.
    """

    people: pl.DataFrame
    groups: pl.DataFrame


class Totals:
    """Adds up the rows of some days. `by` are the columns of groups, `invalid` the errors of invalid days."""

    def __init__(self, columns: Columns, by: Sequence[Dimension], ids: Ids) -> None:
        self.columns = columns
        self.by = [name for name in by if name in columns.positions]
        self.invalid: Mapping[date, BadPayload] = {}
        self._ids = ids
        self._texts = no_ids()
        self._names = [name for name in ("email", "username") if name in columns.positions]
        names = [pl.col(name).last(ignore_nulls=True) for name in self._names]
        usage = [pl.col(column(amount)).sum() for amount in columns.amounts if amount.measure == "usage"]
        one = [pl.col("active").any(), *names, *(pl.col(name).sum() for name in columns.counts)]
        numbers = pl.col("number").drop_nulls().unique()
        self._people = _Sums(["number"], one, one)
        self._groups = _Sums(self.by, [*usage, numbers], [*usage, pl.col("number").explode().drop_nulls().unique()])

    def add(self, rows: pl.DataFrame, invalid: Mapping[date, BadPayload]) -> None:
        """Adds a table of `tables`."""
        self.invalid = {**invalid, **self.invalid}
        counts = self.columns.counts
        # A sum of 64 bits wraps silently, but not that of numbers of 32 bits.
        wide = rows.height > 0 and any(rows.schema[name] != pl.UInt32 for name in counts)
        rows = rows.with_columns(
            pl.col(counts).cast(pl.Int128 if wide else pl.Int64), number=self._ids.number(rows["id"])
        )
        self._people.add(
            rows, lambda part: part.with_columns(self._texts.number(part[name]).alias(name) for name in self._names)
        )
        self._groups.add(
            rows, lambda part: part.with_columns(pl.Series(name, part[name].to_list(), pl.String) for name in self.by)
        )

    def day(self, day: date) -> Day:
        """What was added of a day, for the first time that it is asked for; nothing where there are no rows of it."""
        people, groups = _narrow(self._people.taken(day)), _narrow(self._groups.taken(day))
        return Day(
            people.with_columns(self._texts.texts.gather(people[name]).alias(name) for name in self._names), groups
        )


def add_up(report: Report, days: Collection[date], ids: Ids, by: Sequence[Dimension]) -> Totals:
    """Adds up the wanted days of a report. Raises BadPayload where the report is invalid, on whichever day.

    `by` are those of client and language that make groups. `ids` learns the ids of the report.
    """
    totals = Totals(report.columns, by, ids)
    totals.add(pl.DataFrame(schema=schema(report.columns)), {})
    for table, invalid in tables(report):
        totals.add(table.filter(pl.col("day").is_in(list(days))), invalid)
    return totals


class _Sums:
    """Tables by day. Rows of a day with the same keys become one: in a table by `sums`, over them by `sums_of_sums`."""

    def __init__(self, keys: Sequence[str], sums: Sequence[pl.Expr], sums_of_sums: Sequence[pl.Expr]) -> None:
        self._keys = ["day", *keys]
        self._sums = sums
        self._sums_of_sums = sums_of_sums
        self._empty = pl.DataFrame()
        self._parts: dict[date, list[pl.DataFrame]] = {}

    def add(self, rows: pl.DataFrame, owned: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Adds rows, of which `owned` copies what would keep the rest in memory. The first table has no rows."""
        grouped = owned(rows.group_by(self._keys).agg(self._sums))
        if not self._empty.columns:
            self._empty = grouped
        for part in grouped.partition_by("day"):
            parts = self._parts.setdefault(part["day"][0], [])
            parts.append(part)
            if sum(one.height for one in parts) > max(_WAITING, 2 * parts[0].height):
                parts[:] = [self._together(parts)]

    def taken(self, day: date) -> pl.DataFrame:
        """What was added of a day, which is then no longer held."""
        return self._together(self._parts.pop(day, [self._empty])).drop("day")

    def _together(self, parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
        return pl.concat(parts, how="vertical_relaxed").group_by(self._keys).agg(self._sums_of_sums)


def _narrow(table: pl.DataFrame) -> pl.DataFrame:
    """The table with counts of 64 bits where they fit; `rollup` refuses what does not."""
    wide = pl.selectors.by_dtype(pl.Int128)
    most = table.select(wide.max().fill_null(0))
    return table.with_columns(pl.col(name).cast(pl.Int64) for name in most.columns if most[name].item() <= LARGEST)
