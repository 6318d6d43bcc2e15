"""Configuration text (YAML 1.2's plain scalars, `${ENV}`) to plain values, with every duplicate and unset variable."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from exporter.mistakes import Mistake, Place

# Nothing else is a number or a flag: in YAML 1.1, which PyYAML reads, 12:30 is 750, 010 is 8 and NO is false.
_PLAIN: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str")


@dataclass
class Document:
    """A configuration as plain values. `written` holds every place in the file's order, with the text of scalars."""

    value: Any = None
    mistakes: list[Mistake] = field(default_factory=list)
    written: dict[Place, str] = field(default_factory=lambda: {(): ""})

    def mistake(self, place: Place, words: str) -> None:
        """Notes a mistake and goes on."""
        self.mistakes.append(Mistake(place, words))


class _Loader(yaml.SafeLoader):
    """Leaves every plain scalar text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the class attribute that PyYAML reads


def read_document(text: str, environ: Mapping[str, str]) -> Document:
    """Reads YAML. In any string `${NAME}` stands for an environment variable and `$${` for `${`; keys are always text.

    Text that is not YAML leaves `value` None and the one mistake with its line and column.
    """
    document = Document()
    try:
        root = yaml.compose(text, Loader=_Loader)
        document.value = None if root is None else _value(root, (), document, environ)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        document.mistake((), f"{where}not valid YAML: {', '.join(filter(None, (error.context, error.problem)))}")
    except yaml.reader.ReaderError as error:
        document.mistake((), f"not valid YAML: the character {error.character:#06x} is not allowed")
    except RecursionError:
        document.mistake((), "not valid YAML: nested too deeply, or an anchor holds itself")
    return document


def _value(node: yaml.Node, place: Place, document: Document, environ: Mapping[str, str]) -> Any:
    document.written[place] = node.value if isinstance(node, yaml.ScalarNode) else ""
    if node.tag not in _TAGS:
        document.mistake(place, f"has the YAML tag {node.tag}, which is not supported")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, document, environ)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, index), document, environ) for index, item in enumerate(node.value)]
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    if plain and node.value in _PLAIN:
        return _PLAIN[node.value]
    if plain and _WHOLE.fullmatch(node.value):
        return int(node.value)
    return _expanded(node.value, place, document, environ)


def _mapping(node: yaml.MappingNode, place: Place, document: Document, environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = key_node.value
        if not isinstance(key_node, yaml.ScalarNode):
            document.mistake(place, f"the key in line {line} must be text")
        elif key in lines:
            document.mistake((*place, key), f"is given twice, in lines {lines[key]} and {line}")
        else:
            lines[key] = line
            values[key] = _value(value_node, (*place, key), document, environ)
    return values


def _expanded(text: str, place: Place, document: Document, environ: Mapping[str, str]) -> str:
    def replacement(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None and match[0] == "$${":
            return "${"
        if name is None:
            document.mistake(place, "has ${ without a variable's name and }: write $${ for a plain ${")
        elif name not in environ:
            document.mistake(place, f"environment variable {name} is not set")
        else:
            return environ[name]
        return ""

    expanded = _VARIABLE.sub(replacement, text)
    if any("\ud800" <= letter <= "\udfff" for letter in expanded):
        # An escape of half a character, or bytes in a variable that are no UTF-8: no file can have such a name.
        document.mistake(place, "is not Unicode text")
        return ""
    return expanded
