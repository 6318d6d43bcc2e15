"""Parses Sourcegraph's user registry: the accounts of an instance today, and which are service accounts."""

import csv
import io
import re
from dataclasses import dataclass

from exporter.errors import BadPayload
from exporter.vendors.sourcegraph.columns import FLAGS, header

_ID = "Instance user ID"
_SERVICE = "Service Account"
# How pandas writes 12 in a column with blank cells.
_FLOAT = re.compile(r"([0-9]+)\.0+", re.ASCII)


@dataclass(frozen=True)
class Registry:
    """The ids of the registered accounts of an instance, as of today; other days are not known."""

    accounts: frozenset[str]
    service: frozenset[str]


def parse_registry(body: bytes, where: str) -> Registry:
    """Parses the registry's CSV. Raises BadPayload for what cannot be right."""
    line, _, rows = body.partition(b"\n")
    names = header(line, where)
    for name in (_ID, _SERVICE):
        if name.casefold() not in names:
            raise BadPayload(f"{where}: there is no column {name}")
    accounts: dict[str, bool] = {}
    for number, cells in enumerate(_rows(rows, where), start=2):
        if len(cells) != len(names):
            raise BadPayload(f"{where}: row {number} has {len(cells)} columns and the header {len(names)}")
        account = plain_id(cells[names[_ID.casefold()]])
        flag = FLAGS.get(cells[names[_SERVICE.casefold()]].strip().casefold())
        if not account:
            raise BadPayload(f"{where}: {_ID} in row {number} is blank")
        if flag is None:
            raise BadPayload(f"{where}: {_SERVICE} in row {number} is text, not a flag such as true or false")
        accounts[account] = flag or accounts.get(account, False)
    return Registry(frozenset(accounts), frozenset(account for account, service in accounts.items() if service))


def plain_id(text: str) -> str:
    """An id as the instance has it: without spaces around it, and without the .0 of a column that was cast to float."""
    plain = text.strip()
    match = _FLOAT.fullmatch(plain)
    return match[1] if match else plain


def _rows(body: bytes, where: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if row]
    except (csv.Error, UnicodeDecodeError):
        raise BadPayload(f"{where}: there is no CSV in UTF-8 after the header") from None
