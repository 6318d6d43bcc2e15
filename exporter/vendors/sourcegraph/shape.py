"""Checks that each row of a CSV block is as wide as the header and has its quotes in the right places.

Polars does not: it fills up short rows with nulls, cuts long ones, and accepts misplaced quotes.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

_BUT_SEPARATORS = bytes(set(range(256)) - set(b",\n"))
_QUOTED = '"[^"]*"'
_MISPLACED = r'[^,\n"]"|"[^,\r\n"]'
_BLANK_LINES = re.compile(rb"\n(?:[ \t]*\r?\n)+")
_CELL = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*')
_END = re.compile(rb"\r?\n|\Z")


class Row(NamedTuple):
    """The number of cells of a row. `wrong` says which quote or end is misplaced behind so many cells."""

    width: int
    wrong: str | None = None


def commas(data: bytes) -> int:
    """The number of commas. Polars counts lines that end with a comma several times as fast as Python counts commas."""
    # Anything behind the last comma is one more line, so there must be something.
    ended = data + b"\n" if data.endswith(b",") else data
    lines = pl.scan_csv(ended, has_header=False, separator="\0", quote_char=None, eol_char=",", schema={"": pl.String})
    return int(lines.select(pl.len()).collect().item()) - 1


def is_even(data: bytes, width: int) -> bool:
    """Whether all rows have that width and end properly; the last one may lack a line end."""
    if b'"' in data:
        outside = _outside_of_quotes(data)
        if outside is None:
            return False
        data = outside
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
        if b"\r" in data:
            return False
    ends = data.translate(None, _BUT_SEPARATORS)
    if not data.endswith(b"\n"):
        ends += b"\n"
    return ends == (b"," * (width - 1) + b"\n") * ends.count(b"\n")


def without_blank_lines(data: bytes) -> bytes:
    """The data without lines of only spaces and tabs; those within quotes stay."""
    pieces = (b"\n" + data).split(b'"')
    # Every second piece is within quotes; a doubled quote has an empty piece between its halves.
    pieces[::2] = [_BLANK_LINES.sub(b"\n", piece) for piece in pieces[::2]]
    return b'"'.join(pieces)[1:]


def rows(data: bytes) -> Iterator[Row]:
    """The rows of data without blank lines, up to the first one with a misplaced quote or end."""
    at = 0
    while at < len(data):
        width, begin = 1, at
        at = _end_of_cell(data, begin)
        while data.startswith(b",", at):
            width, begin = width + 1, at + 1
            at = _end_of_cell(data, begin)
        end = _END.match(data, at)
        if end is None:
            yield Row(width, _misplaced(data, begin, at))
            return
        yield Row(width)
        at = end.end()


def _outside_of_quotes(data: bytes) -> bytes | None:
    """The data with a single quote in place of each quoted cell, and one more for each quote doubled in it.

    None where a quote is misplaced or never closed. Polars does this without blocking other threads.
    """
    if data.count(b'"') % 2:
        return None
    try:
        text = pl.Series([data.decode()])
    except UnicodeDecodeError:
        return None
    outside = text.str.replace_all(_QUOTED, '"')
    return None if outside.str.contains(_MISPLACED).item() else outside.item().encode()


def _end_of_cell(data: bytes, begin: int) -> int:
    cell = _CELL.match(data, begin)
    assert cell is not None
    return cell.end()


def _misplaced(data: bytes, begin: int, at: int) -> str:
    """What is wrong behind a cell that neither a separator nor the end of a row follows."""
    if data.startswith(b"\r", at):
        return "a carriage return that ends no line"
    if begin == at:
        return "a quote that is not closed"
    if data.startswith(b'"', begin):
        return "characters behind a closing quote"
    return "a quote within a cell that is not in quotes"
