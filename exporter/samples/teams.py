"""Breakdowns by team: the people of each team on a day, and what each team did."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache

import polars as pl
from pyroaring import BitMap

from exporter.model import (
    EVERYBODY,
    UNASSIGNED,
    AmountKey,
    DayFacts,
    Measure,
    PeopleKey,
    column,
    exact_product,
    exact_sum,
)

# Lines and characters of code are not published by team.
_BY_TEAM: frozenset[Measure] = frozenset({"usage", "active_time", "tokens", "spend"})


@dataclass(frozen=True)
class Membership:
    """The accounts of each team, as sets and as a table with the columns `account` (UInt32) and `team`.

    An account may be in several teams. `listed` are the accounts that the teams file lists, those that it assigns to
    `unassigned` too, and `team_of` is what this was made of.
    """

    teams: Mapping[str, BitMap]
    table: pl.DataFrame
    listed: BitMap = field(default_factory=BitMap)
    team_of: Mapping[int, str] = field(default_factory=dict)


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
        BitMap(team_of),
        team_of,
    )


def vendor_membership(teams: Mapping[str, BitMap], names: Mapping[str, str]) -> Membership:
    """The vendor's own teams of a day under their names (the id where a team has none); one name is one team.

    A team that is called `unassigned` is none.
    """
    named: dict[str, BitMap] = {}
    for team, accounts in teams.items():
        name = names.get(team, team)
        if name != UNASSIGNED:
            named.setdefault(name, BitMap()).update(accounts)
    rows = [(account, team) for team, accounts in sorted(named.items()) for account in accounts]
    return Membership(named, pl.DataFrame(rows, schema={"account": pl.UInt32, "team": pl.String}, orient="row"))


def distinct_names(names: Mapping[str, str]) -> Mapping[str, str]:
    """The names of teams by id; with the end of the id where two have the same name, and where it is `unassigned`."""
    often = Counter(names.values())
    return {
        team: f"{name} ({team[-4:]})" if often[name] > 1 or name == UNASSIGNED else name for team, name in names.items()
    }


def with_teams(facts: DayFacts, members: Membership) -> DayFacts:
    """A day's facts with parts by team beside those by client, language and model.

    Where nobody is in two teams, the parts of an amount add up to its total: `unassigned` has the rest, including
    service accounts and rows without an id. An amount has no parts by team where the day lacks its total or its amounts
    by account.
    """
    return replace(
        facts, amounts={**facts.amounts, **_amounts(facts, members)}, people={**facts.people, **_people(facts, members)}
    )


def with_vendor_teams(facts: DayFacts, names: Mapping[str, str]) -> DayFacts:
    """A day's facts with parts by the vendor's own teams, which are missing where the day does not know them."""
    if facts.teams is None:
        return replace(facts, missing=facts.missing | {"team"})
    return with_teams(facts, vendor_membership(facts.teams, names))


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
    sums = [_sum(name, key) for name, key in columns.items()]
    by_team = people.join(members.table.lazy(), on="account").group_by("team").agg(sums)
    # Somebody of two teams counts in each of them, and once among those who are in any.
    in_any = people.join(members.table.lazy(), on="account", how="semi").select(sums)
    grouped, assigned = pl.collect_all([by_team, in_any])
    amounts: dict[AmountKey, int | Decimal] = {}
    for name, key in columns.items():
        values = zip(grouped["team"].to_list(), grouped[name].to_list(), strict=True)
        amounts |= {_part(key, team): _exact(key, value) for team, value in values if value}
        amounts[_part(key, UNASSIGNED)] = exact_sum(
            [facts.amounts[key], exact_product(-1, _exact(key, assigned[name].item()))]
        )
    return amounts


def _sum(name: str, key: AmountKey) -> pl.Expr:
    """Sums do not wrap: money is a decimal of 38 digits, and the rest is added in 128 bits."""
    column = pl.col(name)
    return (column if key.amount.measure == "spend" else column.cast(pl.Int128)).sum()


# Interned, so dict lookups compare by identity, as for the keys of facts (state/codec.py).
@lru_cache(maxsize=10_000)
def _part(key: AmountKey, team: str) -> AmountKey:
    return key._replace(dimension="team", member=team)


def _exact(key: AmountKey, value: int | Decimal) -> int | Decimal:
    """Converts time from nanoseconds (amounts by account) to seconds (facts)."""
    return Decimal(value).scaleb(-9) if key.amount.measure == "active_time" else value
