"""Writes docs/configuration.md: every key of the configuration, with type and default of the settings models.

`python -m docs.configuration`, from the top of the repository. Examples and meanings are in configuration.yaml.
"""

import types
import typing
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from exporter.commands.keys import SECTIONS, Key, annotated, sections, shown
from exporter.config.sections import Address
from exporter.config.source import SourceSettings
from exporter.vendors import SETTINGS

PAGE = Path(__file__).with_suffix(".md")

_OF_SECTIONS = {
    "web": "Where to serve.",
    "poll": "Defaults of every source; each key may stand in a source too.",
    "calendar": "Working days of every source. A source's own `calendar` replaces single keys; a country replaces the "
    "subdivision too.",
    "state": "Where facts are kept.",
    "people": "What is published about people.",
    "teams": "Left out: no teams. The file is followed and never stored.",
    "otlp": "Left out: nothing is pushed.",
}
_HEAD = """# Configuration

Made by `python -m docs.configuration` from the settings models; a test keeps it true.
[config.example.yaml](../config.example.yaml) is the same as a file to copy, and `adoption-exporter init` writes one for
your vendor. `adoption-exporter check-config FILE` tells every mistake at once.

One YAML file. Unknown keys are errors. `${NAME}` in any string is the environment variable NAME, `$${` a plain `${`.
Durations are whole numbers of d, h, m, s: `90s`, `1h30m`, `7d`. Files are looked for beside the configuration unless
their path is full. `-` means that nothing is set.
"""
_OF_SOURCES = """## sources

A mapping of names to sources: letters, digits, `_ . -`. The name is the label `source`. Each source has the keys of
`poll`, a `calendar`, these keys, and those of its vendor:
"""
_TABLE = "| key | type | default | example | meaning |\n|---|---|---|---|---|"
# A type by the function that checks it, else by the class.
_CHECKS = {
    "_whole_days": "whole days",
    "parse_ready_at": "time or duration",
    "parse_duration": "duration",
    "base_url": "URL",
    "_state_url": "URL of a database",
    "_checked": "cron line",
    "_host_name": "host",
    "_link_host": "host",
    "bare_host": "host",
    "_currency": "currency",
    "_company": "true, false or list of sources",
    "_member": "member of a cube",
    "_reference": "number or path",
    "_parse_range": "day or range of days",
    "_parse_day": "day",
}
_CLASSES = {
    bool: "true or false",
    int: "whole number",
    str: "text",
    Path: "file",
    SecretStr: "secret",
    Decimal: "amount",
    datetime: "date or time",
    timedelta: "duration",
    Address: "address",
}


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name, keys in sections():
        if name in SECTIONS:
            parts.append(f"## {name}\n\n{_OF_SECTIONS[name]}\n")
        else:
            parts.append(_OF_SOURCES if name == "source" else f"## {name}\n\n{_of_vendor(name)}\n")
        if keys:
            parts.append("\n".join([_TABLE, *map(_row, keys), ""]))
    return "\n".join(parts)


def kind(field: FieldInfo) -> str:
    """The type of a field in words."""
    return _kind(annotated(field))


def default(key: Key) -> str:
    """The default of a key as it is written in YAML, `-` for none, or that it is required."""
    if key.field.is_required():
        section = key.name.rpartition(".")[0]
        return f"required in `{section}`" if section else "required"
    return "-" if key.default is None else f"`{shown(key.default)}`"


def _row(key: Key) -> str:
    return f"| `{key.name}` | {kind(key.field)} | {default(key)} | `{shown(key.example)}` | {key.meaning} |"


def _of_vendor(name: str) -> str:
    """Where to read more, and the defaults in which a vendor differs from what every source has."""
    own = [
        f"`{key}: {default(Key(key, field, None, '')).strip('`')}`"
        for key, field in SETTINGS[name].model_fields.items()
        if key in SourceSettings.model_fields and repr(field.default) != repr(SourceSettings.model_fields[key].default)
    ]
    told = f"Its own defaults: {', '.join(own)}. " if own else ""
    return f"{told}What it gives and what the token needs: [vendors/{name}.md](vendors/{name}.md)."


def _kind(annotation: Any) -> str:
    if typing.get_origin(annotation) is Annotated:
        inner, *checks = typing.get_args(annotation)
        names = [check.func.__name__ for check in checks if isinstance(check, AfterValidator | BeforeValidator)]
        limits = [limit for check in checks for limit in _limits(check)]
        words = next((_CHECKS[name] for name in reversed(names) if name in _CHECKS), None) or _kind(inner)
        return ", ".join([words, *limits])
    arguments = [argument for argument in typing.get_args(annotation) if argument not in (type(None), Ellipsis)]
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_kind, arguments))
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    if origin is not None:
        return f"mapping of {_kind(arguments[0])} to {_kind(arguments[1])}"
    return _CLASSES[annotation]


def _limits(check: object) -> Iterator[str]:
    for part in (check, *getattr(check, "metadata", ())):
        if isinstance(part, Ge):
            yield f"at least {part.ge}"
        if isinstance(part, Le):
            yield f"at most {part.le}"


if __name__ == "__main__":
    PAGE.write_text(page())
