"""Tables that people keep in a spreadsheet: CSV files as Excel, LibreOffice and scripts write them."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

# Excel takes the semicolon in countries with a decimal comma, and the tab for its "Unicode Text", which is UTF-16.
_DELIMITERS = (",", ";", "\t")
_LINE_END = re.compile(r"\r\n|\r|\n")
_SHOWN = 20


class Row(NamedTuple):
    """The cells of the wanted columns, in their order, without white space around; `line` is where the row begins."""

    line: int
    cells: tuple[str, ...]


class RowMistake(NamedTuple):
    """What is wrong with a row; `words` follow the number of the line and hold no cell."""

    line: int
    words: str


class Table(NamedTuple):
    """The rows that can be read, and the mistakes of the others."""

    rows: list[Row]
    mistakes: list[RowMistake]


def read_table(content: bytes, columns: Sequence[Sequence[str]]) -> Table:
    """Reads a table with a header: UTF-8 or UTF-16, cells apart by comma, semicolon or tab.

    `columns` are the wanted ones, each with the names that it may have, in any case. Their order in the file is free.
    Other columns and blank rows are ignored. Raises ValueError, whose message holds no cell, where nothing can be read.
    """
    text = _decoded(content)
    delimiter, places = _layout(text, columns)
    rows, mistakes = [], []
    found = _rows(text, delimiter)
    header = next(found)
    try:
        for line, cells in found:
            width = max((place + 1 for place, cell in enumerate(cells) if cell), default=0)
            if any("\0" in cell for cell in cells):
                mistakes.append(RowMistake(line, "holds a NUL character"))
            elif width > len(header.cells) or len(cells) <= max(places):
                seen = f"{len(cells)} column{'s' if len(cells) != 1 else ''}"
                mistakes.append(RowMistake(line, f"has {seen} and the header {len(header.cells)}"))
            else:
                rows.append(Row(line, tuple(cells[place] for place in places)))
    except _BrokenQuotesError as error:
        mistakes.append(error.mistake)
    return Table(rows, mistakes)


def in_words(mistakes: Iterable[RowMistake]) -> str:
    """Mistakes as one text, in the order of their lines; of very many the first ones."""
    ordered = sorted(mistakes)
    told = [f"line {line} {words}" for line, words in ordered[:_SHOWN]]
    return "; ".join([*told, *([f"{len(ordered) - _SHOWN} more mistakes"] if len(ordered) > _SHOWN else [])])


class _BrokenQuotesError(Exception):
    """A row is no CSV, so that where the next one begins is not known."""

    def __init__(self, line: int, error: csv.Error) -> None:
        self.mistake = RowMistake(line, f"is no CSV: {error}")
        super().__init__(in_words([self.mistake]))


def _decoded(content: bytes) -> str:
    encoding = _encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + len(_LINE_END.findall(content[: error.start].decode(encoding, errors="ignore")))
        kind = "UTF-8" if encoding.startswith("utf-8") else "UTF-16"
        raise ValueError(f"line {line} is not {kind} text: save it as UTF-8 (in Excel “CSV UTF-8”)") from None


def _encoding(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without a mark: the header begins with a letter, a quote, a space or a line end, and all of these are ASCII.
    if len(content) > 1 and (content[0] == 0) != (content[1] == 0):
        return "utf-16-be" if content[0] == 0 else "utf-16-le"
    return "utf-8-sig"


def _layout(text: str, columns: Sequence[Sequence[str]]) -> tuple[str, list[int]]:
    """The delimiter by which the header has every wanted column once, and their places."""
    complaint = ""
    for delimiter in _DELIMITERS:
        try:
            header = next(_rows(text, delimiter), None)
        except _BrokenQuotesError as error:
            complaint = complaint or str(error)
            continue
        if header is None:
            raise ValueError(f"is empty: it needs the columns {_names(columns)}")
        cells = [cell.lower() for cell in header.cells]
        places = [[place for place, cell in enumerate(cells) if cell in names] for names in columns]
        if all(len(found) == 1 for found in places):
            return delimiter, [found[0] for found in places]
        complaint = f"line {header.line} must be a header with the columns {_names(columns)}, each once"
    raise ValueError(complaint)


def _names(columns: Sequence[Sequence[str]]) -> str:
    return " and ".join(f"{first} (or {', '.join(others)})" if others else first for first, *others in columns)


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """Every row that is not blank, with all its cells."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise _BrokenQuotesError(line, error) from None
        cells = tuple(cell.strip() for cell in row)
        if any(cells):
            yield Row(line, cells)
