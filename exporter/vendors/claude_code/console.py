"""The Console API: people and API keys of an organization that pays for tokens, and who may use Claude Code."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from exporter.errors import BadPayload
from exporter.model import Holder, Reading, Seats, newest_ready, window_days
from exporter.transport.json_object import JsonObject
from exporter.vendors.base import InvalidDay
from exporter.vendors.claude_code.api import ACTIVITY, API_KEYS, ME, PAGE, USERS, ask, members, moment, walk
from exporter.vendors.claude_code.console_rows import day_facts, parse_rows, person
from exporter.vendors.claude_code.session import Context
from exporter.vendors.optional_read import optional

# An organization whose people have seats gets empty days for ever, and never an error (2026-11).
NOBODY = (
    "no Claude Code on API billing in this organization; people with seats are in the Claude Enterprise API "
    "(api: enterprise), and those of Bedrock, Vertex and Foundry in neither"
)
# How many of the newest days are asked for where the whole history was empty.
_TRIED = 7


def read(context: Context, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The wanted days. Days without a row are held back until any day has one: constant emptiness is no zero."""
    owners = _owners(context)
    ever = context.first_active is not None
    empty: list[Reading] = []
    for number, day in enumerate(days):
        if context.session.silent and not ever and number == _TRIED:
            return
        try:
            pages = walk(context, ACTIVITY, {"starting_at": day.isoformat(), "limit": PAGE})
            rows = parse_rows(pages, day, owners)
            reading = Reading(day, day_facts(rows, context.accounts.number, day), rows=bool(rows))
        except BadPayload as error:
            yield InvalidDay(day, error)
            continue
        if not rows and not ever:
            empty.append(reading)
            continue
        ever = True
        yield from empty
        empty.clear()
        yield reading
    context.session.silent = bool(empty)
    if empty:
        context.warn("nobody", f"every day is empty: {NOBODY}")


def seats(context: Context) -> Seats | None:
    """The members with a role that may use Claude Code. Nobody pays for them here."""
    if context.settings.seats is not None:
        return None
    found = optional(context, "seats", lambda: members(context, USERS))
    return None if found is None else Seats.of(_holders(context, found))


def probe(context: Context) -> None:
    """The organization of the key."""
    ask(context, ME)


def check(context: Context) -> Iterator[str]:
    """Tries the key, the newest week and the members; what a poll survives is a remark."""
    ask(context, ME)
    newest = newest_ready(context.now, context.settings.ready_at)
    for day in window_days(newest, _TRIED):
        if ask(context, ACTIVITY, {"starting_at": day.isoformat(), "limit": 1}).objects("data"):
            break
    else:
        context.warn("nobody", f"{_TRIED} days are empty: {NOBODY}")
    _owners(context)
    seats(context)
    yield from ()


def _owners(context: Context) -> Mapping[str, str]:
    """The e-mail addresses of people by the names of API keys that are theirs alone."""
    if context.settings.api_keys == "service":
        return {}

    def lists() -> tuple[Sequence[JsonObject], Sequence[JsonObject]]:
        return members(context, API_KEYS), members(context, USERS)

    found = optional(context, "owners of API keys", lists)
    if found is None:
        return {}
    keys, users = found
    emails = {user.text("id"): user.text("email").strip().lower() for user in users}
    principals: dict[str, set[str]] = {}
    for key in keys:
        # Older keys, and those of other sign-ins, have none.
        principal = key.json_object("principal") if key.given("principal") else None
        owner = principal.text("id") if principal is not None and principal.text("type") == "user" else ""
        principals.setdefault(key.text("name").strip(), set()).add(owner)
    # A name that two hold, or that somebody holds who left, is a service account's.
    alone = {name: next(iter(ids)) for name, ids in principals.items() if len(ids) == 1}
    return {name: emails[owner] for name, owner in alone.items() if emails.get(owner)}


def _holders(context: Context, users: Sequence[JsonObject]) -> list[Holder]:
    entitled = [user for user in users if user.text("role") in context.settings.seat_roles]
    named = [(one, user) for user in entitled if (one := person(user.text("email").strip().lower())) is not None]
    numbers = context.accounts.number([identity for identity, _ in named])
    return [Holder(number, moment(user, "added_at").date()) for number, (_, user) in zip(numbers, named, strict=True)]
