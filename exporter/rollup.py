"""From a day's rows to its facts: exact sums and sets of accounts by client, language and activity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import AmountKey, Dimension, Measure, PeopleKey

UNKNOWN = "unknown"
LARGEST = 2**63 - 1
_BREAKDOWNS: tuple[Dimension, ...] = ("client", "language")


def column(measure: Measure, activity: str) -> str:
    """The name of an amount's column in a table of rows."""
    return f"{measure}|{activity}"


def amount_of(name: str) -> tuple[Measure, str]:
    """The measure and activity that a column name stands for."""
    measure, _, activity = name.partition("|")
    return cast("Measure", measure), activity


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
    column per amount (`measure|activity`), null where a row lacks the field. A field that any row lacks has no
    breakdown and no total. With `counted`, only these accounts are people of a breakdown. A sum beyond 2^63 is a
    BadPayload that names `where`.
    """
    amounts = [name for name in rows.columns if "|" in name]
    missing = [name for name in amounts if rows[name].null_count() > 0]
    known = [name for name in amounts if name not in missing]
    usage = [name for name in known if amount_of(name)[0] == "usage"]
    sums = [pl.col(name).cast(pl.Int128).sum() for name in known]

    named = rows.filter(pl.col("account").is_not_null())
    by_account = named.group_by("account").agg(sums).sort("account")
    _refuse_overflow(by_account, known, where)
    people_rows = named if counted is None else named.filter(pl.col("account").is_in(list(counted)))

    totals: dict[AmountKey, int] = {}
    if known:
        for name, value in rows.select(sums).row(0, named=True).items():
            totals[AmountKey(*amount_of(name))] = _within(value, name, where)

    breakdowns: dict[AmountKey, int] = {}
    people: dict[PeopleKey, BitMap] = {}
    for dimension in _BREAKDOWNS:
        if dimension not in rows.columns:
            continue
        label = _label(dimension)
        if usage:
            grouped = rows.group_by(label).agg([pl.col(name).cast(pl.Int128).sum() for name in usage])
            for name in usage:
                for member, value in zip(grouped[dimension], grouped[name], strict=True):
                    if value > 0:
                        key = AmountKey(*amount_of(name), dimension, member)
                        breakdowns[key] = _within(value, name, where)
        members = people_rows.select(label, "account").unique().group_by(dimension).agg("account")
        for member, accounts in zip(members[dimension], members["account"], strict=True):
            people[PeopleKey(dimension, member)] = BitMap(accounts.to_list())
    active = by_account if counted is None else by_account.filter(pl.col("account").is_in(list(counted)))
    for name in usage:
        accounts = active.filter(pl.col(name) > 0)["account"]
        if len(accounts):
            people[PeopleKey("activity", amount_of(name)[1])] = BitMap(accounts.to_list())

    return Rollup(
        totals=totals,
        breakdowns=breakdowns,
        people=people,
        missing=frozenset(amount_of(name) for name in missing),
        by_account=by_account.cast({"account": pl.UInt32, **dict.fromkeys(known, pl.Int64)}),
    )


def _label(dimension: Dimension) -> pl.Expr:
    """The vendor's own spelling; blank or white space becomes `unknown`."""
    text = pl.col(dimension).fill_null("")
    return pl.when(text.str.strip_chars() == "").then(pl.lit(UNKNOWN)).otherwise(text).alias(dimension)


def _refuse_overflow(by_account: pl.DataFrame, names: list[str], where: str) -> None:
    for name in names:
        largest = by_account[name].max()
        if largest is not None:
            _within(cast("int", largest), name, where)


def _within(value: int, name: str, where: str) -> int:
    if value > LARGEST:
        raise BadPayload(f"{where}: the sum of {name} is {value}, beyond 2^63")
    return value
