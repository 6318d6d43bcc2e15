"""Every key of the configuration: its field in the settings models, and the words of docs/configuration.yaml."""

import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from exporter.config.calendar import Calendar
from exporter.config.sections import OtlpSettings, PeopleSettings, StateSettings, TeamsSettings, WebSettings
from exporter.config.source import PollSettings, SourceSettings
from exporter.vendors import SETTINGS
from exporter.web.bundled import bundled

SECTIONS: Mapping[str, type[BaseModel]] = {
    "web": WebSettings,
    "poll": PollSettings,
    "calendar": Calendar,
    "state": StateSettings,
    "people": PeopleSettings,
    "teams": TeamsSettings,
    "otlp": OtlpSettings,
}
_OF_EVERY_SOURCE = SourceSettings.model_fields.keys() - {*PollSettings.model_fields, "teams", "calendar"}


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
        return TypeAdapter(annotated(self.field))

    @property
    def default(self) -> object:
        """The default as a plain value, None where there is none."""
        if self.field.is_required():
            return None
        value = self.field.get_default(call_default_factory=True)
        return None if value is None else self.adapter.dump_python(value, mode="json", warnings=False)


def sections() -> Iterator[tuple[str, list[Key]]]:
    """Every section with its keys, then `source` with those of every source, then each vendor with its own."""
    for name in SECTIONS:
        yield name, keys_of_section(name)
    yield "source", _keys("source", SourceSettings, _OF_EVERY_SOURCE)
    for vendor in SETTINGS:
        yield vendor, keys_of_vendor(vendor)


def keys_of_section(name: str) -> list[Key]:
    """The keys of a section."""
    return _keys(name, SECTIONS[name], SECTIONS[name].model_fields)


def keys_of_source(vendor: str) -> list[Key]:
    """The keys of every source, with the vendor's defaults, and the vendor's own; those of `poll` stand apart."""
    return [*_keys("source", SETTINGS[vendor], _OF_EVERY_SOURCE), *keys_of_vendor(vendor)]


def keys_of_vendor(vendor: str) -> list[Key]:
    """The keys that a vendor adds."""
    settings = SETTINGS[vendor]
    common = SourceSettings.model_fields.keys() - ({"teams"} if settings.has_teams else set())
    return _keys(vendor, settings, settings.model_fields.keys() - common)


def shown(value: object) -> str:
    """A value as YAML on one line."""
    if isinstance(value, str):
        return value
    return (
        yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
        .removesuffix("\n")
        .removesuffix("\n...")
    )


def annotated(field: FieldInfo) -> Any:
    """The type of a field with its checks."""
    annotation: Any = field.annotation
    for part in field.metadata:
        annotation = Annotated[annotation, part]
    return annotation


@cache
def _words() -> Mapping[str, Mapping[str, tuple[object, str]]]:
    words: Mapping[str, Mapping[str, tuple[object, str]]] = yaml.safe_load(
        (bundled() / "docs" / "configuration.yaml").read_text()
    )
    return words


def _keys(section: str, model: type[BaseModel], names: Collection[str]) -> list[Key]:
    words = _words()[section]
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
