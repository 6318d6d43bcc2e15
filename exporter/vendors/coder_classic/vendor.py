"""Coder v1, "classic": people, time and one-minute samples by category, from its private metrics API.

API: the guide on user activity in the documentation of Coder 1.35 to 1.44, the last release (read 2026-11).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import get_args

import polars as pl
from pyroaring import BitMap

from exporter.config.calendar import WEEKDAYS
from exporter.errors import BadPayload, Rejected, VendorError
from exporter.model import (
    ALL,
    EVERYBODY,
    ONE_DAY,
    Amount,
    AmountKey,
    DayFacts,
    Identity,
    PeopleKey,
    Reading,
    column,
    newest_ready,
)
from exporter.transport.endpoints import Allowed
from exporter.vendors.base import InvalidDay, NoSession, PollContext, Vendor
from exporter.vendors.coder_classic.activity import Activity, parse_activity, whole_days
from exporter.vendors.coder_classic.settings import Category, CoderClassicSettings
from exporter.vendors.rollup import rollup

# Everybody active is in `any` once, however many categories overlap, so people and time come from it. Only the words
# ide and tunnel are documented; the others are guesses that the setting `categories` corrects (2026-11).
CATEGORIES: tuple[Category, ...] = get_args(Category)
ACTIVITIES = CATEGORIES[1:]

_PATH = "/api/private/metrics/activity"
# The default history takes two requests for each category; with 5,000 people each answer has 14 MB.
_LONGEST = timedelta(days=30)
_HINTS = {
    400: "where the server calls the category otherwise, say so under categories: (its own metrics page asks the same)",
    403: "the token's user needs the role site manager, or organization manager of every one of organizations:",
    404: "the server is older than Coder 1.35, or it is Coder v2 (vendor: coder)",
}
# The category and the field that each amount of a day comes from.
_AMOUNTS: Mapping[Amount, tuple[Category, str]] = {
    Amount("active_time", ""): ("any", "nanoseconds"),
    **{Amount("active_time", activity): (activity, "nanoseconds") for activity in ACTIVITIES},
    **{Amount("usage", activity): (activity, "samples") for activity in ACTIVITIES},
}
_BY_ACCOUNT = [Amount("active_time", ""), *(Amount("usage", activity) for activity in ACTIVITIES)]


Context = PollContext[CoderClassicSettings, NoSession]


def headers(token: str) -> Mapping[str, str]:
    """The token in v1's header; that of v2 has another name."""
    return {"Session-Token": token}


def scopes(context: Context) -> Sequence[str]:
    """The configured organizations, or the server as one scope."""
    return list(dict.fromkeys(context.settings.organizations)) or [ALL]


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The days that every category reports, newest first. A day without a bucket is an empty day."""
    for span in _spans(days):
        invalid: dict[date, BadPayload] = {}
        usernames: dict[str, str] = {}
        shown: dict[Category, Mapping[date, pl.DataFrame]] = {}
        for category in CATEGORIES:
            activity, where = _ask(context, scope, category, span)
            reported = whole_days(activity.buckets, span, context.now, where)
            invalid = {day: rows for day, rows in reported.items() if isinstance(rows, BadPayload)} | invalid
            shown[category] = {day: rows for day, rows in reported.items() if not isinstance(rows, BadPayload)}
            usernames.update(activity.usernames)
        if span[0] == days[0]:
            _warn_of_weak_token(context, scope, shown["any"])
        accounts = _accounts(context, shown.values(), usernames)
        for day in span:
            if day in invalid:
                yield InvalidDay(day, invalid[day])
                continue
            rows = {category: by_day[day] for category, by_day in shown.items() if day in by_day}
            if len(rows) < len(CATEGORIES):
                context.warn("buckets", "days are left out: the server's buckets are no whole days of UTC")
                continue
            try:
                reading = _reading(context, day, rows, accounts)
            except BadPayload as error:
                yield InvalidDay(day, error)
                continue
            yield reading


def check(context: Context) -> Iterator[str]:
    """A line for each organization that cannot be read, and for each category that the server does not know."""
    yesterday = context.now.date() - ONE_DAY
    for scope in scopes(context):
        for category in CATEGORIES:
            try:
                activity, where = _ask(context, scope, category, [yesterday])
                rows = whole_days(activity.buckets, [yesterday], context.now, where).get(yesterday)
                if rows is None:
                    yield f"{scope}: {where}: its buckets are no whole days of UTC"
                elif isinstance(rows, BadPayload):
                    yield f"{scope}: {rows}"
            except VendorError as error:
                yield f"{scope}: {error}"
                if error.status != 400:
                    break


def _reading(context: Context, day: date, rows: Mapping[Category, pl.DataFrame], accounts: pl.DataFrame) -> Reading:
    active = [category for category in CATEGORIES if not rows[category].is_empty()]
    if active and "any" not in active:
        raise BadPayload(
            f"coder-classic GET {_PATH}: category any, asked as {_word(context, 'any')}, has nobody on {day}, "
            f"but {active[0]} has somebody; set the server's own word for it under categories:"
        )
    return Reading(day, _facts(rows, accounts, f"coder-classic activity of {day}"), rows=bool(active))


def _facts(rows: Mapping[Category, pl.DataFrame], accounts: pl.DataFrame, where: str) -> DayFacts:
    numbered = {category: table.join(accounts, on="user_id", how="left") for category, table in rows.items()}
    rolled = rollup(pl.concat(_amounts(table, category) for category, table in numbered.items()), _AMOUNTS, where)
    amounts: dict[AmountKey, int | Decimal] = {}
    for key, value in rolled.totals.items():
        if key.amount.measure == "usage":
            amounts[key] = value
        elif key.amount.activity == "" or value > 0:
            amounts[key] = Decimal(value).scaleb(-9)
    active = {category: BitMap(table["account"].drop_nulls()) for category, table in numbered.items()}
    return DayFacts(
        amounts=amounts,
        people={
            EVERYBODY: active["any"],
            **{PeopleKey("activity", activity): active[activity] for activity in ACTIVITIES if active[activity]},
        },
        by_account=rolled.by_account.select("account", *map(column, _BY_ACCOUNT)),
    )


def _amounts(table: pl.DataFrame, category: Category) -> pl.DataFrame:
    """The rows of a category as rows of a day, with 0 in the columns of other categories."""
    none = pl.lit(0, pl.Int64)
    columns = {
        column(amount): pl.col(field) if owner == category else none for amount, (owner, field) in _AMOUNTS.items()
    }
    return table.select("account", **columns)


def _accounts(
    context: Context, shown: Iterable[Mapping[date, pl.DataFrame]], usernames: Mapping[str, str]
) -> pl.DataFrame:
    """A table of user ids and their accounts; a blank id has no account."""
    ids = sorted(set().union(*(table["user_id"] for by_day in shown for table in by_day.values())) - {""})
    identities = [Identity(key=user, username=usernames.get(user, ""), vendor_id=user) for user in ids]
    return pl.DataFrame(
        {"user_id": ids, "account": context.accounts.number(identities)},
        schema={"user_id": pl.String, "account": pl.UInt32},
    )


def _warn_of_weak_token(context: Context, scope: str, by_day: Mapping[date, pl.DataFrame]) -> None:
    """A token below site manager gets a 200 with its own user alone (2026-11), which looks like a quiet day."""
    workday = any(WEEKDAYS[day.weekday()] not in context.settings.calendar.weekend for day in by_day)
    people = len(set().union(*(table["user_id"] for table in by_day.values())))
    known = max(people, context.most_people)
    seats = context.settings.seats if scope == ALL and context.settings.seats is not None else known
    if workday and people <= 1 < max(known, seats):
        context.warn(
            f"weak token: {scope}",
            f"scope {scope} should have {max(known, seats)} people and shows at most one: the token's user needs the "
            "role site manager, without which the server shows it nobody but itself",
        )


def _ask(context: Context, scope: str, category: Category, span: Sequence[date]) -> tuple[Activity, str]:
    """The activity of a category from the last to the first day of the span, and the request in words for messages."""
    params = {
        "start": f"{span[-1]}T00:00:00.000000Z",
        "end": f"{span[0] + ONE_DAY}T00:00:00.000000Z",
        "category": _word(context, category),
        "interval": "1 day",
        **({"org": scope} if context.settings.organizations else {}),
    }
    try:
        response = context.client.request("GET", _PATH, params=params)
    except Rejected as error:
        if error.status not in _HINTS:
            raise
        message = f"{error} (category {category}); {_HINTS[error.status]}"
        raise Rejected(message, status=error.status) from error
    where = f"{response.where} (category {category})"
    return parse_activity(response.body, where), where


def _word(context: Context, category: Category) -> str:
    return context.settings.categories.get(category, category)


def _spans(days: Sequence[date]) -> Iterator[Sequence[date]]:
    """The days in groups, each within a range of 30 days."""
    left = list(days)
    while left:
        span = [day for day in left if left[0] - day < _LONGEST]
        yield span
        left = left[len(span) :]


def probe(context: Context) -> None:
    """Everybody on the newest day, in the first scope."""
    _ask(context, scopes(context)[0], "any", [newest_ready(context.now, context.settings.ready_at)])


def least_requests(days: int, _data_days: int) -> int:
    """One for each category and range of 30 days."""
    return len(CATEGORIES) * -(-days // _LONGEST.days)


CODER_CLASSIC = Vendor(
    name="coder-classic",
    settings=CoderClassicSettings,
    open_session=NoSession,
    scopes=scopes,
    read=read,
    check=check,
    headers=headers,
    least_requests=least_requests,
    probe=probe,
    endpoints=[Allowed("GET", _PATH)],
)
