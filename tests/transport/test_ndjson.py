import io
import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadPayload
from exporter.transport import ndjson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


def rows_of(content: bytes, **options: int) -> list[dict[str, Any]]:
    return [row.fields for row in ndjson.rows(io.BytesIO(content), len(content), "copilot report", **options)]


@given(
    st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=3), max_size=5),
    st.sampled_from(["\n", "\r\n", "\n\n", " \n"]),
    st.booleans(),
)
def test_rows_come_as_they_were_written(rows: list[dict[str, Any]], end: str, last_end: bool) -> None:
    text = end.join(json.dumps(row, ensure_ascii=False) for row in rows) + end * last_end

    assert rows_of(text.encode("utf-8", "surrogatepass") if text.isascii() else text.encode()) == rows


def test_only_the_next_bytes_of_the_file_are_read() -> None:
    file = io.BytesIO(b'{"a": 1}\n{"b": 2}{"c": 3}\n')
    first = [row.fields for row in ndjson.rows(file, 17, "x")]
    second = [row.fields for row in ndjson.rows(file, 9, "x")]

    assert (first, second) == ([{"a": 1}, {"b": 2}], [{"c": 3}])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}\n{}{}\n", "line 2: not JSON: Extra data (character 2 of 5)"),
        (b'{\n"a": 1}\n', "line 1: not JSON: Expecting property name enclosed in double quotes (character 2 of 2)"),
        (b"\n\n7", "line 3: the body is the number 7, not an object"),
        (b'{"n": NaN', "line 1: not JSON: Expecting ',' delimiter (character 9 of 9)"),
        (b"[" * 100_000, "line 1: not JSON: nested too deeply"),
    ],
)
def test_a_wrong_line_is_named(content: bytes, message: str) -> None:
    with pytest.raises(BadPayload) as raised:
        rows_of(content)

    assert str(raised.value) == f"copilot report, {message}"


def test_a_line_of_exactly_the_limit_is_read_with_any_end() -> None:
    assert rows_of(b'{"a":1}\n{"a":2}\r\n{"a":3}', line_limit=7) == [{"a": 1}, {"a": 2}, {"a": 3}]
    with pytest.raises(BadPayload, match=r"^copilot report, line 2 is longer than 7 bytes$"):
        rows_of(b'{"a":1}\n{"a":10}\n', line_limit=7)


def test_a_file_that_has_become_shorter_is_a_bad_payload() -> None:
    with pytest.raises(BadPayload, match=r"^x, line 2: the file is 3 bytes shorter than it was$"):
        list(ndjson.rows(io.BytesIO(b"{}\n"), 6, "x"))


def test_fractions_stay_exact() -> None:
    assert [str(row["credits"]) for row in rows_of(b'{"credits": 40.16699999999999}')] == ["40.16699999999999"]


def test_a_long_file_is_read_in_few_large_steps() -> None:
    line = b'{"a": "' + b"a" * 5000 + b'"}\n'
    with ndjson.temporary_file() as file:
        file.write(line * 500)
        file.seek(0)
        places = {os.lseek(file.fileno(), 0, os.SEEK_CUR) for _ in ndjson.rows(file, 500 * len(line), "x")}

    assert places == {2**20, 2 * 2**20, 500 * len(line)}
