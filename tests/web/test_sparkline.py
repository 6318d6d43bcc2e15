from datetime import date

from exporter.publish.status import History
from exporter.web.sparkline import Sparkline, sparkline

MONDAY = date(2026, 3, 9)


def test_a_bar_for_each_known_day_and_a_tick_for_what_was_usual() -> None:
    assert sparkline(History(MONDAY, [0, None, 19, 38], [None, 38.0, None, 19.0])) == Sparkline(
        width=16,
        days="M0 40v-0.6h3v0.6zM8 40v-19h3v19z",
        last="M12 40v-38h3v38z",
        usual="M4 2h3M12 21h3",
        label="People on each of 4 days up to 2026-03-09: from 0 to 38",
    )


def test_what_was_usual_may_be_higher_than_any_day() -> None:
    picture = sparkline(History(MONDAY, [10], [40.0]))

    assert picture is not None
    assert (picture.last, picture.usual) == ("M0 40v-9.5h3v9.5z", "M0 2h3")


def test_days_without_anybody_are_no_division_by_zero() -> None:
    picture = sparkline(History(MONDAY, [0, 0], [0.0, None]))

    assert picture is not None
    assert picture.days == "M0 40v-0.6h3v0.6z"


def test_without_a_known_day_there_is_no_picture() -> None:
    assert sparkline(History(MONDAY, [None, None], [None, None])) is None
