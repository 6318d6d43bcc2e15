"""Who of a scripted company is active on a day: the same people on every run."""

import random
from collections.abc import Callable, Collection
from datetime import date, timedelta

Days = Collection[date]
People = Callable[[date], Collection[int]]

_WEEKEND = (5, 6)


def regulars(number: int, *, share: float = 0.85, weekend: Collection[int] = _WEEKEND, away: Days = ()) -> People:
    """So many people, each active on that share of all days but the weekend's and those when everybody is `away`."""

    def active(day: date) -> Collection[int]:
        if day.weekday() in weekend or day in away:
            return []
        return [person for person in range(number) if _chance(person, day) < share]

    return active


def stopping(people: People, on: date, share: float, number: int) -> People:
    """The same people, but from a day on this share of their `number` stops."""

    def active(day: date) -> Collection[int]:
        return [person for person in people(day) if day < on or person >= round(share * number)]

    return active


def leaving(people: People, since: date, every: timedelta) -> People:
    """The same people, of whom one leaves each time that so much time has passed."""

    def active(day: date) -> Collection[int]:
        return [person for person in people(day) if day < since + (person + 1) * every]

    return active


def fewer(people: People, on: Days, share: float) -> People:
    """The same people, but on some days only this share of them."""

    def active(day: date) -> Collection[int]:
        return [person for person in people(day) if day not in on or _chance("fewer", person, day) < share]

    return active


def days(first: date, last: date) -> Days:
    """Every day from the first to the last."""
    return {first + timedelta(days=number) for number in range((last - first).days + 1)}


def _chance(*about: object) -> float:
    return random.Random(repr(about)).random()
