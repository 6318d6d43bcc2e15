"""Parses Coder v1's answer about activity. Text and example of its documentation disagree (2026-11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, cast

import polars as pl

from exporter.errors import BadPayload
from exporter.model import ONE_DAY
from exporter.transport import json_stream
from exporter.transport.json_object import JsonObject, json_object

# The text says milliseconds; a week of the example is 604,800 * 10^9, and one sample of it is a minute.
_DAY_LENGTH = 86_400 * 10**9
_ROWS = {"user_id": pl.String, "nanoseconds": pl.Int64, "samples": pl.Int64}
_EMPTY = pl.DataFrame(schema=_ROWS)


@dataclass(frozen=True)
class Bucket:
    """An interval: rows of `user_id`, `nanoseconds` and `samples`, or BadPayload where they cannot be right.

    `length` is in nanoseconds.
    """

    start: datetime
    length: int
    rows: pl.DataFrame | BadPayload


@dataclass(frozen=True)
class Activity:
    """An answer: buckets of any length, and user names by user id."""

    buckets: Sequence[Bucket]
    usernames: Mapping[str, str]


def parse_activity(body: bytes, where: str) -> Activity:
    """Parses an answer bucket by bucket; null is as empty as []. BadPayload names `where` and the invalid field."""

    def bucket(item: object, path: str) -> Bucket:
        return _bucket(json_object(item, where, path))

    def user(item: object, path: str) -> _User:
        return _user(json_object(item, where, path))

    answer = json_object(json_stream.loads(body, where, {"activity": bucket, "users": user}), where)
    buckets = [] if answer.require("activity") is None else answer.array("activity")
    users = {} if answer.require("users") is None else answer.json_object("users").fields
    return Activity(
        cast("list[Bucket]", buckets),
        # In the example the key of one user differs from its id.
        {user.user_id or key: user.username for key, user in cast("dict[str, _User]", users).items()},
    )


def whole_days(
    buckets: Sequence[Bucket], days: Sequence[date], now: datetime, where: str
) -> Mapping[date, pl.DataFrame | BadPayload]:
    """The rows of each day: those of the bucket that is exactly this day of UTC and is over by now.

    A day that no bucket touches is empty. A day that only other buckets touch is absent. A day that has two buckets, or
    that a bucket longer than a day touches, is a BadPayload.
    """
    found: dict[date, pl.DataFrame | BadPayload] = {}
    touched: set[date] = set()
    for bucket in buckets:
        if bucket.length > _DAY_LENGTH:
            error = BadPayload(f"{where}: a bucket of {bucket.length} nanoseconds, asked were buckets of one day")
            found.update((day, error) for day in days if _touches(bucket, day))
        elif bucket.length == _DAY_LENGTH and bucket.start.time() == time() and now - bucket.start >= ONE_DAY:
            day = bucket.start.date()
            found[day] = BadPayload(f"{where}: two buckets of {day}") if day in found else bucket.rows
        else:
            touched.update(day for day in days if _touches(bucket, day))
    return {day: found.get(day, _EMPTY) for day in days if day in found or day not in touched}


class _User(NamedTuple):
    user_id: str
    username: str


def _bucket(item: JsonObject) -> Bucket:
    start, length = _start(item), item.whole("duration")
    try:
        return Bucket(start, length, _rows(item))
    except BadPayload as error:
        return Bucket(start, length, error)


def _rows(item: JsonObject) -> pl.DataFrame:
    rows = [] if item.require("user_activity") is None else item.array("user_activity")
    columns: dict[str, list[str | int]] = {name: [] for name in _ROWS}
    # One row at a time: thousands of objects at once would keep the garbage collector busy, and other threads waiting.
    for index, value in enumerate(rows):
        row = json_object(value, item.where, f"{item.path}.user_activity[{index}]")
        columns["user_id"].append(row.text("user_id").strip())
        columns["nanoseconds"].append(row.whole("duration"))
        columns["samples"].append(row.whole("count"))
    return pl.DataFrame(columns, schema=_ROWS)


def _start(item: JsonObject) -> datetime:
    try:
        start = datetime.fromisoformat(item.text("time"))
        if start.tzinfo is not None:
            return start.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadPayload(f"{item.where}: {item.path}.time is no time such as 2022-08-01T00:00:00Z")


def _user(item: JsonObject) -> _User:
    user_id, username = (item.text(key) if item.fields.get(key) is not None else "" for key in ("id", "username"))
    return _User(user_id, username)


def _touches(bucket: Bucket, day: date) -> bool:
    after_midnight = bucket.start - datetime.combine(day, time(), UTC)
    # A bucket of no length touches the day on which it begins.
    return -timedelta(microseconds=max(1, -(-bucket.length // 1000))) < after_midnight < ONE_DAY
