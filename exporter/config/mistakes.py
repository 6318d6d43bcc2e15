"""The mistakes of a configuration: one line for each, with its key and never with a secret."""

import difflib
import json
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from exporter.config.durations import format_duration
from exporter.config.types import HiddenValueError
from exporter.errors import OperatorError

Place = tuple[str | int, ...]

# pydantic's kinds of errors; braces are filled from the error's context.
_WORDS: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "mapping_type": "must be a mapping",
    "missing": "is missing",
    "model_type": "must be a mapping",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "too_short": "must have at least {min_length} entries",
    "tuple_type": "must be a list",
    "value_error": "{error}",
}

_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Mistake:
    """A mistake at a place of a configuration; the place () is the whole file."""

    place: Place
    words: str

    def __str__(self) -> str:
        # File names and messages of libraries may hold any character.
        words = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in self.words)
        return f"{dotted(self.place)}: {words}" if self.place else words


class ConfigError(OperatorError):
    """A configuration cannot be used; `mistakes` holds one line for each mistake."""

    def __init__(self, file: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(f"{file}: {mistake}" for mistake in mistakes)
        super().__init__("\n".join(self.mistakes))


def dotted(place: Place) -> str:
    """Formats a place: `sources.cody.instances[0]`."""
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{_plain_or_quoted(step)}" for step in place
    ).removeprefix(".")


def unknown(word: str, seen: str, known: Collection[str], called: Sequence[str] = ()) -> str:
    """The message for an unknown key or name, with the known ones probably meant, or else all of them."""
    near = " or ".join(f'"{name}"' for name in meant(seen, known, called))
    return f"unknown {word}, " + (f"did you mean {near}?" if near else f"known are {', '.join(known)}")


def unreadable(error: OSError | UnicodeDecodeError) -> str:
    """The message for a file that cannot be read as text."""
    return f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "is not UTF-8 text"


def meant(seen: str, known: Iterable[str], called: Sequence[str] = ()) -> list[str]:
    """The known names that were probably meant: those that are `called` so too, and the most similar one."""
    return list(dict.fromkeys([*called, *difflib.get_close_matches(seen, list(known), 1)]))


def quoted(text: str) -> str:
    """Quotes text for a message: on one line, cut where it is too long."""
    short = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return json.dumps(short, ensure_ascii=not text.isprintable())


def model_mistakes(
    error: ValidationError, model: type[BaseModel], above: Place, written: Mapping[Place, str]
) -> Iterator[Mistake]:
    """Converts pydantic's errors into mistakes at places below `above`; `written` holds scalars as in the file."""
    alternatives: dict[Place, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        alternatives.setdefault(_place(detail, model, above, written), []).append(detail)
    for place, details in alternatives.items():
        # A value that fits none of several types gives an error for each.
        words = " or ".join(
            [_words(details[0], model), *(_words(other, model).removeprefix("must be ") for other in details[1:])]
        )
        yield Mistake(place, words + _instead(place, words, details[0], written))


def _place(detail: ErrorDetails, model: type[BaseModel], above: Place, written: Mapping[Place, str]) -> Place:
    """The place of an error, without pydantic's names for the members of a union."""
    place = above
    for step in detail["loc"]:
        if (*place, step) in written or str(step) in _keys(_model_at(model, place[len(above) :])):
            place = (*place, step)
    return place


def _words(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        key = str(detail["loc"][-1])
        return unknown("key", key, _keys(_model_at(model, detail["loc"][:-1])))
    if detail["type"] not in _WORDS:
        return f"is wrong: {detail['msg']}"
    words = _WORDS[detail["type"]].format(**detail.get("ctx", {}))
    return words.replace("'", "") if detail["type"] == "literal_error" else words


def _instead(place: Place, words: str, detail: ErrorDetails, written: Mapping[Place, str]) -> str:
    hidden = isinstance(detail.get("ctx", {}).get("error"), HiddenValueError)
    if hidden or not words.startswith("must ") or words.startswith("must not "):
        return ""
    match detail["input"]:
        case None:
            return ", not nothing"
        case bool(flag):
            return f", not {str(flag).lower()}"
        case int(number):
            return f", not {number}" + (": put it in quotes" if words == "must be text" else "")
        case timedelta() as duration:
            return f", not {format_duration(duration)}"
        case str(text) if words == "must be a mapping" or words == "must be a list":
            # Text where a mapping belongs may be a token one level too high.
            return ", not text"
        case str(text) if detail["loc"][-1:] == ("[key]",):
            return f", not {quoted(text)}"
        case str(text):
            return f", not {quoted(written.get(place, text))}"
        case other:
            return f", not a {'mapping' if isinstance(other, Mapping) else 'list'}"


def _model_at(model: type[BaseModel], loc: Place) -> type[BaseModel]:
    """The model at an error's location, through lists and mappings of models."""
    for step in loc:
        field = _keys(model).get(str(step))
        model = next(_models_in(field.annotation), model) if field else model
    return model


def _keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a model as they are written: `from` cannot be a name in Python."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


def _plain_or_quoted(key: str) -> str:
    return key if key and key.isprintable() else json.dumps(key)
