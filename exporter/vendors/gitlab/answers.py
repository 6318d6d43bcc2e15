"""What Cube answers to a question: rows of exact numbers, and the facts of a day that they come down to. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NoReturn

from exporter.errors import BadPayload
from exporter.model import Amount, AmountKey, DayFacts, exact_product
from exporter.transport.json_object import LIMIT as TOO_MUCH
from exporter.transport.json_object import JsonObject
from exporter.vendors.gitlab.query import MINUTES, PEOPLE, TIME, Question

Number = int | Decimal | None
Numbers = Mapping[str, Number]
# An invalid value costs its day alone.
Days = Mapping[date, Numbers | BadPayload]

_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T00:00:00(\.0+)?Z?)?")
# PostgreSQL and ClickHouse give numbers as text, SQLite as JSON numbers; averages have up to 20 decimals (2026-11).
_NUMBER = re.compile(r"-?[0-9]{1,25}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
_SMALLEST_EXPONENT = -99
_NO_AVERAGE = ("NaN", "nan")


@dataclass(frozen=True)
class Row:
    """The numbers of a day, or of one value of a dimension on that day; BadPayload where they cannot be right.

    `value` is "" without a dimension.
    """

    day: date
    value: str
    numbers: Numbers | BadPayload


def parse_page(answer: JsonObject, question: Question, start: date, end: date) -> tuple[list[Row], int]:
    """The wanted rows of a page, and how many rows the page had in all."""
    data = _data(answer)
    rows = [_row(row, question) for row in data]
    return [row for row in rows if row is not None and start <= row.day <= end], len(data)


def parse_window(answer: JsonObject, measure: str) -> int | None:
    """The number of a window; None where Cube reports null."""
    data = _data(answer)
    if len(data) != 1:
        raise BadPayload(f"{answer.where}: {len(data)} rows for a whole window, not one")
    return _count(data[0], measure)


def by_day(rows: Iterable[Row], where: str) -> Days:
    """The numbers of each day that the rows of one question are about, or the error of an invalid day.

    Rows come in any order. One may come twice, for example when a row is added while pages are read.
    """
    kept: dict[tuple[date, str], Row] = {}
    for row in rows:
        before = kept.setdefault((row.day, row.value), row)
        if before is not row:
            differ = BadPayload(f"{where}: two rows for {row.day} that differ")
            kept[row.day, row.value] = replace(row, numbers=_merged(before.numbers, row.numbers, differ))
    found: dict[date, dict[str, Number] | BadPayload] = {}
    for row in kept.values():
        numbers = found.setdefault(row.day, {})
        if isinstance(row.numbers, BadPayload):
            found[row.day] = row.numbers
        elif not isinstance(numbers, BadPayload):
            numbers.update(row.numbers)
    return found


def facts(day: date, answers: Sequence[tuple[Question, Days]]) -> tuple[DayFacts, bool]:
    """The facts of a day, and whether it had any activity. Cube leaves out days without rows: these are zeros.

    Raises the BadPayload of an invalid day.
    """
    numbers: dict[str, Number] = {}
    active = False
    for question, found in answers:
        numbers.update(dict.fromkeys(question.names(), 0))
        reported = found.get(day, {})
        if isinstance(reported, BadPayload):
            raise reported
        numbers.update(reported)
        active = active or not (question.extra or _is_zero(reported))
    people = numbers.pop(PEOPLE, None)
    assert not isinstance(people, Decimal)
    amounts = {_amount(name): number for name, number in numbers.items() if number is not None}
    return DayFacts(amounts=amounts, head_count=people), active


def _amount(name: str) -> AmountKey:
    return AmountKey(Amount("active_time", "") if name == TIME else Amount("usage", name))


def _merged(one: Numbers | BadPayload, other: Numbers | BadPayload, differ: BadPayload) -> Numbers | BadPayload:
    """The numbers of two rows about the same day and value."""
    if isinstance(one, BadPayload):
        return one
    # GitLab fills in zeros for days beyond a page's limit, which a later page has (2026-11).
    if isinstance(other, BadPayload) or _is_zero(one) or one == other:
        return other
    return one if _is_zero(other) else differ


def _is_zero(numbers: Numbers | BadPayload) -> bool:
    return not isinstance(numbers, BadPayload) and all(number == 0 for number in numbers.values())


def _data(answer: JsonObject) -> list[JsonObject]:
    # The answer to a request without queryType has no `results` around it (2026-11).
    results = answer.objects("results") if "results" in answer or "data" not in answer else [answer]
    if len(results) != 1:
        raise BadPayload(f"{answer.where}: {len(results)} results for one query")
    if "query" in results[0]:
        query = results[0].json_object("query")
        if "timezone" in query and query.text("timezone") != "UTC":
            raise BadPayload(f"{answer.where}: asked for days in UTC, got {query.text('timezone')[:40]}")
    return results[0].objects("data")


def _value(row: JsonObject, dimension: str) -> str | None:
    """The value of a dimension as text; None for null."""
    value = row.require(dimension)
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case int() | Decimal():
            return str(value)
        case _:
            return row.text(dimension)


def _row(row: JsonObject, question: Question) -> Row | None:
    """A row; None where it is about a value that is not wanted."""
    day = _day(row, f"{question.time}.day")
    try:
        if question.dimension is None:
            return Row(day, "", _counts(row, question))
        (measure,) = question.measures.values()
        if question.dimension not in row and _count(row, measure) == 0:
            # The zeros that GitLab fills in have no dimension.
            return None
        value = _value(row, question.dimension)
        if value is None or value not in question.activities:
            return None
        return Row(day, value, {question.activities[value]: _count(row, measure)})
    except BadPayload as error:
        return Row(day, "", error)


def _counts(row: JsonObject, question: Question) -> Numbers:
    counts = {name: _count(row, member) for name, member in question.measures.items() if name != MINUTES}
    if MINUTES not in question.measures:
        return counts
    return {**counts, TIME: _seconds(row, counts["sessions"], question.measures[MINUTES])}


def _day(row: JsonObject, key: str) -> date:
    match = _DAY.fullmatch(row.text(key))
    try:
        return date.fromisoformat(match[1]) if match else row.refuse(key, "the beginning of a day")
    except ValueError:
        return row.refuse(key, "the beginning of a day")


def _seconds(row: JsonObject, sessions: int | None, average: str) -> Number:
    """The time of all sessions in seconds; None where it is not known. Without sessions it is 0."""
    if sessions == 0:
        return 0
    # ClickHouse's average over sessions without a duration is NaN (2026-11).
    minutes = None if row.fields.get(average) in _NO_AVERAGE else _number(row, average)
    if sessions is None or minutes is None:
        return None
    _, _, exponent = minutes.as_tuple()
    if not 0 <= minutes < TOO_MUCH or not isinstance(exponent, int) or exponent < _SMALLEST_EXPONENT:
        _refuse(row, average, minutes, "an average from 0 to 2^63 - 1")
    return exact_product(minutes, 60, sessions)


def _count(row: JsonObject, member: str) -> int | None:
    number = _number(row, member)
    if number is None:
        return None
    if not 0 <= number < TOO_MUCH or number != number.to_integral_value():
        _refuse(row, member, number, "a whole number from 0 to 2^63 - 1")
    return int(number)


def _number(row: JsonObject, member: str) -> Decimal | None:
    """An exact number, sent as text or as a JSON number; None where it is null or absent."""
    value = row.fields.get(member)
    if value is None:
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    return row.refuse(member, "a number")


def _refuse(row: JsonObject, member: str, number: Decimal, wanted: str) -> NoReturn:
    # Shown as a number: it is not wrong because it came as text.
    replace(row, fields={member: number}).refuse(member, wanted)
