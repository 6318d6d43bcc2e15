"""The sessions of the synthetic company in Coder workspaces; both generations of Coder show them."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from exporter.simulator.company import PersonDay
from exporter.simulator.people import TEAMS, Person
from exporter.simulator.stream import Stream

# Each organization has the workspaces of some teams.
ORGANIZATIONS = {"engineering": ("platform", "payments", "web"), "products": ("mobile", "data")}

# The app of each editor, and apps that a person may open beside it.
_APPS = {"VSCode": "vscode", "JetBrains": "jetbrains", "Vim": "ssh", "CLI": "ssh", "Unknown": "code-server"}
_OTHER_APPS = ("reconnecting-pty", "reconnecting-pty", "code-server", "jupyter", "sftp")

_WITH_WORKSPACE = 0.7
_HELPS_OUT = 0.05
_DAY_MINUTES = 24 * 60


class Session(NamedTuple):
    """An app that was open in a workspace of a team, in minutes of a UTC day."""

    app: str
    team: str
    start: int
    minutes: int


Sessions = Callable[[PersonDay], Sequence[Session]]


def sessions(entry: PersonDay) -> Sequence[Session]:
    """A person's sessions of a day, which may overlap; service accounts and people without workspace have none."""
    person = entry.person
    if person.service or not Stream(f"{person.username}/workspace").chance(_WITH_WORKSPACE):
        return ()
    stream = Stream(f"{person.username}/{entry.day}/workspace")
    apps = [_APPS[work.editor] for work in entry.works]
    if stream.chance(0.3):
        apps.append(stream.pick(_OTHER_APPS))
    return [_session(stream, app, person) for app in dict.fromkeys(apps)]


def open_spans(made: Iterable[Session]) -> list[tuple[int, int]]:
    """The ranges of minutes in which any session was open, ends excluded, without overlaps."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((session.start, session.start + session.minutes) for session in made):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _session(stream: Stream, app: str, person: Person) -> Session:
    team = stream.pick(tuple(TEAMS)) if stream.chance(_HELPS_OUT) else person.team
    minutes = stream.whole(5, 400)
    return Session(app, team, stream.whole(6 * 60, _DAY_MINUTES - minutes), minutes)
