"""Who holds a seat of Copilot now.

API: https://docs.github.com/en/rest/copilot/copilot-user-management (read 2026-11).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from exporter.errors import BadPayload
from exporter.model import Holder, Seats, newest_ready
from exporter.transport.client import Client, Response
from exporter.transport.json_object import JsonObject, json_object
from exporter.transport.pages import linked_page, pages
from exporter.vendors.copilot.api import Place
from exporter.vendors.copilot.facts import is_robot
from exporter.vendors.copilot.people import identity
from exporter.vendors.copilot.refusals import explained
from exporter.vendors.copilot.row import identifier
from exporter.vendors.copilot.session import Context, Held, places, signed_in

# The most that a page holds.
_PAGE = "per_page=100"
# A list of more pages is read once after each publication: who holds a seat counts for the newest day.
_CHEAP = 10
# After that many days without activity `last_activity_at` is null (2026-11).
_FORGETS_AFTER = 90


class Assigned(NamedTuple):
    """A seat and who has it. An enterprise has one for each organization or team that gave it to somebody."""

    user_id: str
    login: str
    since: date | None
    last_active: date | None


def seats(context: Context, scope: str) -> Seats | None:
    """The holders of a scope's seats.

    None where the configuration gives the number of seats, and for a scope that has bills alone.
    """
    place = places(context.settings).get(scope)
    if context.settings.seats is not None or place is None:
        return None
    newest = newest_ready(context.now, context.settings.ready_at)
    known = context.session.seats.get(scope)
    if known is None or known.pages <= _CHEAP or known.newest != newest:
        known = context.session.seats[scope] = _read(context, scope, place, newest)
    return known.seats


def _read(context: Context, scope: str, place: Place, newest: date) -> Held:
    read = list(seat_pages(signed_in(context, place), place))
    held = [seat for page in read for seat in _assigned(page) if not is_robot(seat.login, context.settings.robots)]
    logins = {seat.user_id: seat.login for seat in held}
    numbers = context.accounts.number([identity(context, scope, *one) for one in logins.items()])
    account = dict(zip(logins, numbers, strict=True))
    found = Seats.of(
        [Holder(account[seat.user_id], seat.since, seat.last_active) for seat in held], forgets_after=_FORGETS_AFTER
    )
    total = read[-1].whole("total_seats")
    if total != found.number():
        words = f"GitHub counts {total} seats of {scope}, and {found.number()} people hold one, who are what counts"
        context.warn(f"{scope}: seats differ", words)
    return Held(newest, len(read), found)


def seat_pages(client: Client, place: Place) -> Iterator[JsonObject]:
    """The pages of the list of seats."""
    path = f"/{place.path}/copilot/billing/seats"

    def ask(query: str | None) -> Response:
        with explained("seats", place.kind):
            return client.request("GET", path, params=dict(parse_qsl(query or _PAGE)))

    for answer in pages(ask, _next_page, f"{client.vendor} GET {path}"):
        yield json_object(answer.json(), answer.where)


def _next_page(answer: Response) -> str | None:
    params = linked_page(answer.headers)
    return None if params is None else urlencode(params)


def _assigned(page: JsonObject) -> Iterator[Assigned]:
    """The seats that a person has: some are nobody's any more (2026-11)."""
    for seat in page.objects("seats"):
        if seat.require("assignee") is None:
            continue
        assignee = seat.json_object("assignee")
        user_id = identifier(assignee, "id")
        if user_id and ("type" not in assignee or assignee.text("type") == "User"):
            yield Assigned(user_id, assignee.text("login"), _day(seat, "created_at"), _day(seat, "last_activity_at"))


def _day(seat: JsonObject, key: str) -> date | None:
    """The day (UTC) of a moment, which GitHub gives with any offset."""
    if not seat.given(key):
        return None
    try:
        moment = datetime.fromisoformat(seat.text(key))
    except ValueError:
        raise BadPayload(f"{seat.where}: {seat.path}.{key} is no time such as 2026-11-20T13:00:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).date()
