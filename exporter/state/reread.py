"""What a day that is read again keeps of the day that is stored; pure."""

from collections.abc import Collection
from dataclasses import replace

import polars as pl
from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Field, PeopleKey, Reading, column
from exporter.state.codec import accounts_of, counted_accounts, same
from exporter.state.records import Change


def merged(stored: DayFacts, reading: Reading) -> DayFacts:
    """What is stored of a day that is read again: the reading, with what only the stored day knows.

    That is the kinds of accounts, fields that the reading left out (`only`), and fields that are pending again: a
    vendor that gives a field later may fail to give it another time.
    """
    read = reading.facts
    known = read.pending - stored.pending - stored.missing
    if reading.only is None:
        # Kinds come last: the fields that are kept may name accounts that the reading does not.
        return keep_known_kinds(stored, with_fields(read, stored, known) if known else read)
    after = with_fields(stored, read, reading.only - known)
    return after if stored.service is None else keep_known_kinds(stored, replace(after, service=read.service))


def keep_known_kinds(stored: DayFacts, read: DayFacts) -> DayFacts:
    """A re-read day with the service accounts of the stored day.

    Sourcegraph's registry describes today only (2026-11). So an account that the stored day counts as a person stays
    one, and an account that is new on the day is what the registry says now: a person if the registry is gone. A
    service account stays one where only its money is kept.
    """
    if stored.service is None:
        return read
    new = BitMap() if read.service is None else read.service - counted_accounts(stored)
    return replace(read, service=(stored.service & accounts_of(read)) | new)


def with_fields(facts: DayFacts, other: DayFacts, fields: Collection[Field]) -> DayFacts:
    """A day with these fields as the other reading has them: values, breakdowns, what is missing and pending."""
    wanted = frozenset(fields)
    people = {key: accounts for key, accounts in facts.people.items() if not _has_people(key, wanted)}
    people |= {key: accounts for key, accounts in other.people.items() if _has_people(key, wanted)}
    if "service" in wanted and EVERYBODY in facts.people:
        machines = (other.service or BitMap()) & other.people.get(EVERYBODY, BitMap())
        people[EVERYBODY] = facts.people[EVERYBODY] - (facts.service or BitMap()) | machines
    return replace(
        facts,
        amounts={key: value for key, value in facts.amounts.items() if not _is_of(key, wanted)}
        | {key: value for key, value in other.amounts.items() if _is_of(key, wanted)},
        people=people,
        service=other.service if "service" in wanted else facts.service,
        missing=_with(facts.missing, other.missing, wanted),
        pending=_with(facts.pending, other.pending, wanted),
        by_account=_accounts_with(facts, other, wanted),
        teams=other.teams if "team" in wanted else facts.teams,
    )


def change_of(stored: DayFacts | None, reading: Reading, after: DayFacts) -> Change:
    """How a reading changed a stored day (None: there was none) to what it is `after`."""
    if stored is None:
        return "new"
    if same(stored, after):
        return "same"
    # What comes later is no revision, nor is what a vendor settles on its own.
    later = stored.pending | reading.apart | (reading.only or frozenset())
    return "completed" if later and same(with_fields(stored, after, later), after) else "revised"


def _is_of(key: AmountKey, fields: frozenset[Field]) -> bool:
    return key.amount in fields or key.amount.measure in fields or key.dimension in fields


def _has_people(key: PeopleKey, fields: frozenset[Field]) -> bool:
    if f"{key.dimension}_people" in fields:
        return True
    return key.dimension in fields or (key.dimension == "activity" and Amount("usage", key.member) in fields)


def _with(mine: frozenset[Field], others: frozenset[Field], wanted: frozenset[Field]) -> frozenset[Field]:
    return frozenset(field for field in mine if not _covers(wanted, field)) | frozenset(
        field for field in others if _covers(wanted, field)
    )


def _covers(fields: frozenset[Field], field: Field) -> bool:
    return field in fields or (isinstance(field, Amount) and field.measure in fields)


def _accounts_with(facts: DayFacts, other: DayFacts, wanted: frozenset[Field]) -> pl.DataFrame | None:
    """The amounts by account, with the columns of the wanted fields from the other day."""
    mine = None if facts.by_account is None else facts.by_account.drop(_columns(facts, facts.by_account, wanted))
    if other.by_account is None:
        return mine
    theirs = other.by_account.select("account", *_columns(other, other.by_account, wanted))
    if theirs.width == 1 and mine is not None:
        return mine
    if mine is None:
        return theirs if theirs.width > 1 else None
    joined = mine.join(theirs, on="account", how="full", coalesce=True)
    # An account without a row has none of the amount: both tables hold every row of their amounts.
    return joined.with_columns(pl.exclude("account").fill_null(0)).sort("account")


def _columns(facts: DayFacts, table: pl.DataFrame, wanted: frozenset[Field]) -> list[str]:
    amounts = {key.amount for key in facts.amounts if key.amount in wanted or key.amount.measure in wanted}
    return sorted({column(amount) for amount in amounts} & set(table.columns))
