"""Who of the synthetic company is where at GitHub: organizations, logins, teams and seats of Copilot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from exporter.simulator.company import Company
from exporter.simulator.people import TEAMS, Person
from exporter.simulator.stream import Stream

# Each organization has the people of some teams; platform belongs to both.
ORGANIZATIONS: Mapping[str, Sequence[str]] = {
    "acme": ("platform", "payments", "mobile", "web"),
    "acme-data": ("platform", "data"),
}
ENTERPRISE = "acme-inc"
# A machine user, which nothing tells from a person, and an App.
MACHINE_USER = "release-bot"

_LICENSED = 0.8
_IN_GUILD = 0.15
_RENAMED = 0.05
_RENAMED_AFTER = timedelta(days=330)
_LEAST_SEATS_OF_TEAM = 5
# GitHub forgets after that many days when somebody was last active.
_FORGETS = 90
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Seat:
    """A seat, whose holder is None where the account is gone; `last_active` is None where nobody used it lately."""

    holder: Person | None
    since: date
    last_active: date | None
    ends: date | None = None


def user_id(person: Person) -> int:
    """The id of an account, which survives renames."""
    return 40_000 + person.number


def login(company: Company, person: Person, day: date) -> str:
    """The login of an account on a day: some people rename theirs."""
    if person.service:
        return person.username if person.username == MACHINE_USER else f"{person.username}[bot]"
    renamed = Stream(f"{person.username}/renamed").chance(_RENAMED)
    return f"{person.username}-x" if renamed and day >= company.first_day + _RENAMED_AFTER else person.username


def belongs(person: Person, place: str) -> bool:
    """Whether an account belongs to an organization or the enterprise, and may use Copilot."""
    licensed = person.service or Stream(f"{person.username}/copilot").chance(_LICENSED)
    return licensed and (place == ENTERPRISE or person.team in ORGANIZATIONS[place])


def teams_of(person: Person) -> Sequence[str]:
    """The teams of a person: their own, for some a guild beside it. Machine users are in none."""
    if person.service:
        return ()
    guild = Stream(f"{person.username}/guild").chance(_IN_GUILD)
    return (person.team, "guild-of-testing") if guild else (person.team,)


def teams(company: Company, place: str, day: date) -> Mapping[str, Sequence[Person]]:
    """The members of each team on a day, active or not. Teams with fewer than five seats are left out."""
    found: dict[str, list[Person]] = {}
    for person in company.roster(day):
        if belongs(person, place):
            for team in teams_of(person):
                found.setdefault(team, []).append(person)
    return {team: members for team, members in found.items() if len(members) >= _LEAST_SEATS_OF_TEAM}


def team_id(team: str) -> int:
    """The id of a team."""
    return 700 + [*TEAMS, "guild-of-testing"].index(team)


@lru_cache(maxsize=16)
def seats(company: Company, place: str, today: date) -> Sequence[Seat]:
    """The seats that are paid for today; that of somebody who has left ends within the month."""
    last = _last_active(company, today)
    found = []
    for person in company.roster(today):
        if belongs(person, place) and not (person.service and person.username != MACHINE_USER):
            since = max(person.joined, today - timedelta(days=360 - person.number % 350))
            found.append(Seat(person, since, last.get(person)))
    if place == ENTERPRISE:
        return found
    stream = Stream(f"{company.seed}/{place}/vacant")
    return [*found, Seat(None, today - timedelta(days=stream.whole(100, 300)), None, today + timedelta(days=9))]


@lru_cache(maxsize=4)
def _last_active(company: Company, today: date) -> Mapping[Person, date]:
    """The last day on which each person was active, within the last 90 days; also where no report looks."""
    found: dict[Person, date] = {}
    for back in range(1, _FORGETS):
        day = today - back * _DAY
        for entry in company.day(day):
            found.setdefault(entry.person, day)
    for person in company.roster(today):
        stream = Stream(f"{person.username}/github.com")
        if stream.chance(0.04):
            found[person] = today - stream.whole(1, 6) * _DAY
    return found


def moment(day: date, person: Person | None) -> str:
    """A moment of a day as GitHub writes it, with any offset."""
    at = datetime.combine(day, time(9), UTC)
    return at.isoformat().replace("+00:00", "Z") if person is None or person.number % 2 else at.isoformat()
