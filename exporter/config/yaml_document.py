"""Parses configuration text (YAML 1.2's plain scalars, `${ENV}`); reports duplicate keys and unset variables."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from exporter.config.mistakes import Mistake, Place
from exporter.config.variables import expanded
from exporter.redaction import without_values

# Nothing else is a number or a flag: in YAML 1.1, which PyYAML reads, 12:30 is 750, 010 is 8 and NO is false.
_PLAIN: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str")
_LONGEST_TAG = 60
# Aliases repeat values, so a few lines of them could fill the memory. In characters; a value counts as ten.
_MOST_REPEATED = 1_000_000
_VALUE_WEIGHT = 10


@dataclass
class Document:
    """A configuration as plain values. `written` holds every place in the file's order, with the text of scalars.

    `values` holds the values of the variables in a scalar, by place.
    """

    value: Any = None
    mistakes: list[Mistake] = field(default_factory=list)
    written: dict[Place, str] = field(default_factory=lambda: {(): ""})
    values: dict[Place, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def mistake(self, place: Place, words: str) -> None:
        """Notes a mistake."""
        self.mistakes.append(Mistake(place, words))

    def in_order(self) -> list[Mistake]:
        """Returns the mistakes in the file's order, without the values of variables."""
        order = {place: index for index, place in enumerate(self.written)}

        def position(mistake: Mistake) -> int:
            place = mistake.place
            while place and place not in order:
                place = place[:-1]
            return order[place]

        return [Mistake(one.place, self._without_values(one)) for one in sorted(self.mistakes, key=position)]

    def _without_values(self, mistake: Mistake) -> str:
        depth = len(mistake.place)
        near = [values for place, values in self.values.items() if place[:depth] == mistake.place]
        return without_values(mistake.words, {name: value for values in near for name, value in values.items()})


class _Loader(yaml.SafeLoader):
    """Loads every plain scalar as text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the class attribute that PyYAML reads


class _RepeatedTooMuchError(Exception):
    """Aliases repeat too much of a document."""


@dataclass
class _Reading:
    """A text that is being parsed; `seen` holds the ids of the nodes so far."""

    document: Document
    environ: Mapping[str, str]
    urls: Collection[Place]
    seen: set[int] = field(default_factory=set)
    repeated: int = 0


def read_document(text: str, environ: Mapping[str, str], urls: Collection[Place] = ()) -> Document:
    """Parses YAML. In any string `${NAME}` is an environment variable and `$${` is `${`; keys are always text.

    At the places of `urls` the values of variables are percent-encoded. For text that is not YAML `value` is None, and
    there is one mistake with line and column.
    """
    document = Document()
    try:
        root = yaml.compose(text, Loader=_Loader)
        document.value = None if root is None else _value(root, (), _Reading(document, environ, urls))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        document.mistake((), f"{where}not valid YAML: {', '.join(filter(None, (error.context, error.problem)))}")
    except yaml.reader.ReaderError as error:
        document.mistake((), f"not valid YAML: the character {error.character:#06x} is not allowed")
    except RecursionError:
        document.mistake((), "not valid YAML: nested too deeply, or an anchor holds itself")
    except (ValueError, OverflowError):
        # PyYAML does not check the size of numbers in versions and escaped characters.
        document.mistake((), "not valid YAML: it holds a number that is too large")
    except _RepeatedTooMuchError:
        document.mistake((), "aliases (*) repeat too much of it: write it out, or into files")
    return document


def _value(node: yaml.Node, place: Place, reading: _Reading) -> Any:
    document = reading.document
    document.written[place] = node.value if isinstance(node, yaml.ScalarNode) else ""
    _count(node, reading)
    if node.tag not in _TAGS:
        tag = node.tag if len(node.tag) <= _LONGEST_TAG else f"{node.tag[:_LONGEST_TAG]}…"
        document.mistake(place, f"has the YAML tag {tag}, which is not supported")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, reading)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, index), reading) for index, item in enumerate(node.value)]
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    if plain and node.value in _PLAIN:
        return _PLAIN[node.value]
    if plain and _WHOLE.fullmatch(node.value):
        return int(node.value)
    made = expanded(node.value, reading.environ, url=place in reading.urls)
    for words in made.mistakes:
        document.mistake(place, words)
    if made.values:
        document.values[place] = made.values
    return made.text


def _count(node: yaml.Node, reading: _Reading) -> None:
    if id(node) in reading.seen:
        reading.repeated += _VALUE_WEIGHT + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
    reading.seen.add(id(node))
    if reading.repeated > _MOST_REPEATED:
        raise _RepeatedTooMuchError


def _mapping(node: yaml.MappingNode, place: Place, reading: _Reading) -> dict[str, Any]:
    document = reading.document
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = key_node.value
        if not isinstance(key_node, yaml.ScalarNode):
            document.mistake(place, f"the key in line {line} must be text")
        elif key == "<<" and key_node.style is None:
            document.mistake((*place, key), "is a merge key, which is not supported: write out the keys it stands for")
        elif key in lines:
            document.mistake((*place, key), f"is given twice, in lines {lines[key]} and {line}")
        else:
            lines[key] = line
            values[key] = _value(value_node, (*place, key), reading)
    return values
