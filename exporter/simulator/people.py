"""The staff of the synthetic company: teams, joiners, leavers, part-timers and service accounts."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from exporter.simulator.stream import Stream

# Team: the languages that its people write.
TEAMS = {
    "platform": ("Go", "Python", "Shell", "HCL"),
    "payments": ("Java", "Kotlin", "SQL"),
    "mobile": ("Kotlin", "Swift", "TypeScript"),
    "data": ("Python", "SQL", "Scala"),
    "web": ("TypeScript", "JavaScript", "CSS", "HTML"),
}
# Weighted by use.
EDITORS = ("VSCode", "VSCode", "VSCode", "VSCode", "JetBrains", "JetBrains", "JetBrains", "Vim")
SECOND_EDITORS = ("CLI", "CLI", "CLI", "VSCode", "JetBrains")
SERVICE_ACCOUNTS = ("ci-bot", "release-bot")

# Of 15 seats one changes hands every 400 days: of the 16 people seen in that time 2, one in eight, joined or left.
_CHANGING_SEATS = 1 / 15
_TENURE = 400
_FIRST_SERVICE_NUMBER = 1_000_001


@dataclass(frozen=True)
class Person:
    """A person or service account. `left` is the first day without them; `days_off` are weekdays, Monday is 0."""

    number: int
    username: str
    email: str
    team: str
    service: bool
    joined: date
    left: date | None
    editors: tuple[str, ...]
    languages: tuple[str, ...]
    days_off: frozenset[int]
    zeal: float


@dataclass(frozen=True)
class Seat:
    """A seat and, if it changes hands, the days from the company's first day to the first handover."""

    number: int
    handover: int | None


def seats(seed: int, count: int) -> tuple[Seat, ...]:
    """All seats of a company of `count` people."""
    return tuple(_seat(seed, number) for number in range(1, count + 1))


def roster(seed: int, all_seats: tuple[Seat, ...], first_day: date, day: date) -> list[Person]:
    """Everyone employed on the day, one per seat, and the service accounts."""
    age = (day - first_day).days
    people = []
    for seat in all_seats:
        if seat.handover is None:
            people.append(_person(seed, seat.number, first_day, None))
            continue
        holder = 0 if age < seat.handover else 1 + (age - seat.handover) // _TENURE
        left = first_day + timedelta(days=seat.handover + holder * _TENURE)
        joined = left - timedelta(days=_TENURE) if holder else first_day
        people.append(_person(seed, seat.number + holder * len(all_seats), joined, left))
    return people + [_service_account(index, first_day) for index in range(len(SERVICE_ACCOUNTS))]


def _seat(seed: int, number: int) -> Seat:
    stream = Stream(f"{seed}/seat/{number}")
    return Seat(number, stream.whole(1, _TENURE) if stream.chance(_CHANGING_SEATS) else None)


@lru_cache(maxsize=20_000)
def _person(seed: int, number: int, joined: date, left: date | None) -> Person:
    stream = Stream(f"{seed}/person/{number}")
    username = f"person-{number:04d}"
    team = stream.pick(tuple(TEAMS))
    return Person(
        number=number,
        username=username,
        email=f"{username}@example.com",
        team=team,
        service=False,
        joined=joined,
        left=left,
        editors=_some(stream, (EDITORS, SECOND_EDITORS)),
        languages=_some(stream, (TEAMS[team],) * 3),
        days_off=frozenset(stream.whole(0, 4) for _ in range(2)) if stream.chance(0.15) else frozenset(),
        # Some people hardly use the tools.
        zeal=0.01 if stream.chance(0.15) else max(stream.unit(), stream.unit()),
    )


def _some(stream: Stream, choices: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """One of the first choices, and perhaps one of each of the others."""
    first, *others = choices
    return tuple(dict.fromkeys([stream.pick(first), *(stream.pick(more) for more in others if stream.chance(0.6))]))


@lru_cache(maxsize=1_000)
def _service_account(index: int, first_day: date) -> Person:
    name = SERVICE_ACCOUNTS[index]
    return Person(
        number=_FIRST_SERVICE_NUMBER + index,
        username=name,
        email=f"{name}@example.com",
        team="platform",
        service=True,
        joined=first_day,
        left=None,
        editors=("CLI",),
        languages=("Unknown",),
        days_off=frozenset(),
        zeal=1.0,
    )
