"""Daily usage: a row for each user and day, with counters and whether the user was active."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import Amount, Identity, column
from exporter.transport.client import Client
from exporter.transport.json_object import JsonObject
from exporter.vendors.base import Accounts
from exporter.vendors.cursor.api import DAILY_LIST, daily_pages, email_of, id_of, person
from exporter.vendors.rollup import Rollup, rollup

COUNTS: Mapping[str, Amount] = {
    "totalTabsShown": Amount("usage", "completions_suggested"),
    "totalTabsAccepted": Amount("usage", "completions_accepted"),
    "chatRequests": Amount("usage", "chat_messages"),
    "agentRequests": Amount("usage", "agent_messages"),
    "composerRequests": Amount("usage", "composer_messages"),
    "cmdkUsages": Amount("usage", "inline_edits"),
    "totalApplies": Amount("usage", "edits_applied"),
    "totalAccepts": Amount("usage", "edits_accepted"),
    "totalRejects": Amount("usage", "edits_rejected"),
    "bugbotUsages": Amount("usage", "code_reviews"),
    "acceptedLinesAdded": Amount("code_lines", "accepted"),
    "acceptedLinesDeleted": Amount("code_lines", "accepted_deleted"),
    "totalLinesAdded": Amount("code_lines", "written"),
    "totalLinesDeleted": Amount("code_lines", "deleted"),
}
# Events by how they are paid: these say that events are to be expected.
_REQUESTS = ("subscriptionIncludedReqs", "usageBasedReqs", "apiKeyReqs")


@dataclass(frozen=True)
class Row:
    """What a user did on a day; `counts` are those of COUNTS, None where an active row lacks one."""

    identity: Identity | None
    active: bool
    counts: Sequence[int | None]
    requests: int


@dataclass(frozen=True)
class DailyUsage:
    """The rows by day, why days cannot be used, and how many of the users that the vendor counts did not come."""

    rows: Mapping[date, Sequence[Row]]
    invalid: Mapping[date, BadPayload]
    absent: int


def read_daily_usage(client: Client, days: Sequence[date]) -> DailyUsage:
    """What the vendor says of the days, which are newest first and within its range. Every user is in every day.

    Raises BadPayload where no day can be used.
    """
    found: dict[date, list[Row]] = {}
    invalid: dict[date, BadPayload] = {}
    users: set[str] = set()
    seen: set[tuple[date, str]] = set()
    total: int | None = None
    for page in daily_pages(client, days[-1], days[0]):
        total, before = page.total, len(seen)
        rows = page.answer.objects(DAILY_LIST.rows)
        for row in rows:
            day = _day(row)
            try:
                user = id_of(row, "userId") or email_of(row, "email")
                _refuse_second(row, (day, user), seen)
                if user:
                    users.add(user)
                    seen.add((day, user))
                if day in days:
                    found.setdefault(day, []).append(_parse(row))
            except BadPayload as error:
                invalid.setdefault(day, error)
        if rows and page.number > 1 and len(seen) == before:
            raise BadPayload(f"{DAILY_LIST.where}: page {page.number} has only users of earlier pages")
        if total is not None and len(users) > total:
            raise BadPayload(f"{DAILY_LIST.where}: {len(users)} users came where pages count {total} in all")
    return DailyUsage(found, invalid, 0 if total is None else total - len(users))


def roll_up(rows: Sequence[Row], accounts: Accounts, where: str) -> tuple[BitMap, Rollup]:
    """The active people of a day, and what all rows come down to. Raises BadPayload for sums that are too large."""
    known = [row.identity for row in rows if row.identity is not None]
    numbers = dict(zip((one.key for one in known), accounts.number(known), strict=True))
    of_rows = [None if row.identity is None else numbers[row.identity.key] for row in rows]
    active = BitMap(number for row, number in zip(rows, of_rows, strict=True) if row.active and number is not None)
    counts = {
        column(amount): pl.Series([row.counts[place] for row in rows], dtype=pl.Int64)
        for place, amount in enumerate(COUNTS.values())
    }
    table = pl.DataFrame({"account": pl.Series(of_rows, dtype=pl.UInt32), **counts})
    return active, rollup(table, COUNTS.values(), where, counted=active)


def _parse(row: JsonObject) -> Row:
    # A body without pages has active users alone, and no flag.
    active = row.flag("isActive") if row.given("isActive") else True
    # In a row that is not active every counter is 0, so one that is left out is too (2026-08).
    absent = None if active else 0
    return Row(
        identity=person(email_of(row, "email"), id_of(row, "userId")),
        active=active,
        counts=tuple(row.whole(name) if row.given(name) else absent for name in COUNTS),
        requests=sum(row.whole(name) for name in _REQUESTS if row.given(name)),
    )


def _refuse_second(row: JsonObject, one: tuple[date, str], seen: Collection[tuple[date, str]]) -> None:
    if one in seen:
        raise BadPayload(f"{row.where}: {row.path} is a second row of a user and {one[0]}")


def _day(row: JsonObject) -> date:
    try:
        return date.fromisoformat(row.text("day"))
    except ValueError:
        raise BadPayload(f"{row.where}: {row.path}.day is not a day as YYYY-MM-DD") from None
