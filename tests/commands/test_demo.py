"""What the demo shows, on whatever day it is started."""

from datetime import date, timedelta
from itertools import product

import pytest
from pyroaring import BitMap

from exporter.commands.demo import calendar_of, company_of
from exporter.model import WINDOWS
from exporter.samples.calendar import workdays
from exporter.samples.rolling import union_sizes
from exporter.samples.verdicts import Verdicts, verdicts
from exporter.simulator.company import Company, Scenario

DAY = timedelta(days=1)
# A week, and days around holidays.
STARTS = [date(2026, 11, 23) + number * DAY for number in range(7)]
HOLIDAYS = [date(2026, 12, 27), date(2027, 1, 1), date(2027, 1, 4), date(2027, 5, 2), date(2028, 2, 29)]
HISTORY = 90

# Vendors publish a day some hours after its end: until then the day before is the newest.
any_day = pytest.mark.parametrize(("start", "back"), [*product([*STARTS, *HOLIDAYS], [1, 2])], ids=str)


def shown(scenario: Scenario, start: date, back: int, history: int = HISTORY) -> Verdicts:
    """The verdicts of a demo that starts on a day, whose newest day is so many days before."""
    company, newest = company_of(scenario, start), start - back * DAY
    sets = {newest - number * DAY: people(company, newest - number * DAY) for number in range(history)}
    counts = {window: union_sizes(sets, length) for window, length in WINDOWS.items()}
    return verdicts(counts, workdays(calendar_of(company)), newest, timedelta(hours=3))


def people(company: Company, day: date) -> BitMap:
    return BitMap(entry.person.number for entry in company.day(day) if not entry.person.service)


@any_day
def test_a_drop_is_large_enough_to_be_told(start: date, back: int) -> None:
    workday = shown("drop", start, back, history=40).workday

    # What AdoptionDropped takes for more than chance, and some more: others read the same days a little differently.
    assert workday is not None
    assert workday.people is not None
    assert workday.baseline is not None
    assert 1 - workday.people / workday.baseline > 1.2 * max(2 / workday.baseline**0.5, 0.25)


@any_day
def test_holidays_are_in_the_newest_days_and_tell_no_drop(start: date, back: int) -> None:
    workday = shown("holidays", start, back, history=60).workday
    company = company_of("holidays", start)
    weekdays = [day for number in range(2, 7) if (day := start - number * DAY).weekday() < 5]

    assert any(company.holiday(day) for day in weekdays)
    assert workday is not None
    assert workday.people is not None
    assert workday.baseline is not None
    assert abs(1 - workday.people / workday.baseline) < 0.2


@pytest.mark.parametrize("start", [STARTS[0], STARTS[6], *HOLIDAYS[:2]], ids=str)
def test_a_slide_is_large_enough_to_be_told(start: date) -> None:
    company, newest = company_of("slide", start), start - 2 * DAY
    now = len(BitMap.union(*(people(company, newest - number * DAY) for number in range(WINDOWS["28d"]))))
    found = shown("slide", start, 2)

    # AdoptionSliding takes 5 % in four weeks or 7 % of the best ones, where that is more than chance.
    assert found.best is not None
    assert 1 - now / found.before["28d"] > 0.04
    assert 1 - now / found.best > 0.09
