"""Who does how much at each vendor on each day, and what the vendor shows of it when; a seed makes all of it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
STAFF = 24
# No other word of a log, an exposition or a state has it.
NAME = "ottilie"

# Source and scope.
Place = tuple[str, str]


def at(day: date, hours: float = 0) -> datetime:
    """A moment of a day, in UTC."""
    return datetime.combine(day, time(), UTC) + hours * HOUR


@dataclass(frozen=True)
class Version:
    """What a vendor shows of a day from a moment on: the count of each active person, None before it has the day."""

    since: datetime
    counts: Mapping[int, int] | None

    @property
    def people(self) -> frozenset[int]:
        """Who is active; nobody on a day that the vendor does not have."""
        return frozenset(self.counts or ())

    @property
    def total(self) -> int:
        """The sum of all counts."""
        return sum((self.counts or {}).values())


@dataclass
class Script:
    """`ready` is how long after its end a day of each source is due."""

    seed: int
    ready: Mapping[str, timedelta]

    @cached_property
    def _made(self) -> dict[tuple[Place, date], tuple[Version, ...]]:
        return {}

    def versions(self, place: Place, day: date) -> tuple[Version, ...]:
        """Every version of a day, oldest first. The first is there as soon as the day is over."""
        if (place, day) not in self._made:
            self._made[place, day] = tuple(self._versions(place, day))
        return self._made[place, day]

    def shown(self, place: Place, day: date, now: datetime) -> Version | None:
        """What the vendor shows of a day at a moment; None before the day is over."""
        return next((one for one in reversed(self.versions(place, day)) if one.since <= now), None)

    def _versions(self, place: Place, day: date) -> list[Version]:
        chance = random.Random(f"{self.seed} {place} {day}")
        end, kind = at(day + DAY), chance.random()
        due = end + self.ready[place[0]]
        whole = self._counts(chance, place, day)
        if kind < 0.05:
            # Late, sometimes for longer than the exporter waits before it takes silence for zero.
            return [Version(end, None), Version(due + chance.uniform(6, 60) * HOUR, whole)]
        if kind < 0.2 and whole:
            return [Version(end, _revised(chance, whole)), Version(due + chance.uniform(12, 80) * HOUR, whole)]
        if kind < 0.23 and whole:
            begin = due + chance.uniform(12, 70) * HOUR
            gone = begin + chance.uniform(4, 20) * HOUR
            return [Version(end, whole), Version(begin, {}), Version(gone, whole)]
        if kind < 0.24 and whole:
            return [Version(end, whole), Version(due + 30 * HOUR, {})]
        return [Version(end, whole)]

    def _counts(self, chance: random.Random, place: Place, day: date) -> dict[int, int]:
        holiday = random.Random(f"{self.seed} {day}").random() < 0.03
        share = 0 if holiday else 0.08 if day.weekday() >= 5 else 0.6
        first = 0 if place[0] != "copilot" else 8
        return {person: chance.randint(1, 200) for person in range(first, STAFF) if chance.random() < share}


def _revised(chance: random.Random, whole: Mapping[int, int]) -> dict[int, int]:
    """Another version of a day: somebody is missing or is there, and the sum is another one."""
    counts = {person: max(1, count - chance.randint(0, 9)) for person, count in whole.items() if chance.random() < 0.9}
    counts[STAFF] = chance.randint(1, 9)
    while sum(counts.values()) == sum(whole.values()):
        counts[STAFF] += 1
    return counts
