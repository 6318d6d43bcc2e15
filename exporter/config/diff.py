"""What changes between two configurations, and what must be done about it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from exporter.config.load import Config


@dataclass(frozen=True)
class Changes:
    """Names of sources by what must be done to them, and the keys that only a restart can change.

    A `changed` source is polled anew with other settings; of a `remade` one only the samples are made anew.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    remade: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def changes(old: Config, new: Config) -> Changes:
    """The differences of a new configuration.

    A source changes with its settings and its token. What the configuration says about people, teams and retention
    concerns the samples of every source.
    """
    kept = [name for name in new.sources if name in old.sources]
    changed = tuple(name for name in kept if new.sources[name] != old.sources[name])
    everywhere = _common(old) != _common(new)
    return Changes(
        added=tuple(name for name in new.sources if name not in old.sources),
        removed=tuple(name for name in old.sources if name not in new.sources),
        changed=changed,
        remade=tuple(name for name in kept if everywhere and name not in changed),
        restart=tuple(_needs_restart(old, new)),
    )


def without_restart(old: Config, new: Config) -> Config:
    """The new configuration without what only a restart can change."""
    return replace(
        new,
        web=new.web.model_copy(update={"listen_address": old.web.listen_address}),
        state=new.state.model_copy(update={"url": old.state.url}),
        otlp=old.otlp,
    )


def in_words(found: Changes) -> Iterator[str]:
    """A line for each kind of change."""
    lines = [
        f"{what}: {', '.join(names)}"
        for what, names in (
            ("added", found.added),
            ("removed", found.removed),
            ("changed", found.changed),
            ("samples made anew", found.remade),
        )
        if names
    ]
    yield from lines or ["no source has changed"]
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
