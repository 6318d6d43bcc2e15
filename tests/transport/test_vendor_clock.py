"""What the responses of a vendor say about the time."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.transport.vendor_clock import Told, VendorClock, http_date

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def headers(moment: datetime, **more: str) -> dict[str, str]:
    return {"date": format_datetime(moment, usegmt=True), **more}


@pytest.mark.parametrize(
    ("ahead", "agrees"),
    [
        (timedelta(), True),
        (5 * MINUTE, True),
        (-5 * MINUTE, True),
        (6 * MINUTE, False),
        (-6 * MINUTE, False),
        (timedelta(days=905), False),
        (timedelta(days=-400), False),
    ],
    ids=str,
)
def test_an_answer_tells_the_vendors_time_and_by_how_much_ours_is_ahead(ahead: timedelta, agrees: bool) -> None:
    clock = VendorClock()
    clock.hear(headers(NOON), NOON + ahead, good=True)

    assert clock.told == Told(NOON, ahead)
    assert clock.told is not None
    assert clock.told.agrees == agrees


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"date": ""},
        {"date": "yesterday"},
        {"date": "Sun, 06 Nov 99999 08:49:37 GMT"},
        headers(NOON, age="60"),
        headers(NOON, age="soon"),
    ],
    ids=str,
)
def test_an_answer_without_a_date_or_from_a_cache_tells_nothing(given: dict[str, str]) -> None:
    clock = VendorClock()
    clock.hear(given, NOON, good=True)

    assert clock == VendorClock()


def test_the_newest_answer_counts_and_one_that_disagreed_more_than_later_ones() -> None:
    clock = VendorClock()
    heard = []
    for minutes, ahead in [(0, 0), (1, 0), (2, 400), (3, 0), (4, -400)]:
        moment = NOON + minutes * MINUTE
        clock.hear(headers(moment, age="0"), moment + timedelta(days=ahead), good=False)
        heard.append(clock.told)

    wrong = Told(NOON + 2 * MINUTE, timedelta(days=400))
    assert heard == [
        Told(NOON, timedelta()),
        Told(NOON + MINUTE, timedelta()),
        wrong,
        wrong,
        Told(NOON + 4 * MINUTE, timedelta(days=-400)),
    ]


@pytest.mark.parametrize(
    "text", ["Tue, 10 Mar 2026 12:00:00 GMT", "Tuesday, 10-Mar-26 12:00:00 GMT", "Tue Mar 10 12:00:00 2026"]
)
def test_all_three_forms_of_a_date_are_read(text: str) -> None:
    assert http_date(text) == NOON


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ ([A-Z]+|[+-]\d+)", fullmatch=True))
@example("Sun, 06 Nov 1994 08:49:37 +99999999999")
@example("Fri, 31 Dec 9999 23:59:59 -2300")
@example("Sat, 01 Jan 0001 00:00:00 +2300")
def test_no_text_breaks_the_reader(text: str) -> None:
    moment = http_date(text)

    assert moment is None or moment.tzinfo is UTC
