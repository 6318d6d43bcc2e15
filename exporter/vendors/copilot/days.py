"""Reads the days of a scope: its people, and what a silence of GitHub means."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date

from exporter.errors import BadPayload, LinkExpired, Rejected, Unreachable
from exporter.model import Identity, Reading, newest_ready, window_days
from exporter.transport.client import Client
from exporter.transport.json_object import JsonObject
from exporter.vendors.base import InvalidDay
from exporter.vendors.copilot.api import Place, Report, Silence, envelope, rows
from exporter.vendors.copilot.facts import Day, day_of
from exporter.vendors.copilot.later import Later, is_recent
from exporter.vendors.copilot.people import identity
from exporter.vendors.copilot.refusals import explained
from exporter.vendors.copilot.row import check_day, parse_row
from exporter.vendors.copilot.saml import read_emails
from exporter.vendors.copilot.session import Context, signed_in
from exporter.vendors.copilot.table import Table, table_of

# The first days of which there are reports (2026-11).
FIRST_DAYS: Mapping[str, date] = {"organization": date(2025, 12, 12), "enterprise": date(2025, 10, 10)}
# A 5xx may stand in place of a report that is not made yet (2026-11). So many days in a row are an outage.
_OUTAGE = 3

_Readings = Iterator[Reading | InvalidDay]


@dataclass
class DayReader:
    """Reads days of one scope in one poll.

    `hidden` are days with a 404, which a token without access gets for every day; `answered` says that another day was
    answered. `logins` are the newest by id, since days come newest first. `failed` counts days in a row.
    """

    context: Context
    scope: str
    place: Place
    later: Later
    answered: bool = False
    failed: int = 0
    hidden: list[date] = field(default_factory=list)
    logins: dict[str, str] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        """The client that may read the scope."""
        return signed_in(self.context, self.place)

    @property
    def newest(self) -> date:
        """The newest ready day."""
        return newest_ready(self.context.now, self.context.settings.ready_at)

    def read(self, days: Sequence[date]) -> _Readings:
        """The days in their order; last those with a 404, where others show that this is no refusal."""
        late = read_emails(self.context, self.scope, self.place)
        # What this takes is not what a day costs.
        self.context.client.take_count()
        silent = self.context.session.silent.setdefault(self.scope, {})
        for day in days:
            again = day == self.newest or is_recent(self.context, day) or silent.get(day) != self.newest
            if again and day >= FIRST_DAYS[self.place.kind]:
                yield from self._caught(day, self._read(day))
        if self.hidden and not self.answered and not self._is_seen(days):
            with explained("metrics", self.place.kind):
                words = f"copilot GET /{self.place.path}: 404 for users-1-day of every day that was asked for"
                raise Rejected(words, status=404)
        for day in self.hidden:
            yield from self._caught(day, self._silence(day))
        self.context.session.silent[self.scope] = {day: silent[day] for day in days if day in silent}
        if late is not None:
            yield InvalidDay(self.newest, late)

    def _is_seen(self, days: Sequence[date]) -> bool:
        """Whether a day that is stored has a report still."""
        others = window_days(self.newest, self.context.settings.history.days)
        known = next((day for day in others if day not in days and day >= FIRST_DAYS[self.place.kind]), None)
        if known is None:
            return False
        found = envelope(self.client, self.place, "users-1-day", known)
        return not (isinstance(found, Silence) and found.hidden)

    def _caught(self, day: date, readings: _Readings) -> _Readings:
        """What can be read of a day, or why not. Raises VendorError for what other days would fail for too."""
        try:
            yield from readings
            self.failed = 0
        except BadPayload as error:
            yield InvalidDay(day, error)
        except Unreachable as error:
            self.failed += 1
            if self.failed == _OUTAGE or (error.status is None and not isinstance(error, LinkExpired)):
                raise
            yield InvalidDay(day, error)

    def _read(self, day: date) -> _Readings:
        found = envelope(self.client, self.place, "users-1-day", day)
        if isinstance(found, Silence):
            if found.hidden:
                self.hidden.append(day)
                return
            self.answered = True
            yield from self._silence(day)
            return
        self.answered = True
        with closing(self._rows("users-1-day", day, found)) as reports:
            table = table_of(parse_row(row, day) for row in reports)
        if table.rows.is_empty():
            yield from self._silence(day)
            return
        self._warn(table, day)
        yield from self.later.completed(day, self._day(table, day, complete=not is_recent(self.context, day)))

    def _silence(self, day: date) -> _Readings:
        """A day of zeros where GitHub says so, which only its report without people does."""
        report: Report = "organization-1-day" if self.place.kind == "organization" else "enterprise-1-day"
        found = envelope(self.client, self.place, report, day)
        told = [] if isinstance(found, Silence) else list(self._rows(report, day, found))
        for row in told:
            check_day(row, day)
        if [row.whole("daily_active_users") for row in told] == [0]:
            yield from self.later.completed(day, self._day(table_of(()), day, complete=True))
        else:
            self.context.session.silent[self.scope][day] = self.newest
            self.context.client.take_count()

    def _rows(self, report: Report, day: date, links: Sequence[str]) -> Generator[JsonObject, None, None]:
        return rows(self.client, self.place, report, day, links, self.context.settings.report_hosts)

    def _day(self, table: Table, day: date, *, complete: bool) -> Day:
        settings = self.context.settings
        of_credits = settings.spend == "credits"
        return day_of(table, day, self._number, settings.robots, of_credits=of_credits, complete=complete)

    def _number(self, ids: Sequence[str], logins: Sequence[str]) -> Sequence[int]:
        return self.context.accounts.number(
            [self._identity(one, login) for one, login in zip(ids, logins, strict=True)]
        )

    def _identity(self, user_id: str, login: str) -> Identity:
        newest = self.logins.setdefault(user_id, login)
        return identity(self.context, self.scope, user_id, newest, *([login] if login != newest else []))

    def _warn(self, table: Table, day: date) -> None:
        if table.repeated:
            words = f"users-1-day of {day} has several rows of the same person in {self.scope}: the last one counts"
            self.context.warn("repeated rows", words)
        if table.overfull:
            words = f"users-1-day of {day} has rows in {self.scope} with more in their clients than as a whole"
            self.context.warn("clients with more than the whole", words)
