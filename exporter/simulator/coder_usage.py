"""How Coder v2 counts: minutes of people and apps in half hours, from the sessions of a synthetic company."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from exporter.simulator.coder_request import Span
from exporter.simulator.coder_work import Session, Sessions, open_spans
from exporter.simulator.company import History
from exporter.simulator.people import TEAMS, Person

# The delay until a day is in the table that feeds the insights.
_LAG = timedelta(minutes=15)
_HALF_HOUR = timedelta(minutes=30)
_DAY = timedelta(days=1)


class Company(History, Protocol):
    """A history that knows who is employed."""

    def roster(self, day: date) -> Sequence[Person]:
        """Everyone employed on the day."""


@dataclass(frozen=True)
class Usage:
    """Minutes by person, and minutes by app and team."""

    people: Mapping[Person, int]
    apps: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Deployment:
    """The use of the workspaces, as far as it is known at `now`."""

    company: Company
    sessions: Sessions
    now: datetime

    def usage(self, span: Span, teams: Sequence[str] = tuple(TEAMS)) -> Usage:
        """The use in the half hours within the range, in workspaces of the teams' templates."""
        people: Counter[Person] = Counter()
        apps: Counter[tuple[str, str]] = Counter()
        for midnight in midnights(span):
            within = range(-((midnight - span.start) // _HALF_HOUR), (span.end - midnight) // _HALF_HOUR)
            for entry in self.company.published(midnight.date(), self.now, _LAG) or ():
                made = [session for session in self.sessions(entry) if session.team in teams]
                minutes = _capped(made, within)
                if minutes:
                    people[entry.person] += minutes
                for app, team in dict.fromkeys((session.app, session.team) for session in made):
                    of_app = [session for session in made if (session.app, session.team) == (app, team)]
                    apps[app, team] += _half_hours(of_app, within).total()
        return Usage(people, apps)

    def accounts(self, day: date) -> int:
        """The number of people with an account."""
        return sum(not person.service for person in self.company.roster(day))


def midnights(span: Span) -> Iterator[datetime]:
    """The starts of the UTC days that a range touches."""
    midnight = datetime.combine(span.start.astimezone(UTC).date(), time(), UTC)
    while midnight < span.end:
        yield midnight
        midnight += _DAY


def _capped(made: Sequence[Session], within: range) -> int:
    """A person's minutes: parallel apps of one template count once, and a half hour has at most thirty."""
    half_hours: Counter[int] = Counter()
    for team in {session.team for session in made}:
        half_hours.update(_half_hours([session for session in made if session.team == team], within))
    return sum(min(30, minutes) for minutes in half_hours.values())


def _half_hours(made: Sequence[Session], within: range) -> Counter[int]:
    """Open minutes by half hour of the day."""
    found: Counter[int] = Counter()
    for start, end in open_spans(made):
        for number in range(start // 30, (end - 1) // 30 + 1):
            if number in within:
                found[number] += min(end, 30 * number + 30) - max(start, 30 * number)
    return found
