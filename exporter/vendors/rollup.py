"""From a day's rows to its facts: exact sums and sets of accounts by client, language and activity."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import Amount, AmountKey, Dimension, PeopleKey, column

UNKNOWN = "unknown"
LARGEST = 2**63 - 1
_BREAKDOWNS: tuple[Dimension, ...] = ("client", "language")


@dataclass(frozen=True)
class Rollup:
    """What a table of rows comes down to; the parts of `DayFacts` that rows can tell."""

    totals: Mapping[AmountKey, int]
    breakdowns: Mapping[AmountKey, int]
    people: Mapping[PeopleKey, BitMap]
    missing: frozenset[Amount]
    by_account: pl.DataFrame


def rollup(rows: pl.DataFrame, amounts: Iterable[Amount], where: str, *, counted: BitMap | None = None) -> Rollup:
    """Sums and sets of one day.

    `rows` has `account` (UInt32, null where the vendor gave no id), optionally `client` and `language`, and an Int64
    column for each of `amounts` without negative numbers, null where a row lacks the amount. An amount that any
    row lacks has no breakdown and no total. With `counted`, only these accounts are people of a breakdown. A total
    beyond 2^63 is a BadPayload that names `where`.
    """
    columns = {amount: column(amount) for amount in amounts}
    missing = frozenset(amount for amount, name in columns.items() if rows[name].null_count() > 0)
    known = {amount: name for amount, name in columns.items() if amount not in missing}
    usage = {amount: name for amount, name in known.items() if amount.measure == "usage"}

    totals = _totals(rows, known, where)
    # From here on 64 bits are enough: no part is larger than its total.
    by_account = rows.drop_nulls("account").group_by("account").agg(pl.col(list(known.values())).sum()).sort("account")

    breakdowns: dict[AmountKey, int] = {}
    people: dict[PeopleKey, BitMap] = {}
    for dimension in _BREAKDOWNS:
        if dimension not in rows.columns:
            continue
        parts = _parts(rows, dimension, list(usage.values()))
        for member, accounts in zip(parts[dimension], parts["account"], strict=True):
            people[PeopleKey(dimension, member)] = BitMap(accounts.drop_nulls().to_list())
        for amount, name in usage.items():
            for member, value in zip(parts[dimension], parts[name], strict=True):
                if value > 0:
                    breakdowns[AmountKey(amount, dimension, member)] = value
    for amount, name in usage.items():
        accounts = by_account["account"].filter(by_account[name] > 0)
        people[PeopleKey("activity", amount.activity)] = BitMap(accounts.to_list())
    if counted is not None:
        people = {key: found & counted for key, found in people.items()}

    return Rollup(
        totals=totals,
        breakdowns=breakdowns,
        people={key: found for key, found in people.items() if found},
        missing=missing,
        by_account=by_account,
    )


def _totals(rows: pl.DataFrame, columns: Mapping[Amount, str], where: str) -> dict[AmountKey, int]:
    """Sums of whole columns; in 128 bits, because a sum of 64 bits wraps silently."""
    sums = rows.select(pl.col(list(columns.values())).cast(pl.Int128).sum())
    totals = {}
    for amount, name in columns.items():
        total: int = sums[name].item()
        if total > LARGEST:
            raise BadPayload(f"{where}: the sum of {name} is {total}, beyond 2^63")
        totals[AmountKey(amount)] = total
    return totals


def _parts(rows: pl.DataFrame, dimension: Dimension, names: list[str]) -> pl.DataFrame:
    """Sums and accounts by member, in the vendor's own spelling; blank or white space becomes `unknown`.

    Few spellings are looked at instead of every row.
    """
    spelled = rows.group_by(dimension).agg(pl.col(names).sum(), "account")
    text = pl.col(dimension).fill_null("")
    member = pl.when(text.str.strip_chars() == "").then(pl.lit(UNKNOWN)).otherwise(text).alias(dimension)
    return spelled.group_by(member).agg(pl.col(names).sum(), pl.col("account").explode())
