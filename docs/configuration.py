"""Writes docs/configuration.md: every key of the configuration, with type and default of the settings models.

`python -m docs.configuration`, from the top of the repository. Examples and meanings are in configuration.yaml.
"""

import types
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import yaml
from annotated_types import Ge, Le
from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from exporter.config.calendar import Calendar
from exporter.config.sections import (
    Address,
    OtlpSettings,
    PeopleSettings,
    StateSettings,
    TeamsSettings,
    WebSettings,
)
from exporter.config.source import PollSettings, SourceSettings
from exporter.vendors import SETTINGS

PAGE = Path(__file__).with_suffix(".md")
WORDS: Mapping[str, Mapping[str, tuple[object, str]]] = yaml.safe_load(PAGE.with_suffix(".yaml").read_text())

SECTIONS: Mapping[str, type[BaseModel]] = {
    "web": WebSettings,
    "poll": PollSettings,
    "calendar": Calendar,
    "state": StateSettings,
    "people": PeopleSettings,
    "teams": TeamsSettings,
    "otlp": OtlpSettings,
}
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
[config.example.yaml](../config.example.yaml) is the same as a file to copy. `adoption-exporter check-config FILE` tells
every mistake at once.

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


@dataclass(frozen=True)
class Key:
    """A key with its dots, and its field; `example` and `meaning` are those of configuration.yaml."""

    name: str
    field: FieldInfo
    example: object
    meaning: str

    @property
    def adapter(self) -> TypeAdapter[Any]:
        """What checks and shows its values."""
        return TypeAdapter(_annotated(self.field))


def sections() -> Iterator[tuple[str, list[Key]]]:
    """Every section of the page with its keys."""
    for name, model in SECTIONS.items():
        yield name, _keys(name, model, model.model_fields)
    of_others = {*PollSettings.model_fields, "teams", "calendar"}
    yield "source", _keys("source", SourceSettings, SourceSettings.model_fields.keys() - of_others)
    for vendor, settings in SETTINGS.items():
        common = SourceSettings.model_fields.keys() - ({"teams"} if settings.has_teams else set())
        yield vendor, _keys(vendor, settings, settings.model_fields.keys() - common)


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
    return _kind(_annotated(field))


def default(key: Key) -> str:
    """The default of a key as it is written in YAML, `-` for none, or that it is required."""
    if key.field.is_required():
        section = key.name.rpartition(".")[0]
        return f"required in `{section}`" if section else "required"
    value = key.field.get_default(call_default_factory=True)
    return "-" if value is None else f"`{_shown(key.adapter.dump_python(value, mode='json', warnings=False))}`"


def _row(key: Key) -> str:
    return f"| `{key.name}` | {kind(key.field)} | {default(key)} | `{_shown(key.example)}` | {key.meaning} |"


def _keys(section: str, model: type[BaseModel], names: Collection[str]) -> list[Key]:
    words = WORDS[section]
    fields = dict(_flat({name: field for name, field in model.model_fields.items() if name in names}))
    if fields.keys() != words.keys():
        raise ValueError(f"configuration.yaml: {section} has {sorted(fields.keys() ^ words.keys())} on one side alone")
    return [Key(name, field, *words[name]) for name, field in fields.items()]


def _flat(fields: Mapping[str, FieldInfo], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in fields.items():
        key = f"{prefix}{field.alias or name}"
        inner, several = _model_of(field.annotation)
        if inner is None:
            yield key, field
        else:
            yield from _flat(inner.model_fields, f"{key}{'[]' if several else ''}.")


def _model_of(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    """The model in an annotation, and whether there may be several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for argument in typing.get_args(annotation):
        found, is_list = _model_of(argument)
        if found is not None:
            return found, is_list or typing.get_origin(annotation) is tuple
    return None, False


def _of_vendor(name: str) -> str:
    """Where to read more, and the defaults in which a vendor differs from what every source has."""
    own = [
        f"`{key}: {default(Key(key, field, None, '')).strip('`')}`"
        for key, field in SETTINGS[name].model_fields.items()
        if key in SourceSettings.model_fields and repr(field.default) != repr(SourceSettings.model_fields[key].default)
    ]
    told = f"Its own defaults: {', '.join(own)}. " if own else ""
    return f"{told}What it gives and what the token needs: [vendors/{name}.md](vendors/{name}.md)."


def _annotated(field: FieldInfo) -> Any:
    annotation: Any = field.annotation
    for part in field.metadata:
        annotation = Annotated[annotation, part]
    return annotation


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


def _shown(value: object) -> str:
    """A value as YAML on one line."""
    if isinstance(value, str):
        return value
    return (
        yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
        .removesuffix("\n")
        .removesuffix("\n...")
    )


if __name__ == "__main__":
    PAGE.write_text(page())
