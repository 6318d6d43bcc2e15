"""From a day's rows to its facts: exact sums and sets of accounts by client, language and activity."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import AmountKey, Dimension, Measure, PeopleKey, amount_of

UNKNOWN = "unknown"
LARGEST = 2**63 - 1
_BREAKDOWNS: tuple[Dimension, ...] = ("client", "language")


@dataclass(frozen=True)
class Rollup:
    """What a table of rows comes down to; the parts of `DayFacts` that rows can tell."""

    totals: Mapping[AmountKey, int]
    breakdowns: Mapping[AmountKey, int]
    people: Mapping[PeopleKey, BitMap]
    missing: frozenset[tuple[Measure, str]]
    by_account: pl.DataFrame


def rollup(rows: pl.DataFrame, where: str, *, counted: BitMap | None = None) -> Rollup:
    """Sums and sets of one day.

    `rows` has `account` (UInt32, null where the vendor gave no id), optionally `client` and `language`, and an Int64
    column per amount (`measure|activity`) without negative numbers, null where a row lacks the field. A field that any
    row lacks has no breakdown and no total. With `counted`, only these accounts are people of a breakdown. A total
    beyond 2^63 is a BadPayload that names `where`.
    """
    amounts = [name for name in rows.columns if "|" in name]
    missing = [name for name in amounts if rows[name].null_count() > 0]
    known = [name for name in amounts if name not in missing]
    usage = [name for name in known if amount_of(name)[0] == "usage"]

    totals = _totals(rows, known, where)
    # From here on 64 bits are enough: no part is larger than its total.
    by_account = rows.drop_nulls("account").group_by("account").agg(pl.col(known).sum()).sort("account")

    breakdowns: dict[AmountKey, int] = {}
    people: dict[PeopleKey, BitMap] = {}
    for dimension in _BREAKDOWNS:
        if dimension not in rows.columns:
            continue
        parts = _parts(rows, dimension, usage)
        for member, accounts in zip(parts[dimension], parts["account"], strict=True):
            people[PeopleKey(dimension, member)] = BitMap(accounts.drop_nulls().to_list())
        for name in usage:
            for member, value in zip(parts[dimension], parts[name], strict=True):
                if value > 0:
                    breakdowns[AmountKey(*amount_of(name), dimension, member)] = value
    for name in usage:
        accounts = by_account["account"].filter(by_account[name] > 0)
        people[PeopleKey("activity", amount_of(name)[1])] = BitMap(accounts.to_list())
    if counted is not None:
        people = {key: found & counted for key, found in people.items()}

    return Rollup(
        totals=totals,
        breakdowns=breakdowns,
        people={key: found for key, found in people.items() if found},
        missing=frozenset(amount_of(name) for name in missing),
        by_account=by_account,
    )


def _totals(rows: pl.DataFrame, names: list[str], where: str) -> dict[AmountKey, int]:
    """Sums of whole columns; in 128 bits, because a sum of 64 bits wraps silently."""
    totals = {}
    for name, total in rows.select(pl.col(names).cast(pl.Int128).sum()).to_dict(as_series=False).items():
        if total[0] > LARGEST:
            raise BadPayload(f"{where}: the sum of {name} is {total[0]}, beyond 2^63")
        totals[AmountKey(*amount_of(name))] = total[0]
    return totals


def _parts(rows: pl.DataFrame, dimension: Dimension, names: list[str]) -> pl.DataFrame:
    """Sums and accounts by member, in the vendor's own spelling; blank or white space becomes `unknown`.

    Few spellings are looked at instead of every row.
    """
    spelled = rows.group_by(dimension).agg(pl.col(names).sum(), "account")
    text = pl.col(dimension).fill_null("")
    member = pl.when(text.str.strip_chars() == "").then(pl.lit(UNKNOWN)).otherwise(text).alias(dimension)
    return spelled.group_by(member).agg(pl.col(names).sum(), pl.col("account").explode())
