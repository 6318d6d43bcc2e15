"""The projects of a simulated GitLab, and their rows in the two cubes by day."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from exporter.simulator.company import History, PersonDay
from exporter.simulator.cube import Cube, Json, Measure, Row
from exporter.simulator.people import TEAMS
from exporter.simulator.stream import Stream

Generation = Literal["current", "snowplow", "jitsu"]
Rows = Callable[[date, date], Iterable[Row]]

# Number, path and the teams whose people visit the product.
_PRODUCTS: Sequence[tuple[int, str, Sequence[str]]] = (
    (11, "platform/portal", tuple(TEAMS)),
    (12, "platform/docs/handbook", ("platform", "web", "data")),
    (13, "mobile/companion-app", ("mobile",)),
)
# A project without events so far, and an archived one.
_NEW = (14, "platform/new-idea")
_ARCHIVED = (15, "platform/old-portal")

_VISITS = 0.6
_ANONYMOUS = 0.1
_EVENTS = ("page_view", "page_view", "page_view", "link_click", "custom")
_NAMES = ("search", "export", "share")
_BROWSERS = ("Chrome", "Chrome", "Firefox", "Safari")
_OLDEST = timedelta(days=800)
_DAY = timedelta(days=1)

_PREFIX: Mapping[Generation, str] = {"current": "", "snowplow": "Snowplow", "jitsu": ""}
_EVENT_TIME: Mapping[Generation, str] = {"current": "derivedTstamp", "snowplow": "derivedTstamp", "jitsu": "utcTime"}


def nothing(_start: date, _end: date) -> Iterable[Row]:
    """No rows at all."""
    return ()


@dataclass(frozen=True)
class Project:
    """A project. `former` are paths that redirect to it; `refusal` is the error of Product Analytics in place of data.

    Without a `database` no event was ever received. `generation`, where set, is what its Cube has in place of the
    server's; `lacks` are measures that it has not.
    """

    id: int
    path: str
    events: Rows = nothing
    sessions: Rows = nothing
    archived: bool = False
    database: bool = True
    former: Sequence[str] = ()
    refusal: tuple[int, Json] | None = None
    generation: Generation | None = None
    lacks: Collection[str] = ()

    def cubes(self, usual: Generation) -> list[Cube]:
        """The cubes under the names of a generation."""
        generation = self.generation or usual
        cubes = [
            Cube(
                name=f"{_PREFIX[generation]}TrackedEvents",
                time=_EVENT_TIME[generation],
                measures={
                    "count": Measure("count"),
                    "uniqueUsersCount": Measure("countDistinct"),
                    "pageViewsCount": Measure("count", "page_view"),
                    "linkClicksCount": Measure("count", "link_click"),
                },
                dimensions=("event", "eventName", "agentName", "userId"),
                rows=self.events,
            ),
            Cube(
                name=f"{_PREFIX[generation]}Sessions",
                time="startAt",
                measures={
                    "count": Measure("count"),
                    "uniqueUsersCount": Measure("countDistinct"),
                    "averageDurationMinutes": Measure("avg"),
                },
                dimensions=("agentName", "userId"),
                rows=self.sessions,
            ),
        ]
        return [replace(cube, measures=_without(self.lacks, cube.measures)) for cube in cubes]


def _without(names: Collection[str], measures: Mapping[str, Measure]) -> Mapping[str, Measure]:
    return {name: measure for name, measure in measures.items() if name not in names}


def products(history: History, now: Callable[[], datetime]) -> Sequence[Project]:
    """The company's own products: three that are used, a new one and an archived one."""
    used = [_product(_Visits(history, now, path, teams), number, path) for number, path, teams in _PRODUCTS]
    return [*used, Project(*_NEW, database=False), Project(*_ARCHIVED, archived=True)]


@dataclass
class _Visits:
    """The activity of people in one product; a day is computed once, until the company shows other people."""

    history: History
    now: Callable[[], datetime]
    path: str
    teams: Sequence[str]
    made: dict[date, tuple[Sequence[PersonDay], list[Row], list[Row]]] = field(default_factory=dict)

    def rows(self, start: date, end: date, which: Literal[1, 2]) -> Iterable[Row]:
        """Events (1) or sessions (2) of the days, including start and end."""
        now = self.now()
        today = now.date()
        day = max(start, today - _OLDEST)
        while day <= min(end, today):
            entries = self.history.published(day, now, timedelta())
            if entries:
                if day not in self.made or self.made[day][0] is not entries:
                    self.made[day] = (entries, *_day(entries, self.path, self.teams))
                yield from self.made[day][which]
            day += _DAY


def _product(visits: _Visits, number: int, path: str) -> Project:
    return Project(
        id=number,
        path=path,
        events=lambda start, end: visits.rows(start, end, 1),
        sessions=lambda start, end: visits.rows(start, end, 2),
    )


def _day(entries: Iterable[PersonDay], path: str, teams: Sequence[str]) -> tuple[list[Row], list[Row]]:
    events: list[Row] = []
    sessions: list[Row] = []
    for entry in entries:
        stream = Stream(f"{path}/{entry.day}/{entry.person.username}")
        if entry.person.service or entry.person.team not in teams or not stream.chance(_VISITS):
            continue
        # A visitor who is not logged in is new on each day.
        anonymous = stream.chance(_ANONYMOUS)
        user = f"anonymous-{entry.day}-{entry.person.number}" if anonymous else f"user-{entry.person.number}"
        browser = stream.pick(_BROWSERS)
        for _ in entry.works:
            event = stream.pick(_EVENTS)
            name = stream.pick(_NAMES) if event == "custom" else None
            traits = {"event": event, "eventName": name, "agentName": browser}
            events.append(Row(entry.day, user, stream.whole(1, 20), traits=traits))
        minutes = Decimal(stream.whole(1, 90 * 60)) / 60
        sessions.append(Row(entry.day, user, stream.whole(1, 3), minutes, {"agentName": browser}))
    return events, sessions
