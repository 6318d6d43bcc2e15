"""Cursor: people and counters from daily usage, tokens and money from events, teams from billing groups, seats.

What its words mean here, and what it does not tell: docs/vendors/cursor.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload, VendorError
from exporter.model import ALL, EVERYBODY, ONE_DAY, DayFacts, Field, Holder, Identity, Reading, Seats, newest_ready
from exporter.transport.credentials import basic
from exporter.vendors.base import InvalidDay, Vendor
from exporter.vendors.cursor import daily, events
from exporter.vendors.cursor.api import (
    DAILY_LIST,
    ENDPOINTS,
    EVENT_LIST,
    GROUPS,
    MEMBERS,
    RANGE,
    email_of,
    get,
    id_of,
    person,
    read_pages,
)
from exporter.vendors.cursor.daily import DailyUsage, Row, read_daily_usage
from exporter.vendors.cursor.event_days import LOST, EventDays
from exporter.vendors.cursor.events import EventFacts, Events
from exporter.vendors.cursor.groups import Cycle, Groups
from exporter.vendors.cursor.settings import Context, CursorSession, CursorSettings, waits
from exporter.vendors.optional_read import optional

_CAN_WRITE = (
    "a key with the scope admin:* can also remove members and set limits; this exporter sends none of that, and a "
    "key that may only read is better where Cursor accepts it"
)


def scopes(context: Context) -> Sequence[str]:
    """One scope: the team of the key."""
    return [ALL]


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The days that have a row, from the first day on that ever had an active one, newest first."""
    event_days = EventDays(context)
    event_days.forget_old()
    groups = Groups(context)
    # Days without an active row: they are days of the team only where an older day has one.
    quiet: dict[date, Sequence[Row]] = {}
    for asked in _spans(days):
        usage = _daily_usage(context, asked)
        first = _first_active(context, usage)
        rows = quiet | {day: usage.rows[day] for day in asked if day in usage.rows and day not in usage.invalid}
        shown = [day for day in rows if first is not None and day >= first]
        quiet = {day: found for day, found in rows.items() if day not in shown}
        yield from (InvalidDay(day, usage.invalid[day]) for day in asked if day in usage.invalid)
        for place, day in enumerate(shown):
            expected = any(row.requests for row in rows[day])
            found = event_days.of(day, shown[place + 1 :], expected=expected)
            try:
                if isinstance(found, BadPayload):
                    raise found
                cycle = groups.of(day) if context.settings.teams is not None else None
                facts = _facts(context, day, rows[day], found, cycle)
            except BadPayload as error:
                yield InvalidDay(day, error)
                continue
            names = {} if cycle is None else cycle.names
            yield Reading(day, facts, rows=any(row.active for row in rows[day]), team_names=names)
    if groups.failed is not None:
        raise groups.failed


def seats(context: Context, scope: str) -> Seats | None:
    """The members who hold a paid seat now; None where the key may not list members."""
    members = optional(context, "seats", lambda: _holders(context))
    return None if members is None else Seats.of(map(Holder, context.accounts.number(members)))


def probe(context: Context) -> None:
    """One user of the newest day."""
    newest = newest_ready(context.now, context.settings.ready_at)
    next(read_pages(context.client, DAILY_LIST._replace(size=1), newest, newest))


def check(context: Context) -> Iterator[str]:
    """A line for daily usage and for each configured read that is refused; remarks for what is lost without failing."""
    context.warn("key", _CAN_WRITE)
    newest = newest_ready(context.now, context.settings.ready_at)
    try:
        probe(context)
        optional(context, "seats", lambda: _holders(context))
        if context.settings.events:
            one = EVENT_LIST._replace(size=1)
            optional(context, LOST, lambda: next(read_pages(context.client, one, newest, newest)))
        if context.settings.teams is not None:
            get(context.client, GROUPS)
    except VendorError as error:
        yield str(error)


def least_requests(days: int, _data_days: int) -> int:
    """A page of daily usage and a page of events for each span."""
    return 2 * -(-days // RANGE)


def _spans(days: Sequence[date]) -> Iterator[Sequence[date]]:
    """The days in parts that the vendor gives at once, newest first."""
    left = days
    while left:
        asked = [day for day in left if day > left[0] - RANGE * ONE_DAY]
        yield asked
        left = left[len(asked) :]


def _daily_usage(context: Context, days: Sequence[date]) -> DailyUsage:
    try:
        usage = read_daily_usage(context.client, days)
    except BadPayload as error:
        return DailyUsage({}, dict.fromkeys(days, error), 0)
    if usage.absent:
        context.warn("absent users", f"{usage.absent} users that the vendor counts did not come in daily usage")
    return usage


def _first_active(context: Context, usage: DailyUsage) -> date | None:
    """The oldest day with an active row that the state or the vendor has shown so far."""
    active = [day for day, rows in usage.rows.items() if any(row.active for row in rows)]
    known = (context.first_active, context.session.first_active, *active)
    context.session.first_active = min((day for day in known if day is not None), default=None)
    return context.session.first_active


def _facts(context: Context, day: date, rows: Sequence[Row], found: Events | None, cycle: Cycle | None) -> DayFacts:
    known = [row.identity.key for row in rows if row.identity is not None]
    if len(set(known)) < len(known):
        context.warn("several rows", f"{day} has several rows of one person: they are added")
    active, rolled = daily.roll_up(rows, context.accounts, f"{DAILY_LIST.where} of {day}")
    facts = DayFacts(
        amounts=rolled.totals,
        people={EVERYBODY: active, **rolled.people},
        missing=rolled.missing,
        by_account=rolled.by_account,
    )
    if found is not None:
        of_events = events.roll_up(found, context.accounts, active, f"{EVENT_LIST.where} of {day}")
        facts = _with_events(facts, of_events)
    if cycle is not None:
        facts = _with_teams(context, facts, cycle.teams(day))
    unknown: frozenset[Field] = events.FIELDS if found is None else frozenset()
    if cycle is None and context.settings.teams is not None:
        unknown |= {"team"}
    later = unknown if waits(context, day) else frozenset()
    if not context.settings.events:
        later -= events.FIELDS
    return replace(facts, missing=facts.missing | (unknown - later), pending=later)


def _with_events(facts: DayFacts, of_events: EventFacts) -> DayFacts:
    mine, others = facts.by_account, of_events.rolled.by_account
    assert mine is not None, "daily usage tells what accounts did"
    together = mine.join(others, on="account", how="full", coalesce=True)
    return replace(
        facts,
        amounts={**facts.amounts, **of_events.rolled.totals, **of_events.by_model},
        people={**facts.people, **of_events.people, EVERYBODY: facts.people[EVERYBODY] | of_events.service},
        service=of_events.service,
        missing=facts.missing | of_events.rolled.missing,
        # An account without a row has none of an amount.
        by_account=together.with_columns(pl.exclude("account").fill_null(0)).sort("account"),
    )


def _with_teams(context: Context, facts: DayFacts, teams: Mapping[str, Sequence[Identity]]) -> DayFacts:
    """A day with those accounts of each team that did something on it."""
    assert facts.by_account is not None, "daily usage tells what accounts did"
    present = facts.people[EVERYBODY] | BitMap(facts.by_account["account"].to_list())
    numbers = {team: BitMap(context.accounts.number(members)) for team, members in teams.items()}
    return replace(facts, teams={team: accounts & present for team, accounts in numbers.items()})


def _holders(context: Context) -> list[Identity]:
    """The members of the team who pay a seat. Who was removed may be in the list or not (2026)."""
    unpaid = {role.casefold() for role in context.settings.unpaid_roles}
    found = []
    for row in get(context.client, MEMBERS).objects("teamMembers"):
        removed = row.given("isRemoved") and row.flag("isRemoved")
        if removed or (row.given("role") and row.text("role").strip().casefold() in unpaid):
            continue
        holder = person(email_of(row, "email"), id_of(row, "id"))
        if holder is None:
            raise BadPayload(f"{row.where}: {row.path} has neither email nor id")
        found.append(holder)
    return found


CURSOR = Vendor(
    name="cursor",
    settings=CursorSettings,
    open_session=CursorSession,
    scopes=scopes,
    read=read,
    seats=seats,
    probe=probe,
    check=check,
    least_requests=least_requests,
    endpoints=ENDPOINTS,
    headers=basic,
)
