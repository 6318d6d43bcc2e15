"""Coder v2: people and their time from insights/user-activity, the time of each app from insights/templates.

API: https://coder.com/docs/reference/api/insights (v2.37) and the handlers behind it (read 2026-11).
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload, Rejected, VendorError
from exporter.log import event
from exporter.model import (
    ALL,
    EVERYBODY,
    ONE_DAY,
    Amount,
    AmountKey,
    DayFacts,
    Identity,
    Reading,
    WindowPeople,
    column,
    newest_ready,
)
from exporter.transport.client import Client
from exporter.transport.json_object import JsonObject
from exporter.vendors.base import InvalidDay, PollContext, Vendor
from exporter.vendors.coder.api import ENDPOINTS, HINTS, ask, is_server_error, organizations, templates
from exporter.vendors.coder.settings import CoderSettings
from exporter.vendors.rollup import LARGEST, UNKNOWN, rollup

logger = logging.getLogger(__name__)

# Insights call the web terminal reconnecting-pty, and newer servers reconnecting_pty (2026-11).
_ACTIVITIES = {"reconnecting_pty": "web_terminal"}
_TIME = Amount("active_time", "")
_NANOSECONDS = 10**9


@dataclass
class CoderSession:
    """Whether the server's version was logged, and how many people the days of the newest reading listed."""

    version_logged: bool = False
    listed: dict[date, int | None] = field(default_factory=dict)


Context = PollContext[CoderSettings, CoderSession]


@dataclass(frozen=True)
class Person:
    """Somebody's time on a day, in seconds."""

    user_id: str
    username: str
    seconds: int


def headers(token: str) -> Mapping[str, str]:
    """The token in v2's header; that of v1 has another name."""
    return {"Coder-Session-Token": token}


def scopes(context: Context) -> Sequence[str]:
    """The configured organizations, or the server as one scope."""
    return list(dict.fromkeys(context.settings.organizations)) or [ALL]


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """Every wanted day, newest first, by two requests each."""
    _log_version(context)
    narrowed_to = templates(context.client, scope) if context.settings.organizations else None
    listed = context.session.listed
    listed.clear()
    for day in days:
        answers = _ask_of_day(context.client, day, narrowed_to)
        try:
            people, apps = _parse_day(answers)
            reading = Reading(day, _facts(context, day, people, apps), rows=bool(people))
        except BadPayload as error:
            yield InvalidDay(day, error)
            continue
        listed[day] = reading.facts.people_total()
        yield reading


def day_counts(context: Context, _scope: str) -> Sequence[WindowPeople]:
    """The server's own counts of people on the last 60 days. It does not count for an organization."""
    if context.settings.organizations:
        return []
    counts = _daily_counts(context)
    for day, people in context.session.listed.items():
        if counts.get(day, people) != people:
            context.warn(
                "counts differ",
                f"insights/daus counts {counts[day]} people on {day}, user-activity lists {people}; "
                "here and on other days the list is what counts",
            )
    return [WindowPeople(day, "1d", people) for day, people in counts.items()]


def seats(context: Context, scope: str) -> int | None:
    """Users whose account status is active: they hold a licence seat, whether or not they work."""
    if context.settings.organizations or context.settings.seats is not None:
        return None
    try:
        counts = ask(context.client, "insights/user-status-counts").json_object("status_counts")
    except Rejected as error:
        if error.status not in HINTS:
            raise
        context.warn("no seats", f"there are no seats: {error}")
        return None
    # Neither sorted nor filled: a day without a change may be missing (2026-11).
    active = _list(counts, "active") if "active" in counts else []
    return max(active, key=lambda row: row.text("date")).whole("count") if active else None


def parse_people(answer: JsonObject) -> list[Person]:
    """The rows of user-activity, which has none for people without activity."""
    return [
        Person(row.text("user_id").strip(), row.text("username"), _seconds(row))
        for row in _list(answer.json_object("report"), "users")
    ]


def parse_apps(answer: JsonObject) -> Counter[str]:
    """Seconds by activity. Apps run side by side, so these add up to more than people's time.

    An app with several names or icons has several rows.
    """
    apps: Counter[str] = Counter()
    for row in _list(answer.json_object("report"), "apps_usage"):
        name = row.text("slug").strip().replace("-", "_") or UNKNOWN
        activity = _ACTIVITIES.get(name, name)
        apps[activity] += row.whole("seconds")
        if apps[activity] > LARGEST:
            raise BadPayload(f"{row.where}: the seconds of {activity} add up beyond 2^63")
    return apps


def _ask_of_day(client: Client, day: date, narrowed_to: Sequence[str] | None) -> tuple[JsonObject, JsonObject] | None:
    """The answers of user-activity and templates, narrowed to some templates or of the whole server (None).

    None without a single template: an empty list of ids would mean all of them.
    """
    if narrowed_to == []:
        return None
    params = _span(day)
    if narrowed_to is not None:
        params["template_ids"] = ",".join(narrowed_to)
    people = ask(client, "insights/user-activity", params)
    return people, ask(client, "insights/templates", {**params, "interval": "day"})


def _span(day: date) -> dict[str, str]:
    return {"start_time": f"{day}T00:00:00Z", "end_time": f"{day + ONE_DAY}T00:00:00Z"}


def _parse_day(answers: tuple[JsonObject, JsonObject] | None) -> tuple[list[Person], Counter[str]]:
    if answers is None:
        return [], Counter()
    people, apps = answers
    return parse_people(people), parse_apps(apps)


def _facts(context: Context, day: date, people: Sequence[Person], apps: Counter[str]) -> DayFacts:
    named = [person for person in people if person.user_id]
    identities = [Identity(person.user_id, username=person.username, vendor_id=person.user_id) for person in named]
    numbers = dict(zip(named, context.accounts.number(identities), strict=True))
    rows = pl.DataFrame(
        {
            "account": [numbers.get(person) for person in people],
            column(_TIME): [person.seconds * _NANOSECONDS for person in people],
        },
        schema={"account": pl.UInt32, column(_TIME): pl.Int64},
    )
    rolled = rollup(rows, [_TIME], f"coder user-activity of {day}")
    total = AmountKey(_TIME)
    return DayFacts(
        amounts={
            total: Decimal(rolled.totals[total]).scaleb(-9),
            **{
                AmountKey(Amount("active_time", activity)): Decimal(seconds)
                for activity, seconds in apps.items()
                if seconds
            },
        },
        people={EVERYBODY: BitMap(numbers.values())},
        by_account=rolled.by_account,
    )


def _daily_counts(context: Context) -> Mapping[date, int]:
    """The number of people on each of the last 60 days, as the server itself counts them.

    A tz_offset other than 0 moves the labels of the days, which stay days of UTC (2026-11).
    """
    try:
        answer = ask(context.client, "insights/daus", {"tz_offset": "0"})
    except VendorError as error:
        # A database that fails to count 60 days may well list one day (2026-11).
        if error.status not in HINTS and not is_server_error(error):
            raise
        context.warn("no counts", f"there is nothing of days before those that are read: {error}")
        return {}
    return {_day(row): row.whole("amount") for row in _list(answer, "entries")}


def _log_version(context: Context) -> None:
    if context.session.version_logged:
        return
    context.session.version_logged = True
    try:
        version = ask(context.client, "buildinfo").text("version")
    except VendorError as error:
        # The version is not worth failing a poll for; whatever is wrong here shows at the first insight.
        if isinstance(error, Rejected | BadPayload) or is_server_error(error):
            return
        raise
    url = context.settings.base_url
    event(logger, logging.INFO, "the version of a server", vendor="coder", url=url, version=version[:40])


def _list(answer: JsonObject, key: str) -> list[JsonObject]:
    """The array of objects under a key; an empty one may come as null."""
    return [] if answer.require(key) is None else answer.objects(key)


def _seconds(row: JsonObject) -> int:
    seconds = row.whole("seconds")
    if seconds > LARGEST // _NANOSECONDS:
        raise BadPayload(f"{row.where}: {row.path}.seconds is {seconds}, which is no time of a day")
    return seconds


def _day(row: JsonObject) -> date:
    try:
        # Servers before 2.7 send a time with the date.
        return date.fromisoformat(row.text("date")[:10])
    except ValueError:
        raise BadPayload(f"{row.where}: {row.path}.date is not a day as YYYY-MM-DD") from None


def probe(context: Context) -> None:
    """The organizations where some are configured, else the people of the newest day."""
    if context.settings.organizations:
        organizations(context.client)
        return
    newest = newest_ready(context.now, context.settings.ready_at)
    ask(context.client, "insights/user-activity", _span(newest))


def least_requests(days: int, _data_days: int) -> int:
    """Two for each day and one for the version. An organization takes two more."""
    return 2 * days + 1 if days else 0


CODER = Vendor(
    name="coder",
    settings=CoderSettings,
    open_session=CoderSession,
    scopes=scopes,
    read=read,
    day_counts=day_counts,
    seats=seats,
    headers=headers,
    least_requests=least_requests,
    probe=probe,
    endpoints=ENDPOINTS,
)
