"""The text of a new configuration: one source with what is known of it, and every other key as a comment."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import yaml

from exporter.commands.keys import SECTIONS, Key, keys_of_section, keys_of_source, shown

_HEAD = """\
# Written by adoption-exporter init. Check it with: adoption-exporter check-config FILE
#
# Lines that begin with "#" and a key show a setting that may be left out: with its default, or, where there is none,
# with an example. Unknown keys are errors. ${NAME} in any string is the environment variable NAME, $${ a plain ${.
# Durations are whole numbers of d, h, m, s: 90s, 1h30m, 7d. Files are looked for beside this one unless their path is
# full.
"""
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_WIDTH = 44


def new_config(vendor: str, source: Mapping[str, str], state: Mapping[str, str]) -> str:
    """The text; `source` and `state` hold keys with their values as YAML on one line."""
    parts = [_HEAD]
    for section in SECTIONS:
        given = state if section == "state" else {}
        mark = "" if given else "#"
        parts.append("\n".join([f"{mark}{section}:", *_block(keys_of_section(section), given, f"{mark}  "), ""]))
    lines = ["sources:", f"  {vendor}:", *_block(keys_of_source(vendor), source, "    ")]
    lines.append("    # Every key of poll and calendar may stand here too.")
    return "\n".join([*parts, *lines, ""])


def quoted(text: str) -> str:
    """Text as YAML on one line, whatever it holds."""
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf")).rstrip("\n")


def _block(keys: Sequence[Key], given: Mapping[str, str], indent: str) -> Iterator[str]:
    """A line for each key that is given, in the order given, then the others as comments."""
    meanings = {key.name: _plain(key.meaning) for key in keys}
    for name, value in given.items():
        yield _line(f"{indent}{name}: {value}", "" if name == "vendor" else meanings.get(name, ""))
    mark = indent if indent.startswith("#") else f"{indent}#"
    for top, group in groupby(keys, lambda key: re.split(r"[.\[]", key.name)[0]):
        if top not in given:
            yield from _comment(top, list(group), mark)


def _comment(top: str, keys: Sequence[Key], mark: str) -> Iterator[str]:
    """The lines of a key, or of a mapping with the keys below it."""
    if keys[0].name == top:
        yield _line(f"{mark}{top}: {_example(keys[0])}", _plain(keys[0].meaning))
        return
    yield f"{mark}{top}:"
    several = keys[0].name.startswith(f"{top}[]")
    for number, key in enumerate(keys):
        before = ("  - " if number == 0 else "    ") if several else "  "
        name = key.name.removeprefix(top).removeprefix("[]").removeprefix(".")
        yield _line(f"{mark}{before}{name}: {_example(key)}", _plain(key.meaning))


def _example(key: Key) -> str:
    """The default, or an example where it is nothing."""
    value = key.example if key.default in (None, [], {}) else key.default
    return quoted(value) if isinstance(value, str) and not re.fullmatch(r"[\w:/.-]*\w", value) else shown(value)


def _plain(meaning: str) -> str:
    """A meaning without Markdown."""
    return _LINK.sub(r"docs/\1", meaning).replace("`", "")


def _line(text: str, meaning: str) -> str:
    return f"{text:<{_WIDTH}} # {meaning}" if meaning else text
