"""Reads a report from a file, as one table of rows for each wanted day. Memory does not grow with the report."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import islice
from os import SEEK_CUR
from pathlib import Path

import polars as pl

from exporter.errors import BadPayload
from exporter.vendors.sourcegraph.columns import LONGEST_HEADER, Columns, report_columns
from exporter.vendors.sourcegraph.prefetch import prefetch
from exporter.vendors.sourcegraph.rows import Block, parse, refuse_endless, schema


@dataclass(frozen=True)
class Report:
    """A report in a file. Its rows begin at byte `start`; `where` is the request in words for messages.

    `block` is how many bytes are parsed at a time, `held` how many bytes of rows may be in memory.
    """

    path: Path
    where: str
    columns: Columns
    start: int
    block: int = 4 * 2**20
    held: int = 128 * 2**20


def open_report(path: Path, where: str) -> Report:
    """Reads the header. Raises BadPayload where the file is no report."""
    with path.open("rb") as file:
        columns = report_columns(file.readline(LONGEST_HEADER), where)
        return Report(path, where, columns, file.tell())


def tables(report: Report, days: Sequence[date]) -> Iterator[tuple[date, pl.DataFrame | BadPayload]]:
    """Yields a table for each day (given newest first), empty where the report has no rows of the day.

    A day with an invalid cell yields the BadPayload in place of a table. The whole report is checked before the first
    table. Days beyond `held` bytes are read from the file again, at least one day at a time.
    """
    none = pl.DataFrame(schema=schema(report.columns))
    left = days
    while left:
        found, invalid = _newest(report, left)
        left = left[len(found) :]
        for day in list(found):
            parts = found.pop(day)
            yield day, invalid[day] if day in invalid else pl.concat([none, *parts], how="vertical_relaxed")


def _newest(report: Report, days: Sequence[date]) -> tuple[dict[date, list[pl.DataFrame]], Mapping[date, BadPayload]]:
    """The rows of as many days as may be held, from the newest on, and the errors of invalid days."""
    found: dict[date, list[pl.DataFrame]] = {day: [] for day in days}
    invalid: dict[date, BadPayload] = {}
    row, size = 2, 0.0
    with closing(prefetch(_blocks(report))) as blocks:
        for data, ended in blocks:
            block = Block(report.columns, report.where, data, row)
            if not ended:
                refuse_endless(block)
            table, invalid_here = parse(block)
            invalid = {**invalid_here, **invalid}
            row += table.height
            for day in table["day"].unique():
                if day in found:
                    found[day].append(table.filter(pl.col("day") == day))
                    size += found[day][-1].estimated_size()
            while size > report.held and len(found) > 1:
                found = dict(islice(found.items(), len(found) // 2))
                size = sum(part.estimated_size() for parts in found.values() for part in parts)
    return found, invalid


def _blocks(report: Report) -> Generator[tuple[bytes, bool], None, None]:
    """The rows in blocks of some MiB, each of whole rows; False with a block in which not even one row ends."""
    with report.path.open("rb") as file:
        file.seek(report.start)
        while data := file.read(report.block):
            end = _end_of_rows(data)
            # The last row of a report may lack a line end.
            ended = end > 0 or len(data) < report.block
            end = end or len(data)
            file.seek(end - len(data), SEEK_CUR)
            yield data[:end], ended


def _end_of_rows(data: bytes) -> int:
    """Where the last whole row ends: at a line end that is not within quotes; 0 if there is none."""
    end = data.rfind(b"\n")
    quotes = data.count(b'"', 0, max(0, end))
    while end >= 0 and quotes % 2:
        before = data.rfind(b"\n", 0, end)
        quotes -= data.count(b'"', max(0, before), end)
        end = before
    return end + 1
