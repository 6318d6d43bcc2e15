import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadPayload
from exporter.transport.json_object import JsonObject, json_object, loads, objects

WHERE = "augment GET /analytics/v0/dau"


def page() -> JsonObject:
    body = b"""{"users": [{"user_email": "alice@example.com", "active_days": 5},
                          {"user_email": 7, "active_days": "alice@example.com"}],
                "pagination": {"has_more": false, "next_cursor": null}}"""
    return json_object(loads(body, WHERE), WHERE)


def test_a_good_page_reads_as_it_is() -> None:
    first = page().objects("users")[0]

    assert first.text("user_email") == "alice@example.com"
    assert first.whole("active_days") == 5
    assert page().json_object("pagination").flag("has_more") is False
    assert "next_cursor" in page().json_object("pagination")
    assert "alice" not in page()
    assert page().json_object("pagination").require("next_cursor") is None
    assert page().array("users") == [first.fields, page().objects("users")[1].fields]


def test_an_error_names_endpoint_field_and_kind_but_no_value() -> None:
    second = page().objects("users")[1]
    pagination = page().json_object("pagination")
    mistakes: list[Callable[[], object]] = [
        lambda: second.text("user_email"),
        lambda: second.whole("active_days"),
        lambda: second.text("language"),
        lambda: second.json_object("user_email"),
        lambda: second.flag("user_email"),
        lambda: pagination.text("next_cursor"),
        lambda: pagination.whole("has_more"),
        lambda: pagination.objects("has_more"),
        lambda: page().array("pagination"),
        lambda: page().text("users"),
        lambda: objects([{}, "alice@example.com"], WHERE),
        lambda: objects({}, WHERE),
        lambda: json_object([], WHERE),
    ]
    messages = []
    for mistake in mistakes:
        with pytest.raises(BadPayload) as raised:
            mistake()
        messages.append(str(raised.value).removeprefix(f"{WHERE}: "))

    assert messages == [
        "users[1].user_email is the number 7, not text",
        "users[1].active_days is text, not a whole number from 0 to 2^63 - 1",
        "users[1].language is missing",
        "users[1].user_email is the number 7, not an object",
        "users[1].user_email is the number 7, not a boolean",
        "pagination.next_cursor is null, not text",
        "pagination.has_more is a boolean, not a whole number from 0 to 2^63 - 1",
        "pagination.has_more is a boolean, not an array",
        "pagination is an object, not an array",
        "users is an array, not text",
        "[1] is text, not an object",
        "the body is an object, not an array",
        "the body is an array, not an object",
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty"),
        (b" \r\n", "the body is empty"),
        (b"\n <!DOCTYPE html><p>alice</p>", "the body looks like an HTML page, not JSON"),
        (b'{"users": [{"name": "ali', "not JSON: Unterminated string starting at (character 20 of 24)"),
        (b'{"users": [', "not JSON: Expecting value (character 11 of 11)"),
        (b'{"users": []', "not JSON: Expecting ',' delimiter (character 12 of 12)"),
        (b"{} {}", "not JSON: Extra data (character 3 of 5)"),
        (b"alice", "not JSON: Expecting value (character 0 of 5)"),
        (b'{"n": 1e99999999999999999999}', "not JSON: a number's exponent is out of range"),
        (b'{"name": "\xe9"}', "not UTF-8 at byte 10 of 13"),
        (b"[" * 100_000, "not JSON: nested too deeply"),
    ],
)
def test_a_body_that_is_no_json_is_refused_without_showing_it(body: bytes, message: str) -> None:
    with pytest.raises(BadPayload) as raised:
        loads(body, WHERE)

    assert str(raised.value) == f"{WHERE}: {message}"


def test_an_endless_integer_is_refused() -> None:
    with pytest.raises(BadPayload, match=r"not JSON: Exceeds the limit"):
        loads(b"1" * 5000, WHERE)


@pytest.mark.parametrize(
    ("number", "value"),
    [("0", 0), ("12", 12), ("12.0", 12), ("1.2e1", 12), ("-0.0", 0), (str(2**63 - 1), 2**63 - 1)],
)
def test_whole_numbers_are_read_exactly(number: str, value: int) -> None:
    whole = json_object(loads(b'{"n": %s}' % number.encode(), WHERE), WHERE).whole("n")

    assert (whole, type(whole)) == (value, int)


@pytest.mark.parametrize(
    "number",
    ["-1", "1.5", "-0.5", str(2**63), f"{2**63 - 1}.5", "1e400", "1e-400", "1E+999999999", "1E-999999999"],
)
def test_other_numbers_are_refused_and_shown(number: str) -> None:
    with pytest.raises(BadPayload) as raised:
        json_object(loads(b'{"n": %s}' % number.encode(), WHERE), WHERE).whole("n")

    shown = number.replace("e", "E").replace("E4", "E+4")
    assert str(raised.value) == f"{WHERE}: n is the number {shown}, not a whole number from 0 to 2^63 - 1"


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused_where_they_are_read(constant: str) -> None:
    body = json_object(loads(b'{"n": %s, "p50": NaN, "people": 3}' % constant.encode(), WHERE), WHERE)

    assert body.whole("people") == 3
    with pytest.raises(BadPayload) as raised:
        body.whole("n")
    assert str(raised.value) == f"{WHERE}: n is the number {constant}, not a whole number from 0 to 2^63 - 1"


def test_a_long_number_is_shown_in_part() -> None:
    with pytest.raises(BadPayload, match=r"n is the number 1{24}…, not a whole number"):
        json_object(loads(b'{"n": %s}' % (b"1" * 4000), WHERE), WHERE).whole("n")


@pytest.mark.parametrize("constant", ["true", "false", "null", '"12"', "[]", "{}"])
def test_nothing_but_a_number_is_a_number(constant: str) -> None:
    with pytest.raises(BadPayload, match="not a whole number"):
        json_object(loads(b'{"n": %s}' % constant.encode(), WHERE), WHERE).whole("n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [(r"\ud800x", "holds half of a surrogate pair"), (r"a\u0000b", "holds a NUL character")],
)
def test_text_that_no_store_can_hold_is_refused(text: str, fault: str) -> None:
    with pytest.raises(BadPayload) as raised:
        json_object(loads(f'{{"language": "{text}"}}'.encode(), WHERE), WHERE).text("language")

    assert str(raised.value) == f"{WHERE}: language {fault}"


def test_fractions_keep_every_digit() -> None:
    assert loads(b"[0.1000000000000000000001]", WHERE) == [Decimal("0.1000000000000000000001")]


@given(st.integers(0, 2**63 - 1))
def test_every_count_survives(count: int) -> None:
    assert json_object(loads(json.dumps({"n": count}).encode(), WHERE), WHERE).whole("n") == count


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_every_clean_text_survives(text: str) -> None:
    assert json_object(loads(json.dumps({"t": text}).encode(), WHERE), WHERE).text("t") == text


@given(st.binary())
def test_no_body_raises_anything_but_bad_payload(body: bytes) -> None:
    with suppress(BadPayload):
        loads(body, WHERE)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"n": 12}', "12"),
        (b'{"n": -0.10}', "-0.10"),
        (b'{"n": 12.340000000000000000001}', "12.340000000000000000001"),
        (b'{"n": "0.000000000000000000123"}', "1.23E-19"),
        (b'{"n": "-1.5e-7"}', "-1.5E-7"),
    ],
)
def test_a_decimal_is_exact_as_a_number_and_as_text(body: bytes, value: str) -> None:
    assert str(json_object(loads(body, WHERE), WHERE).decimal("n")) == value


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b'{"n": "1,5"}', "text"),
        (b'{"n": "$1.50"}', "text"),
        (b'{"n": ""}', "text"),
        (b'{"n": "NaN"}', "text"),
        (b'{"n": NaN}', "the number NaN"),
        (b'{"n": true}', "a boolean"),
        (b'{"n": null}', "null"),
    ],
)
def test_anything_else_is_no_decimal(body: bytes, seen: str) -> None:
    with pytest.raises(BadPayload) as caught:
        json_object(loads(body, WHERE), WHERE).decimal("n")

    assert str(caught.value) == f"{WHERE}: n is {seen}, not a decimal number"
