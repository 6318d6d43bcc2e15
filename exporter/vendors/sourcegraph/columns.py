"""Sourcegraph's columns: their headers, what they count, and where they stand in one report."""

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from exporter.errors import BadPayload
from exporter.model import Amount, column

# Our names of the text columns and their headers; the first one that a report has counts. "Timestamp Date (or Month)"
# is the documentation's label; the reports that were seen have "Timestamp Date" (2026-11).
TEXTS: Mapping[str, tuple[str, ...]] = {
    "id": ("Instance user ID",),
    "email": ("User Email",),
    "username": ("Username",),
    "active": ("Active Sourcegraph User",),
    "client": ("Client Name",),
    "day": ("Timestamp Date", "Timestamp Month", "Timestamp Date (or Month)"),
    "language": ("Language",),
}
_NEEDED = ("id", "active", "day")
# The longest first line, in bytes, that can be a header.
LONGEST_HEADER = 2**16
COUNTS: Mapping[str, Amount] = {
    "Searches": Amount("usage", "searches"),
    "Code Navigation Events": Amount("usage", "code_navigation"),
    "Code Insight Views": Amount("usage", "code_insight_views"),
    "Chat Events": Amount("usage", "chat_messages"),
    "Command Events": Amount("usage", "commands"),
    "Combined Completion Suggestions": Amount("usage", "completions_suggested"),
    "Combined Completion Acceptances": Amount("usage", "completions_accepted"),
    "Auto-edit suggested events": Amount("usage", "auto_edits_suggested"),
    "Auto-edit accepted events": Amount("usage", "auto_edits_accepted"),
    "Total Accepted Char Count": Amount("code_characters", "completions_accepted"),
    "Total Characters Written by Cody": Amount("code_characters", "written_by_assistant"),
    "Total Characters Written": Amount("code_characters", "written"),
    "Lines changed by chats and commands": Amount("code_lines", "chats_and_commands"),
    "Lines changed by completions and auto-edits": Amount("code_lines", "completions_and_auto_edits"),
}
# The spelling of flags is not documented (2026-11).
FLAGS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0", ""), False),
}


@dataclass(frozen=True)
class Columns:
    """The columns of one report: their number, and header and position of those that we read, by our names.

    `amounts` are those that the report has a column for; our name of it is `column(amount)`.
    """

    width: int
    headers: Mapping[str, str]
    positions: Mapping[str, int]
    amounts: Sequence[Amount]

    @property
    def counts(self) -> list[str]:
        """Our names of the columns of amounts."""
        return [column(amount) for amount in self.amounts]


def report_columns(line: bytes, where: str, needed: Collection[str] = _NEEDED) -> Columns:
    """The columns of a report from its header line. Raises BadPayload where a `needed` one is missing."""
    names = header(line, where)
    headers = {
        ours: next((name for name in names_of if _plain(name) in names), None) for ours, names_of in TEXTS.items()
    }
    for ours in needed:
        if headers[ours] is None:
            raise BadPayload(f"{where}: there is no column {TEXTS[ours][0]}")
    amounts = {amount: name for name, amount in COUNTS.items() if _plain(name) in names}
    there = {ours: name for ours, name in headers.items() if name is not None}
    there |= {column(amount): name for amount, name in amounts.items()}
    positions = {ours: names[_plain(name)] for ours, name in there.items()}
    return Columns(len(names), there, positions, list(amounts))


def header(line: bytes, where: str) -> Mapping[str, int]:
    """The position of each column by its name, in lower case and with single spaces.

    Raises BadPayload where the line is no header of a CSV table. It shows nothing of the line, which may be a row about
    a person.
    """
    text = line.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise BadPayload(f"{where}: the body is empty")
    if text[0] in "<{[":
        raise BadPayload(f"{where}: the body looks like {'an HTML page' if text[0] == '<' else 'JSON'}, not CSV")
    try:
        cells = next(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error:
        raise BadPayload(f"{where}: the first line is no header of a CSV table") from None
    names: dict[str, int] = {}
    for position, name in enumerate(cells):
        plain = _plain(name) or f"column {position + 1}"
        if plain in names:
            raise BadPayload(f"{where}: columns {names[plain] + 1} and {position + 1} have the same name")
        names[plain] = position
    return names


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
