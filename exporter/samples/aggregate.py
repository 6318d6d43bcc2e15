"""The facts of several days together: exact sums and sets, and only what every day knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pyroaring import BitMap

from exporter.model import EVERYBODY, UNASSIGNED, Amount, AmountKey, DayFacts, Dimension, Field, PeopleKey, exact_sum


@dataclass(frozen=True)
class Aggregate:
    """What is known of consecutive days.

    `amounts` has the totals that every day knows and the parts that any day has: a day without a part has none of it.
    `people` leaves out accounts on days on which they were service accounts; it has EVERYBODY where every day lists
    people. `service` is None where it is unknown on some day. `missing` are the fields that some day lacks. `bases` are
    those of which every day knows the money, in total and by team: such a day has none in currencies that it does not
    name.
    """

    amounts: Mapping[AmountKey, int | Decimal]
    people: Mapping[PeopleKey, BitMap]
    service: BitMap | None
    missing: frozenset[Field]
    bases: frozenset[tuple[Dimension, str]] = frozenset()

    def lacks(self, amount: Amount, dimension: Dimension) -> bool:
        """Whether the parts of an amount by a dimension are unknown on some day."""
        return amount in self.missing or amount.measure in self.missing or dimension in self.missing


def day_aggregate(facts: DayFacts) -> Aggregate:
    """One day as an aggregate."""
    service = facts.service
    active = facts.people.get(EVERYBODY)
    return Aggregate(
        amounts=facts.amounts,
        people=facts.people if not service else {key: found - service for key, found in facts.people.items()},
        service=None if service is None or active is None else service & active,
        missing=facts.missing | facts.pending,
        bases=frozenset(
            (key.dimension, key.amount.basis)
            for key in facts.amounts
            if key.amount.measure == "spend" and not is_part(key)
        ),
    )


def combined(aggregates: Sequence[Aggregate]) -> Aggregate:
    """Aggregates of consecutive days as one."""
    amounts: dict[AmountKey, list[int | Decimal]] = {}
    people: dict[PeopleKey, list[BitMap]] = {}
    for aggregate in aggregates:
        for key, value in aggregate.amounts.items():
            amounts.setdefault(key, []).append(value)
        for member, accounts in aggregate.people.items():
            people.setdefault(member, []).append(accounts)
    bases = frozenset.intersection(*(aggregate.bases for aggregate in aggregates))
    services = [aggregate.service for aggregate in aggregates if aggregate.service is not None]
    return Aggregate(
        amounts={
            key: _sum(key, found)
            for key, found in amounts.items()
            if len(found) == len(aggregates) or is_part(key) or (key.dimension, key.amount.basis) in bases
        },
        people={
            key: BitMap.union(*found)
            for key, found in people.items()
            if len(found) == len(aggregates) or key != EVERYBODY
        },
        service=BitMap.union(*services) if len(services) == len(aggregates) else None,
        missing=frozenset().union(*(aggregate.missing for aggregate in aggregates)),
        bases=bases,
    )


def _sum(key: AmountKey, values: Sequence[int | Decimal]) -> int | Decimal:
    # Integers are exact without the decimal context, and there are many of them.
    return exact_sum(values) if key.amount.measure in ("active_time", "spend") else sum(values)


def is_part(key: AmountKey) -> bool:
    """Whether an amount is part of a breakdown (by client, language, model or team, or the time of one activity).

    `unassigned` is the rest of a total, so it is known only where the total is.
    """
    if key.dimension == "total":
        return key.amount.measure == "active_time" and key.amount.activity != ""
    return key.member != UNASSIGNED or key.dimension != "team"
