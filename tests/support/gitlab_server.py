"""A simulated GitLab on a real address, with projects that a test creates and changes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from exporter.simulator.company import PersonDay
from exporter.simulator.cube import Row
from exporter.simulator.gitlab import STANDARD, Quirks, gitlab_app
from exporter.simulator.gitlab_products import Project
from exporter.simulator.server import serve
from tests.support.vendor_polls import VendorPolls

NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
YESTERDAY = date(2026, 3, 9)
DAY = timedelta(days=1)


class NoHistory:
    """A company without people: the projects are the test's own."""

    def published(self, day: date, now: datetime, after: timedelta) -> Sequence[PersonDay] | None:
        return None


@dataclass(frozen=True)
class Visit:
    """One user's day: events by kind, sessions, and the total of their minutes."""

    day: date
    user: str
    events: dict[str, int] = field(default_factory=lambda: {"page_view": 1})
    sessions: int = 0
    minutes: Decimal = Decimal(0)
    name: str | None = None


def project(number: int, path: str, visits: Sequence[Visit] = (), **more: Any) -> Project:
    """A project with these visits."""

    def events(start: date, end: date) -> Iterable[Row]:
        return [
            Row(one.day, one.user, count, traits={"event": kind, "eventName": one.name, "agentName": None})
            for one in visits
            for kind, count in one.events.items()
            if start <= one.day <= end
        ]

    def sessions(start: date, end: date) -> Iterable[Row]:
        return [
            Row(one.day, one.user, one.sessions, one.minutes, {"agentName": None})
            for one in visits
            if one.sessions and start <= one.day <= end
        ]

    return Project(number, path, events, sessions, **more)


@dataclass
class Served:
    """A GitLab, its current projects, and a source that reads it."""

    projects: list[Project]
    polls: VendorPolls
    loads: dict[int, int]
    tokens_made: dict[int, int]

    def at(self, now: datetime) -> None:
        """Moves the clock of both."""
        self.polls.now = now

    def scopes(self) -> list[str]:
        """The scopes that have a data day."""
        return sorted(labels[0] for labels in self.polls.values("adoption_data_day_timestamp_seconds"))


@contextmanager
def gitlab(projects: Sequence[Project], /, *, quirks: Quirks = STANDARD, **settings: Any) -> Iterator[Served]:
    """A GitLab with projects and a source of it, by default of their top groups."""
    polls = VendorPolls("gitlab", {}, NOW)
    here = list(projects)
    app = gitlab_app(NoHistory(), lambda: polls.now, token="secret-token", projects=lambda: here, quirks=quirks)
    groups = sorted({one.path.partition("/")[0] for one in here})
    with serve(app) as running:
        polls.settings = {"base_url": running.url, "groups": groups, "history": timedelta(days=30), **settings}
        yield Served(here, polls, app.state.loads, app.state.tokens_made)
