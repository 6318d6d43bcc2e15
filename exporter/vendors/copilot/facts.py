"""From the table of a day's rows to its facts."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl
from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, DayFacts, Dimension, Field, PeopleKey, column, spend
from exporter.vendors.copilot import words
from exporter.vendors.copilot.row import UNATTRIBUTED
from exporter.vendors.copilot.table import BY, Table, flag_column
from exporter.vendors.rollup import breakdown, money_column, rollup

# At list price, which is a cent for a credit (since 2026-06-01).
AT_LIST_PRICE = spend("USD", "estimated")
_CREDIT = Decimal("0.01")

# Numbers accounts, by their ids and logins.
Number = Callable[[Sequence[str], Sequence[str]], Sequence[int]]


@dataclass(frozen=True)
class Day:
    """The facts of a day, with the account of each id that has a row."""

    facts: DayFacts
    accounts: Mapping[str, int]


def day_of(
    table: Table, day: date, number: Number, robots: Collection[str], *, of_credits: bool, complete: bool
) -> Day:
    """The facts of a day.

    `robots` are the logins of service accounts in lower case. With `of_credits` the money is that of credits. Tokens
    and credits that no row tells are zero where the day is `complete`, and else may come later.
    """
    where = f"copilot users-1-day of {day}"
    named = table.rows.filter(pl.col("id").is_not_null())
    ids, logins = named["id"].to_list(), named["login"].fill_null("").to_list()
    accounts = dict(zip(ids, number(ids, logins), strict=True))
    rows = table.rows.with_columns(
        pl.Series("account", [accounts.get(one) for one in table.rows["id"]], dtype=pl.UInt32)
    )
    amounts: list[Amount] = [*words.COUNTED]
    if of_credits:
        money = [None if one is None else one * _CREDIT for one in table.credits]
        rows = rows.with_columns(money_column(column(AT_LIST_PRICE), money, where))
        amounts.append(AT_LIST_PRICE)
    untold = {field for field in words.BORN if not _is_told(rows, field)}
    unborn = frozenset(field for field in untold if day < words.BORN[field])
    later: frozenset[Field] = frozenset({"tokens", "spend"} if of_credits else {"tokens"})
    pending = later & untold - unborn if not complete else frozenset()
    amounts = [one for one in amounts if not {one, one.measure} & (unborn | pending)]
    # Of what any row tells, the rows that say nothing have none.
    sparse = [column(one) for one in amounts if {one, one.measure} & words.BORN.keys()]
    rows = rows.with_columns(pl.col(sparse).fill_null(0))
    active = BitMap(rows.filter("active")["account"].drop_nulls().to_list())
    rolled = rollup(rows.select("account", *map(column, amounts)), amounts, where, counted=active)
    values, people = {**rolled.totals}, {EVERYBODY: active, **rolled.people, **dict(_by_flag(rows, active))}
    for dimension in BY:
        parts = breakdown(_placed(table, rows, dimension), dimension, BY[dimension], counted=active)
        values |= parts.amounts
        people |= parts.people
    facts = DayFacts(
        amounts=values,
        people=people,
        service=BitMap(accounts[one] for one, login in zip(ids, logins, strict=True) if is_robot(login, robots)),
        missing=rolled.missing | unborn - ({"spend"} if not of_credits else set()),
        by_account=rolled.by_account,
        pending=pending,
    )
    return Day(facts, accounts)


def is_robot(login: str, robots: Collection[str]) -> bool:
    """Whether an account is a service account: GitHub tells it by the suffix alone, which is reserved for Apps."""
    return login.lower().endswith("[bot]") or login.lower() in robots


def _is_told(rows: pl.DataFrame, field: Field) -> bool:
    """Whether any row tells a field."""
    columns: list[str]
    if field == "tokens":
        columns = [column(one) for one in words.OF_TOKENS]
    elif field == "spend":
        columns = [column(AT_LIST_PRICE)]
    else:
        assert isinstance(field, Amount), "the others have a column each"
        columns = [flag_column(field) if field in words.FLAGS else column(field)]
    return any(name in rows.columns and rows[name].null_count() < rows.height for name in columns)


def _by_flag(rows: pl.DataFrame, active: BitMap) -> Iterator[tuple[PeopleKey, BitMap]]:
    for activity in words.FLAGS:
        doing = BitMap(rows.filter(flag_column(activity))["account"].drop_nulls().to_list()) & active
        if doing:
            yield PeopleKey("activity", activity.activity), doing


def _placed(table: Table, rows: pl.DataFrame, dimension: Dimension) -> pl.DataFrame:
    """The parts of a dimension with the accounts that are people of it: nobody is of what has no client."""
    parts = table.parts[dimension].join(rows.select("row", "account"), on="row")
    if dimension != "client":
        return parts
    nobody = pl.when(pl.col("client") == UNATTRIBUTED).then(None).otherwise(pl.col("account"))
    return parts.with_columns(account=nobody)
