"""The facts of a day from its parts: daily usage, events, Analytics and billing groups."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import reduce
from typing import NamedTuple

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload, VendorError
from exporter.model import EVERYBODY, DayFacts, Field, Identity
from exporter.vendors.cursor import analytics, daily, events
from exporter.vendors.cursor.analytics import AnalyticsFacts, Told
from exporter.vendors.cursor.api import DAILY_LIST, EVENT_LIST, METRICS
from exporter.vendors.cursor.daily import Row
from exporter.vendors.cursor.events import FIELDS as EVENT_FIELDS
from exporter.vendors.cursor.events import EventFacts, Events
from exporter.vendors.cursor.groups import Cycle
from exporter.vendors.cursor.session import Context, waits
from exporter.vendors.cursor.settings import CursorSettings


class Parts(NamedTuple):
    """What the reads say of a day: rows of users, events (None: not known), Analytics, and its billing cycle.

    `down` are the fields that an outage keeps back: they are waited for on a day of any age.
    """

    rows: Sequence[Row]
    events: Events | None
    told: Told
    cycle: Cycle | None
    down: frozenset[Field]


def lost(*, events: VendorError | None, teams: VendorError | None, told: VendorError | None) -> frozenset[Field]:
    """The fields of the reads that failed in an outage. A wrong body may stay wrong: nobody waits for it."""
    fields = ((events, EVENT_FIELDS), (teams, frozenset[Field]({"team"})), (told, analytics.fields()))
    none = frozenset[Field]()
    return none.union(*(of for error, of in fields if error is not None and not isinstance(error, BadPayload)))


def day_facts(context: Context, day: date, parts: Parts) -> DayFacts:
    """The facts of a day. Raises BadPayload for sums that are too large."""
    known = [row.identity.key for row in parts.rows if row.identity is not None]
    if len(set(known)) < len(known):
        context.warn("several rows", f"{day} has several rows of one person: they are added")
    active, rolled = daily.roll_up(parts.rows, context.accounts, f"{DAILY_LIST.where} of {day}")
    facts = DayFacts(
        amounts=rolled.totals,
        people={EVERYBODY: active, **rolled.people},
        missing=rolled.missing,
        by_account=rolled.by_account,
    )
    told = parts.told if analytics.is_there(parts.told, active) else {}
    unknown = analytics.fields([metric for metric in METRICS if metric not in told])
    if parts.events is None:
        unknown |= EVENT_FIELDS
    else:
        of_events = events.roll_up(parts.events, context.accounts, active, f"{EVENT_LIST.where} of {day}")
        facts = _with_events(facts, of_events)
    facts = _with_analytics(facts, analytics.roll_up(told, context.accounts, active, day))
    if parts.cycle is not None:
        facts = _with_teams(context, facts, parts.cycle.teams(day))
    elif context.settings.teams is not None:
        unknown |= {"team"}
    later = (unknown if waits(context, day) else unknown & parts.down) - _switched_off(context.settings)
    return replace(facts, missing=facts.missing | (unknown - later), pending=later)


def _switched_off(settings: CursorSettings) -> frozenset[Field]:
    """What no day has, because the configuration does not want it."""
    none: frozenset[Field] = frozenset()
    return (none if settings.events else EVENT_FIELDS) | (none if settings.analytics else analytics.fields())


def _with_events(facts: DayFacts, of_events: EventFacts) -> DayFacts:
    return replace(
        facts,
        amounts={**facts.amounts, **of_events.rolled.totals, **of_events.by_model},
        people={**facts.people, **of_events.people, EVERYBODY: facts.people[EVERYBODY] | of_events.service},
        service=of_events.service,
        missing=facts.missing | of_events.rolled.missing,
        by_account=_together(facts.by_account, of_events.rolled.by_account),
    )


def _with_analytics(facts: DayFacts, told: AnalyticsFacts) -> DayFacts:
    return replace(
        facts,
        amounts={**facts.amounts, **told.amounts},
        people={**facts.people, **told.people},
        missing=facts.missing | told.missing,
        by_account=reduce(_together, told.by_account, facts.by_account),
    )


def _together(mine: pl.DataFrame | None, others: pl.DataFrame) -> pl.DataFrame:
    """Two tables of amounts by account as one."""
    assert mine is not None, "daily usage tells what accounts did"
    joined = mine.join(others, on="account", how="full", coalesce=True)
    # An account without a row has none of an amount.
    return joined.with_columns(pl.exclude("account").fill_null(0)).sort("account")


def _with_teams(context: Context, facts: DayFacts, teams: Mapping[str, Sequence[Identity]]) -> DayFacts:
    """A day with those accounts of each team that did something on it."""
    assert facts.by_account is not None, "daily usage tells what accounts did"
    present = facts.people[EVERYBODY] | BitMap(facts.by_account["account"].to_list())
    numbers = {team: BitMap(context.accounts.number(members)) for team, members in teams.items()}
    return replace(facts, teams={team: accounts & present for team, accounts in numbers.items()})
