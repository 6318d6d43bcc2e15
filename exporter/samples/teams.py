"""Breakdowns by team: the people of each team on a day, and what each team did."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

import polars as pl
from pyroaring import BitMap

from exporter.model import EVERYBODY, UNASSIGNED, AmountKey, DayFacts, Measure, PeopleKey, column, exact_sum

# Lines and characters of code are not published by team.
_BY_TEAM: frozenset[Measure] = frozenset({"usage", "active_time"})


@dataclass(frozen=True)
class Membership:
    """The accounts of each team, as sets and as a table with the columns `account` (UInt32) and `team`."""

    teams: Mapping[str, BitMap]
    table: pl.DataFrame


def membership(team_of: Mapping[int, str]) -> Membership:
    """The teams of accounts; an account assigned to `unassigned` is in no team."""
    named = {account: team for account, team in team_of.items() if team != UNASSIGNED}
    table = pl.DataFrame(
        {"account": list(named), "team": list(named.values())}, schema={"account": pl.UInt32, "team": pl.String}
    )
    grouped = table.group_by("team").agg("account")
    return Membership(
        {team: BitMap(accounts.to_list()) for team, accounts in zip(grouped["team"], grouped["account"], strict=True)},
        table,
    )


def with_teams(facts: DayFacts, members: Membership) -> DayFacts:
    """A day's facts with parts by team beside those by client and language.

    The parts of an amount add up to its total: `unassigned` has the rest, including service accounts and rows without
    an id. An amount has no parts by team where the day lacks its total or its amounts by account.
    """
    return replace(
        facts, amounts={**facts.amounts, **_amounts(facts, members)}, people={**facts.people, **_people(facts, members)}
    )


def _people(facts: DayFacts, members: Membership) -> dict[PeopleKey, BitMap]:
    active = facts.people.get(EVERYBODY)
    if active is None:
        return {}
    found = {PeopleKey("team", team): active & accounts for team, accounts in members.teams.items()}
    found[PeopleKey("team", UNASSIGNED)] = active.difference(*members.teams.values())
    return {key: accounts for key, accounts in found.items() if accounts}


def _amounts(facts: DayFacts, members: Membership) -> dict[AmountKey, int | Decimal]:
    if facts.by_account is None:
        return {}
    columns = {
        column(key.amount): key for key in facts.amounts if key.dimension == "total" and key.amount.measure in _BY_TEAM
    }
    columns = {name: key for name, key in columns.items() if name in facts.by_account.columns}
    people = facts.by_account.lazy().select("account", *columns)
    if facts.service:
        people = people.filter(~pl.col("account").is_in(list(facts.service)))
    grouped = (
        people.join(members.table.lazy(), on="account")
        .group_by("team")
        .agg(pl.col(name).cast(pl.Int128).sum() for name in columns)
        .collect()
    )
    amounts: dict[AmountKey, int | Decimal] = {}
    for name, key in columns.items():
        values = zip(grouped["team"].to_list(), grouped[name].to_list(), strict=True)
        parts = {_part(key, team): _exact(key, value) for team, value in values if value}
        amounts |= parts
        amounts[_part(key, UNASSIGNED)] = exact_sum([facts.amounts[key], *(-value for value in parts.values())])
    return amounts


# Interned, so dict lookups compare by identity, as for the keys of facts (state/codec.py).
@lru_cache(maxsize=10_000)
def _part(key: AmountKey, team: str) -> AmountKey:
    return key._replace(dimension="team", member=team)


def _exact(key: AmountKey, value: int) -> int | Decimal:
    """Converts time from nanoseconds (amounts by account) to seconds (facts)."""
    return Decimal(value).scaleb(-9) if key.amount.measure == "active_time" else value
