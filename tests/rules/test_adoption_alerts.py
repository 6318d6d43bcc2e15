"""What is told of people, and when: scripted companies through the simulated vendor, `backfill` and the rules."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator.company import Company
from exporter.simulator.sourcegraph_usage import Counts
from tests.support.alert_cases import Heard, Told, backfilled, check
from tests.support.scripted import DAY, HOUR, Instance, Scripted, at
from tests.support.scripted_people import People, days, fewer, leaving, regulars, stopping

pytestmark = pytest.mark.servers("promtool")

WEEK = timedelta(weeks=1)
HALF_A_YEAR = "210d"


def heard(
    folder: Path,
    companies: Mapping[str, People | Instance],
    first: date,
    last: date,
    *,
    step: timedelta = 3 * HOUR,
    sections: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Heard:
    """What is heard from a day to another of companies that are a scope each; the exporter knows four months before."""
    instances = {name: one if isinstance(one, Instance) else Instance(one) for name, one in companies.items()}
    known = {"history": "120d", **settings}
    return backfilled(Scripted(instances, at(first), at(last), folder, known, sections or {}, step))


def test_a_steady_year_tells_nothing(tmp_path: Path) -> None:
    """People have days off and holidays of three weeks, leave and are replaced, and some hardly ever come."""
    simulated = {f"of-{people}": of(Company(people=people, first_day=date(2025, 1, 1))) for people in (60, 200)}
    companies = {"forty": regulars(40), "with-holidays": resting(regulars(100)), **simulated}

    year = heard(
        tmp_path,
        companies,
        date(2026, 1, 8),
        date(2027, 1, 8),
        step=12 * HOUR,
        history=HALF_A_YEAR,
        calendar={"closed": CLOSED},
    )

    check(year, [], tmp_path)


# Days on which Company keeps quiet.
CLOSED = [
    f"{year}-{day}"
    for year in (2025, 2026, 2027)
    for day in ("01-01", "05-01", "10-03", "12-24", "12-25", "12-26", "12-31")
]


@pytest.mark.parametrize(
    ("people", "told"),
    [
        # For a week after the fourth week in which two leave, and then for good.
        (
            40,
            [
                Told("AdoptionSliding", at(date(2026, 11, 6), 6), at(date(2026, 11, 14), 6), scope="all"),
                Told("AdoptionSliding", at(date(2026, 11, 22), 6), scope="all"),
            ],
        ),
        (500, [Told("AdoptionSliding", at(date(2026, 11, 20), 6), scope="all")]),
    ],
)
def test_one_percent_a_week_is_told_within_a_quarter(people: int, told: list[Told], tmp_path: Path) -> None:
    since = date(2026, 9, 3)
    company = leaving(regulars(people), since, every=WEEK / (0.01 * people))

    quarter = heard(tmp_path, {"all": company}, since, since + 13 * WEEK, step=6 * HOUR, history=HALF_A_YEAR)

    check(quarter, told, tmp_path)


@pytest.mark.parametrize("people", [40, 500])
def test_two_percent_a_week_is_told_within_seven_weeks(people: int, tmp_path: Path) -> None:
    since = date(2026, 9, 3)
    company = leaving(regulars(people), since, every=WEEK / (0.02 * people))

    weeks = heard(tmp_path, {"all": company}, since, since + 7 * WEEK, step=6 * HOUR, history=HALF_A_YEAR)

    check(weeks, [Told("AdoptionSliding", at(date(2026, 10, 18), 6), scope="all")], tmp_path)


def test_forty_people_of_whom_one_stops_each_week_are_told_as_a_slide_and_never_as_a_drop(tmp_path: Path) -> None:
    since = date(2026, 9, 3)
    company = leaving(regulars(40), since, every=WEEK)

    weeks = heard(tmp_path, {"all": company}, since, since + 13 * WEEK, step=6 * HOUR, history=HALF_A_YEAR)

    check(
        weeks,
        [
            Told(
                "AdoptionSliding",
                at(date(2026, 10, 16), 6),
                scope="all",
                says=(
                    "search (all): 5% fewer people in four weeks than before",
                    "38 people in the four weeks to 2026-10-15, 40 in the four before, 40 in the best of half a year.",
                ),
            )
        ],
        tmp_path,
    )


def test_people_who_stop_on_one_day_are_told_on_the_next_afternoon_and_once_more_after_a_week(tmp_path: Path) -> None:
    on = date(2026, 3, 11)
    companies = {
        "thirty-of-100": stopping(regulars(100), on, 0.3, 100),
        "sixty-of-100": stopping(regulars(100), on, 0.6, 100),
        "sixty-of-40": stopping(regulars(40), on, 0.6, 40),
        "ten-of-100": stopping(regulars(100), on, 0.1, 100),
    }

    check(
        heard(tmp_path, companies, date(2026, 3, 5), date(2026, 3, 20)),
        [
            Told("AdoptionDropped", at(date(2026, 3, 12), 15), scope="sixty-of-100"),
            Told("AdoptionDropped", at(date(2026, 3, 12), 15), scope="sixty-of-40"),
            Told("AdoptionDropped", at(date(2026, 3, 12), 15), at(date(2026, 3, 14), 3), scope="thirty-of-100"),
            Told("AdoptionDropped", at(date(2026, 3, 17), 15), scope="thirty-of-100"),
            Told("AdoptionWeeklyDrop", at(date(2026, 3, 18), 15), scope="sixty-of-100"),
            Told("AdoptionWeeklyDrop", at(date(2026, 3, 18), 15), scope="sixty-of-40"),
            Told("AdoptionWeeklyDrop", at(date(2026, 3, 18), 15), scope="thirty-of-100"),
        ],
        tmp_path,
    )


def test_of_twelve_people_half_have_to_be_missing_for_a_week(tmp_path: Path) -> None:
    companies = {"all": stopping(regulars(12, share=0.95), date(2026, 3, 11), 0.5, 12)}

    check(
        heard(tmp_path, companies, date(2026, 3, 5), date(2026, 3, 20)),
        [
            Told("AdoptionDropped", at(date(2026, 3, 14), 15), at(date(2026, 3, 17), 3), scope="all"),
            Told(
                "AdoptionWeeklyDrop",
                at(date(2026, 3, 18), 15),
                scope="all",
                says=(
                    "search (all): 50% fewer people in seven days than in the seven before",
                    "12 people became 6 in the week to 2026-03-17, which had 5 working days after 5.",
                ),
            ),
        ],
        tmp_path,
    )


def test_three_people_tell_nothing_whatever_they_do(tmp_path: Path) -> None:
    """They stop, refuse every suggestion before, and leave their seats unused."""
    on = date(2026, 3, 11)
    company = Instance(
        stopping(regulars(3), on, 1.0, 3),
        counts=lambda day, _person: Counts(suggestions=20, acceptances=6 if day < on - 5 * DAY else 0),
    )

    month = heard(tmp_path, {"all": company}, date(2026, 3, 5), date(2026, 4, 5), step=6 * HOUR, seats=3)

    check(month, [], tmp_path)


def test_a_monday_after_christmas_week_is_compared_with_mondays_before_it(tmp_path: Path) -> None:
    closed, monday = days(date(2026, 12, 24), date(2027, 1, 3)), date(2027, 1, 4)
    people = regulars(100, away=closed)
    companies = {
        "thirty": stopping(people, monday, 0.3, 100),
        "sixty": stopping(people, monday, 0.6, 100),
        "steady": people,
    }

    weeks = heard(
        tmp_path, companies, date(2026, 12, 17), date(2027, 1, 8), calendar={"closed": ["2026-12-24..2027-01-03"]}
    )

    check(
        weeks,
        [
            Told("AdoptionDropped", at(date(2027, 1, 5), 15), scope="sixty"),
            Told("AdoptionDropped", at(date(2027, 1, 5), 15), scope="thirty"),
            Told("AdoptionWeeklyDrop", at(date(2027, 1, 5), 15), at(date(2027, 1, 7), 3), scope="sixty"),
            Told("AdoptionWeeklyDrop", at(date(2027, 1, 6), 15), at(date(2027, 1, 7), 3), scope="thirty"),
        ],
        tmp_path,
    )


def test_a_thursday_after_two_holidays_on_thursdays_is_compared_with_those_between(tmp_path: Path) -> None:
    """Ascension Day and Corpus Christi; the fourteenth of May and the fourth of June."""
    thursday = date(2026, 6, 11)
    people = regulars(100, away={date(2026, 5, 1), date(2026, 5, 14), date(2026, 5, 25), date(2026, 6, 4)})
    companies = {
        "thirty": stopping(people, thursday, 0.3, 100),
        "sixty": stopping(people, thursday, 0.6, 100),
        "steady": people,
    }

    weeks = heard(
        tmp_path, companies, date(2026, 5, 28), date(2026, 6, 16), calendar={"country": "DE", "subdivision": "NW"}
    )

    check(
        weeks,
        [
            Told("AdoptionDropped", at(date(2026, 6, 12), 15), scope="sixty"),
            Told("AdoptionDropped", at(date(2026, 6, 12), 15), at(date(2026, 6, 13), 3), scope="thirty"),
        ],
        tmp_path,
    )


THANKSGIVING = date(2026, 11, 26)


def test_the_friday_after_thanksgiving_is_a_drop_where_nobody_said_that_it_is_closed(tmp_path: Path) -> None:
    check(
        after_thanksgiving(tmp_path),
        [
            Told(
                "AdoptionDropped",
                at(date(2026, 11, 28), 15),
                at(date(2026, 12, 1), 3),
                scope="all",
                says=(
                    "search (all): 85.8% fewer people than usual on a working day",
                    "12 people used sourcegraph on 2026-11-27; 84.5 are usual on such a working day.",
                ),
            )
        ],
        tmp_path,
    )


def test_the_friday_after_thanksgiving_tells_nothing_where_it_is_closed(tmp_path: Path) -> None:
    check(after_thanksgiving(tmp_path, closed=["2026-11-27"]), [], tmp_path)


def after_thanksgiving(folder: Path, **calendar: Any) -> Heard:
    people = regulars(100, away={date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), THANKSGIVING})
    companies = {"all": fewer(people, {THANKSGIVING + DAY}, 0.15)}
    return heard(folder, companies, date(2026, 11, 19), date(2026, 12, 10), calendar={"country": "US", **calendar})


def test_a_bridge_day_on_which_half_are_away_is_told_until_the_next_working_day(tmp_path: Path) -> None:
    check(
        with_a_bridge_day(tmp_path),
        [Told("AdoptionDropped", at(date(2026, 5, 16), 15), at(date(2026, 5, 19), 3), scope="all")],
        tmp_path,
    )


def test_a_bridge_day_that_is_a_half_day_tells_nothing(tmp_path: Path) -> None:
    check(with_a_bridge_day(tmp_path, half=["2026-05-15"]), [], tmp_path)


def with_a_bridge_day(folder: Path, **calendar: Any) -> Heard:
    people = regulars(100, away={date(2026, 5, 1), date(2026, 5, 14), date(2026, 5, 25)})
    companies = {"all": fewer(people, {date(2026, 5, 15)}, 0.5)}
    return heard(folder, companies, date(2026, 5, 7), date(2026, 5, 31), calendar={"country": "DE", **calendar})


def test_a_week_that_is_closed_tells_nothing_then_and_nothing_after(tmp_path: Path) -> None:
    week = days(date(2026, 8, 8), date(2026, 8, 16))
    companies = {"nobody": regulars(100, away=week), "some": fewer(regulars(100), week, 0.05)}

    weeks = heard(
        tmp_path,
        companies,
        date(2026, 8, 6),
        date(2026, 9, 10),
        step=6 * HOUR,
        calendar={"closed": ["2026-08-10..2026-08-14"]},
    )

    check(weeks, [], tmp_path)


def test_a_weekend_may_be_friday_and_saturday(tmp_path: Path) -> None:
    people = regulars(100, weekend=(4, 5))
    companies = {"steady": people, "thirty": stopping(people, date(2026, 3, 15), 0.3, 100)}

    weeks = heard(tmp_path, companies, date(2026, 3, 5), date(2026, 3, 20), calendar={"weekend": ["fri", "sat"]})

    check(weeks, [Told("AdoptionDropped", at(date(2026, 3, 16), 15), scope="thirty")], tmp_path)


def test_suggestions_that_are_accepted_half_as_often_are_told(tmp_path: Path) -> None:
    def counts(since: date, share: float) -> Callable[[date, int], Counts]:
        return lambda day, _person: Counts(suggestions=20, acceptances=6 if day < since else round(6 * share))

    companies = {
        "halves": Instance(regulars(40), counts=counts(date(2026, 3, 11), 0.4)),
        "varies": Instance(regulars(40), counts=counts(date(2026, 3, 11), 0.8)),
    }

    check(
        heard(tmp_path, companies, date(2026, 3, 5), date(2026, 3, 25)),
        [
            Told(
                "AdoptionAcceptanceCollapsed",
                at(date(2026, 3, 17), 15),
                scope="halves",
                says=(
                    "search (halves): completions are accepted 46.6% less often than before",
                    (
                        "13.93% of the suggestions of seven days were accepted, 26.08% of those of 28 days, up to "
                        "2026-03-16."
                    ),
                ),
            )
        ],
        tmp_path,
    )


@pytest.mark.parametrize(
    ("seats", "told"),
    [
        (
            250,
            [
                Told(
                    "AdoptionSeatsUnused",
                    at(date(2026, 3, 6)),
                    scope="all",
                    severity="info",
                    says=(
                        "search (all): only 24% of the seats were used in 28 days",
                        "250 seats, in the 28 days to 2026-03-04.",
                    ),
                )
            ],
        ),
        (80, []),
        (
            60,
            [
                Told(
                    "AdoptionSeatsExhausted",
                    at(date(2026, 3, 6)),
                    scope="all",
                    says=(
                        "search (all): 100% of the seats were used in 28 days",
                        "60 seats, in the 28 days to 2026-03-04: the next joiner may find none.",
                    ),
                )
            ],
        ),
    ],
)
def test_seats_are_told_when_most_are_unused_and_when_none_is_left(
    seats: int, told: list[Told], tmp_path: Path
) -> None:
    """Two instances with forty people and twenty."""
    companies = {"large": regulars(40), "small": regulars(20)}

    check(heard(tmp_path, companies, date(2026, 3, 5), date(2026, 3, 8), seats=seats), told, tmp_path)


def resting(people: People) -> People:
    """The same people; each is away for three weeks of a year and one more, and of eight one leaves within a year.

    A month after somebody left, somebody else came.
    """

    def active(day: date) -> Collection[int]:
        year = day.timetuple().tm_yday
        found = []
        for person in people(day):
            off = (person * 53) % 340
            if off <= year < off + 21 or (person * 97) % 350 <= year < (person * 97) % 350 + 7:
                continue
            gone = date(2026, 1, 1) + timedelta(days=(person * 41) % 330)
            if person % 8 == 0 and gone <= day < gone + timedelta(days=30):
                continue
            found.append(person + 1000 if person % 8 == 0 and day >= gone else person)
        return found

    return active


def of(company: Company) -> People:
    """The people of the simulated company."""

    @cache
    def active(day: date) -> Collection[int]:
        return [entry.person.number for entry in company.day(day) if not entry.person.service]

    return active
