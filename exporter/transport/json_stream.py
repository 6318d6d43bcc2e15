"""Strict reading of a large JSON object, item by item: only what comes of the items of its long members is kept."""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation

from exporter.transport import json_object

Convert = Callable[[object, str], object]

_STEP = 2**20
_SPACE = re.compile(r"[ \t\n\r]*")
# A number that seems to end before `e+` may go on in text that is not there yet.
_MARGIN = 2


def loads(body: bytes, where: str, convert: Mapping[str, Convert], *, step: int = _STEP) -> object:
    """Like `json_body.loads`, but of the array or object under a key of `convert` each item is converted at once.

    A converter gets an item and its path, such as `activity[3]`. A body of 40 MB parsed in one call would keep every
    other thread from running for half a second, and would be ten times as large in memory; `step` bytes are not.
    """
    try:
        return _document(_Cursor(body, step), convert)
    except (ValueError, InvalidOperation, RecursionError):
        json_object.loads(body, where)  # raises what is wrong, in words
        raise


def _document(cursor: "_Cursor", convert: Mapping[str, Convert]) -> object:
    document: object
    if cursor.take("{"):
        document = {name: _member(cursor, name, convert.get(name)) for name in cursor.names()}
    else:
        document = cursor.value()
    cursor.end()
    return document


def _member(cursor: "_Cursor", name: str, convert: Convert | None) -> object:
    if convert is not None and cursor.take("["):
        return [convert(cursor.value(), f"{name}[{index}]") for index, _ in enumerate(cursor.entries("]"))]
    if convert is not None and cursor.take("{"):
        return {key: convert(cursor.value(), f"{name}[{index}]") for index, key in enumerate(cursor.names())}
    return cursor.value()


class _Cursor:
    """A place in a JSON body, of which only the text around it is decoded; skips white space before what it reads."""

    def __init__(self, body: bytes, step: int) -> None:
        self._body = body
        self._step = step
        self._taken = 0
        self._text = ""
        self._at = 0
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._scan = json.JSONDecoder(parse_float=Decimal).raw_decode

    def value(self) -> object:
        """Reads one value."""
        self._skip_space()
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
            else:
                if end + _MARGIN < len(self._text) or not self._more():
                    self._at = end
                    return value

    def take(self, mark: str) -> bool:
        """Passes a character if it is what comes next."""
        self._skip_space()
        taken = self._text.startswith(mark, self._at)
        self._at += taken
        return taken

    def entries(self, end: str) -> Iterator[None]:
        """Stops before each entry of an array or object that was entered, and passes its end."""
        if self.take(end):
            return
        yield
        while not self.take(end):
            self._expect(",")
            yield

    def names(self) -> Iterator[str]:
        """Reads the name of each member of an object that was entered, and stops before its value."""
        for _ in self.entries("}"):
            name = self.value()
            if not isinstance(name, str):
                raise self._unexpected()
            self._expect(":")
            yield name

    def end(self) -> None:
        """Refuses anything that follows."""
        self._skip_space()
        if self._at < len(self._text):
            raise self._unexpected()

    def _expect(self, mark: str) -> None:
        if not self.take(mark):
            raise self._unexpected()

    def _skip_space(self) -> None:
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None
            self._at = space.end()
            if self._at < len(self._text) or not self._more():
                return

    def _more(self) -> bool:
        """Decodes on; False at the end of the body."""
        if self._taken == len(self._body):
            return False
        # Doubled each time: an item of any length is scanned again only a few times.
        piece = self._body[self._taken : self._taken + max(self._step, len(self._text) - self._at)]
        self._taken += len(piece)
        self._text = self._text[self._at :] + self._decode(piece, self._taken == len(self._body))
        self._at = 0
        return True

    def _unexpected(self) -> ValueError:
        return json.JSONDecodeError("Unexpected character", self._text, self._at)
