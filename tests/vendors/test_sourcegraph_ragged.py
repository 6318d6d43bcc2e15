"""Rows of the wrong width and quotes in the wrong place: a report is read as the csv module reads it, or refused."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadPayload
from exporter.vendors.sourcegraph.report import open_report, tables
from tests.support.examples import examples

WHERE = "sourcegraph GET /report"
DAY = "2026-11-19"
DAYS = [date(2026, 11, 20), date(2026, 11, 19)]
# Two columns that nobody reads, one of them the last: what stands behind the last column that is read counts too.
HEADER = [
    "Instance user ID",
    "Username",
    "Active Sourcegraph User",
    "Timestamp Date",
    "Language",
    "Team",
    "Searches",
    "Chat Events",
    "New",
]
TEXTS = ("id", "username", "language")
LINE = ["1", "alice", "true", DAY, "Go", "core", "3", "4", ""]
Row = tuple[str, ...]


def read(body: str, block: int = 2**20) -> dict[str, list[Row]]:
    """Id, user name, language and counts of each row of each day; a blank count is 0."""
    found: dict[str, list[Row]] = {day.isoformat(): [] for day in DAYS}
    for table, invalid in tables(open_report(iter([body.encode()]), WHERE), block):
        for error in invalid.values():
            raise error
        for day, *cells in table.select("day", *TEXTS, "usage|searches", "usage|chat_messages").rows():
            found[day.isoformat()].append(tuple("" if cell is None else str(cell) for cell in cells))
    return found


def as_csv_reads(body: str) -> dict[str, list[Row]] | None:
    """The same by the standard library; None for what it refuses and for rows that are not as wide as the header."""
    try:
        header, *lines = csv.reader(io.StringIO(body, newline=""), strict=True)
    except csv.Error:
        return None
    # A line of nothing but spaces is a blank line, as an empty one is.
    lines = [line for line in lines if len(line) > 1 or (line and line[0].strip(" \t"))]
    if any(len(line) != len(header) for line in lines):
        return None
    found: dict[str, list[Row]] = {day.isoformat(): [] for day in DAYS}
    for line in lines:
        user, username, _, day, language, _, searches, chats, _ = line
        counts = (str(int(float(count.strip() or 0))) for count in (searches, chats))
        found[day.strip()].append((user, username, language, *counts))
    return found


def refusal(body: str, block: int = 2**20) -> str:
    """Why a report is refused."""
    with pytest.raises(BadPayload) as caught:
        read(body, block)
    return str(caught.value).removeprefix(f"{WHERE}: ")


def written(lines: Sequence[Sequence[str]], end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    """A report with these rows, as the csv module writes it."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=quoting).writerows([HEADER, *lines])  # type: ignore[arg-type]
    return text.getvalue()


def test_a_cell_too_few_and_a_cell_too_many_do_not_make_up_for_each_other() -> None:
    # Without a team and with a second one: the counts of both rows would stand under the wrong columns.
    short, long = [*LINE[:5], *LINE[6:]], [*LINE[:5], "core", *LINE[5:]]

    assert refusal(written([LINE, short, long])) == "row 3 has 8 columns and the header 9"
    assert refusal(written([LINE, long, LINE, short])) == "row 3 has 10 columns and the header 9"
    assert refusal(written([["1", "a,b", *LINE[2:]], long, short])) == "row 3 has 10 columns and the header 9"


@pytest.mark.parametrize("cell", [" ", "", " \t"])
def test_blank_lines_within_a_quoted_cell_stay(cell: str) -> None:
    names = [f"two\n{cell}\nlines", f"\n{cell}\n", f"a\r\n{cell}\r\nb", f'"\n{cell}\n"']
    lines = [[str(number), name, *LINE[2:]] for number, name in enumerate(names)]
    # What makes the exporter look for blank lines at all.
    blank = written(lines) + "\n \n"

    assert [row[1] for row in read(blank)[DAY]] == names


def quoted(name: str) -> str:
    """A report with a user name as it is spelt here in row 3, between two rows."""
    before, _, after = written([LINE, ["2", "NAME", *LINE[2:]], LINE]).partition("NAME")
    return before + name + after


REFUSED: Mapping[str, tuple[str, str]] = {
    "letters behind a closing quote": (quoted('"ali"ce'), "row 3 has characters behind a closing quote"),
    "a space behind a closing quote": (quoted('"alice" '), "row 3 has characters behind a closing quote"),
    "a quote behind a closing quote": (quoted('"ali"ce"'), "row 3 has characters behind a closing quote"),
    "two quotes within a cell without": (quoted('al"ic"e'), "row 3 has a quote within a cell that is not in quotes"),
    "a space in front of a quote": (quoted(' "alice"'), "row 3 has a quote within a cell that is not in quotes"),
    "a quote that is not closed": (quoted('"alice'), "row 3 has a quote that is not closed"),
    "a quote that is doubled and not closed": (quoted('"al""ice'), "row 3 has a quote that is not closed"),
    "a quote at the very end": (written([LINE, LINE])[:-1] + '"', "row 3 has a quote that is not closed"),
    "a carriage return in a cell": (quoted("al\rice"), "row 3 has a carriage return that ends no line"),
    "a carriage return behind a quote": (quoted('"alice"\r'), "row 3 has a carriage return that ends no line"),
    "carriage returns alone as line ends": (
        written([LINE]) + written([LINE, LINE], "\r").partition("\r")[2],
        "row 3 has a carriage return that ends no line",
    ),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_a_quote_or_line_end_that_cannot_be_right_is_refused_with_its_row(body: str, message: str) -> None:
    assert refusal(body) == message
    # Blank lines are no rows, whatever block they are in.
    assert refusal(re.sub("\n", "\n\n \n", body, count=1)) == message


@pytest.mark.parametrize("block", [300, 2**20])
def test_rows_are_counted_over_all_blocks(block: int) -> None:
    body = written([LINE] * 40 + [LINE[:-1]] + [LINE] * 40)

    assert refusal(body, block) == "row 42 has 8 columns and the header 9"
    assert refusal(body.replace(LINE[1], '"a\nb"'), block) == "row 42 has 8 columns and the header 9"


def test_a_quote_that_is_not_closed_is_told_with_its_row_however_much_follows() -> None:
    body = written([LINE] * 3) + '4,"mallory' + ",x\n" * 2_000

    assert refusal(body) == "row 5 has a quote that is not closed"
    assert refusal(body, 4_096) == "row 5 has a quote that is not closed in its first 4096 bytes"


def test_a_row_without_end_is_told_with_its_number() -> None:
    body = written([LINE] * 3) + "4," + "x" * 9_000

    assert refusal(body, 4_096) == "row 5 has no end in its first 4096 bytes"


@pytest.mark.parametrize("header", ['"Searches', '"Sear"ches', 'Searches,"New'])
def test_a_quote_in_the_header_that_cannot_be_right_is_refused(header: str) -> None:
    body = written([LINE]).replace("Searches", header, 1)

    assert refusal(body) == "the first line is no header of a CSV table"


# The csv module does not put a cell in quotes for a carriage return alone.
CELL = st.lists(st.sampled_from([*'ab ,"\n\té日\u2028', "\r\n", "\n\r"]), max_size=6).map("".join)
COUNT = st.sampled_from(["", "0", "7", " 12 ", "3.0", "4000000000"])
GOOD = st.tuples(
    CELL,
    CELL,
    st.sampled_from(["true", "false", ""]),
    st.sampled_from([DAY, "2026-11-20", f" {DAY}"]),
    CELL,
    CELL,
    COUNT,
    COUNT,
    CELL,
)


@examples(100)
@given(
    lines=st.lists(GOOD, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    blank=st.sampled_from(["", "\n", " \r\n", "\n\t\n\n"]),
    ended=st.booleans(),
    block=st.integers(400, 2_000),
)
def test_whatever_the_csv_module_writes_is_read_as_it_reads_it(
    lines: list[Row], end: str, quoting: int, blank: str, ended: bool, block: int
) -> None:
    body = written(lines, end, quoting)
    body = body + blank if ended else body.removesuffix(end)

    assert read(body, block) == as_csv_reads(body)


RAGGED = st.one_of(
    GOOD,
    st.integers(1, 11).flatmap(lambda width: GOOD.map(lambda line: (*line, "5", "6")[:width])),
    st.sampled_from(range(9)).flatmap(lambda at: GOOD.map(lambda line: (*line[:at], "8", *line[at:]))),
    st.sampled_from(range(9)).flatmap(lambda at: GOOD.map(lambda line: (*line[:at], *line[at + 1 :]))),
)
MARKS = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(['"', '""', ",", "\n", "\r", "\r\n", " ", ""])), max_size=4)


@examples(100)
@given(
    lines=st.lists(RAGGED, min_size=1, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    marks=MARKS,
    block=st.sampled_from([500, 2**20]),
)
def test_a_ragged_report_is_read_as_the_csv_module_reads_it_or_refused(
    lines: list[Row], end: str, quoting: int, marks: list[tuple[float, str]], block: int
) -> None:
    body = written(lines, end, quoting)
    start = body.index(end) + len(end)
    for place, mark in marks:
        at = start + int(place * (len(body) - start))
        body = body[:at] + mark + body[at + (mark == "") :]
    try:
        found = read(body, block)
    except BadPayload:
        return

    assert found == as_csv_reads(body)
