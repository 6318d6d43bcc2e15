"""What Analytics (Enterprise) tells by user and day: languages, edits by agents, lines of Tab, tools and commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import Amount, AmountKey, Field, Identity, PeopleKey, column
from exporter.transport.client import Client
from exporter.transport.json_object import JsonObject, objects
from exporter.vendors.base import Accounts
from exporter.vendors.cursor.api import ANALYTICS, METRICS, analytics_pages, person
from exporter.vendors.rollup import breakdown, rollup

LANGUAGES = "top-file-extensions"
# The vendor's words by metric. Lists of languages are cut after the five largest a day: they have no sums.
COUNTS: Mapping[str, Mapping[str, Amount]] = {
    "agent-edits": {
        "total_suggested_diffs": Amount("usage", "agent_edits_suggested"),
        "total_accepted_diffs": Amount("usage", "agent_edits_accepted"),
        "total_rejected_diffs": Amount("usage", "agent_edits_rejected"),
        "total_lines_suggested": Amount("code_lines", "agent_suggested"),
        "total_lines_accepted": Amount("code_lines", "agent_accepted"),
    },
    "tabs": {
        "total_lines_suggested": Amount("code_lines", "completions_suggested"),
        "total_lines_accepted": Amount("code_lines", "completions_accepted"),
    },
    "mcp": {"usage": Amount("usage", "mcp_tool_calls")},
    "commands": {"usage": Amount("usage", "commands")},
    "plans": {"usage": Amount("usage", "plan_messages")},
    "skills": {"usage": Amount("usage", "skills")},
    "ask-mode": {"usage": Amount("usage", "ask_messages")},
    LANGUAGES: {},
}


@dataclass(frozen=True)
class UserRow:
    """A row of a metric: its `counts` of COUNTS, None where it lacks one; the `extension` where it is of languages."""

    identity: Identity | None
    counts: Sequence[int | None]
    extension: str | None


# The rows of a day by metric; a metric that is not known is left out.
Told = Mapping[str, Sequence[UserRow]]


@dataclass(frozen=True)
class Metric:
    """The rows of a metric by day, and how many of the users that the vendor counts did not come."""

    rows: Mapping[date, Sequence[UserRow]]
    absent: int


@dataclass(frozen=True)
class AnalyticsFacts:
    """What Analytics adds to a day; `by_account` are tables of different amounts."""

    amounts: Mapping[AmountKey, int]
    people: Mapping[PeopleKey, BitMap]
    missing: frozenset[Field]
    by_account: Sequence[pl.DataFrame]


def fields(metrics: Sequence[str] = METRICS) -> frozenset[Field]:
    """What a day lacks without these metrics."""
    lost: set[Field] = {amount for metric in metrics for amount in COUNTS[metric].values()}
    return frozenset(lost | ({"language"} if LANGUAGES in metrics else set()))


def read_metric(client: Client, metric: str, days: Sequence[date]) -> Metric:
    """A metric over days, which are newest first and within the vendor's range. Raises BadPayload."""
    found: dict[date, list[UserRow]] = {day: [] for day in days}
    seen: set[str] = set()
    total: int | None = None
    for page in analytics_pages(client, metric, days[-1], days[0]):
        total = page.total
        # The keys are e-mails, which no message may hold.
        for place, (email, rows) in enumerate(page.answer.json_object("data").fields.items()):
            if email in seen:
                raise BadPayload(f"{page.answer.where}: page {page.number} has a user of an earlier page")
            seen.add(email)
            for row in objects(rows, page.answer.where, f"data[{place}]"):
                day = _day(row)
                if day in found:
                    found[day].append(_parse(metric, email, row))
        if total is not None and len(seen) > total:
            raise BadPayload(f"{page.answer.where}: {len(seen)} users came where pages count {total} in all")
    return Metric(found, 0 if total is None else total - len(seen))


def is_there(told: Told, active: BitMap) -> bool:
    """Whether Analytics has the day: a day with people and without a single row comes later."""
    return not active or any(told.values())


def roll_up(told: Told, accounts: Accounts, active: BitMap, day: date) -> AnalyticsFacts:
    """The facts of a day. `active` are its people by daily usage: no others are people of a breakdown.

    Raises BadPayload for sums that are too large.
    """
    amounts: dict[AmountKey, int] = {}
    people: dict[PeopleKey, BitMap] = {}
    missing: set[Field] = set()
    tables = []
    for metric, rows in told.items():
        numbered = _accounts(rows, accounts)
        if metric == LANGUAGES:
            named = pl.Series([row.extension for row in rows], dtype=pl.String)
            people |= breakdown(
                pl.DataFrame({"account": numbered, "language": named}), "language", (), counted=active
            ).people
            continue
        counted = {
            column(amount): pl.Series([row.counts[place] for row in rows], dtype=pl.Int64)
            for place, amount in enumerate(COUNTS[metric].values())
        }
        table = pl.DataFrame({"account": numbered, **counted})
        rolled = rollup(table, COUNTS[metric].values(), f"cursor GET {ANALYTICS}/{metric} of {day}", counted=active)
        amounts |= {key: int(value) for key, value in rolled.totals.items()}
        people |= rolled.people
        missing |= rolled.missing
        tables.append(rolled.by_account)
    return AnalyticsFacts(amounts, people, frozenset(missing), tables)


def _accounts(rows: Sequence[UserRow], accounts: Accounts) -> pl.Series:
    known = [row.identity for row in rows if row.identity is not None]
    numbers = iter(accounts.number(known))
    return pl.Series([None if row.identity is None else next(numbers) for row in rows], dtype=pl.UInt32)


def _parse(metric: str, email: str, row: JsonObject) -> UserRow:
    return UserRow(
        identity=person(email.strip().lower(), ""),
        counts=tuple(row.whole(name) if row.given(name) else None for name in COUNTS[metric]),
        # Daily usage has the dot, Analytics has not (2026-08).
        extension=row.text("file_extension").removeprefix(".") if row.given("file_extension") else None,
    )


def _day(row: JsonObject) -> date:
    key = "event_date" if "event_date" in row else "date"
    try:
        return date.fromisoformat(row.text(key))
    except ValueError:
        raise BadPayload(f"{row.where}: {row.path}.{key} is not a day as YYYY-MM-DD") from None
