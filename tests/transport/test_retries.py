from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.errors import Rejected, Unreachable
from exporter.transport.retries import RetryableError, asked_pause, retrying

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_the_fourth_failure_is_the_last_and_is_reported_as_it_is() -> None:
    attempts: list[int] = []
    pauses: list[float] = []

    def attempt() -> None:
        attempts.append(len(attempts))
        raise RetryableError(Unreachable(f"attempt {len(attempts)}"))

    with pytest.raises(Unreachable, match=r"^attempt 4$"):
        retrying(attempt, pauses.append, lambda: 0.25)
    assert pauses == [1.25, 2.5, 5.0]


def test_an_asked_pause_counts_for_its_own_attempt_alone() -> None:
    pauses: list[float] = []
    asked = iter([7.0, None, 0.5])

    def attempt() -> str:
        if (pause := next(asked, "none left")) != "none left":
            assert not isinstance(pause, str)
            raise RetryableError(Unreachable("busy"), pause)
        return "answer"

    assert retrying(attempt, pauses.append, lambda: 0.0) == "answer"
    assert pauses == [7.0, 2.0, 0.5]


def test_a_failure_that_will_not_pass_ends_it_at_once() -> None:
    pauses: list[float] = []

    def attempt() -> None:
        raise Rejected("401")

    with pytest.raises(Rejected, match=r"^401$"):
        retrying(attempt, pauses.append, lambda: 0.0)
    assert pauses == []


def test_a_bug_in_an_attempt_is_raised_as_it_is() -> None:
    pauses: list[float] = []

    def attempt() -> None:
        raise KeyError("field")

    with pytest.raises(KeyError, match="field"):
        retrying(attempt, pauses.append, lambda: 0.0)
    assert pauses == []


def test_a_pause_that_is_cut_short_ends_the_retries_with_its_own_error() -> None:
    attempts: list[int] = []

    def attempt() -> None:
        attempts.append(len(attempts))
        raise RetryableError(Unreachable("busy"))

    def pause(_seconds: float) -> None:
        raise Unreachable("stopping")

    with pytest.raises(Unreachable, match=r"^stopping$"):
        retrying(attempt, pause, lambda: 0.0)
    assert attempts == [0]


def test_a_single_attempt_is_never_repeated() -> None:
    pauses: list[float] = []

    def attempt() -> None:
        raise RetryableError(Unreachable("busy"), 7.0)

    with pytest.raises(Unreachable, match=r"^busy$"):
        retrying(attempt, pauses.append, lambda: 0.0, attempts=1)
    assert pauses == []


def test_the_error_names_the_cause_of_the_last_failure() -> None:
    def attempt() -> None:
        raise RetryableError(Unreachable("no answer")) from TimeoutError("timed out")

    with pytest.raises(Unreachable) as raised:
        retrying(attempt, lambda _seconds: None, lambda: 0.0)
    assert repr(raised.value.__cause__) == "TimeoutError('timed out')"


@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_a_backoff_without_an_asked_pause_stays_below_a_minute(jitter: float) -> None:
    pauses: list[float] = []

    def attempt() -> None:
        raise RetryableError(Unreachable("busy"))

    with pytest.raises(Unreachable):
        retrying(attempt, pauses.append, lambda: jitter, attempts=8)
    assert pauses == [(1 + jitter) * seconds for seconds in (1, 2, 4, 8, 16, 30, 30)]


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Friday, 20-Nov-26 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri Nov 20 12:00:30 2026"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:59:59 GMT"}, None),
        ({"ratelimit-reset": "1795176045"}, 45.0),
        ({"ratelimit-reset": "30"}, None),
        ({"ratelimit-reset": "later"}, None),
        ({"retry-after": "7", "ratelimit-reset": "1795176045"}, 7.0),
        # Compared with the vendor's own clock: ours may be days behind or ahead of it.
        ({"retry-after": "Mon, 30 Nov 2026 12:00:30 GMT", "date": "Mon, 30 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"ratelimit-reset": "1795176045", "date": "Fri, 20 Nov 2026 12:00:40 GMT"}, 5.0),
        ({"ratelimit-reset": "1795176045", "date": "today"}, 45.0),
    ],
)
def test_the_pause_that_a_vendor_asks_for(headers: dict[str, str], pause: float | None) -> None:
    assert asked_pause(headers, NOW) == pause


@given(st.integers(1, 10**12 - 1))
def test_whole_seconds_are_taken_as_they_are(seconds: int) -> None:
    assert asked_pause({"retry-after": str(seconds)}, NOW) == seconds


@given(st.integers(1, 10**6))
def test_an_http_date_is_the_seconds_until_then(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    assert asked_pause({"retry-after": date}, NOW) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ ([A-Z]+|[+-]\d+)", fullmatch=True))
@example("Sun, 06 Nov 99999 08:49:37 GMT")
@example("Sun, 06 Nov 1994 08:49:37 +99999999999")
def test_no_header_text_breaks_the_reader(value: str) -> None:
    pause = asked_pause({"retry-after": value, "ratelimit-reset": value}, NOW)

    assert pause is None or pause > 0
