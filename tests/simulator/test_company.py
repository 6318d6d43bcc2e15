from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.company import Company, PersonDay, Scenario
from exporter.simulator.stream import Stream
from exporter.simulator.work import Metrics, Work, total

FIRST = date(2025, 1, 1)
DAY = timedelta(days=1)
TWO_HOURS = timedelta(hours=2)

companies = st.builds(Company, seed=st.integers(0, 2**64), people=st.integers(0, 12))
days = st.dates(FIRST, date(2045, 12, 31))


def some_days(start: date, count: int) -> list[date]:
    return [start + offset * DAY for offset in range(count)]


def people(company: Company, day: date) -> set[str]:
    return {entry.person.username for entry in company.day(day) if not entry.person.service}


def places(entries: tuple[PersonDay, ...]) -> list[tuple[str, str, str, int]]:
    return [
        (entry.person.username, work.editor, work.language, work.metrics.total_messages)
        for entry in entries
        for work in entry.works
    ]


def test_a_day_of_a_seed_is_the_same_on_every_machine() -> None:
    expected = [
        ("person-0001", "VSCode", "JavaScript", 0),
        ("person-0001", "CLI", "JavaScript", 3),
        ("person-0002", "VSCode", "Shell", 0),
        ("person-0002", "CLI", "Shell", 14),
        ("person-0003", "JetBrains", "CSS", 0),
        ("ci-bot", "CLI", "Unknown", 42),
        ("release-bot", "CLI", "Unknown", 27),
    ]

    assert places(Company(seed=9, people=6).day(date(2026, 3, 4))) == expected


def test_days_may_be_asked_in_any_order() -> None:
    week = some_days(date(2025, 6, 2), 7)
    forwards = {day: Company(seed=3, people=20).day(day) for day in week}
    # Days of another company in between push the first reading out of the cache.
    for day in some_days(FIRST, 200):
        Company(seed=4, people=1).day(day)
    backwards = {day: Company(seed=3, people=20).day(day) for day in reversed(week)}

    assert forwards == backwards


def test_another_seed_is_another_company() -> None:
    day = date(2025, 6, 2)

    assert Company(seed=1).day(day) != Company(seed=2).day(day)


@given(companies, st.integers(1, 10_000))
def test_nothing_happens_before_the_first_day(company: Company, earlier: int) -> None:
    assert company.day(FIRST - earlier * DAY) == ()


@given(companies, days)
def test_every_day_is_plausible(company: Company, day: date) -> None:
    entries = company.day(day)

    assert len({entry.person.username for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.day == day
        assert entry.person in company.roster(day)
        assert 1 <= len(entry.works) == len({(work.editor, work.language) for work in entry.works}) <= 5
        for work in entry.works:
            check_metrics(work.metrics)


def check_metrics(metrics: Metrics) -> None:
    assert min(metrics) >= 0 < max(metrics)
    assert metrics.completions_accepted <= metrics.completions_count
    assert metrics.completions_lines_of_code <= metrics.completions_suggested_lines_of_code
    assert metrics.total_modified_lines_of_code == (
        metrics.completions_lines_of_code
        + metrics.remote_agent_lines_of_code
        + metrics.ide_agent_lines_of_code
        + metrics.cli_agent_interactive_lines_of_code
        + metrics.cli_agent_non_interactive_lines_of_code
    )
    assert (
        0
        <= metrics.total_messages
        <= (
            metrics.chat_messages
            + metrics.remote_agent_messages
            + metrics.ide_agent_messages
            + metrics.cli_agent_interactive_messages
            + metrics.cli_agent_non_interactive_messages
        )
    )


def test_a_year_has_every_metric_and_zeros_of_every_metric() -> None:
    company = Company(people=30)
    works = [work.metrics for day in some_days(FIRST, 365) for entry in company.day(day) for work in entry.works]

    assert [field for field, seen in zip(Metrics._fields, zip(*works, strict=True), strict=True) if not any(seen)] == []
    assert [field for field, seen in zip(Metrics._fields, zip(*works, strict=True), strict=True) if all(seen)] == []


def test_total_messages_are_not_always_what_their_parts_add_up_to() -> None:
    company = Company(people=100)
    short = [
        work
        for entry in company.day(date(2025, 6, 3))
        for work in entry.works
        if work.metrics.total_messages
        < work.metrics.chat_messages
        + work.metrics.remote_agent_messages
        + work.metrics.ide_agent_messages
        + work.metrics.cli_agent_interactive_messages
        + work.metrics.cli_agent_non_interactive_messages
    ]

    assert 0 < len(short) < 20


def test_weekends_and_holidays_are_quiet() -> None:
    company = Company(people=500)
    wednesday, saturday, sunday, may_day, christmas = (
        len(people(company, day))
        for day in (date(2025, 5, 7), date(2025, 5, 10), date(2025, 5, 11), date(2025, 5, 1), date(2025, 12, 25))
    )

    assert wednesday > 150
    assert 0 < saturday < 30
    assert 0 < sunday < 30
    assert 0 < may_day < 30
    assert 0 < christmas < 30


def test_part_timers_rest_on_their_days_off() -> None:
    company = Company(people=300)
    mondays = [FIRST + (5 + 7 * week) * DAY for week in range(30)]
    part_timers = {person.username for person in company.roster(mondays[0]) if 0 in person.days_off}
    seen = [username for day in mondays for username in people(company, day) & part_timers]

    assert 5 < len(part_timers) < 60
    assert len(seen) < 0.1 * len(part_timers) * len(mondays)


def test_one_person_in_eight_joins_or_leaves_within_400_days_and_is_active_only_in_between() -> None:
    company = Company(people=1000)
    days = some_days(FIRST, 400)
    everybody = {person for day in days for person in company.roster(day) if not person.service}
    moved = [person for person in everybody if person.joined > FIRST or (person.left and person.left <= days[-1])]

    assert 0.09 < len(moved) / len(everybody) < 0.16
    for day in days[::13]:
        for entry in company.day(day):
            assert entry.person.joined <= day
            assert entry.person.left is None or day < entry.person.left


@given(companies, days)
def test_every_seat_is_always_taken_by_somebody_with_a_number_of_their_own(company: Company, day: date) -> None:
    roster = company.roster(day)

    assert len({person.number for person in roster}) == len({person.username for person in roster}) == len(roster)
    assert [person.username for person in roster if person.service] == ["ci-bot", "release-bot"]
    assert sum(not person.service for person in roster) == company.people


def test_service_accounts_work_every_day() -> None:
    company = Company(people=0)

    for day in some_days(FIRST, 40):
        assert [entry.person.username for entry in company.day(day)] == ["ci-bot", "release-bot"]


def test_adoption_grows_slowly_and_goes_on_for_ever() -> None:
    company = Company(people=200)
    months = [
        sum(len(people(company, day)) for day in some_days(start, 28))
        for start in (date(2025, 3, 3), date(2026, 3, 2), date(2040, 3, 5))
    ]

    assert months == sorted(months)
    assert months[1] > 1.1 * months[0]
    assert months[2] < 2 * months[0]


def test_in_a_drop_three_people_in_five_stop_three_days_before_today() -> None:
    today = date(2026, 3, 6)
    steady = Company(people=500)
    drop = Company(people=500, scenario="drop", today=today)
    before = some_days(today - 30 * DAY, 27)
    after = some_days(today - 3 * DAY, 8)
    usual = {(day, username) for day in after for username in people(steady, day)}
    left = {(day, username) for day in after for username in people(drop, day)}

    assert [drop.day(day) for day in before] == [steady.day(day) for day in before]
    assert left < usual
    assert 0.3 < len(left) / len(usual) < 0.5
    assert {username for _, username in usual - left}.isdisjoint({username for _, username in left})
    assert [entry.person.username for entry in drop.day(today) if entry.person.service] == ["ci-bot", "release-bot"]


@pytest.mark.parametrize("scenario", ["drop", "slide", "holidays"])
def test_what_begins_before_today_needs_today(scenario: Scenario) -> None:
    with pytest.raises(ValueError, match=rf"^scenario {scenario} needs today, before which it begins$"):
        Company(scenario=scenario)


@pytest.mark.parametrize(
    ("today", "drops_on"),
    [
        (date(2026, 3, 6), date(2026, 3, 3)),  # a Friday: Wednesday is published in any case
        (date(2026, 3, 8), date(2026, 3, 5)),
        (date(2026, 3, 9), date(2026, 3, 5)),
        (date(2026, 3, 10), date(2026, 3, 5)),
        (date(2026, 12, 28), date(2026, 12, 22)),  # Christmas was from Thursday to Saturday
    ],
    ids=str,
)
def test_a_drop_is_on_two_working_days_that_are_published(today: date, drops_on: date) -> None:
    assert Company(scenario="drop", today=today).drops_on == drops_on


def test_in_a_slide_one_in_fifty_leaves_each_week_and_nobody_comes_back() -> None:
    today = date(2026, 3, 6)
    slide, steady = Company(people=1000, scenario="slide", today=today), Company(people=1000)
    begin = today - 70 * DAY
    weeks = [some_days(begin + 7 * week * DAY, 7) for week in (-1, 4, 9)]
    left = [
        len({name for day in week for name in people(slide, day)})
        / len({name for day in week for name in people(steady, day)})
        for week in weeks
    ]

    assert left[0] == 1
    assert 0.87 < left[1] < 0.95
    assert 0.77 < left[2] < 0.85


def test_holidays_are_two_days_of_the_week_before_today_and_a_week_earlier() -> None:
    company = Company(people=500, scenario="holidays", today=date(2026, 3, 10))
    free = [date(2026, 2, 26), date(2026, 2, 27), date(2026, 3, 5), date(2026, 3, 6)]

    assert [day for day in some_days(date(2026, 2, 1), 40) if company.holiday(day)] == free
    assert [company.workday(day) for day in (*free, date(2026, 3, 7), date(2026, 3, 9))] == [*[False] * 5, True]
    assert all(0 < len(people(company, day)) < 40 for day in free)


def test_a_company_that_never_rests_is_as_busy_on_a_sunday_and_at_christmas_as_on_a_tuesday() -> None:
    restless = Company(people=500, rests=False)
    tuesday, sunday, christmas = (
        len(people(restless, day)) for day in (date(2026, 3, 3), date(2026, 3, 8), date(2026, 12, 25))
    )

    assert 0.8 < sunday / tuesday < 1.2
    assert christmas > tuesday


def test_a_day_is_published_some_time_after_its_end() -> None:
    company, day = Company(people=3), date(2026, 3, 4)

    assert company.published(day, datetime(2026, 3, 5, 1, 59, 59, tzinfo=UTC), TWO_HOURS) is None
    assert company.published(day, datetime(2026, 3, 5, 2, tzinfo=UTC), TWO_HOURS) == company.day(day)
    assert company.published(day, datetime(2026, 3, 4, tzinfo=UTC), -DAY) == company.day(day)


def test_late_data_comes_two_days_late() -> None:
    company, day = Company(people=3, scenario="late-data"), date(2026, 3, 4)

    assert company.published(day, datetime(2026, 3, 7, 1, 59, 59, tzinfo=UTC), TWO_HOURS) is None
    assert company.published(day, datetime(2026, 3, 7, 2, tzinfo=UTC), TWO_HOURS) == company.day(day)


def test_a_revised_day_lacks_some_rows_for_six_hours() -> None:
    company, day = Company(people=60, scenario="revised"), date(2026, 3, 4)
    first = company.published(day, datetime(2026, 3, 5, 7, 59, 59, tzinfo=UTC), TWO_HOURS)
    final = company.published(day, datetime(2026, 3, 5, 8, tzinfo=UTC), TWO_HOURS)

    assert first is not None
    assert final is not None
    assert final == company.day(day)
    assert 0 < len(first) < len(final)
    assert rows(first) < rows(final)


def test_single_days_can_be_held_back_in_part_until_a_moment() -> None:
    day, moment = date(2026, 3, 4), datetime(2026, 3, 9, 12, tzinfo=UTC)
    company = Company(people=60, thin_until={day: moment})
    before = company.published(day, moment - timedelta(seconds=1), TWO_HOURS)

    assert before is not None
    assert rows(before) < rows(company.day(day))
    assert company.published(day, moment, TWO_HOURS) == company.day(day)
    assert company.published(day - DAY, moment - DAY, TWO_HOURS) == company.day(day - DAY)


def rows(entries: Sequence[PersonDay]) -> set[tuple[str, Work]]:
    return {(entry.person.username, work) for entry in entries for work in entry.works}


def test_other_topics_have_numbers_of_their_own() -> None:
    company, day = Company(people=2), date(2026, 3, 4)
    one, two = company.roster(day)[:2]
    drawn = {
        (person.username, topic, when): company.stream(when, person, topic).whole(0, 10**9)
        for person in (one, two)
        for topic in ("searches", "minutes")
        for when in (day, day + DAY)
    }

    assert len(set(drawn.values())) == 8
    assert company.stream(day, one, "searches").whole(0, 10**9) == drawn[one.username, "searches", day]


@given(st.builds(Stream, st.text(max_size=9)), st.integers(-50, 50), st.integers(0, 3))
def test_whole_numbers_stay_within_their_bounds_and_reach_them(stream: Stream, low: int, width: int) -> None:
    assert {stream.whole(low, low + width) for _ in range(200)} == set(range(low, low + width + 1))


def test_a_stream_goes_on_beyond_its_first_block() -> None:
    stream = Stream("key")
    numbers = [stream.unit() for _ in range(1000)]

    assert len(set(numbers)) == 1000
    assert 0 <= min(numbers) < max(numbers) < 1
    assert 0.45 < sum(numbers) / 1000 < 0.55


def test_chances_come_true_as_often_as_they_say() -> None:
    stream = Stream("key")

    assert [sum(stream.chance(p) for _ in range(1000)) // 100 for p in (0.0, 0.25, 1.0)] == [0, 2, 10]


def test_the_total_of_nothing_is_zero() -> None:
    assert total([]) == Metrics()
    assert total([Metrics(chat_messages=2), Metrics(chat_messages=3, total_messages=1)]) == Metrics(
        chat_messages=5, total_messages=1
    )
