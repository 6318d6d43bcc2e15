"""Cursor: people and counters from daily usage, tokens and money from events, teams from billing groups, seats.

What its words mean here, and what it does not tell: docs/vendors/cursor.md.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from exporter.errors import BadPayload, VendorError
from exporter.model import ALL, ONE_DAY, Holder, Identity, Reading, Seats, newest_ready
from exporter.transport.credentials import basic
from exporter.vendors.base import InvalidDay, Vendor
from exporter.vendors.cursor.analytics_days import AnalyticsDays
from exporter.vendors.cursor.api import (
    ENDPOINTS,
    GROUPS,
    MEMBERS,
    METRICS,
    RANGE,
    analytics_pages,
    daily_pages,
    email_of,
    event_pages,
    get,
    id_of,
    person,
)
from exporter.vendors.cursor.daily import DailyUsage, Row, read_daily_usage
from exporter.vendors.cursor.event_days import LOST, EventDays
from exporter.vendors.cursor.facts import Parts, day_facts, lost
from exporter.vendors.cursor.groups import Groups
from exporter.vendors.cursor.session import Context, CursorSession
from exporter.vendors.cursor.settings import CursorSettings
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
    analytics_days = AnalyticsDays(context)
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
            if isinstance(found, BadPayload):
                yield InvalidDay(day, found)
                continue
            told = analytics_days.of(day, shown[place + 1 :])
            cycle = groups.of(day) if context.settings.teams is not None else None
            try:
                down = lost(events=event_days.failed, teams=groups.failed, told=analytics_days.failed)
                facts = day_facts(context, day, Parts(rows[day], found, told, cycle, down))
            except BadPayload as error:
                yield InvalidDay(day, error)
                continue
            names = {} if cycle is None else cycle.names
            yield Reading(day, facts, rows=any(row.active for row in rows[day]), team_names=names)
    for failed in (event_days.failed, groups.failed, analytics_days.failed):
        if failed is not None:
            yield InvalidDay(days[0], failed)


def seats(context: Context, scope: str) -> Seats | None:
    """The members who hold a paid seat now; None where the key may not list members."""
    members = optional(context, "seats", lambda: _holders(context))
    return None if members is None else Seats.of(map(Holder, context.accounts.number(members)))


def probe(context: Context) -> None:
    """One user of the newest day."""
    newest = newest_ready(context.now, context.settings.ready_at)
    next(daily_pages(context.client, newest, newest, size=1))


def check(context: Context) -> Iterator[str]:
    """A line for daily usage and for each configured read that is refused; remarks for what is lost without failing."""
    context.warn("key", _CAN_WRITE)
    newest = newest_ready(context.now, context.settings.ready_at)
    try:
        probe(context)
        optional(context, "seats", lambda: _holders(context))
        if context.settings.events:
            optional(context, LOST, lambda: next(event_pages(context.client, newest, newest, size=1)))
        if context.settings.teams is not None:
            get(context.client, GROUPS)
        if context.settings.analytics:
            next(analytics_pages(context.client, METRICS[0], newest, newest, size=1))
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
