"""GitHub Copilot: people and what they did from a report a day, seats, teams, e-mails and money.

API: https://docs.github.com/en/rest/copilot and https://docs.github.com/en/copilot/concepts/copilot-metrics (read
2026-11).
"""

from collections.abc import Iterator, Sequence
from datetime import date

from exporter.model import Reading, newest_ready
from exporter.vendors.base import InvalidDay, Vendor
from exporter.vendors.copilot.api import ENDPOINTS, PUBLIC_HEADERS, envelope
from exporter.vendors.copilot.check import check
from exporter.vendors.copilot.days import DayReader
from exporter.vendors.copilot.later import Later, bills
from exporter.vendors.copilot.seats import seats
from exporter.vendors.copilot.session import Context, CopilotSession, billed, places, signed_in
from exporter.vendors.copilot.settings import CopilotSettings


def scopes(context: Context) -> Sequence[str]:
    """The enterprise or the organizations, and those that only bills are read of."""
    return list(places(context.settings) | billed(context.settings))


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The days that GitHub has finished."""
    place = places(context.settings).get(scope)
    if place is None:
        return bills(context, scope, days)
    return DayReader(context, scope, place, Later(context, scope, place)).read(days)


def probe(context: Context) -> None:
    """The links to a report. That there is none is an answer too: GitHub refuses a wrong token first."""
    place = next(iter(places(context.settings).values()))
    newest = newest_ready(context.now, context.settings.ready_at)
    envelope(signed_in(context, place), place, "users-1-day", newest)


def least_requests(days: int, _data_days: int) -> int:
    """The links and one file for each day."""
    return 2 * days


COPILOT = Vendor(
    name="copilot",
    settings=CopilotSettings,
    open_session=CopilotSession,
    scopes=scopes,
    read=read,
    seats=seats,
    check=check,
    probe=probe,
    least_requests=least_requests,
    endpoints=ENDPOINTS,
    public_headers=PUBLIC_HEADERS,
)
