"""What is remembered of a source from poll to poll: tokens of an App, e-mails, days of which there is no report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from exporter.model import Seats
from exporter.transport.client import Client
from exporter.vendors.base import PollContext
from exporter.vendors.copilot.api import Place
from exporter.vendors.copilot.settings import CopilotSettings
from exporter.vendors.github_app import Installation


@dataclass(frozen=True)
class Held:
    """Seats, how many pages they took, and the newest ready day when they were read."""

    newest: date
    pages: int
    seats: Seats


@dataclass
class CopilotSession:
    """The memory of a source.

    `emails` are those of SAML by scope and user id, and `emails_read` the day on which they were last read. `silent`
    has the days of each scope without a report, with the newest ready day at that time.
    """

    installations: dict[str, Installation] = field(default_factory=dict)
    emails: dict[str, Mapping[str, str]] = field(default_factory=dict)
    emails_read: dict[str, date] = field(default_factory=dict)
    silent: dict[str, dict[date, date]] = field(default_factory=dict)
    seats: dict[str, Held] = field(default_factory=dict)


Context = PollContext[CopilotSettings, CopilotSession]


def places(settings: CopilotSettings) -> dict[str, Place]:
    """The enterprise or the organizations that are read, by scope."""
    return _places(settings.enterprise, settings.organizations)


def billed(settings: CopilotSettings) -> dict[str, Place]:
    """Whose bills are read, by scope."""
    billing = settings.billing
    return {} if billing is None else _places(billing.enterprise, billing.organizations)


def signed_in(context: Context, place: Place) -> Client:
    """The client with the source's token, or with that of its App where it is installed."""
    app = context.settings.app
    if app is None:
        return context.client
    installation = context.session.installations.setdefault(place.path, Installation(app, place.path))
    return context.client.signed_in(installation)


def _places(enterprise: str | None, organizations: tuple[str, ...]) -> dict[str, Place]:
    if enterprise is not None:
        return {enterprise: Place("enterprise", enterprise)}
    return {name: Place("organization", name) for name in organizations}
