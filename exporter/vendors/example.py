"""The vendor to copy for a new one: complete and tested, but of an API that does not exist, and so not registered.

API: say here where the vendor documents it, and when you read that (2026-11).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, ClassVar
from urllib.parse import quote

import polars as pl
from pydantic import Field
from pyroaring import BitMap

from exporter.config.source import BaseUrl, ReadyAt, RequestsPerMinute, SourceSettings
from exporter.errors import BadPayload, Rejected, VendorError
from exporter.model import EVERYBODY, Amount, DayFacts, Identity, Reading, column, newest_ready
from exporter.transport.endpoints import Allowed
from exporter.transport.json_object import JsonObject, json_object
from exporter.vendors.base import InvalidDay, PollContext, Vendor
from exporter.vendors.rollup import rollup

# The vendor's words -> ours. Where another vendor counts the same thing, take the word that it has here.
COUNTS: Mapping[str, Amount] = {
    "prompts": Amount("usage", "chat_messages"),
    "suggestions": Amount("usage", "completions_suggested"),
    "acceptances": Amount("usage", "completions_accepted"),
    "accepted_lines": Amount("code_lines", "completions_accepted"),
}


class ExampleSettings(SourceSettings):
    """A source at the example. `workspaces` are names; without any, every workspace that the token sees is a scope."""

    registers_seats: ClassVar[bool] = True

    base_url: BaseUrl = "https://api.example.com"
    requests_per_minute: RequestsPerMinute = 30
    ready_at: ReadyAt = timedelta(hours=2)
    workspaces: tuple[Annotated[str, Field(min_length=1)], ...] = ()


@dataclass
class ExampleSession:
    """The ids of the workspaces by name, as of the newest list."""

    ids: Mapping[str, str] = field(default_factory=dict)


Context = PollContext[ExampleSettings, ExampleSession]


@dataclass(frozen=True)
class Row:
    """What one account did in one editor and one language. A count that the vendor left out is not in `counts`."""

    identity: Identity
    robot: bool
    editor: str
    language: str
    counts: Mapping[str, int]


def scopes(context: Context) -> Sequence[str]:
    """The configured workspaces, or all that the token sees."""
    rows = _ask(context, "workspaces").objects("workspaces")
    context.session.ids = {row.text("name"): row.text("id") for row in rows}
    return list(dict.fromkeys(context.settings.workspaces)) or list(context.session.ids)


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The days that the vendor has finished, in the order wanted, by one request each."""
    for day in days:
        answer = _ask_of_day(context, scope, day)
        try:
            reading = _reading(context, answer, day)
        except BadPayload as error:
            # Only this day is lost. A VendorError of `_ask_of_day` ends the scope.
            yield InvalidDay(day, error)
            continue
        if reading is not None:
            yield reading


def seats(context: Context, scope: str) -> int | None:
    """The licences of the workspace."""
    return _ask(context, f"workspaces/{_id(context, scope)}/licences").whole("assigned")


def probe(context: Context) -> None:
    """One list."""
    _ask(context, "workspaces")


def check(context: Context) -> Iterator[str]:
    """A line for each workspace of which an endpoint refuses the token."""
    yesterday = newest_ready(context.now, context.settings.ready_at)
    for scope in scopes(context):
        try:
            _ask_of_day(context, scope, yesterday)
            seats(context, scope)
        except VendorError as error:
            yield f"{scope}: {error}"


def least_requests(days: int, _data_days: int) -> int:
    """One for each day."""
    return days


def parse_rows(answer: JsonObject) -> list[Row]:
    """The rows of a day. Pure: it takes an answer and returns data, or raises BadPayload."""
    return [
        Row(
            identity=Identity(
                key=row.text("account_id"), email=row.text("email").strip().lower(), vendor_id=row.text("account_id")
            ),
            robot=row.flag("robot"),
            editor=row.text("editor"),
            language=row.text("language"),
            # Absent is not zero: never `get(word, 0)`.
            counts={word: row.whole(word) for word in COUNTS if word in row},
        )
        for row in answer.objects("rows")
    ]


def _reading(context: Context, answer: JsonObject, day: date) -> Reading | None:
    """A day; None where the vendor has not finished it."""
    if answer.text("day") != day.isoformat():
        raise BadPayload(f"{answer.where}: asked for day {day}, got {answer.text('day')[:10]}")
    if not answer.flag("finished"):
        return None
    rows = parse_rows(answer)
    return Reading(day, _facts(context, day, rows), rows=bool(rows))


def _facts(context: Context, day: date, rows: Sequence[Row]) -> DayFacts:
    accounts = context.accounts.number([row.identity for row in rows])
    table = pl.DataFrame(
        {
            "account": accounts,
            "client": [row.editor for row in rows],
            "language": [row.language for row in rows],
            **{column(amount): [row.counts.get(word) for row in rows] for word, amount in COUNTS.items()},
        },
        schema={
            "account": pl.UInt32,
            "client": pl.String,
            "language": pl.String,
            **{column(amount): pl.Int64 for amount in COUNTS.values()},
        },
    )
    rolled = rollup(table, COUNTS.values(), f"example rows of {day}")
    return DayFacts(
        amounts={**rolled.totals, **rolled.breakdowns},
        people={EVERYBODY: BitMap(accounts), **rolled.people},
        service=BitMap(account for account, row in zip(accounts, rows, strict=True) if row.robot),
        missing=rolled.missing,
        by_account=rolled.by_account,
    )


def _ask_of_day(context: Context, scope: str, day: date) -> JsonObject:
    return _ask(context, f"workspaces/{_id(context, scope)}/days/{day}")


def _id(context: Context, scope: str) -> str:
    """The id of a workspace, fit for a path. Raises Rejected where the token does not see the workspace."""
    if scope not in context.session.ids:
        raise Rejected(f"example GET /v1/workspaces: the token sees no workspace {scope}")
    return quote(context.session.ids[scope], safe="")


def _ask(context: Context, endpoint: str) -> JsonObject:
    """The answer of an endpoint. The client retries, keeps to the rate limit, and raises VendorErrors."""
    path = f"/v1/{endpoint}"
    return json_object(context.client.get_json(path), f"example GET {path}")


EXAMPLE = Vendor(
    name="example",
    settings=ExampleSettings,
    open_session=ExampleSession,
    scopes=scopes,
    read=read,
    seats=seats,
    check=check,
    least_requests=least_requests,
    probe=probe,
    endpoints=[
        Allowed("GET", "/v1/workspaces"),
        Allowed("GET", "/v1/workspaces/{id}/days/{day}"),
        Allowed("GET", "/v1/workspaces/{id}/licences"),
    ],
)
