"""From a day's rows to its facts: exact sums and sets of accounts by client, language, model and activity."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import Amount, AmountKey, Dimension, Measure, PeopleKey, column, exact_sum

UNKNOWN = "unknown"
LARGEST = 2**63 - 1

# What is published by each dimension.
_BY: Mapping[Dimension, frozenset[Measure]] = {
    "client": frozenset({"usage"}),
    "language": frozenset({"usage"}),
    "model": frozenset({"usage", "tokens", "spend"}),
}
# The digits of a decimal of 128 bits.
_DIGITS = 38


@dataclass(frozen=True)
class Parts:
    """What a table of rows says by the members of a dimension; it goes into `amounts` and `people` of `DayFacts`."""

    amounts: Mapping[AmountKey, int | Decimal]
    people: Mapping[PeopleKey, BitMap]


@dataclass(frozen=True)
class Rollup:
    """What a table of rows comes down to; the parts of `DayFacts` that rows can tell."""

    totals: Mapping[AmountKey, int | Decimal]
    breakdowns: Mapping[AmountKey, int | Decimal]
    people: Mapping[PeopleKey, BitMap]
    missing: frozenset[Amount]
    by_account: pl.DataFrame


def rollup(rows: pl.DataFrame, amounts: Iterable[Amount], where: str, *, counted: BitMap | None = None) -> Rollup:
    """Sums and sets of one day.

    `rows` has `account` (UInt32, null where the vendor gave no id), optionally `client`, `language` and `model`, and a
    column for each of `amounts`, null where a row lacks the amount: Int64 without negative numbers, or what
    `money_column` makes. An amount that any row lacks has no breakdown and no total. With `counted`, only these
    accounts are people of a breakdown. A total beyond 2^63 is a BadPayload that names `where`.
    """
    columns = {amount: column(amount) for amount in amounts}
    missing = frozenset(amount for amount, name in columns.items() if rows[name].null_count() > 0)
    known = {amount: name for amount, name in columns.items() if amount not in missing}

    totals = _totals(rows, known, where)
    # From here on 64 bits are enough: no part is larger than its total.
    by_account = rows.drop_nulls("account").group_by("account").agg(pl.col(list(known.values())).sum()).sort("account")

    breakdowns: dict[AmountKey, int | Decimal] = {}
    people: dict[PeopleKey, BitMap] = {}
    for dimension in _BY:
        if dimension in rows.columns:
            parts = breakdown(rows, dimension, known, counted=counted)
            breakdowns |= parts.amounts
            people |= parts.people
    for amount, name in known.items():
        if amount.measure == "usage":
            accounts = BitMap(by_account["account"].filter(by_account[name] > 0).to_list())
            people[PeopleKey("activity", amount.activity)] = accounts if counted is None else accounts & counted

    return Rollup(
        totals=totals,
        breakdowns=breakdowns,
        people={key: found for key, found in people.items() if found},
        missing=missing,
        by_account=by_account,
    )


def breakdown(
    rows: pl.DataFrame, dimension: Dimension, amounts: Iterable[Amount], *, counted: BitMap | None = None
) -> Parts:
    """One dimension alone, for a vendor that tells each in a table of its own.

    `rows` has `account`, the dimension's name as a column, and a column without nulls for each of `amounts`, as in
    `rollup`; amounts that are not published by the dimension are left out. Every row makes its account one of the
    member's people, also one with zeros alone: leave out rows that do not mean that.
    """
    columns = {amount: column(amount) for amount in amounts if amount.measure in _BY[dimension]}
    parts = _parts(rows, dimension, list(columns.values()))
    people = {
        PeopleKey(dimension, member): BitMap(accounts.drop_nulls().to_list())
        for member, accounts in zip(parts[dimension], parts["account"], strict=True)
    }
    if counted is not None:
        people = {key: found & counted for key, found in people.items()}
    return Parts(
        amounts={
            AmountKey(amount, dimension, member): value
            for amount, name in columns.items()
            for member, value in zip(parts[dimension], parts[name], strict=True)
            if value != 0
        },
        people={key: found for key, found in people.items() if found},
    )


def money_column(name: str, values: Sequence[Decimal | None], where: str) -> pl.Series:
    """A column of exact decimals, with as many places as they need; null where a row lacks its amount.

    Raises BadPayload, which names `where`, for what cannot be money: places and digits beyond 128 bits.
    """
    known = [value for value in values if value]
    places = max((_places(value) for value in known), default=0)
    # No sum of some of them is larger than all of them without their signs.
    fit = places <= _DIGITS and all(value.adjusted() < _DIGITS for value in known)
    if not fit or exact_sum(value.copy_abs() for value in known) >= Decimal(10) ** (_DIGITS - places):
        raise BadPayload(f"{where}: amounts of money have more than {_DIGITS} digits")
    return pl.Series(name, values, dtype=pl.Decimal(_DIGITS, places))


def _places(value: Decimal) -> int:
    """The decimal places of a number, without zeros at its end."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), "money is finite"
    text = "".join(map(str, digits))
    return max(0, -exponent - (len(text) - len(text.rstrip("0"))))


def _totals(rows: pl.DataFrame, columns: Mapping[Amount, str], where: str) -> dict[AmountKey, int | Decimal]:
    """Sums of whole columns; whole numbers in 128 bits, because a sum of 64 bits wraps silently."""
    sums = rows.select(
        pl.col(name).sum() if amount.measure == "spend" else pl.col(name).cast(pl.Int128).sum()
        for amount, name in columns.items()
    )
    totals: dict[AmountKey, int | Decimal] = {}
    for amount, name in columns.items():
        total: int | Decimal = sums[name].item()
        if amount.measure != "spend" and total > LARGEST:
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
