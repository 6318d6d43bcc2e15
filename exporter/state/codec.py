"""Serializes a day's facts and compares two readings of a day."""

import base64
import io
import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

import polars as pl
from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Field, PeopleKey, amount_of

# The newest format. A day that has nothing new is written in the first one, which every version reads.
_FORMAT = 2
_FIRST_FORMAT = 1
_OF_FIRST_FORMAT = frozenset({"usage", "code_lines", "code_characters", "active_time"})
_DIMENSIONS_OF_FIRST_FORMAT = frozenset({"total", "activity", "client", "language", "team"})

# Sets of accounts hardly compress further: level 6 takes three times as long for 6 % less.
_COMPRESSION = 1

# The errors that foreign bytes may raise when decoded; Polars panics on some of them.
UNREADABLE = (
    ArithmeticError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
    zlib.error,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)


class UnreadableError(ValueError):
    """The bytes are not a day as this version writes it."""


# Days repeat the same keys: interned, so that dict lookups compare them by identity when days are added up.
_amount = lru_cache(maxsize=10_000)(amount_of)
_amount_key = lru_cache(maxsize=10_000)(AmountKey)
_people_key = lru_cache(maxsize=10_000)(PeopleKey)


def columns(facts: DayFacts) -> dict[str, bytes | int | None]:
    """The columns of table `day` that hold a day's facts."""
    people = people_of(facts)
    by_account = encode_accounts(facts)
    return {
        "facts": encode(facts, by_account),
        "by_account": by_account,
        "people": None if people is None else pack_accounts(people),
        "people_total": facts.people_total(),
    }


def encode(facts: DayFacts, by_account: bytes | None = None) -> bytes:
    """Compresses everything but `by_account`, with a checksum of `by_account` as `encode_accounts` wrote it.

    Equal facts may have different bytes: compare facts with `same`.
    """
    document = {
        "format": _FIRST_FORMAT if _is_of_first_format(facts) else _FORMAT,
        "amounts": [
            [*key.amount.words(), key.dimension, key.member, _number(value)]
            for key, value in sorted(facts.amounts.items())
        ],
        "people": [[*key, _pack(accounts)] for key, accounts in sorted(facts.people.items())],
        "service": None if facts.service is None else _pack(facts.service),
        "head_count": facts.head_count,
        "missing": _fields(facts.missing),
    }
    if facts.pending:
        document["pending"] = _fields(facts.pending)
    if facts.teams is not None:
        document["teams"] = [[team, _pack(accounts)] for team, accounts in sorted(facts.teams.items())]
    if by_account is not None:
        document["by_account"] = zlib.crc32(by_account)
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), _COMPRESSION)


def decode(data: bytes, by_account: bytes | None, *, table: bool = True) -> DayFacts:
    """The facts that `encode` and `encode_accounts` wrote; raises UnreadableError for anything else.

    Without `table` the facts have no amounts by account, which are still checked.
    """
    try:
        return _decode(data, by_account, table=table)
    except UnreadableError:
        raise
    except UNREADABLE as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def encode_accounts(facts: DayFacts) -> bytes | None:
    """The table of amounts by account as a compressed Arrow file."""
    if facts.by_account is None:
        return None
    buffer = io.BytesIO()
    facts.by_account.write_ipc(buffer, compression="zstd")
    return buffer.getvalue()


def pack_accounts(accounts: BitMap) -> bytes:
    """A set of accounts as CRoaring's portable bytes."""
    return bytes(accounts.serialize())


def unpack_accounts(data: bytes) -> BitMap:
    """The set that `pack_accounts` wrote; raises UnreadableError for anything else."""
    try:
        return BitMap.deserialize(data)
    except (LookupError, TypeError, ValueError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def people_of(facts: DayFacts) -> BitMap | None:
    """The people (no service accounts) active on the day, as accounts; None if the vendor does not list them."""
    active = facts.people.get(EVERYBODY)
    if active is None:
        return None
    return active - facts.service if facts.service is not None else active


def same(one: DayFacts, other: DayFacts) -> bool:
    """Whether two readings of a day are equal, whatever the memory layout of their sets and tables."""
    if replace(one, by_account=None) != replace(other, by_account=None):
        return False
    if one.by_account is None or other.by_account is None:
        return one.by_account is other.by_account
    columns = sorted(one.by_account.columns)
    return columns == sorted(other.by_account.columns) and all(
        _equal(one.by_account[name], other.by_account[name]) for name in columns
    )


def counted_accounts(facts: DayFacts) -> BitMap:
    """Every account of any set: Augment's records may name one that its list of the day lacks (2026-11)."""
    return BitMap().union(*facts.people.values())


def accounts_of(facts: DayFacts) -> BitMap:
    """Every account that occurs in the facts of a day."""
    used = BitMap() if facts.by_account is None else BitMap(facts.by_account["account"].to_list())
    in_teams = BitMap().union(*(facts.teams or {}).values())
    return counted_accounts(facts) | (facts.service or BitMap()) | used | in_teams


def _decode(data: bytes, by_account: bytes | None, *, table: bool) -> DayFacts:
    document: dict[str, Any] = json.loads(zlib.decompress(data))
    if document["format"] not in (_FIRST_FORMAT, _FORMAT):
        raise UnreadableError(f"facts of format {document['format']}, this version reads {_FIRST_FORMAT} and {_FORMAT}")
    # Corrupt bytes may still be a table. The first states have no checksum: only reading shows whether they are whole.
    checksum = document.get("by_account")
    if by_account is not None and checksum not in (None, zlib.crc32(by_account)):
        raise UnreadableError("amounts by account are not those that were written")
    amounts_by_account = None
    if by_account is not None and (table or checksum is None):
        amounts_by_account = pl.read_ipc(io.BytesIO(by_account))
    return DayFacts(
        amounts={
            _amount_key(_amount(*words), dimension, member): Decimal(value) if isinstance(value, str) else value
            for *words, dimension, member, value in document["amounts"]
        },
        people={_people_key(dimension, member): _unpack(text) for dimension, member, text in document["people"]},
        service=None if document["service"] is None else _unpack(document["service"]),
        head_count=document["head_count"],
        missing=frozenset(map(_field, document["missing"])),
        by_account=amounts_by_account if table else None,
        pending=frozenset(map(_field, document["pending"])) if "pending" in document else frozenset(),
        teams={team: _unpack(text) for team, text in document["teams"]} if "teams" in document else None,
    )


def _is_of_first_format(facts: DayFacts) -> bool:
    return (
        not facts.pending
        and facts.teams is None
        and all(isinstance(field, Amount) and field.measure in _OF_FIRST_FORMAT for field in facts.missing)
        and all(key.amount.measure in _OF_FIRST_FORMAT for key in facts.amounts)
        and {key.dimension for key in facts.amounts} <= _DIMENSIONS_OF_FIRST_FORMAT
        and {key.dimension for key in facts.people} <= _DIMENSIONS_OF_FIRST_FORMAT
    )


def _fields(fields: Collection[Field]) -> list[list[str]]:
    """Each field as its words: those of an amount, or the one of a measure or dimension."""
    return sorted(list(field.words()) if isinstance(field, Amount) else [field] for field in fields)


def _field(words: Sequence[Any]) -> Field:
    field: Field = words[0] if len(words) == 1 else _amount(*words)
    return field


def _equal(one: pl.Series, other: pl.Series) -> bool:
    # Money may be written with more places than it needs: 1.50 is 1.5.
    return one.to_list() == other.to_list() if one.dtype != other.dtype else one.equals(other)


def _number(value: int | Decimal) -> int | str:
    return str(value) if isinstance(value, Decimal) else value


def _pack(accounts: BitMap) -> str:
    return base64.b64encode(pack_accounts(accounts)).decode()


def _unpack(text: str) -> BitMap:
    return unpack_accounts(base64.b64decode(text))
