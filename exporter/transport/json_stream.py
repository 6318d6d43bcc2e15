"""Strict reading of a large JSON object: items of its long members are converted one by one and then dropped."""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation

from exporter.transport import json_object

Convert = Callable[[object, str], object]

_STEP = 2**20
_SPACE = re.compile(r"[ \t\n\r]*")
# A number that seems to end before `e+` may continue in text that is not decoded yet.
_MARGIN = 2


def loads(body: bytes, where: str, convert: Mapping[str, Convert], *, step: int = _STEP) -> object:
    """Like `json_object.loads`, but converts each item of the array or object under a key of `convert` as it is read.

    A converter gets an item and its path, such as `activity[3]`. `step` is the number of bytes that are decoded at a
    time: parsing 40 MB in one call would block every other thread for half a second and need ten times the memory.
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
    """A position in a JSON body; only the text around it is decoded. Every method skips white space first."""

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
        """Consumes `mark` if it comes next, and says whether it did."""
        self._skip_space()
        taken = self._text.startswith(mark, self._at)
        self._at += taken
        return taken

    def entries(self, end: str) -> Iterator[None]:
        """Yields before each entry of the array or object that was entered, and consumes its `end`."""
        if self.take(end):
            return
        yield
        while not self.take(end):
            self._expect(",")
            yield

    def names(self) -> Iterator[str]:
        """Yields the name of each member of the object that was entered; the caller reads the value."""
        for _ in self.entries("}"):
            name = self.value()
            if not isinstance(name, str):
                raise self._unexpected()
            self._expect(":")
            yield name

    def end(self) -> None:
        """Raises ValueError if anything but white space follows."""
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
        """Decodes the next piece; False at the end of the body."""
        if self._taken == len(self._body):
            return False
        # Twice as long each time, so that a long item is scanned only a few times.
        piece = self._body[self._taken : self._taken + max(self._step, len(self._text) - self._at)]
        self._taken += len(piece)
        self._text = self._text[self._at :] + self._decode(piece, self._taken == len(self._body))
        self._at = 0
        return True

    def _unexpected(self) -> ValueError:
        return json.JSONDecodeError("Unexpected character", self._text, self._at)
