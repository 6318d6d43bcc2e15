"""The Claude Enterprise API: people with seats by days, their groups, tokens and money, and who holds a seat."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from exporter.errors import BadPayload, Rejected, VendorError
from exporter.model import ONE_DAY, DayFacts, Field, Holder, Identity, Reading, Seats, newest_ready, window_days
from exporter.transport.json_object import JsonObject
from exporter.vendors.base import InvalidDay
from exporter.vendors.claude_code.api import ANALYTICS, PAGE, USERS, ask, members, moment, walk
from exporter.vendors.claude_code.enterprise_rows import day_facts, parse_rows
from exporter.vendors.claude_code.groups import listed, read_groups, wanted_groups
from exporter.vendors.claude_code.later import BY_USER, FIRST_DAY, Later, of_users, together
from exporter.vendors.claude_code.reports import REQUESTS, SPAN
from exporter.vendors.claude_code.session import Context
from exporter.vendors.optional_read import optional

_ACTIVITY = f"{ANALYTICS}/users"
# The vendor answers 400 for a day that it has not aggregated: one day old, or until 2026-07 four.
_YOUNG = timedelta(days=7)
# "The past 90 days", says a help article; the reference goes back to FIRST_DAY (2026-08).
_KEPT = timedelta(days=90)
_HOLDERS = "holders of seats (scope read:members)"
_APART: frozenset[Field] = frozenset({"spend", "tokens", REQUESTS, "model", "model_people", "team"})


def read(context: Context, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The wanted days with what is there of tokens and money, then tokens and money alone of the newest 31 days."""
    newest = newest_ready(context.now, context.settings.ready_at)
    later = Later(context, newest)
    whole: set[date] = set()
    for day in days:
        if day < FIRST_DAY:
            context.warn("first day", f"days before {FIRST_DAY} are not asked for: the vendor has none")
            break
        if day <= context.session.forgotten:
            break
        try:
            pages = _of_day(context, day)
            if pages is not None:
                yield _reading(context, day, pages, later)
                whole.add(day)
        except BadPayload as error:
            yield InvalidDay(day, error)
    month = [] if days and newest - days[0] >= timedelta(days=SPAN) else window_days(newest, SPAN)
    for day in month:
        again = None if day in whole else later.again(day)
        if again is not None:
            yield again
    if later.errors:
        yield InvalidDay(newest, later.errors[0])


def seats(context: Context) -> int | Seats | None:
    """The seats that are assigned on the data day, with the members as holders where the key may read them.

    An invitation takes a seat too, so there may be more seats than members.
    """
    if context.settings.seats is not None:
        return None
    day = max(context.session.people, default=newest_ready(context.now, context.settings.ready_at))
    summary = optional(context, "seats", lambda: _newest_summary(context, day))
    if summary is None or not summary.given("assigned_seat_count"):
        return None
    _compare(context, summary)
    assigned = summary.whole("assigned_seat_count")
    found = optional(context, _HOLDERS, lambda: members(context, USERS))
    return assigned if found is None else Seats.of(_holders(context, found), count=assigned)


def probe(context: Context) -> None:
    """One person of a day that is surely there."""
    day = max(FIRST_DAY, newest_ready(context.now, context.settings.ready_at) - _YOUNG)
    ask(context, _ACTIVITY, {"date": day.isoformat(), "limit": 1})


def check(context: Context) -> Iterator[str]:
    """Tries the key and every report that is configured; what a poll survives is a remark."""
    probe(context)
    day = max(FIRST_DAY, newest_ready(context.now, context.settings.ready_at) - _YOUNG)
    later = Later(context, day)
    later.reported(day)
    yield from map(str, later.errors)
    if context.settings.billing == "usage":
        optional(context, "people by model", lambda: ask(context, BY_USER, {**of_users(day), "limit": 1}))
    if context.settings.seats is None:
        optional(context, "seats", lambda: _summary(context, day))
        optional(context, _HOLDERS, lambda: ask(context, USERS, {"limit": 1}))
    if context.settings.teams is not None:
        names = optional(context, "teams", lambda: listed(context, day))
        if names is not None:
            wanted = wanted_groups(context, names)
            if wanted is not None and not wanted:
                context.warn("groups", f"there are no teams: on {day} nobody was in a group that is wanted")


def _of_day(context: Context, day: date) -> Sequence[JsonObject] | None:
    """The activity of a day; None where the vendor has not finished it, or no longer has it."""
    try:
        return walk(context, _ACTIVITY, {"date": day.isoformat(), "limit": PAGE})
    except Rejected as error:
        age = context.now.date() - day
        if error.status != 400 or _YOUNG <= age <= _KEPT:
            raise
        if age > _KEPT:
            context.session.forgotten = day
            context.warn("forgotten", f"days before {day + ONE_DAY} are not there: {error}")
        return None


def _reading(context: Context, day: date, pages: Sequence[JsonObject], later: Later) -> Reading:
    rows = parse_rows(pages)
    facts, numbers = day_facts(rows, context.accounts.number, day)
    context.session.people[day] = len(numbers)
    facts = together(facts, later.reported(day), later.users(day, numbers))
    names: Mapping[str, str] = {}
    if context.settings.teams is not None:
        facts, names = _with_groups(context, day, facts, numbers, later)
    return Reading(day, facts, rows=bool(rows), apart=_APART, team_names=names)


def _with_groups(
    context: Context, day: date, facts: DayFacts, numbers: Mapping[str, int], later: Later
) -> tuple[DayFacts, Mapping[str, str]]:
    """A day with its teams, and their names. Without them it is published all the same."""
    if later.down:
        return replace(facts, pending=facts.pending | {"team"}), {}
    try:
        groups = optional(context, "teams", lambda: read_groups(context, day, numbers))
    except VendorError as error:
        # How late a day comes differs from query to query: this one may not have it yet (2026-08).
        if error.status != 400 or context.now.date() - day >= _YOUNG:
            later.fail(error)
        return replace(facts, pending=facts.pending | {"team"}), {}
    return (facts, {}) if groups is None else (replace(facts, teams=groups.people), groups.names)


def _newest_summary(context: Context, newest: date) -> JsonObject | None:
    """The summary of a day, or of one shortly before: how late a day comes differs from report to report (2026-08)."""
    for day in window_days(newest, _YOUNG.days):
        try:
            return _summary(context, day)
        except Rejected as error:
            if error.status != 400:
                raise
    return None


def _summary(context: Context, day: date) -> JsonObject | None:
    """The summary of a day; None where the vendor has none.

    Its list is called `summaries` until 2026-08, and `data` since, with `summaries` beside it.
    """
    params = {"starting_date": day.isoformat(), "ending_date": (day + ONE_DAY).isoformat()}
    answer = ask(context, f"{ANALYTICS}/summaries", params)
    entries = answer.objects("summaries" if "data" not in answer and "summaries" in answer else "data")
    return next((entry for entry in entries if moment(entry, "starting_at").date() == day), None)


def _compare(context: Context, summary: JsonObject) -> None:
    """Says where the vendor's own count of people is another: it goes by tokens or tools, ours by any activity."""
    word, day = "claude_code_daily_active_user_count", moment(summary, "starting_at").date()
    people = context.session.people.get(day)
    if people is None or not summary.given(word):
        return
    counted = summary.whole(word)
    if counted != people:
        context.warn(
            "counts differ",
            f"the vendor counts {counted} people on {day} and lists {people} with activity; "
            "here and on other days the list is what counts",
        )


def _holders(context: Context, found: Sequence[JsonObject]) -> list[Holder]:
    named = [
        Identity(member.text("id"), email=member.text("email").strip().lower(), vendor_id=member.text("id"))
        for member in found
    ]
    numbers = context.accounts.number(named)
    added = [moment(member, "added_at").date() for member in found]
    return [Holder(number, since) for number, since in zip(numbers, added, strict=True)]
