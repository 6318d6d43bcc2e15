"""Augment Code Analytics: people from the daily lists, totals from daily-usage, breakdowns from records.

API: https://docs.augmentcode.com/analytics/api-reference (preview, five endpoints, read 2026-11).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
from pyroaring import BitMap

from exporter.config.source import BaseUrl, RequestsPerMinute, SourceSettings, TimeOfDay
from exporter.errors import BadPayload
from exporter.model import (
    ALL,
    EVERYBODY,
    WINDOWS,
    Amount,
    AmountKey,
    DayFacts,
    Identity,
    Reading,
    WindowPeople,
    column,
    window_days,
)
from exporter.transport.client import Client
from exporter.transport.json_object import JsonObject
from exporter.vendors.augment.api import RANGE, answer, ranges, rows
from exporter.vendors.base import InvalidDay, NoSession, PollContext, Vendor
from exporter.vendors.rollup import rollup

# Keys of `metrics`, the same in daily-usage, user-activity and the editor-language records; each is optional.
# completions_suggested_lines_of_code stands in every field table and in none of the published bodies (2026-11).
FIELDS: Mapping[str, Amount] = {
    "completions_count": Amount("usage", "completions_suggested"),
    "completions_accepted": Amount("usage", "completions_accepted"),
    "chat_messages": Amount("usage", "chat_messages"),
    "remote_agent_messages": Amount("usage", "remote_agent_messages"),
    "ide_agent_messages": Amount("usage", "ide_agent_messages"),
    "cli_agent_interactive_messages": Amount("usage", "cli_agent_interactive_messages"),
    "cli_agent_non_interactive_messages": Amount("usage", "cli_agent_non_interactive_messages"),
    "total_messages": Amount("usage", "messages"),
    "total_tool_calls": Amount("usage", "tool_calls"),
    "completions_lines_of_code": Amount("code_lines", "completions_accepted"),
    "completions_suggested_lines_of_code": Amount("code_lines", "completions_suggested"),
    "remote_agent_lines_of_code": Amount("code_lines", "remote_agent"),
    "ide_agent_lines_of_code": Amount("code_lines", "ide_agent"),
    "cli_agent_interactive_lines_of_code": Amount("code_lines", "cli_agent_interactive"),
    "cli_agent_non_interactive_lines_of_code": Amount("code_lines", "cli_agent_non_interactive"),
    "total_modified_lines_of_code": Amount("code_lines", "modified"),
}
_OPTIONAL = "completions_suggested_lines_of_code"

# Nothing older may be asked for.
_OLDEST = timedelta(days=730)

Metrics = Mapping[str, int]


class AugmentSettings(SourceSettings):
    """A source at Augment Code. The token selects the organisation."""

    base_url: BaseUrl = "https://api.augmentcode.com"
    requests_per_minute: RequestsPerMinute = 10
    ready_at: TimeOfDay = timedelta(hours=3)


Context = PollContext[AugmentSettings, NoSession]


@dataclass(frozen=True)
class Person:
    """Whom a row is about: a person by e-mail or a service account by name."""

    identity: Identity
    service: bool


@dataclass(frozen=True)
class Record:
    """What one person did in one editor and one language on one day."""

    person: Person
    editor: str
    language: str
    metrics: Metrics


@dataclass(frozen=True)
class Overview:
    """What dau-count and daily-usage say of days: people, metrics of days with activity, and what cannot be right."""

    counts: Mapping[date, int]
    usage: Mapping[date, Metrics]
    wrong: Mapping[date, BadPayload]

    def knows(self, day: date) -> bool:
        """Whether both show the day, or that nobody was active."""
        return day not in self.wrong and day in self.counts and (self.counts[day] == 0 or bool(self.usage.get(day)))


def scopes(context: Context) -> Sequence[str]:
    """The organisation of the token, as one whole."""
    return [ALL]


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The days that dau-count shows and that are complete, in the order wanted."""
    days = [day for day in days if day >= context.now.date() - _OLDEST]
    overview = _overview(context.client, days)
    fields = _fields_seen(overview.usage)
    for day in days:
        if day in overview.wrong:
            yield InvalidDay(day, overview.wrong[day])
            continue
        if day not in overview.counts:
            continue
        on_day = {"date": day.isoformat()}
        listed = list(rows(context.client, "dau", on_day))
        told = list(rows(context.client, "daily-user-activity-by-editor-language", on_day))
        try:
            reading = _reading(context, overview, fields, day, listed, told)
        except BadPayload as error:
            yield InvalidDay(day, error)
            continue
        if reading is not None:
            yield reading


def windows(context: Context, scope: str, data_day: date, names: Sequence[str]) -> Sequence[WindowPeople]:
    """People and service accounts of whole windows by user-activity, where dau-count shows every day."""
    longest = max(WINDOWS[name] for name in names)
    overview = _overview(context.client, window_days(data_day, longest))
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


def parse_person(row: JsonObject) -> Person:
    """The person or service account of a row, which has exactly one of `user_email` and `service_account_name`."""
    email = row.text("user_email").strip().lower() if _given(row, "user_email") else ""
    account = row.text("service_account_name").strip() if _given(row, "service_account_name") else ""
    if bool(email) == bool(account):
        count = "both" if email else "neither"
        raise BadPayload(f"{row.where}: {row.path} has {count} of user_email and service_account_name")
    if account:
        return Person(Identity(key=f"service:{account}", username=account), service=True)
    return Person(Identity(key=f"email:{email}", email=email), service=False)


def parse_metrics(metrics: JsonObject) -> Metrics:
    """The counts of those fields that are there; others are ignored."""
    return {field: metrics.whole(field) for field in FIELDS if field in metrics}


def parse_record(row: JsonObject) -> Record:
    """One editor-language record."""
    return Record(
        parse_person(row), row.text("editor"), row.text("language"), parse_metrics(row.json_object("metrics"))
    )


def _reading(
    context: Context,
    overview: Overview,
    fields: frozenset[str],
    day: date,
    listed: Sequence[JsonObject],
    told: Sequence[JsonObject],
) -> Reading | None:
    """A day from its lists; None where it is incomplete."""
    people = {person.identity.key: person for person in map(parse_person, listed)}
    records = list(map(parse_record, told))
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
    # daily-usage leaves out days without activity: those are days of zeros in every field that it has elsewhere.
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


def _overview(client: Client, days: Sequence[date]) -> Overview:
    counts: dict[date, int] = {}
    usage: dict[date, Metrics] = {}
    wrong: dict[date, BadPayload] = {}
    for start, end in ranges(days):
        span = {"start_date": start.isoformat(), "end_date": end.isoformat()}
        for row in answer(client, "dau-count", span).objects("daily_active_user_counts"):
            day = _day(row)
            try:
                _refuse_second(row, day, counts)
                counts[day] = row.whole("user_count")
            except BadPayload as error:
                wrong[day] = error
        for row in answer(client, "daily-usage", span).objects("daily_usage"):
            day = _day(row)
            try:
                _refuse_second(row, day, usage)
                usage[day] = parse_metrics(row.json_object("metrics"))
            except BadPayload as error:
                wrong[day] = error
    return Overview(counts, usage, wrong)


def _refuse_second(row: JsonObject, day: date, told: Mapping[date, object]) -> None:
    if day in told:
        raise BadPayload(f"{row.where}: {row.path} is a second row of {day}")


def _fields_seen(usage: Mapping[date, Metrics]) -> frozenset[str]:
    seen = frozenset(field for metrics in usage.values() for field in metrics)
    return seen or frozenset(FIELDS) - {_OPTIONAL}


def _day(row: JsonObject) -> date:
    try:
        return date.fromisoformat(row.text("date"))
    except ValueError:
        raise BadPayload(f"{row.where}: {row.path}.date is not a day as YYYY-MM-DD") from None


def _given(row: JsonObject, key: str) -> bool:
    return key in row and row.require(key) is not None


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
)
