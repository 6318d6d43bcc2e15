"""Parses a block of a report's rows into a table: fast where the block is plain, exactly where it is not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NoReturn

import polars as pl

from exporter.errors import BadPayload
from exporter.transport.json_object import seen
from exporter.vendors.sourcegraph.columns import FLAGS, Columns
from exporter.vendors.sourcegraph.shape import commas, is_even, rows, without_blank_lines

_COUNT = "a whole number from 0 to 2^63 - 1"
# pandas writes 12 as 12.0 in a column with blank cells.
_WHOLE = r"^\+?([0-9]+)(?:\.0*)?$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Block:
    """Whole rows of a report. `first` is the number of the first row; the header is row 1."""

    columns: Columns
    where: str
    data: bytes
    first: int


def schema(columns: Columns) -> Mapping[str, pl.DataType]:
    """The columns of every table: text, `active` as a boolean, `day` as a date, an Int64 for each amount."""
    others = {"active": pl.Boolean(), "day": pl.Date(), **dict.fromkeys(columns.counts, pl.Int64())}
    return {name: others.get(name, pl.String()) for name in columns.positions}


def parse(block: Block) -> tuple[pl.DataFrame, Mapping[date, BadPayload]]:
    """The rows as a table of `schema`, and the errors of days with an invalid flag or count. A blank count is 0.

    Counts may have 32 bits. For everything else that is invalid it raises BadPayload, which names column and row.
    """
    if b"\0" in block.data:
        raise BadPayload(f"{block.where}: there is a NUL character in or after row {block.first}")
    table, texts = _read_plain(block), None
    if table is None:
        block = _checked(block)
        if not block.data:
            return pl.DataFrame(schema=schema(block.columns)), {}
        try:
            table = _read(block, pl.UInt32())
        except pl.exceptions.PolarsError:
            texts = _read_texts(block)
            table = texts.with_columns(_whole(texts[name]) for name in block.columns.counts)
    days = _days(block, table["day"])
    flags, wrong = _flags(block, table["active"], days)
    if texts is not None:
        wrong = _wrong_counts(block, texts, table, days) | wrong
    found = table.select(
        *(pl.col(name) for name in ("id", "email", "username", "client", "language") if name in table.columns),
        flags,
        days,
        *(pl.col(name).fill_null(0) for name in block.columns.counts),
    ).select(list(schema(block.columns)))
    return found, wrong


def _read_plain(block: Block) -> pl.DataFrame | None:
    """The rows, if commas and line feeds alone separate them and every row is as wide as the header; else None.

    Polars refuses a row that is too long but fills up one that is too short, which the number of commas reveals.
    """
    if b'"' in block.data or b"\r" in block.data:
        return None
    try:
        table = _read(block, pl.UInt32())
    except pl.exceptions.PolarsError:
        return None
    return table if commas(block.data) == table.height * (block.columns.width - 1) else None


def _checked(block: Block) -> Block:
    """The block without blank lines. Raises BadPayload where a row is not as wide as the header."""
    if is_even(block.data, block.columns.width):
        return block
    block = replace(block, data=without_blank_lines(block.data))
    if block.data and not is_even(block.data, block.columns.width):
        _refuse_rows(block)
    return block


def _read(block: Block, counts: pl.DataType) -> pl.DataFrame:
    """The columns that we read. All are parsed, because with fewer columns Polars would refuse no row."""
    names = {position: name for name, position in block.columns.positions.items()}
    every = [names.get(position, str(position)) for position in range(block.columns.width)]
    numbers = frozenset(block.columns.counts)
    table = pl.read_csv(
        block.data, has_header=False, schema={name: counts if name in numbers else pl.String() for name in every}
    )
    return table.select(name for name in every if name in block.columns.positions)


def _read_texts(block: Block) -> pl.DataFrame:
    """The same columns as text, to read numbers that are written in other ways and to name invalid ones."""
    try:
        return _read(block, pl.String())
    except pl.exceptions.PolarsError:
        _refuse_rows(block)


def _whole(texts: pl.Series) -> pl.Series:
    return texts.str.strip_chars().str.extract(_WHOLE).cast(pl.Int64, strict=False)


def _wrong_counts(block: Block, texts: pl.DataFrame, table: pl.DataFrame, days: pl.Series) -> dict[date, BadPayload]:
    """The error of each day with a count that is neither blank nor a number; it names the first one."""
    found: dict[date, BadPayload] = {}
    for name in block.columns.counts:
        plain = texts[name].str.strip_chars()
        wrong = table[name].is_null() & (plain.fill_null("") != "")
        found = _wrong_cells(block, wrong, plain, days, _COUNT) | found
    return found


def _flags(block: Block, texts: pl.Series, days: pl.Series) -> tuple[pl.Series, dict[date, BadPayload]]:
    """The flags, and the error of each day with a cell that is none; it names the first one."""
    flags = {text: FLAGS.get(text.strip().casefold()) for text in texts.drop_nulls().unique()}
    wrong = texts.is_in([text for text, flag in flags.items() if flag is None]).fill_null(value=False)
    found = _wrong_cells(block, wrong, texts, days, "a flag such as true or false")
    return texts.is_in([text for text, flag in flags.items() if flag]).fill_null(value=False), found


def _wrong_cells(
    block: Block, wrong: pl.Series, texts: pl.Series, days: pl.Series, wanted: str
) -> dict[date, BadPayload]:
    """The error of each day with an invalid cell; it names the first one."""
    found = {}
    for day in days.filter(wrong).unique():
        here = wrong & (days == day)
        found[day] = _refusal(block, here, texts.filter(here)[0], wanted)
    return found


def _days(block: Block, texts: pl.Series) -> pl.Series:
    if texts.null_count():
        raise _refusal(block, texts.is_null(), "", "a day as YYYY-MM-DD")
    days = {text: _day(text.strip()) for text in texts.unique()}
    for text, day in days.items():
        if day is None:
            raise _refusal(block, texts == text, text, "a day as YYYY-MM-DD")
    return texts.replace_strict(days, return_dtype=pl.Date)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _refusal(block: Block, wrong: pl.Series, text: str, wanted: str) -> BadPayload:
    """The error about the first invalid cell; `wrong` has the name of its column."""
    offset = wrong.arg_max()
    assert offset is not None
    cell = f"{block.columns.headers[wrong.name]} in row {block.first + offset}"
    return BadPayload(f"{block.where}: {cell} is {_seen(text.strip())}, not {wanted}")


def _seen(text: str) -> str:
    try:
        # Decimal also accepts digits and underscores that no report uses.
        plain = text.isascii() and "_" not in text
        return seen(Decimal(text) if plain else text) if text else "blank"
    except InvalidOperation:
        return seen(text)


def refuse_endless(block: Block) -> NoReturn:
    """Raises BadPayload about a block in which not even its first row ends."""
    row = next(rows(block.data))
    seen_bytes = f"in its first {len(block.data)} bytes"
    raise BadPayload(f"{block.where}: row {block.first} has {row.wrong or 'no end'} {seen_bytes}")


def _refuse_rows(block: Block) -> NoReturn:
    """Raises BadPayload about the first invalid row, or about the block where no row is."""
    for number, row in enumerate(rows(block.data), block.first):
        if row.wrong is not None:
            raise BadPayload(f"{block.where}: row {number} has {row.wrong}")
        if row.width != block.columns.width:
            counts = f"{row.width} columns and the header {block.columns.width}"
            raise BadPayload(f"{block.where}: row {number} has {counts}")
    raise BadPayload(f"{block.where}: there is no CSV in UTF-8 in or after row {block.first}")
