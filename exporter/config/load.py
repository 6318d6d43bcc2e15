"""Loads the configuration file into a frozen `Config`, or reports all of its mistakes at once."""

import codecs
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, ValidationError
from sqlalchemy import make_url

from exporter.config.calendar import Calendar, inherited
from exporter.config.mistakes import ConfigError, Mistake, Place, meant, model_mistakes, quoted, unknown, unreadable
from exporter.config.sections import OtlpSettings, PeopleSettings, StateSettings, TeamsSettings, WebSettings
from exporter.config.source import PollSettings, SourceSettings
from exporter.config.types import check_secret, readable
from exporter.config.yaml_document import Document, read_document

_SECTIONS = ("web", "poll", "calendar", "state", "people", "teams", "otlp", "sources")
# A variable within is percent-encoded: a password may hold any character.
_STATE_URL: Place = ("state", "url")
_TOKEN = ("token", "token_file")
_EITHER = (_TOKEN, ("interval", "cron"))
_SOURCE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SHORTEST_KEY = 16
# How editors of Windows begin a file.
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_NO_TOKEN = SecretStr("-")

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Config:
    """A checked configuration; `pseudonym_key` is the content of its file.

    `poll` and `calendar`, the defaults of every source, are already part of each.

    `state_values` holds the values of the variables in `state.url` by name; no message shows them. `whole` is False
    where a command looks at some of the sources alone.
    """

    web: WebSettings
    poll: PollSettings
    calendar: Calendar
    state: StateSettings
    people: PeopleSettings
    teams: TeamsSettings | None
    otlp: OtlpSettings | None
    sources: Mapping[str, SourceSettings]
    pseudonym_key: bytes | None = field(default=None, repr=False)
    state_values: Mapping[str, str] = field(default_factory=dict, repr=False)
    whole: bool = True


@dataclass(frozen=True)
class _Reading:
    """A file that is being loaded; the document collects its mistakes."""

    folder: Path
    document: Document
    models: Mapping[str, type[SourceSettings]]


def load_config(
    path: Path, models: Mapping[str, type[SourceSettings]], environ: Mapping[str, str] = os.environ
) -> Config:
    """Loads a file and the files it names, relative to its folder. Raises ConfigError with all mistakes."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [Mistake((), unreadable(error))]) from error
    document = read_document(text, environ, {_STATE_URL})
    if not document.mistakes and not isinstance(document.value, dict | None):
        document.mistake((), f"must be a mapping with the keys {', '.join(_SECTIONS)}")
    if document.mistakes and not isinstance(document.value, dict):
        raise ConfigError(str(path), document.in_order())
    config = _config(_Reading(path.parent, document, models))
    if document.mistakes:
        raise ConfigError(str(path), document.in_order())
    return config


def read_token(settings: SourceSettings) -> str:
    """Returns a source's current token, "" if it has none: reads its file again.

    Raises OSError, or ValueError for an invalid file.
    """
    return (read_token_file(settings.token_file) if settings.token_file else settings.token).get_secret_value()


def read_token_file(path: Path) -> SecretStr:
    """Returns the content of a token file without line end and byte order mark.

    Raises OSError, or ValueError whose message holds no part of the content.
    """
    content = path.read_bytes()
    if content.startswith(_WIDE_MARKS):
        raise ValueError("is UTF-16 or UTF-32 text: save it as UTF-8")
    if b"\0" in content:
        raise ValueError("holds NUL characters: save it as UTF-8 text")
    try:
        return check_secret(content.decode("utf-8-sig").rstrip("\r\n"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None


def redacted(config: Config) -> dict[str, Any]:
    """Returns the configuration in effect, with defaults and without secrets, as plain values under the file's keys."""
    sections = {name: getattr(config, name) for name in _SECTIONS if name != "sources"}
    shown = {name: _shown(section) for name, section in sections.items() if section is not None}
    sources = {name: _shown(source) for name, source in config.sources.items()}
    for name, source in config.sources.items():
        if source.calendar.country is None and config.calendar.country is not None:
            # Left out, it would be the default's.
            sources[name]["calendar"]["country"] = None
    return {**shown, "sources": sources}


def config_secrets(config: Config) -> frozenset[str]:
    """Returns every secret value of a configuration, for redaction."""
    models = [getattr(config, name) for name in _SECTIONS if name != "sources"]
    values = set(_secret_values([*models, *config.sources.values()]))
    # What follows `Bearer` or `Basic` in a header is a secret without them too.
    found = values | {value.rpartition(" ")[2] for value in values}
    # As SQLAlchemy reads it and as it is written.
    found.update(text for text in (make_url(config.state.url).password, urlsplit(config.state.url).password) if text)
    if config.pseudonym_key is not None:
        found.add(config.pseudonym_key.decode(errors="replace"))
    return frozenset(found)


def _config(reading: _Reading) -> Config:
    """Returns a Config that may only be used if the document has no mistakes."""
    document = reading.document
    root: dict[str, object] = document.value or {}
    for key in root.keys() - set(_SECTIONS):
        document.mistake((key,), unknown("key", key, _SECTIONS))
    poll = _model(PollSettings, root.get("poll"), ("poll",), reading)
    given = root.get("poll")
    if isinstance(given, dict):
        _one_of_each(given, ("poll",), reading)
    calendar = _model(Calendar, root.get("calendar"), ("calendar",), reading)
    people = _model(PeopleSettings, root.get("people"), ("people",), reading)
    sources = _sources(root.get("sources"), poll, calendar, reading)
    _check_company(people, sources, reading)
    return Config(
        web=_model(WebSettings, root.get("web"), ("web",), reading),
        poll=poll,
        calendar=calendar,
        state=_model(StateSettings, root.get("state"), ("state",), reading),
        people=people,
        teams=None if root.get("teams") is None else _model(TeamsSettings, root["teams"], ("teams",), reading),
        otlp=None if root.get("otlp") is None else _model(OtlpSettings, root["otlp"], ("otlp",), reading),
        sources=sources,
        pseudonym_key=_pseudonym_key(root.get("people"), reading),
        state_values=document.values.get(_STATE_URL, {}),
    )


def _check_company(people: PeopleSettings, sources: Mapping[str, SourceSettings], reading: _Reading) -> None:
    """The sources of the company must be there, and list people."""
    for index, name in enumerate(() if isinstance(people.company, bool) else people.company):
        place = ("people", "company", index)
        if name not in sources:
            reading.document.mistake(place, unknown(f"source {quoted(name)}", name, sources))
        elif not sources[name].lists_people:
            reading.document.mistake(place, f"cannot be part of the company: {name} counts people and lists none")


def _sources(raw: object, poll: PollSettings, calendar: Calendar, reading: _Reading) -> dict[str, SourceSettings]:
    if not isinstance(raw, dict) or not raw:
        reading.document.mistake(("sources",), "must be a mapping with at least one source")
        return {}
    return {name: _source(name, settings, poll, calendar, reading) for name, settings in raw.items()}


def _source(name: str, raw: object, poll: PollSettings, calendar: Calendar, reading: _Reading) -> SourceSettings:
    place, document = ("sources", name), reading.document
    if not _SOURCE_NAME.fullmatch(name):
        document.mistake(place, "a source's name must be letters, digits, _ . - after a letter or _")
    if not isinstance(raw, dict | None):
        document.mistake(place, "must be a mapping")
        return SourceSettings.model_construct()
    given = raw or {}
    vendor = str(given.get("vendor"))
    instead = reading.models[vendor].instead_of_token if vendor in reading.models else ()
    _one_of_each(given, place, reading, *((token, key) for key in instead for token in _TOKEN))
    values = {**_inherited(poll, given), **given, "token": _token(given, instead, place, reading)}
    own = given.get("calendar")
    if isinstance(own, dict | None):
        own = own or {}
        values["calendar"] = {**inherited(calendar, own), **own}
    settings = _settings_model(given.get("vendor"), place, reading)
    if settings is None:
        return SourceSettings.model_construct()
    return _model(settings, values, place, reading)


def _one_of_each(given: Mapping[str, object], place: Place, reading: _Reading, *pairs: tuple[str, str]) -> None:
    for one, other in (*_EITHER, *pairs):
        if given.get(one) is not None and given.get(other) is not None:
            reading.document.mistake((*place, other), f"cannot be set beside {one}")


def _settings_model(vendor: object, place: Place, reading: _Reading) -> type[SourceSettings] | None:
    """Returns the vendor's model, or the only one probably meant, so that the rest of the source can be checked."""
    place = (*place, "vendor")
    if vendor is None:
        reading.document.mistake(place, f"is missing, known are {', '.join(reading.models)}")
        return None
    name, models = str(vendor), reading.models
    if name in models:
        return models[name]
    called = [known for known, model in models.items() if name.lower() in model.also_called]
    written = quoted(reading.document.written[place])
    reading.document.mistake(place, unknown(f"vendor {written}", name, models, called))
    found = meant(name, models, called)
    return models[found[0]] if len(found) == 1 else None


def _inherited(poll: PollSettings, source: Mapping[str, object]) -> dict[str, object]:
    """The keys of `poll` that the source does not set: its own interval replaces a common cron, and the reverse."""
    own = source.keys() | ({"interval", "cron"} if {"interval", "cron"} & source.keys() else set())
    return {name: getattr(poll, name) for name in poll.model_fields_set - own}


def _token(source: Mapping[str, object], instead: Sequence[str], place: Place, reading: _Reading) -> object:
    """The token of a source; an empty one where it has a key in place of a token."""
    file = _file(source, "token_file", reading)
    if "token" in source:
        return source["token"]
    if any(source.get(key) is not None for key in instead):
        return SecretStr("")
    if source.get("token_file") is None:
        reading.document.mistake(place, f"needs {' or '.join((*_TOKEN, *instead))}")
    try:
        return read_token_file(file) if file else _NO_TOKEN
    except (OSError, ValueError) as error:
        reading.document.mistake((*place, "token_file"), f"the file's content {error}")
        return _NO_TOKEN


def _pseudonym_key(people: object, reading: _Reading) -> bytes | None:
    file = _file(people, "pseudonym_key_file", reading) if isinstance(people, dict) else None
    if file is None:
        return None
    key = file.read_bytes().rstrip(b"\r\n")
    if len(key) < _SHORTEST_KEY:
        words = f"the key in the file must be at least {_SHORTEST_KEY} bytes, not {len(key)}"
        reading.document.mistake(("people", "pseudonym_key_file"), words)
    return key


def _file(section: Mapping[str, object], key: str, reading: _Reading) -> Path | None:
    """Returns the file that a key names; None where it cannot be read, which the key's own check reports."""
    name = section.get(key)
    path = reading.folder / name if isinstance(name, str) and name else None
    return path if path and readable(path) else None


def _model(model: type[Model], raw: object, place: Place, reading: _Reading) -> Model:
    """Validates a part of the file and notes its mistakes; with mistakes, the result must not be used."""
    document = reading.document
    try:
        return model.model_validate({} if raw is None else raw, context={"folder": reading.folder})
    except ValidationError as error:
        known = {mistake.place for mistake in document.mistakes}
        for mistake in model_mistakes(error, model, place, document.written):
            if mistake.place not in known:
                document.mistakes.append(mistake)
        return model.model_construct()


def _shown(section: BaseModel) -> dict[str, Any]:
    values = section.model_dump(mode="json", exclude_none=True, by_alias=True)
    # Beside token_file there can be no token, and beside cron no interval.
    aside = {one for one, other in _EITHER if other in values}
    if isinstance(section, SourceSettings) and not section.token.get_secret_value():
        aside.add("token")
    return {name: value for name, value in values.items() if name not in aside}


def _secret_values(value: object) -> Iterator[str]:
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case BaseModel():
            yield from _secret_values(list(dict(value).values()))
        case Mapping():
            yield from _secret_values(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from _secret_values(item)
