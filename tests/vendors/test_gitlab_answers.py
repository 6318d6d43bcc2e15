"""Cube's answers: every body that a real Cube was recorded giving, and numbers that cannot be right."""

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadPayload, VendorError
from exporter.model import Amount, AmountKey, DayFacts
from exporter.simulator.gitlab_proxy import as_gitlab
from exporter.transport.client import Client
from exporter.transport.json_object import json_object, loads
from exporter.vendors.gitlab.answers import Days, Numbers, by_day, facts, parse_page, parse_window
from exporter.vendors.gitlab.api import dry_run, load, load_days, load_meta
from exporter.vendors.gitlab.query import Question, day_query, window_query
from tests.support.gitlab_requests import Asked

SAMPLES = Path(__file__).parents[1] / "recorded" / "gitlab"
START, END = date(2024, 12, 1), date(2026, 12, 31)
NEW_YEAR = date(2025, 1, 1)
WHERE = "gitlab POST /api/v4/projects/42/product_analytics/request/load: "

EVENTS = Question(
    "TrackedEvents.derivedTstamp", {"people": "TrackedEvents.uniqueUsersCount", "events": "TrackedEvents.count"}
)
ONLY_EVENTS = Question("TrackedEvents.derivedTstamp", {"events": "TrackedEvents.count"})
SESSIONS = Question(
    "Sessions.startAt", {"sessions": "Sessions.count", "session_minutes": "Sessions.averageDurationMinutes"}
)
PAGES = Question(
    "TrackedEvents.derivedTstamp",
    {"": "TrackedEvents.count"},
    "TrackedEvents.pageUrlpath",
    {"/p1": "first_page", "/p3": "third_page", "/p9": "ninth_page"},
)
CUSTOM = Question(
    "TrackedEvents.derivedTstamp", {"": "TrackedEvents.uniqueUsersCount"}, "TrackedEvents.event", {"custom": "custom"}
)

Asking = Callable[[Client], object]


def days_of(question: Question) -> Asking:
    return lambda client: load_days(client, 42, question, START, END)


def window_of(measure: str) -> Asking:
    query = window_query(measure, "TrackedEvents.derivedTstamp", START, END)
    return lambda client: parse_window(load(client, 42, query), measure)


def members(client: Client) -> object:
    meta = load_meta(client, 42)
    assert meta is not None
    return sorted(meta.items())


def first_days(count: int, numbers: Numbers) -> Mapping[date, Numbers]:
    return {NEW_YEAR + timedelta(days=offset): numbers for offset in range(count)}


def time_of(*minutes: str) -> Mapping[date, Numbers]:
    return {
        NEW_YEAR + timedelta(days=offset): {"sessions": 8, "active_time": Decimal(average) * 60 * 8}
        for offset, average in enumerate(minutes)
    }


DATABASE_DOWN = "Unreachable: 400 in 4 attempts: "
CHECK = " (check generation, members and custom)"
NOT_BY_DAY = "BadPayload: results[0].data[0].TrackedEvents.derivedTstamp.day is missing"
MEMBERS_031 = [
    ("Sessions.averageDurationMinutes", "avg"),
    ("Sessions.count", "count"),
    ("Sessions.endAt", "time"),
    ("Sessions.startAt", "time"),
    ("TrackedEvents.count", "count"),
    ("TrackedEvents.derivedTstamp", "time"),
    ("TrackedEvents.event", "string"),
    ("TrackedEvents.eventName", "string"),
    ("TrackedEvents.linkClicksCount", "count"),
    ("TrackedEvents.pageUrlpath", "string"),
    ("TrackedEvents.pageViewsCount", "count"),
    ("TrackedEvents.uniqueUsersCount", "countDistinct"),
]
MEMBERS_035 = [
    ("Big.count", "count"),
    ("Big.id", "number"),
    ("Big.total", "sum"),
    ("Big.ts", "time"),
    *MEMBERS_031[:2],
    ("Sessions.endAt", "time"),
    ("Sessions.sessionId", "string"),
    ("Sessions.startAt", "time"),
    ("Slow.count", "count"),
    ("Slow.id", "number"),
    *MEMBERS_031[4:7],
    ("TrackedEvents.eventId", "string"),
    *MEMBERS_031[7:],
]
NINE_AVERAGES = ("11.375", "14.875", "14", "13.125", "16.625", "11.375", "14.875", "14", "13.125")

# What was recorded, what is asked, and what that gives: numbers, or an error's kind and text after the endpoint.
RECORDED: Mapping[str, tuple[Asking, object]] = {
    "sqlite_v031_load_sessions": (days_of(SESSIONS), time_of("11.375", "14.875", "14")),
    "v031_cw_slow_1": (days_of(EVENTS), "Unreachable: Cube still says Continue wait after 300 s"),
    "v031_cw_slow_3": (window_of("Slow.count"), 1),
    "v031_dryrun": (lambda client: dry_run(client, 42, day_query(EVENTS, START, END)), None),
    "v031_empty_day": (days_of(EVENTS), {}),
    "v031_empty_total_avg": (window_of("Sessions.count"), 0),
    "v031_err_baddate": (days_of(EVENTS), "Rejected: 400: Can't parse date: 'blahblah'"),
    "v031_err_badgran": (
        days_of(EVENTS),
        (
            'Rejected: 400: Invalid query format: child "timeDimensions" fails because ["timeDimensions" at position 0 '
            'fails because [child "granularity" fails because ["granularity" must be one of [quarter, day, month, '
            f"year, w…{CHECK}"
        ),
    ),
    "v031_err_badorder": (
        days_of(EVENTS),
        (
            'Rejected: 400: Invalid query format: child "order" fails because [child "TrackedEvents.count" fails '
            f'because ["TrackedEvents.count" must be one of [asc, desc]], "order" must be an array]{CHECK}'
        ),
    ),
    "v031_err_badsig": (days_of(EVENTS), f"{DATABASE_DOWN}Invalid token"),
    "v031_err_empty": (
        days_of(EVENTS),
        (
            "Rejected: 400: Query should contain either measures, dimensions or timeDimensions with granularities in "
            f"order to be valid{CHECK}"
        ),
    ),
    "v031_err_expired": (days_of(EVENTS), f"{DATABASE_DOWN}Invalid token"),
    "v031_err_join": (
        days_of(EVENTS),
        f"Rejected: 400: Can't find join path to join 'TrackedEvents', 'Sessions'{CHECK}",
    ),
    "v031_err_limit": (days_of(EVENTS), "Rejected: 400: Error: The query limit has been exceeded."),
    "v031_err_noauth": (days_of(EVENTS), f"{DATABASE_DOWN}Authorization header isn't set"),
    "v031_err_noquery": (days_of(EVENTS), "Rejected: 400: query param is required"),
    "v031_err_tz": (days_of(EVENTS), "Rejected: 400: Error: Unknown timezone: Mars/Base"),
    "v031_err_unknown_cube": (
        days_of(EVENTS),
        f"Rejected: 400: Cube 'Nope' not found for path 'Nope.count'{CHECK}",
    ),
    "v031_err_unknown_measure": (
        days_of(EVENTS),
        f"Rejected: 400: 'nope' not found for path 'TrackedEvents.nope'{CHECK}",
    ),
    "v031_err_unknownkey": (days_of(EVENTS), f'Rejected: 400: Invalid query format: "foo" is not allowed{CHECK}'),
    "v031_gap_days": (days_of(CUSTOM), {NEW_YEAR: {"custom": 6}, date(2025, 1, 2): {"custom": 7}}),
    "v031_gran_hour": (days_of(ONLY_EVENTS), NOT_BY_DAY),
    "v031_gran_week": (days_of(EVENTS), NOT_BY_DAY),
    "v031_load_array_multi": (days_of(EVENTS), "BadPayload: 2 results for one query"),
    "v031_load_compare": (days_of(EVENTS), "BadPayload: 2 results for one query"),
    "v031_load_dau": (days_of(EVENTS), first_days(9, {"people": 8, "events": 24})),
    "v031_load_noquerytype": (window_of("TrackedEvents.count"), 0),
    "v031_load_sessions": (days_of(SESSIONS), time_of(*NINE_AVERAGES)),
    "v031_load_total": (days_of(ONLY_EVENTS), NOT_BY_DAY),
    "v031_meta": (members, MEMBERS_031),
    "v031_rawtime": (days_of(ONLY_EVENTS), NOT_BY_DAY),
    "v031_tz_la": (days_of(ONLY_EVENTS), "BadPayload: asked for days in UTC, got America/Los_Angeles"),
    "v035_array": (days_of(EVENTS), "BadPayload: 2 results for one query"),
    "v035_badjson": (days_of(EVENTS), f"{DATABASE_DOWN}SyntaxError: Unexpected end of JSON input"),
    "v035_compact": (days_of(PAGES), "BadPayload: results[0].data is an object, not an array"),
    "v035_cw": (days_of(EVENTS), "Unreachable: Cube still says Continue wait after 300 s"),
    "v035_dbdown": (days_of(EVENTS), f"{DATABASE_DOWN}Error: connect ECONNREFUSED 127.0.0.1:55432"),
    "v035_doc_example": (days_of(EVENTS), {}),
    "v035_dryrun": (lambda client: dry_run(client, 42, day_query(EVENTS, START, END)), None),
    "v035_empty": (days_of(EVENTS), {}),
    "v035_empty_avg": (window_of("Sessions.count"), 0),
    "v035_err_limit": (days_of(EVENTS), "Rejected: 400: Error: The query limit has been exceeded."),
    "v035_err_unknown": (days_of(EVENTS), f"Rejected: 400: 'nope' not found for path 'TrackedEvents.nope'{CHECK}"),
    "v035_filt_after": (window_of("TrackedEvents.count"), 47),
    "v035_filt_or": (window_of("TrackedEvents.count"), 72),
    "v035_load_dau": (days_of(EVENTS), first_days(3, {"people": 8, "events": 24})),
    "v035_meta": (members, MEMBERS_035),
    "v035_mixed": (
        days_of(EVENTS),
        f"Rejected: 400: Can't find join path to join 'TrackedEvents', 'Sessions'{CHECK}",
    ),
    "v035_order_pairs": (days_of(PAGES), first_days(3, {"first_page": 6, "third_page": 6})),
    "v035_page1": (days_of(PAGES), NOT_BY_DAY),
    "v035_page2": (days_of(PAGES), NOT_BY_DAY),
    "v035_page3": (days_of(PAGES), {}),
}


def test_every_recorded_body_is_replayed() -> None:
    assert sorted(RECORDED) == sorted(path.stem for path in SAMPLES.glob("*.json"))


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_body_gives_the_numbers_in_it_or_says_what_is_wrong(name: str) -> None:
    asking, expected = RECORDED[name]
    status, body = as_gitlab(json.loads((SAMPLES / f"{name}.json").read_text()))

    with Asked(lambda _: httpx.Response(status, json=body)).client() as client:
        assert _result(lambda: asking(client)) == expected


@pytest.mark.parametrize("name", [name for name, (_, expected) in RECORDED.items() if ": 400" in str(expected)])
def test_an_errors_words_count_and_not_the_status_that_they_come_with(name: str) -> None:
    asking, expected = RECORDED[name]
    said = json.loads((SAMPLES / f"{name}.json").read_text())["error"]

    with Asked(lambda _: httpx.Response(200, json={"error": said})).client() as client:
        assert _result(lambda: asking(client)) == str(expected).replace(": 400", ": 200", 1)


# Rows that were never recorded: each is one row of the first day, asked for 2025-01-01 to 2025-01-03.

SPAN = (NEW_YEAR, date(2025, 1, 3))


def row(question: Question, day: str = "2025-01-01T00:00:00.000", **numbers: object) -> dict[str, object]:
    """A row of a question; numbers by our own names, those that are not given are 0."""
    given = {member: numbers.get(name, "0") for name, member in question.measures.items()}
    return {f"{question.time}.day": day, question.time: day, **given}


def by_days(question: Question, *rows: Mapping[str, object]) -> Days:
    """What rows come down to, once they have been through JSON."""
    text = json.dumps({"results": [{"data": rows}]})
    page, size = parse_page(json_object(loads(text.encode(), "gitlab"), "gitlab"), question, *SPAN)
    assert size == len(rows)
    return by_day(page, "gitlab")


def answered(question: Question, *rows: Mapping[str, object]) -> Mapping[date, Numbers]:
    """The same of rows with which nothing is wrong."""
    found: dict[date, Numbers] = {}
    for day, numbers in by_days(question, *rows).items():
        if isinstance(numbers, BadPayload):
            raise numbers
        found[day] = numbers
    return found


def merged(question: Question, *rows: Mapping[str, object]) -> Mapping[date, Numbers | str]:
    """The same with what is wrong as text."""
    found = by_days(question, *rows)
    return {day: str(one) if isinstance(one, BadPayload) else one for day, one in found.items()}


def refusal(question: Question, *rows: Mapping[str, object]) -> str:
    with pytest.raises(BadPayload) as raised:
        answered(question, *rows)
    return str(raised.value).removeprefix("gitlab: results[0].data[0].")


@pytest.mark.parametrize(
    ("shown", "count"),
    [
        ("24", 24),
        ("24.00000000000000000000", 24),
        ("9007199254740993", 2**53 + 1),
        ("9223372036854775807", 2**63 - 1),
        ("2.4e1", 24),
        (24, 24),
        (24.0, 24),
        (2**53 + 1, 2**53 + 1),
        ("0", 0),
        (None, None),
    ],
)
def test_a_count_is_read_exactly_as_text_or_number(shown: object, count: int | None) -> None:
    assert answered(EVENTS, row(EVENTS, events=shown)) == {NEW_YEAR: {"people": 0, "events": count}}


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("-1", "is the number -1, not a whole number from 0 to 2^63 - 1"),
        (-1, "is the number -1, not a whole number from 0 to 2^63 - 1"),
        ("11.5", "is the number 11.5, not a whole number from 0 to 2^63 - 1"),
        (11.5, "is the number 11.5, not a whole number from 0 to 2^63 - 1"),
        ("9223372036854775808", "is the number 9223372036854775808, not a whole number from 0 to 2^63 - 1"),
        (2**63, "is the number 9223372036854775808, not a whole number from 0 to 2^63 - 1"),
        ("1e99", "is the number 1E+99, not a whole number from 0 to 2^63 - 1"),
        ("NaN", "is text, not a number"),
        ("Infinity", "is text, not a number"),
        ("", "is text, not a number"),
        (" 24", "is text, not a number"),
        ("٢٤", "is text, not a number"),
        ("1_000", "is text, not a number"),
        ("many", "is text, not a number"),
        ("9" * 5_000, "is text, not a number"),
        (True, "is a boolean, not a number"),
        ([24], "is an array, not a number"),
    ],
)
def test_a_count_that_cannot_be_right_is_refused(shown: object, message: str) -> None:
    assert refusal(EVENTS, row(EVENTS, events=shown)) == f"TrackedEvents.count {message}"


def test_a_measure_that_a_row_lacks_is_not_known_on_that_day_alone() -> None:
    lacking = {key: value for key, value in row(EVENTS, people="3").items() if key != "TrackedEvents.count"}
    answers = [(EVENTS, answered(EVENTS, lacking))]

    assert facts(NEW_YEAR, answers) == (DayFacts(head_count=3), True)
    assert facts(date(2025, 1, 2), answers) == (
        DayFacts(amounts={AmountKey(Amount("usage", "events")): 0}, head_count=0),
        False,
    )


@pytest.mark.parametrize(
    ("sessions", "minutes", "seconds"),
    [
        ("8", "11.37500000000000000000", 5460),
        (8, 11.375, 5460),
        ("3", "0.33333333333333333333", Decimal("59.9999999999999999994")),
        ("9223372036854775807", "0.00000000000000000001", Decimal("5.5340232221128654842")),
        ("7", "1e-20", Decimal("4.2e-18")),
        ("0", None, 0),
        ("0", "NaN", 0),
        ("0", "0", 0),
        ("8", "0", 0),
        ("8", None, None),
        ("8", "NaN", None),
        ("8", "nan", None),
        (None, "11.375", None),
    ],
)
def test_time_is_the_average_times_sixty_times_the_sessions_without_rounding(
    sessions: object, minutes: object, seconds: object
) -> None:
    found = answered(SESSIONS, row(SESSIONS, sessions=sessions, session_minutes=minutes))

    assert found[NEW_YEAR]["active_time"] == seconds


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("-0.5", "is the number -0.5, not an average from 0 to 2^63 - 1"),
        (-0.5, "is the number -0.5, not an average from 0 to 2^63 - 1"),
        ("1e99", "is the number 1E+99, not an average from 0 to 2^63 - 1"),
        (1e99, "is the number 1E+99, not an average from 0 to 2^63 - 1"),
        (5e-324, "is the number 5E-324, not an average from 0 to 2^63 - 1"),
        ("Infinity", "is text, not a number"),
        ("soon", "is text, not a number"),
        (True, "is a boolean, not a number"),
    ],
)
def test_an_average_that_cannot_be_right_is_refused_where_there_are_sessions(shown: object, message: str) -> None:
    refused = refusal(SESSIONS, row(SESSIONS, sessions="8", session_minutes=shown))

    assert refused == f"Sessions.averageDurationMinutes {message}"


@given(
    sessions=st.integers(0, 2**63 - 1),
    minutes=st.decimals(0, 10_000, places=20),
)
def test_no_average_of_twenty_decimals_loses_any(sessions: int, minutes: Decimal) -> None:
    found = answered(SESSIONS, row(SESSIONS, sessions=str(sessions), session_minutes=f"{minutes:f}"))
    scaled = int(minutes.scaleb(20)) * 60 * sessions
    time = found[NEW_YEAR]["active_time"]

    assert time is not None
    assert time == Decimal(f"{scaled}e-20")


@pytest.mark.parametrize("day", ["2025-01-01T07:00:00.000", "2025-01-01T00:00:00.000+01:00", "2025-02-30", ""])
def test_a_row_of_no_day_refuses_the_whole_answer(day: str) -> None:
    with pytest.raises(BadPayload) as raised:
        by_days(EVENTS, row(EVENTS), row(EVENTS, day))

    assert str(raised.value) == (
        "gitlab: results[0].data[1].TrackedEvents.derivedTstamp.day is text, not the beginning of a day"
    )


def test_a_row_of_a_day_that_was_not_asked_for_is_left_out_whatever_it_says() -> None:
    before, after = row(EVENTS, "2024-12-31", people="7"), row(EVENTS, "2025-01-04T00:00:00.000", people="many")

    assert answered(EVENTS, before, row(EVENTS, people="1"), after) == {NEW_YEAR: {"people": 1, "events": 0}}


@pytest.mark.parametrize("day", ["2025-01-02T00:00:00.000", "2025-01-02T00:00:00.000Z", "2025-01-02"])
def test_a_day_is_a_day_of_utc_however_it_is_written(day: str) -> None:
    assert list(answered(EVENTS, row(EVENTS, day))) == [date(2025, 1, 2)]


def test_rows_may_come_in_any_order_and_more_than_once() -> None:
    second, first = row(EVENTS, "2025-01-02T00:00:00.000", people="2"), row(EVENTS, people="1")
    expected = {NEW_YEAR: {"people": 1, "events": 0}, date(2025, 1, 2): {"people": 2, "events": 0}}

    assert answered(EVENTS, second, first) == answered(EVENTS, first, second, first) == expected


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_rows_that_contradict_each_other_cost_their_day_alone(order: tuple[int, ...]) -> None:
    rows = [
        row(EVENTS, people="1"),
        row(EVENTS, people="2"),
        row(EVENTS, people="1"),
        row(EVENTS, "2025-01-02", people="3"),
    ]

    assert merged(EVENTS, *(rows[index] for index in order)) == {
        NEW_YEAR: "gitlab: two rows for 2025-01-01 that differ",
        date(2025, 1, 2): {"people": 3, "events": 0},
    }


def test_of_two_rows_for_a_day_a_wrong_one_says_what_is_wrong() -> None:
    good, wrong = row(EVENTS, people="1"), row(EVENTS, people="many")

    assert merged(EVENTS, wrong, good, wrong) == {
        NEW_YEAR: "gitlab: results[0].data[0].TrackedEvents.uniqueUsersCount is text, not a number"
    }
    assert merged(EVENTS, row(EVENTS), good, wrong) == {
        NEW_YEAR: "gitlab: results[0].data[2].TrackedEvents.uniqueUsersCount is text, not a number"
    }


def test_a_day_that_gitlab_filled_with_zeros_gives_way_to_the_real_one() -> None:
    filled, real = row(EVENTS), row(EVENTS, people="2", events="5")
    expected = {NEW_YEAR: {"people": 2, "events": 5}}

    assert answered(EVENTS, filled, real, filled) == answered(EVENTS, real, filled) == expected


def test_a_filled_day_is_no_activity() -> None:
    answers = [(EVENTS, answered(EVENTS, row(EVENTS)))]

    assert facts(NEW_YEAR, answers) == (
        DayFacts(amounts={AmountKey(Amount("usage", "events")): 0}, head_count=0),
        False,
    )


def of_page(path: object, count: object, day: str = "2025-01-01T00:00:00.000") -> dict[str, object]:
    return {**row(PAGES, day), "TrackedEvents.count": count, "TrackedEvents.pageUrlpath": path}


def test_values_of_a_dimension_become_activities_and_others_are_left_out() -> None:
    found = answered(PAGES, of_page("/p3", "7"), of_page("/p1", "4"), of_page("/p2", "many"), of_page(None, "9"))

    assert facts(NEW_YEAR, [(PAGES, found)]) == (
        DayFacts(
            amounts={
                AmountKey(Amount("usage", "first_page")): 4,
                AmountKey(Amount("usage", "third_page")): 7,
                AmountKey(Amount("usage", "ninth_page")): 0,
            }
        ),
        True,
    )


def test_a_row_without_its_dimension_is_one_that_gitlab_filled_in_or_costs_its_day() -> None:
    later = of_page("/p1", "2", "2025-01-02T00:00:00.000")

    assert answered(PAGES, row(PAGES)) == {}
    assert merged(PAGES, {**row(PAGES), "TrackedEvents.count": "3"}, later) == {
        NEW_YEAR: "gitlab: results[0].data[0].TrackedEvents.pageUrlpath is missing",
        date(2025, 1, 2): {"first_page": 2},
    }


def test_a_value_that_is_no_text_is_found_as_it_is_written_in_json() -> None:
    first = Question("Sessions.startAt", {"": "Sessions.count"}, "Sessions.isFirst", {"true": "first", "7": "seventh"})
    rows = [{**row(first), "Sessions.count": count, "Sessions.isFirst": value} for value, count in ((True, 3), (7, 4))]

    assert answered(first, *rows) == {NEW_YEAR: {"first": 3, "seventh": 4}}


def test_values_of_a_dimension_contradict_each_other_on_the_same_day_alone() -> None:
    first, later = of_page("/p1", "2"), of_page("/p1", "3", "2025-01-02T00:00:00.000")
    other = of_page("/p1", "4", "2025-01-02T00:00:00.000")

    assert answered(PAGES, first, later, first) == {NEW_YEAR: {"first_page": 2}, date(2025, 1, 2): {"first_page": 3}}
    assert merged(PAGES, first, later, other) == {
        NEW_YEAR: {"first_page": 2},
        date(2025, 1, 2): "gitlab: two rows for 2025-01-02 that differ",
    }


@pytest.mark.parametrize(("rows", "size"), [([], 0), ([{}, {}], 2)])
def test_a_window_is_one_row(rows: list[Any], size: int) -> None:
    answer = json_object({"results": [{"data": rows}]}, "gitlab")

    with pytest.raises(BadPayload, match=f"gitlab: {size} rows for a whole window, not one"):
        parse_window(answer, "TrackedEvents.count")


def test_custom_rows_do_not_tell_whether_a_day_has_arrived() -> None:
    custom = Question(EVENTS.time, {"searches": "TrackedEvents.count"}, extra=True)
    answers = [(EVENTS, answered(EVENTS)), (custom, answered(custom, row(custom, searches="3")))]

    assert facts(NEW_YEAR, answers) == (
        DayFacts(
            amounts={AmountKey(Amount("usage", "events")): 0, AmountKey(Amount("usage", "searches")): 3}, head_count=0
        ),
        False,
    )


@pytest.mark.parametrize(
    ("measures", "counted"),
    [
        ({"people": "A.people", "page_views": "A.views", "events": "A.count"}, "A.views"),
        ({"people": "A.people"}, "A.people"),
        ({"sessions": "A.count", "session_minutes": "A.minutes"}, "A.count"),
        ({"": "A.count"}, "A.count"),
    ],
)
def test_rows_are_counted_by_what_is_no_distinct_count_where_there_is_one(
    measures: Mapping[str, str], counted: str
) -> None:
    assert Question("A.day", measures).counted() == counted


def test_queries_are_those_that_a_real_cube_took() -> None:
    assert day_query(EVENTS, *SPAN, offset=10_000) == {
        "measures": ["TrackedEvents.count", "TrackedEvents.uniqueUsersCount"],
        "timeDimensions": [
            {
                "dimension": "TrackedEvents.derivedTstamp",
                "granularity": "day",
                "dateRange": ["2025-01-01", "2025-01-03"],
            }
        ],
        "order": {"TrackedEvents.derivedTstamp": "asc"},
        "limit": 10_000,
        "offset": 10_000,
        "timezone": "UTC",
    }
    assert day_query(PAGES, *SPAN) == {
        **day_query(EVENTS, *SPAN),
        "measures": ["TrackedEvents.count"],
        "dimensions": ["TrackedEvents.pageUrlpath"],
        "filters": [
            {"member": "TrackedEvents.pageUrlpath", "operator": "equals", "values": ["/p1", "/p3", "/p9"]},
        ],
        "order": {"TrackedEvents.derivedTstamp": "asc", "TrackedEvents.pageUrlpath": "asc"},
    }
    assert window_query("TrackedEvents.uniqueUsersCount", "TrackedEvents.derivedTstamp", *SPAN) == {
        "measures": ["TrackedEvents.uniqueUsersCount"],
        "timeDimensions": [{"dimension": "TrackedEvents.derivedTstamp", "dateRange": ["2025-01-01", "2025-01-03"]}],
        "order": {"TrackedEvents.uniqueUsersCount": "desc"},
        "limit": 10_000,
        "timezone": "UTC",
    }


def _result(asking: Callable[[], object]) -> object:
    try:
        return asking()
    except VendorError as error:
        return f"{type(error).__name__}: {str(error).removeprefix(WHERE)}"
