"""`check-config --online`: tries each request that the configuration needs, and names each one that is refused."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from functools import partial

from exporter.errors import Rejected, VendorError
from exporter.model import newest_ready
from exporter.vendors.copilot.api import Place, Silence, envelope, rows
from exporter.vendors.copilot.billing import bill
from exporter.vendors.copilot.refusals import explained
from exporter.vendors.copilot.row import parse_row
from exporter.vendors.copilot.saml import first_page
from exporter.vendors.copilot.seats import seat_pages
from exporter.vendors.copilot.session import Context, billed, places, signed_in

# A single day may have no report; where there is none a week before either, the token may not see any.
_WEEK = timedelta(days=7)


def check(context: Context) -> Iterator[str]:
    """A line for each request that is refused or fails."""
    settings = context.settings
    day = newest_ready(context.now, settings.ready_at)
    for scope, place in places(settings).items():
        attempts = [partial(_people, context, place, day)]
        if settings.teams is not None:
            attempts.append(partial(_teams, context, place, day))
        if settings.seats is None:
            attempts.append(partial(_seats, context, place))
        if settings.identity == "saml":
            attempts.append(partial(_emails, context, place))
        yield from _problems(scope, attempts)
    for scope, place in billed(settings).items():
        yield from _problems(scope, [partial(_bill, context, place, day)])


def _problems(scope: str, attempts: list[partial[None]]) -> Iterator[str]:
    for attempt in attempts:
        try:
            attempt()
        except VendorError as error:
            yield f"{scope}: {error}"


def _people(context: Context, place: Place, day: date) -> None:
    """Reads the report, since a firewall may let GitHub through and not the host of reports."""
    found = envelope(signed_in(context, place), place, "users-1-day", day)
    if isinstance(found, Silence) and found.hidden:
        before = envelope(signed_in(context, place), place, "users-1-day", day - _WEEK)
        if isinstance(before, Silence) and before.hidden:
            with explained("metrics", place.kind):
                days = f"{day} and {day - _WEEK}"
                raise Rejected(f"copilot GET /{place.path}: 404 for users-1-day of {days}", status=404)
    if isinstance(found, Silence):
        context.warn("no report", f"there is no report of {day} for {place.name} yet")
        return
    hosts = context.settings.report_hosts
    with closing(rows(signed_in(context, place), place, "users-1-day", day, found, hosts)) as told:
        for row in told:
            parse_row(row, day)


def _teams(context: Context, place: Place, day: date) -> None:
    envelope(signed_in(context, place), place, "user-teams-1-day", day)


def _seats(context: Context, place: Place) -> None:
    next(seat_pages(signed_in(context, place), place))


def _emails(context: Context, place: Place) -> None:
    first_page(signed_in(context, place), place)


def _bill(context: Context, place: Place, day: date) -> None:
    bill(context, place, day)
