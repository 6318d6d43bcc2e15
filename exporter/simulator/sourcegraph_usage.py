"""The use of Sourcegraph: the rows and registered users of two instances of one company."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from exporter.simulator.company import Company, PersonDay
from exporter.simulator.people import Person
from exporter.simulator.stream import Stream
from exporter.simulator.work import Work

# Each instance numbers its own users, so an id on both stands for two people.
CLOUD = "acme.sourcegraphcloud.com"
SELF_HOSTED = "sourcegraph.example.com"
INSTANCES = (CLOUD, SELF_HOSTED)

_CLIENTS = {"VSCode": "vscode.cody", "JetBrains": "jetbrains.cody", "Vim": "neovim.cody", "Unknown": ""}
_WEB = ("server.web", "server.web", "server.web", "server.svelte-web")
_HOUR = timedelta(hours=1)
# The vendor does not say when a day is complete; an instance that was offline sends its events later.
_LATE = 0.02


class Counts(NamedTuple):
    """The counts of a row; None is a blank cell."""

    searches: int | None = None
    code_navigation: int | None = None
    code_insight_views: int | None = None
    chats: int | None = None
    commands: int | None = None
    suggestions: int | None = None
    acceptances: int | None = None
    accepted_chars: int | None = None
    cody_chars: int | None = None
    chars: int | None = None
    auto_edits_suggested: int | None = None
    auto_edits_accepted: int | None = None
    lines_by_chats: int | None = None
    lines_by_completions: int | None = None


class Row(NamedTuple):
    """One user, client and language of a day; the server shows it from `arrives` on."""

    id: str
    email: str
    username: str
    active: bool
    client: str
    day: date
    language: str
    counts: Counts
    arrives: datetime


class Account(NamedTuple):
    """A registered user."""

    id: str
    service: bool
    admin: bool


def rows(company: Company, host: str, day: date, now: datetime) -> list[Row]:
    """The rows of a day that have arrived by now; a day appears as soon as it begins, hour by hour."""
    refreshed = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    people = company.published(day, now, after=-24 * _HOUR)
    found = [row for entry in people or () if _uses(entry.person, host) for row in _rows(entry, host)]
    return [row for row in found if row.arrives <= refreshed]


def accounts(company: Company, host: str, now: datetime) -> list[Account] | None:
    """The users registered today; None for the self-hosted instance, whose server is too old for a registry."""
    if host == SELF_HOSTED:
        return None
    people = company.roster(now.astimezone(UTC).date())
    return [
        Account(_id(person, host), person.service, person.number % 50 == 1) for person in people if _uses(person, host)
    ]


def _uses(person: Person, host: str) -> bool:
    return Stream(f"{person.username}/{host}").chance(0.8 if host == CLOUD else 0.4)


def _id(person: Person, host: str) -> str:
    return str(person.number if host == CLOUD else 100 + person.number)


def _rows(entry: PersonDay, host: str) -> list[Row]:
    stream = Stream(f"{entry.day}/{entry.person.username}/{host}")
    cells = [(client, language, _editing(stream, work)) for work in entry.works for client, language in _places(work)]
    if stream.chance(0.5) or not cells:
        cells.append((stream.pick(_WEB), "", _browsing(stream)))
    if stream.chance(0.1):
        # A code monitor or a batch change: billable, and counted in no column.
        cells.append((stream.pick(_WEB), "", Counts()))
    named = not stream.chance(0.02)
    active = entry.person.service or stream.chance(0.97)
    known = named and host == CLOUD
    return [
        Row(
            id=_id(entry.person, host) if named else "",
            email=entry.person.email if known else "",
            username=entry.person.username if known else "",
            active=active and stream.chance(0.9),
            client=client,
            day=entry.day,
            language=language,
            counts=counts,
            arrives=_arrival(stream, entry.day),
        )
        for client, language, counts in cells
    ]


def _places(work: Work) -> list[tuple[str, str]]:
    language = "" if work.language == "Unknown" else work.language
    return [(_CLIENTS[work.editor], language)] if work.editor in _CLIENTS else []


def _editing(stream: Stream, work: Work) -> Counts:
    suggested, accepted = work.metrics.completions_count, work.metrics.completions_accepted
    chars = accepted * stream.whole(20, 60)
    auto_edits = stream.whole(0, 12) if stream.chance(0.3) else None
    return Counts(
        code_navigation=stream.whole(0, 9) if stream.chance(0.3) else None,
        chats=work.metrics.chat_messages or None,
        suggestions=suggested or None,
        acceptances=accepted if suggested else None,
        accepted_chars=chars if suggested else None,
        cody_chars=chars,
        chars=chars + stream.whole(0, 4_000),
        auto_edits_suggested=auto_edits,
        auto_edits_accepted=None if auto_edits is None else auto_edits * stream.whole(20, 80) // 100,
        lines_by_chats=work.metrics.chat_messages * stream.whole(0, 6),
        lines_by_completions=work.metrics.completions_lines_of_code,
    )


def _browsing(stream: Stream) -> Counts:
    return Counts(
        searches=stream.whole(1, 25),
        code_navigation=stream.whole(0, 40),
        code_insight_views=1 if stream.chance(0.05) else None,
        commands=stream.whole(1, 3) if stream.chance(0.05) else None,
    )


def _arrival(stream: Stream, day: date) -> datetime:
    midnight = datetime.combine(day, time(), UTC)
    if stream.chance(_LATE):
        return midnight + (24 + stream.whole(3, 30)) * _HOUR
    return midnight + stream.whole(8, 21) * _HOUR
