"""Coder v2: people and time from insights/user-activity, time of each app from insights/templates.

API: https://coder.com/docs/reference/api/insights (v2.37) and the handlers behind it (read 2026-11).
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated
from urllib.parse import quote

import polars as pl
from pydantic import Field
from pyroaring import BitMap

from exporter.config.source import SourceSettings
from exporter.errors import BadPayload, Rejected, VendorError
from exporter.log import event
from exporter.model import ALL, EVERYBODY, ONE_DAY, Amount, AmountKey, DayFacts, Identity, Reading, WindowPeople, column
from exporter.transport.json_object import JsonObject, json_object, objects
from exporter.vendors.base import InvalidDay, PollContext, Vendor
from exporter.vendors.rollup import LARGEST, UNKNOWN, rollup

logger = logging.getLogger(__name__)

Name = Annotated[str, Field(min_length=1)]

# The web terminal has a hyphen in insights and an underscore in newer servers (2026-11).
_ACTIVITIES = {"reconnecting_pty": "web_terminal"}
_TIME = Amount("active_time", "")
_NANOSECONDS = 10**9
_DEPRECATED = {"q": "deprecated:true"}
# Neither status says which permission; a 404 is the answer to four different mistakes (2026-11).
_HINTS = {
    403: "the token's user needs the role Auditor",
    404: "either the token's user has neither the role Auditor nor Template Admin, or the server collects no usage "
    "statistics (CODER_STATS_COLLECTION_USAGE_STATS_ENABLE), or a template was deleted just now, or the host is "
    "Coder v1 (vendor: coder-classic)",
}


class CoderSettings(SourceSettings):
    """A Coder v2 server. `organizations` are names; none stands for all as one."""

    organizations: tuple[Name, ...] = ()


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
    """The token as v2 wants it; v1's header has another name."""
    return {"Coder-Session-Token": token}


def scopes(context: Context) -> Sequence[str]:
    """The configured organizations, or the server as one."""
    _log_version(context)
    return list(dict.fromkeys(context.settings.organizations)) or [ALL]


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """Every day wanted, newest first, with two requests for each."""
    templates = _templates(context, scope)
    listed = context.session.listed
    listed.clear()
    for day in days:
        answers = _ask_of_day(context, day, templates)
        try:
            people, apps = _parse_day(answers)
            reading = Reading(day, _facts(context, day, people, apps), rows=bool(people))
        except BadPayload as error:
            yield InvalidDay(day, error)
            continue
        listed[day] = reading.facts.people_total()
        yield reading


def day_counts(context: Context, _scope: str) -> Sequence[WindowPeople]:
    """The server's own counts of the last 60 days; there are none for an organization."""
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
    """Users with the account status active, which is a licence seat and says nothing of activity."""
    if context.settings.organizations or context.settings.seats is not None:
        return None
    try:
        counts = _answer(context, "insights/user-status-counts").json_object("status_counts")
    except Rejected as error:
        if error.status not in _HINTS:
            raise
        context.warn("no seats", f"there are no seats: {error}")
        return None
    # Neither sorted nor filled: a day without a change may be missing (2026-11).
    active = _list(counts, "active") if "active" in counts else []
    return max(active, key=lambda row: row.text("date")).whole("count") if active else None


def parse_people(answer: JsonObject) -> list[Person]:
    """The rows of user-activity; people without activity have none."""
    return [
        Person(row.text("user_id").strip(), row.text("username"), _seconds(row))
        for row in _list(answer.json_object("report"), "users")
    ]


def parse_apps(answer: JsonObject) -> Counter[str]:
    """Seconds by activity; apps run side by side, so that these add up to more than people's time.

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


def _ask_of_day(context: Context, day: date, templates: Sequence[str] | None) -> tuple[JsonObject, JsonObject] | None:
    """What user-activity and templates answer; None without templates, of which nobody can be asked for."""
    if templates == []:
        return None
    params = {"start_time": f"{day}T00:00:00Z", "end_time": f"{day + ONE_DAY}T00:00:00Z"}
    if templates is not None:
        params["template_ids"] = ",".join(templates)
    people = _answer(context, "insights/user-activity", params)
    return people, _answer(context, "insights/templates", {**params, "interval": "day"})


def _parse_day(answers: tuple[JsonObject, JsonObject] | None) -> tuple[list[Person], Counter[str]]:
    return ([], Counter()) if answers is None else (parse_people(answers[0]), parse_apps(answers[1]))


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
    """People of each of the last 60 days as the server itself counts them.

    Any tz_offset but 0 moves the labels of days that stay days of UTC (2026-11).
    """
    try:
        answer = _answer(context, "insights/daus", {"tz_offset": "0"})
    except VendorError as error:
        # A database that fails to count 60 days may well list those of one (2026-11).
        if error.status not in _HINTS and not _is_server_error(error):
            raise
        context.warn("no counts", f"there is nothing of days before those that are read: {error}")
        return {}
    return {_day(row): row.whole("amount") for row in _list(answer, "entries")}


def _templates(context: Context, scope: str) -> list[str] | None:
    """The templates of an organization, which is the one way to ask for it; None for the server as one whole.

    What happened in workspaces of templates that have been deleted since is lost to it.
    """
    if not context.settings.organizations:
        return None
    where, found = _get(context, "organizations")
    ids = [row.text("id") for row in objects(found, where) if row.text("name") == scope]
    if not ids:
        raise Rejected(f"{where}: the token's user sees no organization {scope}")
    path = f"organizations/{quote(ids[0], safe='')}/templates"
    return sorted(_listed_templates(context, path, None) | _deprecated_templates(context, path))


def _deprecated_templates(context: Context, path: str) -> set[str]:
    """People work on in deprecated templates, which newer servers list only when asked for (2026-11)."""
    try:
        return _listed_templates(context, path, _DEPRECATED)
    except Rejected as error:
        # A server that refuses the parameter does not know it, and has listed everything without it.
        if error.status != 400:
            raise
        return set()


def _listed_templates(context: Context, path: str, params: Mapping[str, str] | None) -> set[str]:
    where, found = _get(context, path, params)
    return set() if found is None else {row.text("id") for row in objects(found, where)}


def _log_version(context: Context) -> None:
    if context.session.version_logged:
        return
    context.session.version_logged = True
    try:
        version = _answer(context, "buildinfo").text("version")
    except VendorError as error:
        # What the version would have told is not worth a poll; whatever is wrong here shows at the first insight.
        if isinstance(error, Rejected | BadPayload) or _is_server_error(error):
            return
        raise
    url = context.settings.base_url
    event(logger, logging.INFO, "the version of a server", vendor="coder", url=url, version=version[:40])


def _is_server_error(error: VendorError) -> bool:
    return error.status is not None and error.status >= 500


def _answer(context: Context, endpoint: str, params: Mapping[str, str] | None = None) -> JsonObject:
    where, document = _get(context, endpoint, params)
    return json_object(document, where)


def _get(context: Context, endpoint: str, params: Mapping[str, str] | None = None) -> tuple[str, object]:
    """Where an answer is from, in words, and the answer. Insights refuse parameters that they do not know."""
    try:
        response = context.client.request("GET", f"/api/v2/{endpoint}", params=params)
    except Rejected as error:
        if error.status not in _HINTS:
            raise
        raise Rejected(f"{error}; {_HINTS[error.status]}", status=error.status) from error
    return response.where, response.json()


def _list(answer: JsonObject, key: str) -> list[JsonObject]:
    """An array of objects; an empty one may come as null."""
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


def least_requests(days: int, _data_days: int) -> int:
    """Two for each day and one for the version; an organization takes two more."""
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
)
