"""Reads a report as it comes, in tables of some MiB of rows. Memory does not grow with the report."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date

import polars as pl

from exporter.errors import BadPayload
from exporter.vendors.sourcegraph.columns import LONGEST_HEADER, Columns, report_columns
from exporter.vendors.sourcegraph.prefetch import prefetch
from exporter.vendors.sourcegraph.rows import Block, parse, refuse_endless

# How many bytes are parsed at a time.
BLOCK = 4 * 2**20


@dataclass(frozen=True)
class Report:
    """A report of which the header has come: `begun` is what came behind it, `pieces` what is still to come.

    `where` is the request in words for messages.
    """

    where: str
    columns: Columns
    begun: bytes
    pieces: Iterator[bytes]


def open_report(pieces: Iterator[bytes], where: str) -> Report:
    """Reads the header. Raises BadPayload where there is no report."""
    begun = bytearray()
    while b"\n" not in begun and len(begun) < LONGEST_HEADER and (piece := next(pieces, None)) is not None:
        begun += piece
    end = begun.find(b"\n", 0, LONGEST_HEADER) + 1 or min(len(begun), LONGEST_HEADER)
    return Report(where, report_columns(bytes(begun[:end]), where), bytes(begun[end:]), pieces)


def tables(report: Report, block: int = BLOCK) -> Iterator[tuple[pl.DataFrame, Mapping[date, BadPayload]]]:
    """Yields what `parse` makes of each block of rows, while the next one comes."""
    row = 2
    with closing(prefetch(_blocks(report, block))) as blocks:
        for data, ended in blocks:
            here = Block(report.columns, report.where, data, row)
            if not ended:
                refuse_endless(here)
            table, invalid = parse(here)
            row += table.height
            yield table, invalid


def _blocks(report: Report, size: int) -> Generator[tuple[bytes, bool], None, None]:
    """The rows in blocks of at most that size, each of whole rows; False with one in which not even one row ends."""
    held, more = bytearray(report.begun), True
    while more or held:
        while more and len(held) < size:
            piece = next(report.pieces, None)
            more = piece is not None
            held += piece or b""
        data = bytes(held[:size])
        end = _end_of_rows(data)
        # The last row of a report may lack a line end.
        ended = end > 0 or len(data) < size
        end = end or len(data)
        if data:
            yield data[:end], ended
        del held[:end]


def _end_of_rows(data: bytes) -> int:
    """Where the last whole row ends: at a line end that is not within quotes; 0 if there is none."""
    end = data.rfind(b"\n")
    quotes = data.count(b'"', 0, max(0, end))
    while end >= 0 and quotes % 2:
        before = data.rfind(b"\n", 0, end)
        quotes -= data.count(b'"', max(0, before), end)
        end = before
    return end + 1
