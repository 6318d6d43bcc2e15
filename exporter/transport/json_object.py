"""Strict reading of JSON responses: an error names endpoint, field and the kind of value, never a person's value."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from exporter.errors import BadPayload

LIMIT = 2**63
_DECIMAL = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?")

_KINDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "text",
    bool: "a boolean",
    type(None): "null",
}

# Where the vendors explain an error, the most specific first: Augment error.message, Coder classic error.msg, GitLab's
# request limiter message.error, OAuth error_description, GitLab, Coder and Cursor message, GitLab and Cube error
# (2026-11). Cursor has in error what the status says already.
_REFUSALS = (
    ("error", "message"),
    ("error", "msg"),
    ("message", "error"),
    ("error_description",),
    ("message",),
    ("error",),
)


def loads(body: bytes, where: str) -> object:
    """Reads a body that must be exactly one JSON document in UTF-8; fractions become exact Decimals.

    NaN and Infinity are not JSON but some servers write them: they become floats, which the readers of JsonObject
    refuse. BadPayload says what is wrong and at which character, without the content.
    """
    if not body.strip():
        raise BadPayload(f"{where}: the body is empty")
    if body.lstrip().startswith(b"<"):
        raise BadPayload(f"{where}: the body looks like an HTML page, not JSON")
    try:
        return json.loads(body.decode("utf-8"), parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise BadPayload(f"{where}: not JSON: {error.msg} (character {error.pos} of {len(error.doc)})") from None
    except UnicodeDecodeError as error:
        raise BadPayload(f"{where}: not UTF-8 at byte {error.start} of {len(body)}") from None
    except ValueError as error:
        raise BadPayload(f"{where}: not JSON: {error}") from None
    except InvalidOperation:
        raise BadPayload(f"{where}: not JSON: a number's exponent is out of range") from None
    except RecursionError:
        raise BadPayload(f"{where}: not JSON: nested too deeply") from None


@dataclass(frozen=True, slots=True)
class JsonObject:
    """A JSON object with its endpoint and path, so that an error names the wrong field.

    Each reader raises BadPayload if the key is missing or its value has the wrong type; check an optional key with
    `"key" in obj` first.
    """

    fields: dict[str, object]
    where: str
    path: str = ""

    def __contains__(self, key: str) -> bool:
        return key in self.fields

    def given(self, key: str) -> bool:
        """Whether a key is there with another value than null."""
        return self.fields.get(key) is not None

    def require(self, key: str) -> object:
        """The raw value."""
        try:
            return self.fields[key]
        except KeyError:
            raise BadPayload(f"{self.where}: {self._path(key)} is missing") from None

    def json_object(self, key: str) -> "JsonObject":
        """The object under a key."""
        return json_object(self.require(key), self.where, self._path(key))

    def array(self, key: str) -> list[object]:
        """The array under a key, with raw values."""
        value = self.require(key)
        return value if isinstance(value, list) else self.refuse(key, "an array")

    def objects(self, key: str) -> "list[JsonObject]":
        """The array of objects under a key."""
        return objects(self.require(key), self.where, self._path(key))

    def text(self, key: str) -> str:
        """Text without NUL and lone surrogates, which a store or a label cannot hold."""
        value = self.require(key)
        if not isinstance(value, str):
            self.refuse(key, "text")
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise BadPayload(f"{self.where}: {self._path(key)} holds half of a surrogate pair")
        if "\0" in value:
            raise BadPayload(f"{self.where}: {self._path(key)} holds a NUL character")
        return value

    def whole(self, key: str) -> int:
        """A whole number from 0 to 2**63 - 1; 12.0 is 12."""
        value = self.require(key)
        if type(value) is int and 0 <= value < LIMIT:
            return value
        if isinstance(value, Decimal | float) and 0 <= value < LIMIT and value == int(value):
            return int(value)
        return self.refuse(key, "a whole number from 0 to 2^63 - 1")

    def decimal(self, key: str) -> Decimal:
        """An exact number, written as a number or as text, also one below zero: money."""
        value = self.require(key)
        if type(value) is int or isinstance(value, Decimal):
            return Decimal(value)
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            return Decimal(value)
        return self.refuse(key, "a decimal number")

    def flag(self, key: str) -> bool:
        """A boolean."""
        value = self.require(key)
        return value if isinstance(value, bool) else self.refuse(key, "a boolean")

    def refuse(self, key: str, wanted: str) -> NoReturn:
        """Raises BadPayload: the value under `key` is not `wanted`."""
        raise BadPayload(f"{self.where}: {self._path(key)} is {seen(self.require(key))}, not {wanted}")

    def _path(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def json_object(value: object, where: str, path: str = "") -> JsonObject:
    """Checks that a value is an object; BadPayload otherwise."""
    if not isinstance(value, dict):
        raise BadPayload(f"{where}: {path or 'the body'} is {seen(value)}, not an object")
    return JsonObject(value, where, path)


def objects(value: object, where: str, path: str = "") -> list[JsonObject]:
    """Checks that a value is an array of objects; BadPayload otherwise."""
    if not isinstance(value, list):
        raise BadPayload(f"{where}: {path or 'the body'} is {seen(value)}, not an array")
    return [json_object(item, where, f"{path}[{index}]") for index, item in enumerate(value)]


def seen(value: object) -> str:
    """Describes a value for a message: a number by its digits, anything else only by its kind."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        figures = json.dumps(value) if isinstance(value, float) else str(value)
        return f"the number {figures if len(figures) <= 24 else figures[:24] + '…'}"
    return _KINDS.get(type(value), type(value).__name__)


def refusal_text(body: bytes) -> str:
    """The vendor's explanation in a JSON error body; "" if there is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for place in _REFUSALS:
        value = document
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            return value
    return ""
