"""A body that is read item by item gives the same as one read at once, wherever the pieces end."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadPayload
from exporter.transport import json_object, json_stream

WHERE = "coder-classic GET /api/private/metrics/activity"

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["activity", "users", "other"]), VALUES) | VALUES
STEPS = st.integers(1, 40)


def kept(value: object, _path: str) -> object:
    """A converter that changes nothing."""
    return value


def read(body: bytes, step: int = 2**20) -> object:
    """The body, with two members that are read item by item."""
    return json_stream.loads(body, WHERE, {"activity": kept, "users": kept}, step=step)


@given(DOCUMENTS, STEPS, st.booleans(), st.sampled_from([None, 0, 3]))
def test_the_document_is_the_same(document: Any, step: int, escaped: bool, indent: int | None) -> None:
    body = json.dumps(document, ensure_ascii=escaped, indent=indent).encode()

    assert repr(read(body, step)) == repr(json_object.loads(body, WHERE))


@given(DOCUMENTS, STEPS, st.integers(0, 200), st.sampled_from([b"", b",", b"}", b"]", b"1", b"\xff", b"NaN", b' "']))
def test_a_wrong_body_has_the_same_error(document: Any, step: int, at: int, put: bytes) -> None:
    whole = json.dumps(document, ensure_ascii=False).encode()
    at %= len(whole)
    body = whole[:at] + put + whole[at + 1 :]

    assert outcome(lambda: read(body, step)) == outcome(lambda: json_object.loads(body, WHERE))


def outcome(action: Any) -> str:
    """The result of an action, or its error."""
    try:
        return repr(action())
    except BadPayload as error:
        return f"BadPayload {error}"


def test_items_of_arrays_and_objects_are_converted_and_know_their_path() -> None:
    body = b'{"users": {"a": 1, "b": 2}, "activity": [3, 4], "other": [5], "more": {"users": [6]}}'
    paths: list[str] = []

    def double(value: object, path: str) -> object:
        paths.append(path)
        assert isinstance(value, int)
        return value * 2

    read_at_once = json_stream.loads(body, WHERE, {"activity": double, "users": double})

    assert read_at_once == {"users": {"a": 2, "b": 4}, "activity": [6, 8], "other": [5], "more": {"users": [6]}}
    assert paths == ["users[0]", "users[1]", "activity[0]", "activity[1]"]


@pytest.mark.parametrize("scalar", [b"null", b"7", b'"text"'])
def test_a_member_without_items_stays_as_it_is(scalar: bytes) -> None:
    body = b'{"activity": ' + scalar + b', "users": []}'

    assert read(body) == {"activity": json.loads(scalar), "users": []}


def test_memory_holds_one_item_at_a_time() -> None:
    item = json.dumps([{"user_id": f"user-{number:06}", "count": number} for number in range(500)])
    body = f'{{"activity": [{", ".join([item] * 200)}]}}'.encode()

    tracemalloc.start()
    lengths = json_stream.loads(body, WHERE, {"activity": lambda value, _: str(value)[:1]}, step=2**16)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert lengths == {"activity": ["["] * 200}
    assert peak < 2**20 < len(body) / 3
