from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from exporter.config.durations import (
    Days,
    DaysOrZero,
    Duration,
    DurationOrZero,
    ReadyAt,
    format_duration,
    format_ready_at,
    parse_duration,
    parse_ready_at,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1_800),
        ("1h", 3_600),
        ("1h30m", 5_400),
        ("7d", 604_800),
        ("1d2h3m4s", 93_784),
        ("0s", 0),
        ("007d", 604_800),
        ("36500d", 3_153_600_000),
    ],
)
def test_a_duration_is_whole_numbers_with_units(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "90", "1.5h", "-1h", "+1h", "1 h", "30m1h", "1h1h", "1w", "500ms", "1H", "h", "٣d", "1h\n", 90, None, True],
)
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match=r"^must be a duration such as 90s, 30m, 1h30m or 7d$"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["36501d", "999999999999d", "36500d1s"])
def test_a_duration_beyond_a_hundred_years_is_refused_instead_of_overflowing(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be at most 36500d$"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "9s", "30m", "1h30m", "7d", "1d12h", "800d", "1d2h3m4s"])
def test_a_duration_is_written_back_as_it_was(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


def test_a_duration_is_written_back_in_the_largest_units() -> None:
    assert [format_duration(parse_duration(text)) for text in ("90s", "3600s", "36h", "1440m")] == [
        "1m30s",
        "1h",
        "1d12h",
        "1d",
    ]


@given(st.integers(min_value=0, max_value=36_500 * 86_400))
def test_every_duration_survives_writing_and_reading(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "minutes"), [("00:00", 0), ("03:00", 180), ("3:00", 180), ("12:30", 750), ("23:59", 1_439)]
)
def test_a_time_of_day_is_the_time_since_midnight(text: str, minutes: int) -> None:
    assert parse_ready_at(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["24:00", "3", "3w", "12:60", "12:3", "03:00:00", "-1:00", "", 750, None])
def test_anything_else_does_not_say_when_a_day_is_ready(text: object) -> None:
    with pytest.raises(ValueError, match=r"^must be a time of day from 00:00 to 23:59, or a duration such as 2d6h$"):
        parse_ready_at(text)


@pytest.mark.parametrize(
    ("text", "hours", "shown"),
    [("2d6h", 54, "2d6h"), ("3h", 3, "03:00"), ("1d", 24, "1d"), ("0s", 0, "00:00"), ("30d", 720, "30d")],
)
def test_a_day_may_be_ready_more_than_a_day_after_its_end(text: str, hours: int, shown: str) -> None:
    assert parse_ready_at(text) == timedelta(hours=hours)
    assert format_ready_at(timedelta(hours=hours)) == shown


def test_a_day_that_is_ready_after_more_than_a_month_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^must be at most 30d$"):
        parse_ready_at("30d1s")


@given(st.integers(min_value=0, max_value=1_439))
def test_every_time_of_day_survives_writing_and_reading(minutes: int) -> None:
    since_midnight = timedelta(minutes=minutes)

    assert parse_ready_at(format_ready_at(since_midnight)) == since_midnight


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (Duration, "0s", "must be longer than 0s"),
        (Duration, timedelta(seconds=-1), "must be longer than 0s"),
        (Days, "0d", "must be longer than 0s"),
        (Days, "36h", "must be whole days such as 7d"),
        (DaysOrZero, "30m", "must be whole days such as 7d"),
    ],
)
def test_a_setting_refuses_the_durations_that_make_no_sense_for_it(kind: Any, text: object, message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(kind).validate_python(text)

    assert [str(error["ctx"]["error"]) for error in raised.value.errors()] == [message]


def test_settings_take_and_give_back_text() -> None:
    texts: dict[Any, str] = {Duration: "1h30m", DurationOrZero: "0s", Days: "60d", DaysOrZero: "0s", ReadyAt: "12:30"}
    read = {kind: TypeAdapter(kind).validate_python(text) for kind, text in texts.items()}

    assert {kind: TypeAdapter(kind).dump_python(value, mode="json") for kind, value in read.items()} == texts
