"""What the demo shows, on whatever day it is started."""

from datetime import date, timedelta
from statistics import median

import pytest

from exporter.commands.demo import company_of
from exporter.simulator.company import Company

DAY = timedelta(days=1)
# Two weeks, and days on which a company that rests would.
STARTS = [date(2026, 11, 23) + number * DAY for number in range(14)]
STARTS += [date(2026, 12, 27), date(2027, 1, 1), date(2027, 5, 2), date(2028, 2, 29), date(2028, 12, 26)]


def people(company: Company, day: date) -> int:
    return sum(not entry.person.service for entry in company.day(day))


# Vendors publish a day some hours after its end: until then the day before is the newest.
@pytest.mark.parametrize("back", [1, 2])
@pytest.mark.parametrize("start", STARTS, ids=str)
def test_a_drop_is_large_enough_to_be_told_on_whatever_day_it_is_started(start: date, back: int) -> None:
    company, newest = company_of("drop", start), start - back * DAY
    usual = median(people(company, newest - 7 * weeks * DAY) for weeks in (1, 2, 3, 4))

    # What AdoptionDropped takes for more than chance, and some more: others read the same days a little differently.
    assert 1 - people(company, newest) / usual > 1.2 * max(2 / usual**0.5, 0.25)
