from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import Amount, AmountKey, PeopleKey, column, exact_sum, spend, tokens
from exporter.vendors.rollup import Rollup, breakdown, money_column, rollup

WHERE = "acme GET /rows of 2026-03-09"
LARGEST = 2**63 - 1
AMOUNTS = [Amount("usage", "searches"), Amount("usage", "chat_messages"), Amount("code_lines", "written")]
SCHEMA = {
    "account": pl.UInt32,
    "client": pl.String,
    "language": pl.String,
    **{column(amount): pl.Int64 for amount in AMOUNTS},
}


class Row(NamedTuple):
    """One row of a vendor's table; None where the vendor gave no id or lacks the field."""

    account: int | None
    client: str | None = "vim"
    language: str | None = "go"
    searches: int | None = 0
    chat_messages: int | None = 0
    written: int | None = 0


def table(rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def searches(dimension: str, rolled: Rollup) -> dict[str, int | Decimal]:
    """The searches of a breakdown by member."""
    return {
        key.member: value
        for key, value in rolled.breakdowns.items()
        if (key.amount.activity, key.dimension) == ("searches", dimension)
    }


def people(dimension: str, rolled: Rollup) -> dict[str, set[int]]:
    """The accounts of a breakdown by member."""
    return {key.member: set(accounts) for key, accounts in rolled.people.items() if key.dimension == dimension}


def test_one_person_on_many_rows_is_one_person_and_all_rows_add_up() -> None:
    rolled = rollup(
        table(
            [
                Row(7, "vim", "go", searches=1, written=10),
                Row(7, "vim", "rust", searches=2, written=20),
                Row(7, "emacs", "go", searches=4, written=40),
                Row(9, "emacs", "go", chat_messages=8),
            ]
        ),
        AMOUNTS,
        WHERE,
    )

    assert rolled.totals == {
        AmountKey(Amount("usage", "searches")): 7,
        AmountKey(Amount("usage", "chat_messages")): 8,
        AmountKey(Amount("code_lines", "written")): 70,
    }
    assert rolled.breakdowns == {
        AmountKey(Amount("usage", "searches"), "client", "vim"): 3,
        AmountKey(Amount("usage", "searches"), "client", "emacs"): 4,
        AmountKey(Amount("usage", "chat_messages"), "client", "emacs"): 8,
        AmountKey(Amount("usage", "searches"), "language", "go"): 5,
        AmountKey(Amount("usage", "searches"), "language", "rust"): 2,
        AmountKey(Amount("usage", "chat_messages"), "language", "go"): 8,
    }
    assert rolled.people == {
        PeopleKey("activity", "searches"): BitMap([7]),
        PeopleKey("activity", "chat_messages"): BitMap([9]),
        PeopleKey("client", "vim"): BitMap([7]),
        PeopleKey("client", "emacs"): BitMap([7, 9]),
        PeopleKey("language", "go"): BitMap([7, 9]),
        PeopleKey("language", "rust"): BitMap([7]),
    }
    assert rolled.missing == frozenset()
    assert rolled.by_account.schema == {
        name: kind for name, kind in SCHEMA.items() if name not in ("client", "language")
    }
    assert rolled.by_account.rows() == [(7, 7, 0, 70), (9, 0, 8, 0)]


def test_rows_without_an_id_add_to_usage_and_to_no_head_count() -> None:
    rolled = rollup(table([Row(None, "vim", "go", searches=5), Row(3, "emacs", "go", searches=1)]), AMOUNTS, WHERE)

    assert rolled.totals[AmountKey(Amount("usage", "searches"))] == 6
    assert searches("client", rolled) == {"vim": 5, "emacs": 1}
    assert people("client", rolled) == {"emacs": {3}}
    assert people("language", rolled) == {"go": {3}}
    assert people("activity", rolled) == {"searches": {3}}
    assert rolled.by_account.rows() == [(3, 1, 0, 0)]


def test_only_counted_accounts_are_people_but_every_row_is_usage() -> None:
    rolled = rollup(
        table([Row(1, "vim", "go", searches=5), Row(2, "emacs", "rust", searches=1)]),
        AMOUNTS,
        WHERE,
        counted=BitMap([2, 8]),
    )

    assert searches("client", rolled) == {"vim": 5, "emacs": 1}
    assert people("client", rolled) == {"emacs": {2}}
    assert people("language", rolled) == {"rust": {2}}
    assert people("activity", rolled) == {"searches": {2}}
    assert rolled.by_account.rows() == [(1, 5, 0, 0), (2, 1, 0, 0)]


def test_where_nobody_is_counted_there_are_no_people() -> None:
    assert rollup(table([Row(1, searches=5)]), AMOUNTS, WHERE, counted=BitMap()).people == {}


def test_a_field_that_one_row_lacks_has_no_total_no_breakdown_and_no_people() -> None:
    rolled = rollup(
        table([Row(1, searches=5, written=1), Row(2, searches=None, chat_messages=1, written=None)]), AMOUNTS, WHERE
    )

    assert rolled.missing == {Amount("usage", "searches"), Amount("code_lines", "written")}
    assert rolled.totals == {AmountKey(Amount("usage", "chat_messages")): 1}
    assert rolled.breakdowns == {
        AmountKey(Amount("usage", "chat_messages"), "client", "vim"): 1,
        AmountKey(Amount("usage", "chat_messages"), "language", "go"): 1,
    }
    assert people("activity", rolled) == {"chat_messages": {2}}
    assert people("client", rolled) == {"vim": {1, 2}}
    assert rolled.by_account.rows(named=True) == [
        {"account": 1, "usage|chat_messages": 0},
        {"account": 2, "usage|chat_messages": 1},
    ]


def test_where_every_field_is_missing_people_by_client_are_still_known() -> None:
    rolled = rollup(table([Row(1, searches=None, chat_messages=None, written=None)]), AMOUNTS, WHERE)

    assert (rolled.totals, rolled.breakdowns) == ({}, {})
    assert rolled.people == {PeopleKey("client", "vim"): BitMap([1]), PeopleKey("language", "go"): BitMap([1])}
    assert rolled.by_account.rows() == [(1,)]


def test_blank_members_are_unknown_and_all_others_keep_the_vendors_spelling() -> None:
    spellings = ["", " ", "\t\n", "\u00a0\u2003", None, "unknown", "VS Code", "vs code", " vim", "C++", "日本"]

    rolled = rollup(table([Row(number, name, searches=1) for number, name in enumerate(spellings)]), AMOUNTS, WHERE)

    assert people("client", rolled) == {
        "unknown": {0, 1, 2, 3, 4, 5},
        "VS Code": {6},
        "vs code": {7},
        " vim": {8},
        "C++": {9},
        "日本": {10},
    }
    assert searches("client", rolled) == {"unknown": 6, "VS Code": 1, "vs code": 1, " vim": 1, "C++": 1, "日本": 1}


def test_a_day_without_rows_has_totals_of_zero_and_nothing_else() -> None:
    rolled = rollup(table([]), AMOUNTS, WHERE)

    assert rolled.totals == {
        AmountKey(Amount("usage", "searches")): 0,
        AmountKey(Amount("usage", "chat_messages")): 0,
        AmountKey(Amount("code_lines", "written")): 0,
    }
    assert (rolled.breakdowns, rolled.people, rolled.missing) == ({}, {}, frozenset())
    assert rolled.by_account.rows() == []


def test_a_table_without_clients_and_languages_has_activities_alone() -> None:
    rows = table([Row(1, searches=5)]).drop("client", "language")

    rolled = rollup(rows, AMOUNTS, WHERE)

    assert rolled.people == {PeopleKey("activity", "searches"): BitMap([1])}
    assert rolled.breakdowns == {}
    assert rolled.totals[AmountKey(Amount("usage", "searches"))] == 5


def test_sums_up_to_the_largest_whole_number_are_exact() -> None:
    rolled = rollup(
        table([Row(1, searches=2**62), Row(1, searches=2**62 - 1), Row(1, chat_messages=1)]), AMOUNTS, WHERE
    )

    assert rolled.totals[AmountKey(Amount("usage", "searches"))] == LARGEST
    assert searches("client", rolled) == {"vim": LARGEST}
    assert rolled.by_account.rows() == [(1, LARGEST, 1, 0)]


@pytest.mark.parametrize("accounts", [(1, 1), (1, 2), (None, None)])
def test_a_sum_beyond_the_largest_whole_number_is_refused(accounts: tuple[int | None, int | None]) -> None:
    rows = table([Row(accounts[0], searches=LARGEST), Row(accounts[1], searches=1)])

    with pytest.raises(BadPayload) as caught:
        rollup(rows, AMOUNTS, WHERE)

    assert str(caught.value) == f"{WHERE}: the sum of usage|searches is {2**63}, beyond 2^63"


MEMBERS = st.sampled_from(["vim", "VIM", "", "  ", "unknown", None])
COUNTS = st.one_of(st.integers(0, 3), st.integers(0, LARGEST // 20))
ROWS = st.builds(
    Row,
    account=st.one_of(st.none(), st.integers(0, 4), st.just(2**32 - 1)),
    client=MEMBERS,
    language=MEMBERS,
    searches=COUNTS,
    chat_messages=st.one_of(COUNTS, COUNTS, COUNTS, st.none()),
    written=st.one_of(COUNTS, st.none()),
)


@settings(deadline=None)
@given(rows=st.lists(ROWS, max_size=20), counted=st.one_of(st.none(), st.sets(st.integers(0, 5))))
def test_a_rollup_is_what_counting_row_by_row_gives(rows: list[Row], counted: set[int] | None) -> None:
    rolled = rollup(table(rows), AMOUNTS, WHERE, counted=None if counted is None else BitMap(counted))

    totals, breakdowns, heads, missing, by_account = _count(rows, counted)
    assert rolled.totals == totals
    assert rolled.breakdowns == breakdowns
    assert {key: set(accounts) for key, accounts in rolled.people.items()} == heads
    assert rolled.missing == missing
    assert {row.pop("account"): row for row in rolled.by_account.rows(named=True)} == by_account
    assert rolled.by_account["account"].is_sorted()


Counted = tuple[
    dict[AmountKey, int],
    dict[AmountKey, int],
    dict[PeopleKey, set[int]],
    set[Amount],
    dict[int, dict[str, int]],
]


def _count(rows: list[Row], counted: set[int] | None) -> Counted:
    """The same in plain Python, one row after the other."""
    totals: dict[AmountKey, int] = {}
    breakdowns: dict[AmountKey, int] = {}
    heads: dict[PeopleKey, set[int]] = {}
    missing: set[Amount] = set()
    by_account: dict[int, dict[str, int]] = {row.account: {} for row in rows if row.account is not None}
    for row in rows:
        if row.account is not None and (counted is None or row.account in counted):
            for key in (PeopleKey("client", _named(row.client)), PeopleKey("language", _named(row.language))):
                heads.setdefault(key, set()).add(row.account)
    for amount in AMOUNTS:
        name = column(amount)
        values = [getattr(row, amount.activity) for row in rows]
        if None in values:
            missing.add(amount)
            continue
        totals[AmountKey(amount)] = sum(values)
        for row, value in zip(rows, values, strict=True):
            if row.account is not None:
                by_account[row.account][name] = by_account[row.account].get(name, 0) + value
            if amount.measure == "usage" and value > 0:
                for part in (
                    AmountKey(amount, "client", _named(row.client)),
                    AmountKey(amount, "language", _named(row.language)),
                ):
                    breakdowns[part] = breakdowns.get(part, 0) + value
                if row.account is not None and (counted is None or row.account in counted):
                    heads.setdefault(PeopleKey("activity", amount.activity), set()).add(row.account)
    return totals, breakdowns, heads, missing, by_account


def _named(member: str | None) -> str:
    return member if member and member.strip() else "unknown"


USD = spend("USD", "charged")
READ = tokens("cache_read")


def by_model(*rows: tuple[int | None, str | None, int, str]) -> pl.DataFrame:
    """A table of account, model, cache_read tokens and dollars."""
    return pl.DataFrame(
        {
            "account": pl.Series([row[0] for row in rows], dtype=pl.UInt32),
            "model": pl.Series([row[1] for row in rows], dtype=pl.String),
            column(READ): pl.Series([row[2] for row in rows], dtype=pl.Int64),
            column(USD): money_column(column(USD), [Decimal(row[3]) for row in rows], WHERE),
        }
    )


def test_tokens_and_money_add_up_exactly_by_model_and_by_account() -> None:
    rows = by_model((1, "opus", 5, "0.1"), (2, "opus", 0, "0.2"), (None, " ", 7, "-0.05"), (1, "haiku", 0, "0"))

    rolled = rollup(rows, [READ, USD], WHERE)

    assert rolled.totals == {AmountKey(READ): 12, AmountKey(USD): Decimal("0.25")}
    assert rolled.breakdowns == {
        AmountKey(READ, "model", "opus"): 5,
        AmountKey(READ, "model", "unknown"): 7,
        AmountKey(USD, "model", "opus"): Decimal("0.3"),
        AmountKey(USD, "model", "unknown"): Decimal("-0.05"),
    }
    assert rolled.people == {PeopleKey("model", "opus"): BitMap([1, 2]), PeopleKey("model", "haiku"): BitMap([1])}
    assert rolled.by_account.rows() == [(1, 5, Decimal("0.1")), (2, 0, Decimal("0.2"))]


def test_a_breakdown_may_come_from_a_table_of_its_own() -> None:
    rows = by_model((1, "opus", 5, "0.1"), (3, "opus", 1, "0.2")).with_columns(
        pl.lit(2, pl.Int64).alias("code_lines|written")
    )

    parts = breakdown(rows, "model", [READ, USD, Amount("code_lines", "written")], counted=BitMap([1, 2]))

    assert parts.amounts == {AmountKey(READ, "model", "opus"): 6, AmountKey(USD, "model", "opus"): Decimal("0.3")}
    assert parts.people == {PeopleKey("model", "opus"): BitMap([1])}


@settings(deadline=None)
@given(st.lists(st.decimals(-(10**15), 10**15, places=20) | st.decimals(-9, 9, places=17), max_size=20))
def test_money_is_exact_to_its_last_place(values: list[Decimal]) -> None:
    rows = pl.DataFrame(
        {
            "account": pl.Series([0] * len(values), dtype=pl.UInt32),
            "model": ["m"] * len(values),
            column(USD): money_column(column(USD), values, WHERE),
        },
        schema_overrides={"model": pl.String},
    )

    rolled = rollup(rows, [USD], WHERE)

    total = exact_sum(values)
    assert rolled.totals == {AmountKey(USD): total}
    assert rolled.breakdowns == ({AmountKey(USD, "model", "m"): total} if total else {})
    assert rolled.by_account[column(USD)].to_list() == ([total] if values else [])


@pytest.mark.parametrize(
    "texts", [["1e38"], ["1e-39"], ["1e30", "1e-9"], ["9e37", "2e37"], ["1e999999"], ["5e37", "-5e37"]]
)
def test_money_beyond_what_a_table_can_hold_is_refused(texts: list[str]) -> None:
    with pytest.raises(BadPayload) as caught:
        money_column("spend|USD|charged", [Decimal(text) for text in texts], WHERE)

    assert str(caught.value) == f"{WHERE}: amounts of money have more than 38 digits"


def test_money_may_lack_in_a_row_and_then_has_no_total() -> None:
    rows = pl.DataFrame(
        {
            "account": pl.Series([1, 2], dtype=pl.UInt32),
            column(USD): money_column(column(USD), [None, Decimal("1E+2")], WHERE),
        }
    )

    rolled = rollup(rows, [USD], WHERE)

    assert rolled.totals == {}
    assert rolled.missing == {USD}
    assert rolled.by_account.columns == ["account"]
    assert rows[column(USD)].to_list() == [None, Decimal(100)]
