"""A synthetic company: the activity of its people on any day, and what a vendor has published of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Literal, Protocol

from exporter.simulator.people import Person, Seat, roster, seats
from exporter.simulator.stream import Stream
from exporter.simulator.work import Work, works

Scenario = Literal["steady", "drop", "slide", "holidays", "late-data", "revised"]
_NEED_TODAY = ("drop", "slide", "holidays")

# Monday to Sunday, and fixed holidays as (month, day): the probability that a keen person is active.
_WEEK = (0.94, 1.0, 1.0, 0.97, 0.85, 0.05, 0.06)
_HOLIDAYS = frozenset({(1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31)})
_QUIET = 0.06
_WEEKEND = (5, 6)
_TUESDAY = 1

_DAY = timedelta(days=1)
_WEEK_LENGTH = 7 * _DAY
# However early it is, this day is published.
_PUBLISHED = 2 * _DAY
_DROPPED = 0.6
_SLIDE = 10 * _WEEK_LENGTH
_LEAVE_A_WEEK = 0.02
_LATE = timedelta(days=2)
_REVISED_AFTER = timedelta(hours=6)
_HELD_BACK = 0.3


@dataclass(frozen=True, slots=True)
class PersonDay:
    """A person's day, with at least one `Work`."""

    person: Person
    day: date
    works: tuple[Work, ...]


class History(Protocol):
    """The data behind a simulated vendor: a `Company`, or a test's own days."""

    def published(self, day: date, now: datetime, after: timedelta) -> Sequence[PersonDay] | None:
        """A day as published at `now` by a vendor that publishes it `after` its end; None before that."""


@dataclass(frozen=True)
class Company:
    """People, of whom every day is a pure function of the seed, for ever; nothing happens before `first_day`.

    `scenario` is `steady`; `drop`: some days before `today`, three people in five stop; `slide`: from ten weeks before
    `today` on, one in fifty leaves each week; `holidays`: hardly anybody comes on two days before `today`, nor on the
    same weekdays a week earlier; `late-data`: every day is published two days late; `revised`: some rows of a day come
    six hours after the others. `thin_until` holds back the same rows of single days until given moments. A company
    that never `rests` works on weekends and holidays too.
    """

    seed: int = 1
    people: int = 200
    first_day: date = date(2025, 1, 1)
    scenario: Scenario = "steady"
    today: date | None = None
    rests: bool = True
    thin_until: Mapping[date, datetime] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __post_init__(self) -> None:
        if self.scenario in _NEED_TODAY and self.today is None:
            raise ValueError(f"scenario {self.scenario} needs today, before which it begins")

    def day(self, day: date) -> tuple[PersonDay, ...]:
        """Everyone active on the day, in a fixed order, once the day is complete."""
        return _day(self, day)

    def holiday(self, day: date) -> bool:
        """Whether hardly anybody works on the day, whatever weekday it is."""
        return self.rests and ((day.month, day.day) in _HOLIDAYS or day in self._holidays)

    def workday(self, day: date) -> bool:
        """Whether it is a working day of the company."""
        return not self.rests or (day.weekday() not in _WEEKEND and not self.holiday(day))

    def roster(self, day: date) -> list[Person]:
        """Everyone employed on the day, active or not, including service accounts."""
        return roster(self.seed, self._seats, self.first_day, day)

    def stream(self, day: date, person: Person, topic: str) -> Stream:
        """The random numbers of a person's day for a topic such as `searches`."""
        return Stream(f"{self.seed}/{day}/{person.username}/{topic}")

    def published(self, day: date, now: datetime, after: timedelta) -> Sequence[PersonDay] | None:
        """A day as published at `now` by a vendor that publishes it `after` its end; None before that."""
        out = datetime.combine(day, time(), UTC) + timedelta(days=1) + after
        if self.scenario == "late-data":
            out += _LATE
        if now < out:
            return None
        whole = out + _REVISED_AFTER if self.scenario == "revised" else out
        if now < self.thin_until.get(day, whole):
            return self._thinned(day)
        return self.day(day)

    @cached_property
    def _seats(self) -> tuple[Seat, ...]:
        return seats(self.seed, self.people)

    @cached_property
    def drops_on(self) -> date | None:
        """The day from which people have stopped: the second newest working day that is published for certain."""
        if self.scenario != "drop" or self.today is None:
            return None
        return _before(_before(self.today - _PUBLISHED + _DAY, self.workday), self.workday)

    @cached_property
    def _holidays(self) -> frozenset[date]:
        """The days of scenario `holidays`."""
        if self.scenario != "holidays" or self.today is None:
            return frozenset()
        newest = _before(self.today - _PUBLISHED + _DAY, _in_the_week)
        both = {newest, _before(newest, _in_the_week)}
        return frozenset(both | {day - _WEEK_LENGTH for day in both})

    def _thinned(self, day: date) -> list[PersonDay]:
        thinned = []
        for entry in self.day(day):
            stream = self.stream(day, entry.person, "held back")
            left = tuple(work for work in entry.works if not stream.chance(_HELD_BACK))
            if left:
                thinned.append(PersonDay(entry.person, day, left))
        return thinned


@lru_cache(maxsize=128)
def _day(company: Company, day: date) -> tuple[PersonDay, ...]:
    age = (day - company.first_day).days
    if age < 0:
        return ()
    # Adoption starts at 60 % of its final level; every 200 days half of the rest is added.
    growth = 1 - 80 / (200 + age)
    weekday = day.weekday() if company.rests else _TUESDAY
    quiet = company.holiday(day)
    active = []
    for person in company.roster(day):
        stream = company.stream(day, person, "work")
        share = _QUIET if quiet or day.weekday() in person.days_off else _WEEK[weekday]
        volume = person.zeal * growth
        if stream.chance(1.0 if person.service else share * volume) and not _stopped(company, person, day):
            active.append(PersonDay(person, day, works(stream, person, volume)))
    return tuple(active)


def _stopped(company: Company, person: Person, day: date) -> bool:
    if company.today is None or person.service:
        return False
    stream = Stream(f"{company.seed}/{person.username}/{company.scenario}")
    if company.scenario == "slide":
        weeks = (day - (company.today - _SLIDE)) / _WEEK_LENGTH
        return stream.unit() < weeks * _LEAVE_A_WEEK
    return company.drops_on is not None and day >= company.drops_on and stream.chance(_DROPPED)


def _before(day: date, wanted: Callable[[date], bool]) -> date:
    """The newest wanted day before another."""
    day -= _DAY
    while not wanted(day):
        day -= _DAY
    return day


def _in_the_week(day: date) -> bool:
    return day.weekday() not in _WEEKEND
