"""Random days in Coder workspaces, for the simulators of both generations of Coder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hypothesis import strategies as st

from exporter.simulator.coder_work import ORGANIZATIONS, Session
from exporter.simulator.company import PersonDay
from exporter.simulator.people import Person
from tests.support.simulated_people import somebody
from tests.support.vendor_polls import VendorPolls

NEWEST = date(2025, 10, 20)
TEAMS = [team for teams in ORGANIZATIONS.values() for team in teams]
APPS = ["vscode", "jetbrains", "ssh", "sftp", "reconnecting-pty", "code-server", "jupyter"]
NAMES = ["ada", "bo", "cy", "dee"]

# The metrics that come straight from Coder's responses; lapsed and new people have tests of their own.
METRICS = {
    "adoption_active_users",
    "adoption_active_time_seconds",
    "adoption_usage",
    "adoption_activity_active_users",
    "adoption_activity_active_time_seconds",
}

DayOf = Mapping[tuple[str, date], Sequence[Session]]


def person(name: str) -> Person:
    """One of `NAMES`."""
    return somebody(name, number=NAMES.index(name))


@dataclass(frozen=True)
class Workspaces:
    """Sessions by name and day; both simulators take it as their company."""

    days: DayOf

    def published(self, day: date, now: datetime, after: timedelta) -> Sequence[PersonDay]:
        """The people with sessions on the day; every day is over."""
        return [PersonDay(person(name), day, ()) for name in NAMES if (name, day) in self.days]

    def roster(self, day: date) -> Sequence[Person]:
        """Everybody."""
        return [person(name) for name in NAMES]

    def sessions(self, entry: PersonDay) -> Sequence[Session]:
        """The sessions of a person's day."""
        return self.days[entry.person.username, entry.day]

    def of(self, days: Sequence[date]) -> Sequence[tuple[str, Sequence[Session]]]:
        """Each name and its sessions of one of the days."""
        return [(name, made) for (name, day), made in self.days.items() if day in days]


def minutes(made: Sequence[Session]) -> set[int]:
    """The minutes of the day in which any session was open."""
    return {minute for session in made for minute in range(session.start, session.start + session.minutes)}


def window(length: int) -> list[date]:
    """The days of a window."""
    return [NEWEST - timedelta(days=back) for back in range(length)]


def published(bench: VendorPolls, scope: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample of a scope about a window that comes straight from Coder's answers."""
    return {
        (sample.metric, sample.labels[3:]): sample.value
        for sample in bench.samples()
        if sample.labels[2] == scope and sample.metric in METRICS
    }


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    """A session on any minutes of a day."""
    start = draw(st.integers(0, 1439))
    return Session(
        draw(st.sampled_from(APPS)), draw(st.sampled_from(TEAMS)), start, draw(st.integers(1, min(300, 1440 - start)))
    )


def workspaces(days: int) -> st.SearchStrategy[Workspaces]:
    """A company of up to four people over so many days, with up to four sessions a person and day."""
    keys = st.tuples(st.sampled_from(NAMES), st.integers(0, days - 1).map(lambda back: NEWEST - timedelta(days=back)))
    return st.dictionaries(keys, st.lists(sessions(), min_size=1, max_size=4), max_size=25).map(Workspaces)
