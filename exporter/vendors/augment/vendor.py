"""Augment Code Analytics: people from the daily lists, totals from daily-usage, breakdowns from records.

API: https://docs.augmentcode.com/analytics/api-reference (preview, five endpoints, read 2026-11).
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import (
    ALL,
    EVERYBODY,
    WINDOWS,
    AmountKey,
    DayFacts,
    Reading,
    WindowPeople,
    column,
    newest_ready,
    window_days,
)
from exporter.transport.json_object import JsonObject
from exporter.vendors.augment.api import ENDPOINTS, RANGE, ask, rows
from exporter.vendors.augment.overview import Overview, fields_seen, read_overview
from exporter.vendors.augment.parse import FIELDS, Metrics, Person, Record, parse_person, parse_record
from exporter.vendors.augment.settings import AugmentSettings
from exporter.vendors.base import InvalidDay, NoSession, PollContext, Vendor
from exporter.vendors.rollup import rollup

# The vendor refuses to answer for older days.
_OLDEST = timedelta(days=730)


Context = PollContext[AugmentSettings, NoSession]


def scopes(context: Context) -> Sequence[str]:
    """One scope: the organisation of the token."""
    return [ALL]


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The complete days that dau-count reports, in the order wanted."""
    days = [day for day in days if day >= context.now.date() - _OLDEST]
    overview = read_overview(context.client, days)
    fields = fields_seen(overview.usage)
    for day in days:
        if day in overview.invalid:
            yield InvalidDay(day, overview.invalid[day])
            continue
        if day not in overview.counts:
            continue
        on_day = {"date": day.isoformat()}
        listed = list(rows(context.client, "dau", on_day))
        recorded = list(rows(context.client, "daily-user-activity-by-editor-language", on_day))
        try:
            reading = _reading(context, overview, fields, day, listed, recorded)
        except BadPayload as error:
            yield InvalidDay(day, error)
            continue
        if reading is not None:
            yield reading


def windows(context: Context, scope: str, data_day: date, names: Sequence[str]) -> Sequence[WindowPeople]:
    """People and service accounts of the windows of which dau-count reports every day, counted by user-activity."""
    longest = max(WINDOWS[name] for name in names)
    overview = read_overview(context.client, window_days(data_day, longest))
    found = []
    for name in names:
        days = window_days(data_day, WINDOWS[name])
        if not all(overview.knows(day) for day in days):
            continue
        span = {"start_date": days[-1].isoformat(), "end_date": days[0].isoformat()}
        people = {
            person.identity.key: person for person in map(parse_person, rows(context.client, "user-activity", span))
        }
        most = max(overview.counts[day] for day in days)
        if len(people) < most:
            context.warn(
                "dau-count and user-activity",
                f"{name} to {data_day}: dau-count says {most} on one of the days, user-activity lists {len(people)}; "
                "the list is what counts",
            )
        service = sum(person.service for person in people.values())
        found.append(WindowPeople(data_day, name, len(people) - service, service))
    return found


def _reading(
    context: Context,
    overview: Overview,
    fields: frozenset[str],
    day: date,
    listed: Sequence[JsonObject],
    recorded: Sequence[JsonObject],
) -> Reading | None:
    """A day from its lists; None if it is incomplete."""
    people = {person.identity.key: person for person in map(parse_person, listed)}
    records = list(map(parse_record, recorded))
    count = overview.counts[day]
    if count > 0 and not (people and records and overview.usage.get(day)):
        context.warn(
            "incomplete",
            f"{day} is incomplete and waits: dau-count says {count}, dau lists {len(people)}, there are "
            f"{len(records)} editor-language records and {len(overview.usage.get(day, ()))} fields in daily-usage",
        )
        return None
    if count != len(people):
        words = f"{day}: dau-count says {count}, dau lists {len(people)}; the list is what counts"
        context.warn("dau-count and dau", words)
    # daily-usage leaves out days without activity. These count as zeros in every field that it has on other days.
    totals = overview.usage.get(day, dict.fromkeys(fields, 0))
    return Reading(day, _facts(context, day, list(people.values()), records, totals), rows=bool(people or records))


def _facts(
    context: Context, day: date, people: Sequence[Person], records: Sequence[Record], totals: Metrics
) -> DayFacts:
    everyone = [*people, *(record.person for record in records)]
    numbers = context.accounts.number([person.identity for person in everyone])
    service = BitMap(number for person, number in zip(everyone, numbers, strict=True) if person.service)
    table = pl.DataFrame(
        {
            "account": numbers[len(people) :],
            "client": [record.editor for record in records],
            "language": [record.language for record in records],
            **{column(amount): [record.metrics.get(field) for record in records] for field, amount in FIELDS.items()},
        },
        schema={
            "account": pl.UInt32,
            "client": pl.String,
            "language": pl.String,
            **{column(amount): pl.Int64 for amount in FIELDS.values()},
        },
    )
    rolled = rollup(table, FIELDS.values(), f"augment editor-language records of {day}")
    return DayFacts(
        amounts={**{AmountKey(FIELDS[field]): value for field, value in totals.items()}, **rolled.breakdowns},
        people={EVERYBODY: BitMap(numbers[: len(people)]), **rolled.people},
        service=service,
        missing=rolled.missing,
        by_account=rolled.by_account,
    )


def probe(context: Context) -> None:
    """The count of the newest day."""
    newest = newest_ready(context.now, context.settings.ready_at).isoformat()
    ask(context.client, "dau-count", {"start_date": newest, "end_date": newest})


def least_requests(days: int, _data_days: int) -> int:
    """Two lists for each day, and two overviews for each range of days."""
    return 2 * days + 2 * -(-days // RANGE)


AUGMENT = Vendor(
    name="augment",
    settings=AugmentSettings,
    open_session=NoSession,
    scopes=scopes,
    read=read,
    windows=windows,
    least_requests=least_requests,
    probe=probe,
    endpoints=ENDPOINTS,
)
