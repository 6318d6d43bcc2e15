"""Reports as they come: many spellings give the same tables, and what cannot be right is named."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.errors import BadPayload
from exporter.vendors.sourcegraph.report import Report, open_report, tables
from exporter.vendors.sourcegraph.rows import schema
from tests.support.examples import examples
from tests.support.sourcegraph_reports import DAY, HEADERS, SAMPLE, report, row

WHERE = "sourcegraph GET /report"
DAYS = [date(2026, 11, 20), date(2026, 11, 19), date(2026, 11, 18), date(2026, 11, 17)]


def read(body: str | bytes, *, block: int = 2**23, piece: int = 1000) -> dict[str, list[dict[str, object]]]:
    """The rows of each day, in the order of the report, which comes in pieces of that size."""
    found: dict[str, list[dict[str, object]]] = {day.isoformat(): [] for day in DAYS}
    invalid: dict[date, BadPayload] = {}
    for table, wrong in tables(opened(body, piece), block):
        invalid = {**wrong, **invalid}
        for line in table.to_dicts():
            cells = {name: None if cell == "" else cell for name, cell in line.items()}
            found.setdefault(line["day"].isoformat(), []).append(cells)
    if invalid:
        raise invalid[max(invalid)]
    return found


def opened(body: str | bytes, piece: int = 1000) -> Report:
    """A report that comes in pieces of that size."""
    sent = body.encode() if isinstance(body, str) else body
    return open_report((sent[begin : begin + piece] for begin in range(0, len(sent), piece)), WHERE)


def test_a_report_comes_as_a_table_for_each_day() -> None:
    found = read(SAMPLE)

    assert {day: [line["id"] for line in lines] for day, lines in found.items()} == {
        "2026-11-20": ["3"],
        "2026-11-19": ["1", "1", "1", "2", "3", "4", None],
        "2026-11-18": ["2", "4"],
        "2026-11-17": [],
    }
    assert found["2026-11-19"][0] == {
        "id": "1",
        "email": "alice@example.com",
        "username": "alice",
        "active": True,
        "client": "vscode.cody",
        "day": date(2026, 11, 19),
        "language": "Go",
        "usage|searches": 0,
        "usage|code_navigation": 3,
        "usage|code_insight_views": 0,
        "usage|chat_messages": 4,
        "usage|commands": 0,
        "usage|completions_suggested": 40,
        "usage|completions_accepted": 10,
        "code_characters|completions_accepted": 350,
        "code_characters|written_by_assistant": 350,
        "code_characters|written": 1000,
        "usage|auto_edits_suggested": 8,
        "usage|auto_edits_accepted": 2,
        "code_lines|chats_and_commands": 12,
        "code_lines|completions_and_auto_edits": 9,
    }


def cells() -> list[list[str]]:
    return list(csv.reader(io.StringIO(SAMPLE)))


def rewritten(lines: Sequence[Sequence[str]], **how: object) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, **{"lineterminator": "\n", **how}).writerows(lines)  # type: ignore[arg-type]
    return text.getvalue()


def in_columns(change: Callable[[str, str], str]) -> str:
    """The sample with every cell changed by its header and text."""
    header, *lines = cells()
    return rewritten([header, *([change(*cell) for cell in zip(header, line, strict=True)] for line in lines)])


def as_float(name: str, text: str) -> str:
    return f"{text}.0" if text.isdigit() and name != "Instance user ID" else text


SPELLINGS = {
    "byte order mark": "\ufeff" + SAMPLE,
    "CRLF": SAMPLE.replace("\n", "\r\n"),
    "no line end after the last row": SAMPLE.rstrip("\n"),
    "blank lines": SAMPLE.replace("\n", "\n\n") + "\r\n \n",
    "everything in quotes": rewritten(cells(), quoting=csv.QUOTE_ALL),
    "everything in quotes, CRLF": rewritten(cells(), quoting=csv.QUOTE_ALL, lineterminator="\r\n"),
    "spaces in the header": SAMPLE.replace(",", " , ", 24).replace("Chat Events", "  Chat   Events"),
    "upper case in the header": SAMPLE.replace(SAMPLE.splitlines()[0], SAMPLE.splitlines()[0].upper()),
    "the documentation's label": SAMPLE.replace("Timestamp Date", "Timestamp Date (or Month)"),
    "a column of months": SAMPLE.replace("Timestamp Date", "Timestamp Month"),
    "reversed columns": rewritten([line[::-1] for line in cells()]),
    "more columns": rewritten([["New", *line, "Newer"] for line in cells()]),
    "more columns, blank": rewritten([["", *line, ""] for line in cells()]),
    "floats": in_columns(as_float),
    "spaces around numbers": in_columns(lambda _, text: f" {text} " if text.isdigit() and len(text) > 1 else text),
    "plus signs": in_columns(lambda name, text: f"+{text}" if text.isdigit() and name != "Instance user ID" else text),
    "TRUE and FALSE": SAMPLE.replace(",true,", ",TRUE,").replace(",false,", ",FALSE,"),
    "1 and 0": SAMPLE.replace(",true,", ",1,").replace(",false,", ",0,"),
    "yes and blank": SAMPLE.replace(",true,", ", Yes,").replace(",false,", ",,"),
    "t and f": SAMPLE.replace(",true,", ",t,").replace(",false,", ",f,"),
    "spaces around days": SAMPLE.replace(",2026-11-19,", ", 2026-11-19 ,"),
}


@pytest.mark.parametrize("body", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("block", [300, 2**23])
def test_the_same_report_is_read_however_it_is_written(body: str, block: int) -> None:
    assert read(body, block=block) == read(SAMPLE)


def test_a_user_name_may_hold_commas_quotes_and_line_ends() -> None:
    names = ["a,b", 'say "hi"', "two\nlines", "x\r\ny,", "日本"]
    found = read(report(*(row(str(number), Username=name) for number, name in enumerate(names))), block=400)

    assert [line["username"] for line in found[DAY]] == names


def test_columns_that_a_report_lacks_are_not_in_its_tables() -> None:
    headers = ["Timestamp Date", "Chat Events", "Active Sourcegraph User", "Instance user ID"]
    found = read(report(row(Chat_Events=3), headers=headers))

    assert found[DAY] == [{"day": date(2026, 11, 19), "usage|chat_messages": 3, "active": True, "id": "1"}]


@pytest.mark.parametrize("body", [report(), report().rstrip("\n"), report() + "\n\n"])
def test_a_report_of_a_header_alone_has_tables_without_rows(body: str) -> None:
    assert read(body) == {day.isoformat(): [] for day in DAYS}


def test_a_report_may_come_a_byte_at_a_time() -> None:
    assert read(SAMPLE, block=300, piece=1) == read(SAMPLE, piece=2**20)


WRONG: Mapping[str, tuple[str | bytes, str]] = {
    "nothing": ("", "the body is empty"),
    "HTML": ("\n<!DOCTYPE html><p>Sign in,please", "the body is empty"),
    "an HTML page": ("  <html><p>Sign in,please", "the body looks like an HTML page, not CSV"),
    "a JSON error": ('{"error":"invalid token"}', "the body looks like JSON, not CSV"),
    "a JSON list": ("[]", "the body looks like JSON, not CSV"),
    "words": ("no such instance", "there is no column Instance user ID"),
    "a carriage return within the header": (
        SAMPLE.replace("Searches", "Sear\rches", 1),
        "the first line is no header of a CSV table",
    ),
    "no id": (report(headers=HEADERS[1:]), "there is no column Instance user ID"),
    "no day": (report(headers=HEADERS[:5]), "there is no column Timestamp Date"),
    "no flag": (report(headers=[*HEADERS[:3], *HEADERS[4:]]), "there is no column Active Sourcegraph User"),
    "a column twice": (report(headers=[*HEADERS, " chat events"]), "columns 11 and 26 have the same name"),
    "a negative count": (
        report(row(), row(Searches=-1)),
        "Searches in row 3 is the number -1, not a whole number from 0 to 2^63 - 1",
    ),
    "a fraction": (
        report(row(Chat_Events="12.5")),
        "Chat Events in row 2 is the number 12.5, not a whole number from 0 to 2^63 - 1",
    ),
    "2^63": (
        report(row(), row(), row(Chat_Events=2**63)),
        "Chat Events in row 4 is the number 9223372036854775808, not a whole number from 0 to 2^63 - 1",
    ),
    "a huge number": (
        report(row(Searches="9" * 40)),
        "Searches in row 2 is the number 999999999999999999999999…, not a whole number from 0 to 2^63 - 1",
    ),
    "no number": (
        report(row(Searches="NaN")),
        "Searches in row 2 is the number NaN, not a whole number from 0 to 2^63 - 1",
    ),
    "infinity": (
        report(row(Searches="inf")),
        "Searches in row 2 is the number Infinity, not a whole number from 0 to 2^63 - 1",
    ),
    "text in a count": (
        report(row(Total_Accepted_Char_Count="many")),
        "Total Accepted Char Count in row 2 is text, not a whole number from 0 to 2^63 - 1",
    ),
    "a month": (
        report(row(Timestamp_Date="2026-11")),
        "Timestamp Date in row 2 is text, not a day as YYYY-MM-DD",
    ),
    "a day that is none": (
        report(row(), row(Timestamp_Date="2026-02-30")),
        "Timestamp Date in row 3 is text, not a day as YYYY-MM-DD",
    ),
    "a day in figures": (
        report(row(Timestamp_Date="20261119")),
        "Timestamp Date in row 2 is the number 20261119, not a day as YYYY-MM-DD",
    ),
    "a blank day": (
        report(row(), row(Timestamp_Date="")),
        "Timestamp Date in row 3 is blank, not a day as YYYY-MM-DD",
    ),
    "a flag that is none": (
        report(row(Active_Sourcegraph_User="perhaps")),
        "Active Sourcegraph User in row 2 is text, not a flag such as true or false",
    ),
    "a row that is too short": (
        report(row(), row()).replace(",,\n", ",\n", 1),
        "row 2 has 24 columns and the header 25",
    ),
    "a row that is too long": (
        report(row(), row()).replace(",,\n", ",,,\n", 1),
        "row 2 has 26 columns and the header 25",
    ),
    "an error after the rows": (SAMPLE + "upstream timed out", "row 12 has 1 columns and the header 25"),
    "a quote that is not closed": (SAMPLE + '9,"mallory' + ",\n" * 200, "row 12 has a quote that is not closed"),
    "a quote within a cell": (
        SAMPLE.replace("alice,", 'al"ice,', 1),
        "row 2 has a quote within a cell that is not in quotes",
    ),
    "other bytes than UTF-8": (
        SAMPLE.encode().replace(b"alice", b"al\xefce"),
        "there is no CSV in UTF-8 in or after row 2",
    ),
    "NUL": (SAMPLE.replace("bob", "b\0b"), "there is a NUL character in or after row 2"),
    "a form": (SAMPLE.replace(",", ";"), "there is no column Instance user ID"),
}


@pytest.mark.parametrize(("body", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_right_is_refused_and_named(body: str | bytes, message: str) -> None:
    with pytest.raises(BadPayload) as caught:
        read(body)

    assert str(caught.value) == f"{WHERE}: {message}"


@pytest.mark.parametrize("end", range(len(SAMPLE) - 1, SAMPLE.rindex("\n3,"), -1))
def test_a_report_that_is_cut_off_within_its_last_row_is_refused(end: int) -> None:
    cut = SAMPLE[:end]
    if cut.count(",") == SAMPLE.count(",") or cut.endswith("\n"):
        assert len(read(cut)["2026-11-20"]) == (0 if cut.endswith("\n") else 1)
        return

    with pytest.raises(BadPayload, match=r"row 11 has .* columns and the header 25"):
        read(cut)


def test_a_row_without_end_does_not_fill_the_memory() -> None:
    with pytest.raises(BadPayload) as caught:
        read(SAMPLE + '"' + "x,\n" * 2_000, block=4_096)

    assert str(caught.value) == f"{WHERE}: row 12 has a quote that is not closed in its first 4096 bytes"


COUNT = st.one_of(st.just(""), st.integers(0, 9), st.integers(0, 2**63 - 1))
FORMS: Sequence[Callable[[object], str]] = (str, "{}.0".format, " {} ".format, "0{}".format, "+{}".format)


@settings(examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(
    counts=st.lists(st.tuples(COUNT, COUNT, st.sampled_from(FORMS)), max_size=30),
    block=st.integers(200, 2_000),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_every_count_is_read_to_the_last_figure(
    counts: list[tuple[object, object, Callable[[object], str]]], block: int, quoting: int
) -> None:
    def spelled(count: object, form: Callable[[object], str]) -> str:
        return "" if count == "" else form(count)

    lines = [["1", "true", DAY, spelled(searches, form), "Go", spelled(chats, str)] for searches, chats, form in counts]
    header = ["Instance user ID", "Active Sourcegraph User", "Timestamp Date", "Searches", "Language", "Chat Events"]
    found = read(rewritten([header, *lines], quoting=quoting), block=block)[DAY]

    assert [(line["usage|searches"], line["usage|chat_messages"]) for line in found] == [
        (searches or 0, chats or 0) for searches, chats, _ in counts
    ]


def test_tables_of_one_report_have_the_same_columns() -> None:
    found = {tuple(table.columns) for table, _ in tables(opened(SAMPLE), 300)}

    assert found == {tuple(schema(opened(SAMPLE).columns))}
