"""Usage events: one for each request to a model, with tokens and money, and the e-mail of who is still in the team."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import Amount, AmountKey, Field, Identity, PeopleKey, column, spend, tokens
from exporter.transport.client import Client
from exporter.transport.json_object import JsonObject
from exporter.vendors.base import Accounts
from exporter.vendors.cursor.api import EVENT_LIST, email_of, event_pages, id_of, milliseconds, person
from exporter.vendors.rollup import Rollup, breakdown, money_column, rollup

REQUESTS = Amount("usage", "requests")
CLOUD = Amount("usage", "cloud_agent_requests")
AUTOMATION = Amount("usage", "automation_requests")
TOKENS: Mapping[str, Amount] = {
    "inputTokens": tokens("input"),
    "outputTokens": tokens("output"),
    "cacheReadTokens": tokens("cache_read"),
    "cacheWriteTokens": tokens("cache_creation"),
}
# Both names of money are in US dollars; there is no field for the currency.
CHARGED, INCLUDED = spend("USD", "charged"), spend("USD", "included")
_AMOUNTS = (REQUESTS, CLOUD, AUTOMATION, *TOKENS.values(), CHARGED, INCLUDED)
_BY_MODEL = (REQUESTS, *TOKENS.values(), CHARGED, INCLUDED)

# What a day lacks without its events.
FIELDS: frozenset[Field] = frozenset({REQUESTS, CLOUD, AUTOMATION, "tokens", "spend", "model", "service"})


class Event(NamedTuple):
    """One event. `tokens` is None where none are told; money is None where it should be there."""

    who: Identity | None
    service: bool
    automation: bool
    cloud: bool
    model: str | None
    tokens: tuple[int | None, ...] | None
    charged: Decimal | None
    included: Decimal | None


@dataclass(frozen=True)
class Events:
    """The events of a day as a table, and who caused them. Its column `who` is a place in `people`, null for nobody."""

    table: pl.DataFrame
    people: Sequence[Identity]

    def __len__(self) -> int:
        return self.table.height


@dataclass(frozen=True)
class EventUsage:
    """Events by day or why they cannot be used; how many came of other days, and how many did not come."""

    days: Mapping[date, Events | BadPayload]
    strange: int
    absent: int


@dataclass(frozen=True)
class EventFacts:
    """What the events of a day come down to: the service accounts, sums, breakdowns, and sets of the day's people."""

    service: BitMap
    rolled: Rollup
    by_model: Mapping[AmountKey, int | Decimal]
    people: Mapping[PeopleKey, BitMap]


def read_events(client: Client, days: Sequence[date]) -> EventUsage:
    """The events of days that follow each other, newest first, within the vendor's range.

    Raises BadPayload where no day can be used.
    """
    first, end = milliseconds(days[-1]), milliseconds(days[0]) + 86_400_000
    found: dict[date, list[Event]] = {day: [] for day in days}
    invalid: dict[date, BadPayload] = {}
    total, came, strange = 0, 0, 0
    for page in event_pages(client, days[-1], days[0]):
        rows, total = page.answer.objects(EVENT_LIST.rows), EVENT_LIST.total(page.answer)
        came += len(rows)
        if came > total:
            raise BadPayload(f"{EVENT_LIST.where}: {came} events came where pages count {total} in all")
        for row in rows:
            moment = _moment(row)
            if not first <= moment < end:
                strange += 1
                continue
            day = datetime.fromtimestamp(moment // 1000, UTC).date()
            try:
                found[day].append(_parse(row))
            except BadPayload as error:
                invalid.setdefault(day, error)
    tables = {day: invalid[day] if day in invalid else _events(day, listed) for day, listed in found.items()}
    return EventUsage(tables, strange, total - came)


def roll_up(events: Events, accounts: Accounts, active: BitMap, where: str) -> EventFacts:
    """The facts of a day's events. `active` are the day's people by daily usage: no others are people of a breakdown.

    Raises BadPayload for sums that are too large.
    """
    numbers = accounts.number(events.people)
    places = {"who": pl.Series(range(len(numbers)), dtype=pl.UInt32), "account": pl.Series(numbers, dtype=pl.UInt32)}
    rows = events.table.join(pl.DataFrame(places), on="who", how="left")
    rolled = rollup(rows, _AMOUNTS, where)
    by_model = breakdown(rows, "model", [amount for amount in _BY_MODEL if amount not in rolled.missing])
    # Where an automation asks, nobody is there.
    by_hand = rows.filter(~pl.col("service") & ~pl.col("automation"))
    return EventFacts(
        service=BitMap(rows["account"].filter(rows["service"]).to_list()),
        rolled=rolled,
        by_model=by_model.amounts,
        people={
            **rollup(by_hand, (REQUESTS, CLOUD), where, counted=active).people,
            **breakdown(by_hand, "model", (REQUESTS,), counted=active).people,
        },
    )


def _parse(row: JsonObject) -> Event:
    service = id_of(row, "serviceAccountId")
    # The event of a service account carries an e-mail too.
    who = Identity(key=f"sa:{service}", vendor_id=service) if service else person(email_of(row, "userEmail"), "")
    charged, included = _money(row)
    return Event(
        who=who,
        service=bool(service),
        automation=bool(id_of(row, "automationId")),
        cloud=bool(id_of(row, "cloudAgentId")),
        model=row.text("model") if row.given("model") else None,
        tokens=_tokens(row.json_object("tokenUsage")) if row.given("tokenUsage") else None,
        charged=charged,
        included=included,
    )


def _money(row: JsonObject) -> tuple[Decimal | None, Decimal | None]:
    """What an event adds to the charged and the included money, in dollars; None where that is not known.

    `chargedCents` is the full price of an event, discount and fee in it, also where nothing is charged for it.
    """
    cents = row.decimal("chargedCents") if row.given("chargedCents") else None
    if cents is not None and cents < 0:
        row.refuse("chargedCents", "a decimal number from 0")
    if not row.given("isChargeable"):
        return None, None
    chargeable = row.flag("isChargeable")
    if cents is None:
        return (None, None) if chargeable else (Decimal(), Decimal())
    return (_dollars(cents), Decimal()) if chargeable else (Decimal(), _dollars(cents))


def _dollars(cents: Decimal) -> Decimal:
    """The exact hundredth part: a division rounds where floats have left many digits."""
    sign, digits, exponent = cents.as_tuple()
    assert isinstance(exponent, int), "a number of JSON is finite"
    return Decimal((sign, digits, exponent - 2)) if cents else Decimal()


def _tokens(usage: JsonObject) -> tuple[int | None, ...]:
    return tuple(usage.whole(name) if usage.given(name) else None for name in TOKENS)


def _moment(row: JsonObject) -> int:
    """Milliseconds since 1970, which the vendor writes as text."""
    moment = id_of(row, "timestamp")
    if not (moment.isascii() and moment.isdigit()) or len(moment) > 18:
        raise BadPayload(f"{row.where}: {row.path}.timestamp is not a number of milliseconds")
    return int(moment)


def _events(day: date, rows: Sequence[Event]) -> Events | BadPayload:
    people = list(dict.fromkeys(row.who for row in rows if row.who is not None))
    places = {who: place for place, who in enumerate(people)}
    # Errors have no tokens; where no event has any, the vendor does not tell them.
    none: tuple[int | None, ...] = (0 if any(row.tokens is not None for row in rows) else None,) * len(TOKENS)
    counted = [none if row.tokens is None else row.tokens for row in rows]
    where = f"{EVENT_LIST.where} of {day}"
    try:
        table = pl.DataFrame(
            {
                "who": pl.Series([None if row.who is None else places[row.who] for row in rows], dtype=pl.UInt32),
                "service": pl.Series([row.service for row in rows], dtype=pl.Boolean),
                "automation": pl.Series([row.automation for row in rows], dtype=pl.Boolean),
                "model": pl.Series([row.model for row in rows], dtype=pl.String),
                column(REQUESTS): pl.Series([1] * len(rows), dtype=pl.Int64),
                column(CLOUD): pl.Series([int(row.cloud) for row in rows], dtype=pl.Int64),
                column(AUTOMATION): pl.Series([int(row.automation) for row in rows], dtype=pl.Int64),
                **{
                    column(amount): pl.Series([row[place] for row in counted], dtype=pl.Int64)
                    for place, amount in enumerate(TOKENS.values())
                },
                column(CHARGED): money_column(column(CHARGED), [row.charged for row in rows], where),
                column(INCLUDED): money_column(column(INCLUDED), [row.included for row in rows], where),
            }
        )
    except BadPayload as error:
        return error
    return Events(table, people)
