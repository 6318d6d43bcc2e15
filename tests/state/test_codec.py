import json
import zlib
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.model import (
    EVERYBODY,
    Amount,
    AmountKey,
    Basis,
    DayFacts,
    Field,
    PeopleKey,
    TokenKind,
    amount_of,
    column,
    spend,
    tokens,
)
from exporter.state.codec import decode, encode, encode_accounts, pack_accounts, people_of, same
from exporter.state.codec import unpack_accounts as unpack

VIM = PeopleKey("client", "vim")
SEARCHES = AmountKey(Amount("usage", "searches"))

ACCOUNTS = st.one_of(
    st.builds(BitMap, st.lists(st.integers(0, 2**32 - 1), max_size=20)),
    st.builds(lambda first, size: BitMap(range(first, first + size)), st.integers(0, 70_000), st.integers(0, 9_000)),
)
MEMBERS = st.one_of(st.sampled_from(["", "vim", 'a"b\\c\n', "日本"]), st.text(max_size=5))
KINDS: list[TokenKind] = ["input", "output", "cache_read", "cache_creation"]
BASES: list[Basis] = ["estimated", "included", "charged"]
AMOUNTS = st.one_of(
    st.tuples(st.sampled_from(["usage", "code_lines", "code_characters", "active_time"]), MEMBERS).map(
        lambda words: amount_of(*words)
    ),
    st.sampled_from(KINDS).map(tokens),
    st.tuples(st.sampled_from(["USD", "EUR"]), st.sampled_from(BASES)).map(lambda words: spend(*words)),
)
DIMENSIONS = st.sampled_from(["total", "activity", "client", "language", "model"])
FIELDS: st.SearchStrategy[Field] = st.one_of(AMOUNTS, st.sampled_from(["tokens", "spend", "model", "team", "service"]))
TABLES = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**63 - 1), st.decimals(-(10**12), 10**12, places=20)),
    unique_by=lambda row: row[0],
).map(
    lambda rows: pl.DataFrame(
        sorted(rows),
        schema={"account": pl.UInt32, "usage|searches": pl.Int64, "spend|USD|charged": pl.Decimal(38, 20)},
        orient="row",
    )
)
FACTS = st.builds(
    DayFacts,
    amounts=st.dictionaries(
        st.builds(AmountKey, AMOUNTS, DIMENSIONS, MEMBERS),
        st.one_of(
            st.integers(0, 2**70),
            st.decimals(-1, 10**12, places=20),
            st.sampled_from([Decimal("1E+3"), Decimal("-0.1")]),
        ),
        max_size=8,
    ),
    people=st.dictionaries(st.builds(PeopleKey, DIMENSIONS, MEMBERS), ACCOUNTS, max_size=4),
    service=st.one_of(st.none(), ACCOUNTS),
    head_count=st.one_of(st.none(), st.integers(0, 2**63 - 1)),
    missing=st.frozensets(FIELDS, max_size=4),
    by_account=st.one_of(st.none(), TABLES),
    pending=st.frozensets(FIELDS, max_size=4),
    teams=st.one_of(st.none(), st.dictionaries(MEMBERS, ACCOUNTS, max_size=3)),
)


def amounts_table(**columns: list[int]) -> pl.DataFrame:
    """A table of amounts by account, in the columns' order."""
    return pl.DataFrame(columns, schema={name: pl.UInt32 if name == "account" else pl.Int64 for name in columns})


@settings(deadline=None)
@given(FACTS)
def test_facts_are_read_back_as_they_were_written(facts: DayFacts) -> None:
    again = decode(encode(facts), encode_accounts(facts))

    assert replace(again, by_account=None) == replace(facts, by_account=None)
    assert {key: repr(value) for key, value in again.amounts.items()} == {
        key: repr(value) for key, value in facts.amounts.items()
    }
    assert (again.by_account is None) == (facts.by_account is None)
    if again.by_account is not None and facts.by_account is not None:
        assert again.by_account.schema == facts.by_account.schema
        assert again.by_account.equals(facts.by_account)
    assert same(again, facts)
    assert {type(key) for key in again.amounts} <= {AmountKey}
    assert {type(key.amount) for key in again.amounts} <= {Amount}
    assert {type(field) for field in (*again.missing, *again.pending)} <= {Amount, str}
    assert {type(key) for key in again.people} <= {PeopleKey}


@settings(deadline=None)
@given(ACCOUNTS)
def test_a_set_of_accounts_is_read_back_as_it_was_written(accounts: BitMap) -> None:
    assert unpack(pack_accounts(accounts)) == accounts


def test_amounts_are_written_as_every_version_has_written_them() -> None:
    facts = DayFacts(
        amounts={SEARCHES: 1, AmountKey(SEARCHES.amount, "client", "vim"): 2},
        missing=frozenset({Amount("code_lines", "written")}),
    )

    document = json.loads(zlib.decompress(encode(facts)))

    assert document["amounts"] == [["usage", "searches", "client", "vim", 2], ["usage", "searches", "total", "", 1]]
    assert document["missing"] == [["code_lines", "written"]]
    assert document.keys() == {"format", "amounts", "people", "service", "head_count", "missing"}
    assert document["format"] == 1
    assert [column(amount) for amount in (SEARCHES.amount, Amount("active_time", ""))] == [
        "usage|searches",
        "active_time|",
    ]


def test_what_the_first_format_cannot_hold_is_written_in_the_second() -> None:
    new = [
        DayFacts(amounts={AmountKey(tokens("cache_read")): 1, AmountKey(spend("USD", "charged")): Decimal("-0.10")}),
        DayFacts(people={PeopleKey("model", "gpt-5"): BitMap([1])}),
        DayFacts(missing=frozenset({"spend"})),
        DayFacts(pending=frozenset({"team"})),
        DayFacts(teams={}),
    ]

    documents = [json.loads(zlib.decompress(encode(facts))) for facts in new]

    assert [document["format"] for document in documents] == [2, 2, 2, 2, 2]
    assert documents[0]["amounts"] == [
        ["spend", "USD", "charged", "total", "", "-0.10"],
        ["tokens", "cache_read", "total", "", 1],
    ]
    assert [column(key.amount) for key in sorted(new[0].amounts)] == ["spend|USD|charged", "tokens|cache_read"]


def test_facts_of_another_format_are_refused() -> None:
    document = json.loads(zlib.decompress(encode(DayFacts())))
    foreign = zlib.compress(json.dumps({**document, "format": 3}).encode())

    with pytest.raises(ValueError, match=r"^facts of format 3, this version reads 1 and 2$"):
        decode(foreign, None)


def test_two_readings_that_differ_only_in_memory_layout_are_the_same() -> None:
    one_by_one = BitMap()
    for account in range(70_000):
        one_by_one.add(account)
    table = amounts_table(account=[1, 2], **{"usage|a": [3, 4], "usage|b": [5, 6]})
    other_order = table.select("usage|b", "account", "usage|a")
    in_chunks = pl.concat([table[:1], table[1:]], rechunk=False)

    one = DayFacts(
        amounts={AmountKey(Amount("active_time", "")): Decimal("1.50"), SEARCHES: 1},
        people={EVERYBODY: one_by_one, VIM: BitMap([1])},
        by_account=table,
    )
    other = DayFacts(
        amounts={SEARCHES: 1, AmountKey(Amount("active_time", "")): Decimal("1.5")},
        people={VIM: BitMap([1]), EVERYBODY: BitMap(range(70_000))},
        by_account=other_order,
    )

    assert same(one, other)
    assert same(replace(one, by_account=in_chunks), other)


def test_money_by_account_is_the_same_whatever_zeros_stand_at_its_end() -> None:
    def spent(text: str, places: int) -> DayFacts:
        money = pl.Series("spend|USD|charged", [Decimal(text)], dtype=pl.Decimal(38, places))
        return DayFacts(by_account=pl.DataFrame([pl.Series("account", [1], dtype=pl.UInt32), money]))

    assert same(spent("1.5", 1), spent("1.5", 6))
    assert not same(spent("1.5", 1), spent("1.500001", 6))


FULL = DayFacts(
    amounts={SEARCHES: 1},
    people={EVERYBODY: BitMap([1, 2])},
    service=BitMap([2]),
    head_count=1,
    missing=frozenset({Amount("usage", "chat_messages")}),
    by_account=amounts_table(account=[1, 2], **{"usage|searches": [3, 4]}),
)


@pytest.mark.parametrize(
    "other",
    [
        replace(FULL, amounts={SEARCHES: 2}),
        replace(FULL, amounts={}),
        replace(FULL, people={EVERYBODY: BitMap([1])}),
        replace(FULL, people={EVERYBODY: BitMap([1, 2]), VIM: BitMap()}),
        replace(FULL, service=None),
        replace(FULL, service=BitMap()),
        replace(FULL, head_count=None),
        replace(FULL, missing=frozenset()),
        replace(FULL, by_account=None),
        replace(FULL, pending=frozenset({"spend"})),
        replace(FULL, teams={}),
        replace(FULL, by_account=amounts_table(account=[1, 2], **{"usage|searches": [3, 5]})),
        replace(FULL, by_account=amounts_table(account=[1, 3], **{"usage|searches": [3, 4]})),
        replace(FULL, by_account=amounts_table(account=[1, 2], **{"usage|chat_messages": [3, 4]})),
        replace(FULL, by_account=amounts_table(account=[1], **{"usage|searches": [3]})),
    ],
)
def test_every_difference_between_two_readings_is_seen(other: DayFacts) -> None:
    assert same(FULL, FULL)
    assert not same(FULL, other)
    assert not same(other, FULL)


def test_people_of_a_day_are_the_listed_accounts_without_service_accounts() -> None:
    assert people_of(DayFacts(head_count=3)) is None
    assert people_of(DayFacts(people={EVERYBODY: BitMap([1, 2])})) == BitMap([1, 2])
    assert people_of(DayFacts(people={EVERYBODY: BitMap([1, 2])}, service=BitMap([2, 5]))) == BitMap([1])
