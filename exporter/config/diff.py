"""What is to be done to go by another configuration. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from exporter.config.load import Config


@dataclass(frozen=True)
class Changes:
    """Names of sources by what is to be done to them, and the keys that only a restart can change."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def changes(old: Config, new: Config) -> Changes:
    """What is different in a new configuration.

    A source changes with its settings and its token, and with what is said about people, teams and retention, which
    concerns every source.
    """
    everywhere = _common(old) != _common(new)
    return Changes(
        added=tuple(name for name in new.sources if name not in old.sources),
        removed=tuple(name for name in old.sources if name not in new.sources),
        changed=tuple(
            name
            for name, settings in new.sources.items()
            if name in old.sources and (everywhere or settings != old.sources[name])
        ),
        restart=tuple(_needs_restart(old, new)),
    )


def without_restart(old: Config, new: Config) -> Config:
    """The new configuration, but for what only a restart can change."""
    return replace(
        new,
        web=new.web.model_copy(update={"listen_address": old.web.listen_address}),
        state=new.state.model_copy(update={"url": old.state.url}),
        otlp=old.otlp,
    )


def in_words(found: Changes) -> Iterator[str]:
    """A line for each kind of change."""
    for what, names in (("added", found.added), ("removed", found.removed), ("changed", found.changed)):
        if names:
            yield f"{what}: {', '.join(names)}"
    if not found.added and not found.removed and not found.changed:
        yield "no source has changed"
    for key in found.restart:
        yield f"{key} has changed, which needs a restart"


def _common(config: Config) -> tuple[object, ...]:
    return config.people, config.pseudonym_key, config.teams, config.state.retention


def _needs_restart(old: Config, new: Config) -> Iterator[str]:
    if old.web.listen_address != new.web.listen_address:
        yield "web.listen_address"
    if old.state.url != new.state.url:
        yield "state.url"
    if old.otlp != new.otlp:
        yield "otlp"
