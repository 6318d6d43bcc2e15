"""The newest days of a scope, each with what is known of it."""

from datetime import date, timedelta

from exporter.config.calendar import Calendar
from exporter.metrics import Sample
from exporter.samples.calendar import workdays
from exporter.samples.days import DayFigures, day_samples, newest_days

MONDAY = date(2026, 3, 9)
SUNDAY, SATURDAY = MONDAY - timedelta(days=1), MONDAY - timedelta(days=2)
PLAIN = workdays(Calendar())


def test_each_day_has_its_windows_and_what_is_usual_on_it() -> None:
    before = {MONDAY - timedelta(weeks=weeks): 10 * weeks for weeks in (1, 2)}
    people = {"1d": {MONDAY: 4, SATURDAY: 2, **before}, "7d": {MONDAY: 9}, "28d": {}}

    assert newest_days(people, {SATURDAY: 1.5, MONDAY: None}, PLAIN, date(2026, 1, 1), MONDAY, 3) == (
        DayFigures(SATURDAY, {"1d": 2}, None, is_workday=False, revised_at=1.5),
        DayFigures(SUNDAY, {}, None, is_workday=False),
        DayFigures(MONDAY, {"1d": 4, "7d": 9}, 15, is_workday=True),
    )


def test_no_day_is_before_the_oldest_known_one_or_after_the_data_day() -> None:
    people: dict[str, dict[date, int]] = {"1d": {SUNDAY: 1, MONDAY: 4}, "7d": {}, "28d": {}}

    assert [figures.day for figures in newest_days(people, {}, PLAIN, SUNDAY, MONDAY, 60)] == [SUNDAY, MONDAY]
    assert [figures.day for figures in newest_days(people, {}, PLAIN, SATURDAY, SUNDAY, 60)] == [SATURDAY, SUNDAY]
    assert newest_days(people, {}, PLAIN, SUNDAY, MONDAY, 0) == ()


A, B = ("acme", "augment", "a"), ("acme", "augment", "b")
DAYS_OF_A = (
    DayFigures(SUNDAY, {"1d": 2}, None, is_workday=False, revised_at=5.5),
    DayFigures(MONDAY, {"1d": 4, "7d": 9}, 3.5, is_workday=True),
)


def test_each_day_has_a_series_for_all_that_is_known_of_it() -> None:
    assert day_samples({A: DAYS_OF_A}, 100) == [
        Sample("adoption_day_active_users", (*A, "1d", "2026-03-08"), 2),
        Sample("adoption_day_active_users", (*A, "1d", "2026-03-09"), 4),
        Sample("adoption_day_active_users", (*A, "7d", "2026-03-09"), 9),
        Sample("adoption_day_active_users_baseline", (*A, "2026-03-09"), 3.5),
        Sample("adoption_day_revised_timestamp_seconds", (*A, "2026-03-08"), 5.5),
        Sample("adoption_day_workday", (*A, "2026-03-08"), 0.0),
        Sample("adoption_day_workday", (*A, "2026-03-09"), 1.0),
    ]
    assert [figures.series() for figures in DAYS_OF_A] == [3, 4]
    assert day_samples({}, 100) == []


def test_the_oldest_days_of_every_scope_are_dropped_first() -> None:
    days_of_b = (DayFigures(MONDAY, {}, None, is_workday=True),)

    kept = day_samples({A: DAYS_OF_A, B: days_of_b}, 6)

    assert {(sample.labels[2], sample.labels[-1]) for sample in kept} == {
        ("a", "2026-03-09"),
        ("b", "2026-03-09"),
        ("a", "2026-03-08"),
    }
    assert len(kept) == 6
    assert {sample.labels[-1] for sample in day_samples({A: DAYS_OF_A, B: days_of_b}, 5)} == {"2026-03-09"}
    assert day_samples({A: DAYS_OF_A, B: days_of_b}, 0) == []
