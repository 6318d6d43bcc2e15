from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Field, PeopleKey, Reading, column, spend, tokens
from exporter.state import team_names
from exporter.state.codec import people_of, same
from exporter.state.reread import change_of, keep_known_kinds, merged, with_fields
from tests.support.stores import fresh_store

VIM = PeopleKey("client", "vim")


def test_a_re_read_day_keeps_the_kinds_of_accounts_as_they_were_on_the_day() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 2, 3])}, service=BitMap([3]))
    read = DayFacts(people={EVERYBODY: BitMap([1, 2, 3, 4, 5])}, service=BitMap([2, 5]))

    kept = keep_known_kinds(stored, read)

    assert kept == replace(read, service=BitMap([3, 5]))
    assert people_of(kept) == BitMap([1, 2, 4])


def test_a_service_account_that_is_gone_from_a_re_read_day_is_gone() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 3])}, service=BitMap([3]))
    read = DayFacts(people={EVERYBODY: BitMap([1])}, service=BitMap())

    assert keep_known_kinds(stored, read) == read


def test_a_service_account_that_a_re_read_day_has_only_in_a_breakdown_becomes_no_person() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 3]), VIM: BitMap([1, 3])}, service=BitMap([3]))
    read = DayFacts(people={EVERYBODY: BitMap([1]), VIM: BitMap([1, 3])}, service=BitMap([3]))

    assert keep_known_kinds(stored, read) == read


def test_a_service_account_that_the_stored_day_had_only_in_a_breakdown_stays_one() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1]), VIM: BitMap([1, 3])}, service=BitMap([3]))
    read = DayFacts(people={EVERYBODY: BitMap([1, 3]), VIM: BitMap([1, 3])}, service=BitMap())

    assert keep_known_kinds(stored, read) == replace(read, service=BitMap([3]))


def test_a_day_that_is_re_read_without_a_registry_keeps_the_service_accounts_that_it_had() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 2, 3])}, service=BitMap([2, 3]))
    read = DayFacts(people={EVERYBODY: BitMap([1, 3, 4])})

    kept = keep_known_kinds(stored, read)

    assert kept == replace(read, service=BitMap([3]))
    assert people_of(kept) == BitMap([1, 4])


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (
            DayFacts(people={EVERYBODY: BitMap([1, 2])}),
            DayFacts(people={EVERYBODY: BitMap([1, 2])}, service=BitMap([2])),
        ),
        (DayFacts(head_count=3), DayFacts(head_count=4)),
    ],
)
def test_where_the_stored_day_knew_no_kinds_the_reading_is_taken_as_it_is(stored: DayFacts, read: DayFacts) -> None:
    assert keep_known_kinds(stored, read) == read


DAY = date(2026, 3, 9)
READ_AT = datetime(2026, 3, 10, 4, tzinfo=UTC)
CHARGED, INPUT = spend("USD", "charged"), tokens("input")
REQUESTS, SEARCHES = AmountKey(Amount("usage", "requests")), AmountKey(Amount("usage", "searches"))
OPUS = PeopleKey("model", "opus")
LATER: frozenset[Field] = frozenset({"tokens", "spend", "model", "team", "service", REQUESTS.amount})


def by_account(account: list[int], spend: list[Decimal] | None = None, tokens: list[int] | None = None) -> pl.DataFrame:
    """Amounts by account: dollars and input tokens, where they are given."""
    money = [] if spend is None else [pl.Series(column(CHARGED), spend, dtype=pl.Decimal(38, 2))]
    counts = [] if tokens is None else [pl.Series(column(INPUT), tokens, dtype=pl.Int64)]
    return pl.DataFrame([pl.Series("account", account, dtype=pl.UInt32), *money, *counts])


WHOLE = DayFacts(
    amounts={
        SEARCHES: 5,
        REQUESTS: 3,
        AmountKey(CHARGED): Decimal("0.30"),
        AmountKey(CHARGED, "model", "opus"): Decimal("0.30"),
        AmountKey(INPUT): 10,
    },
    people={
        EVERYBODY: BitMap([1, 2, 9]),
        OPUS: BitMap([1]),
        PeopleKey("activity", "requests"): BitMap([1]),
        VIM: BitMap([2]),
    },
    service=BitMap([9]),
    by_account=by_account(account=[1, 2, 9], spend=[Decimal("0.10"), Decimal(0), Decimal("0.20")], tokens=[4, 0, 6]),
    teams={"red": BitMap([1])},
)
# What the vendor shows of the same day before the rest has come.
FIRST = DayFacts(
    amounts={SEARCHES: 5},
    people={EVERYBODY: BitMap([1, 2]), VIM: BitMap([2])},
    by_account=by_account(account=[1, 2]),
    pending=LATER,
)


def test_what_was_pending_is_taken_when_it_comes_and_is_no_revision() -> None:
    after = merged(FIRST, Reading(DAY, WHOLE))

    assert same(after, WHOLE)
    assert change_of(FIRST, Reading(DAY, WHOLE), after) == "completed"


def test_a_change_beside_what_was_pending_is_a_revision() -> None:
    more = replace(WHOLE, amounts={**WHOLE.amounts, SEARCHES: 6})

    assert change_of(FIRST, Reading(DAY, more), more) == "revised"
    assert change_of(WHOLE, Reading(DAY, more), more) == "revised"
    assert change_of(None, Reading(DAY, more), more) == "new"


def test_what_is_known_stays_where_a_day_is_read_again_without_it() -> None:
    less = replace(FIRST, amounts={SEARCHES: 6})

    after = merged(WHOLE, Reading(DAY, less))

    assert same(after, replace(WHOLE, amounts={**WHOLE.amounts, SEARCHES: 6}))
    assert after.pending == frozenset()


def test_a_service_account_of_a_kept_field_stays_one_where_the_reading_does_not_name_it() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 9]), OPUS: BitMap([1, 9])}, service=BitMap([9]))
    read = DayFacts(people={EVERYBODY: BitMap([1])}, service=BitMap(), pending=frozenset({"model"}))

    after = merged(stored, Reading(DAY, read))

    assert after == DayFacts(people={EVERYBODY: BitMap([1]), OPUS: BitMap([1, 9])}, service=BitMap([9]))


def test_fields_alone_may_name_service_accounts_that_the_stored_day_does_not() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 8])}, service=BitMap([8]))
    models = DayFacts(people={OPUS: BitMap([1, 8, 9])}, service=BitMap([1, 9]))

    after = merged(stored, Reading(DAY, models, only=frozenset({"model"})))

    # An account that the stored day counts as a person stays one.
    assert after == replace(stored, people={EVERYBODY: BitMap([1, 8]), OPUS: BitMap([1, 8, 9])}, service=BitMap([8, 9]))
    unknown = replace(stored, service=None)
    assert merged(unknown, Reading(DAY, models, only=frozenset({"model"}))).service is None


def test_a_field_that_the_stored_day_does_not_know_either_stays_pending() -> None:
    stored = replace(WHOLE, amounts={SEARCHES: 5, AmountKey(INPUT): 10}, pending=frozenset({"spend"}))

    after = merged(stored, Reading(DAY, FIRST))

    assert after.pending == {"spend"}
    assert after.amounts == {SEARCHES: 5, AmountKey(INPUT): 10}


def test_a_field_that_the_vendor_no_longer_gives_at_all_is_missing() -> None:
    refused = replace(FIRST, pending=frozenset(), missing=LATER)

    after = merged(WHOLE, Reading(DAY, refused))

    # Service accounts are still known to be none of the people.
    assert same(after, replace(refused, service=BitMap()))


def test_some_fields_alone_may_be_read_again() -> None:
    money = DayFacts(amounts={AmountKey(CHARGED): Decimal("0.31"), AmountKey(INPUT): 99})
    reading = Reading(DAY, money, only=frozenset({"spend"}))

    after = merged(WHOLE, reading)

    kept = {key: value for key, value in WHOLE.amounts.items() if key.amount != CHARGED}
    expected = replace(
        WHOLE,
        amounts={**kept, AmountKey(CHARGED): Decimal("0.31")},
        by_account=by_account(account=[1, 2, 9], tokens=[4, 0, 6]),
    )
    assert same(after, expected)
    assert change_of(WHOLE, reading, after) == "completed"


def test_fields_alone_that_are_pending_again_change_nothing() -> None:
    reading = Reading(DAY, DayFacts(pending=frozenset({"spend"})), only=frozenset({"spend"}))

    assert same(merged(WHOLE, reading), WHOLE)
    assert change_of(WHOLE, reading, WHOLE) == "same"


def test_what_a_vendor_settles_apart_is_no_revision_of_the_day() -> None:
    dearer = replace(WHOLE, amounts={**WHOLE.amounts, AmountKey(CHARGED): Decimal("0.31")})
    refused = replace(WHOLE, amounts={**WHOLE.amounts, SEARCHES: 6}, missing=frozenset({"spend"}))
    apart: frozenset[Field] = frozenset({"spend"})

    assert change_of(WHOLE, Reading(DAY, dearer, apart=apart), dearer) == "completed"
    assert change_of(WHOLE, Reading(DAY, dearer), dearer) == "revised"
    assert change_of(WHOLE, Reading(DAY, refused, apart=apart), refused) == "revised"


def test_money_by_model_may_be_read_again_without_the_people_by_model() -> None:
    money = DayFacts(
        amounts={AmountKey(CHARGED, "model", "opus"): Decimal("0.31")}, pending=frozenset({"model_people"})
    )

    after = merged(WHOLE, Reading(DAY, money, only=frozenset({"spend", "model_people"})))

    assert after.people == WHOLE.people
    assert after.amounts[AmountKey(CHARGED, "model", "opus")] == Decimal("0.31")
    assert after.pending == frozenset()


def test_accounts_of_either_day_keep_what_they_have() -> None:
    one = DayFacts(amounts={AmountKey(INPUT): 4}, by_account=by_account(account=[1, 3], tokens=[4, 0]))
    other = DayFacts(
        amounts={AmountKey(CHARGED): Decimal(2)}, by_account=by_account(account=[2, 3], spend=[Decimal(2), Decimal(0)])
    )

    both = with_fields(one, other, {"spend"})

    assert both.by_account is not None
    assert both.by_account.rows() == [(1, 4, Decimal(0)), (2, 0, Decimal(2)), (3, 0, Decimal(0))]


def test_the_state_knows_which_days_wait_for_fields() -> None:
    store = fresh_store()
    store.list_scopes("tool", ["all"])

    store.replace("tool", "all", Reading(DAY, FIRST), now=READ_AT, requests=4)
    assert store.days("tool", "all")[DAY].pending
    changes = [
        store.replace("tool", "all", Reading(DAY, WHOLE), now=READ_AT, requests=5).change,
        store.replace("tool", "all", Reading(DAY, WHOLE, only=frozenset({"spend"})), now=READ_AT, requests=1).change,
    ]

    assert changes == ["completed", "same"]
    about = store.days("tool", "all")[DAY]
    assert (about.pending, about.requests, about.people) == (False, 5, 2)
    assert same(store.facts("tool", "all", [DAY])[DAY], WHOLE)
    assert store.scopes("tool")["all"].revised == 0


def test_fields_alone_of_a_day_that_is_not_stored_are_not_stored() -> None:
    store = fresh_store()

    store.replace("tool", "all", Reading(DAY, WHOLE, only=frozenset({"spend"})), now=READ_AT, requests=1)

    assert store.days("tool", "all") == {}


def test_a_team_has_the_name_of_the_newest_day() -> None:
    store = fresh_store()

    def read(day: date, names: dict[str, str]) -> None:
        store.replace("tool", "all", Reading(day, WHOLE, team_names=names), now=READ_AT, requests=1)

    read(DAY, {"t1": "web", "t2": "app"})
    read(date(2026, 3, 8), {"t1": "frontend", "t3": "data"})
    assert team_names.find(store.database, "tool", "all") == {"t1": "web", "t2": "app", "t3": "data"}
    read(DAY, {"t1": "website"})
    assert team_names.find(store.database, "tool", "all") == {"t1": "website", "t2": "app", "t3": "data"}
    assert team_names.find(store.database, "tool", "other") == {}
