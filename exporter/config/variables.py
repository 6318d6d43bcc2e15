"""Replaces `${NAME}` in text by the values of environment variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
# Splits a URL as SQLAlchemy does.
_PARTS = re.compile(r"[^:]*://(?P<user>[^:/]*(?::[^@]*)?@)?(?P<host>[^/?]*)(?P<path>[^?]*)")

# Who sets a variable that is there only where the exporter runs, and how to try a configuration there.
_SET_BY = {
    "CREDENTIALS_DIRECTORY": ": systemd sets it for a service; docs/operations.md says how to check a configuration "
    "as one"
}


@dataclass(frozen=True)
class Expanded:
    """A text whose variables are replaced, their values by name, and its mistakes."""

    text: str
    values: Mapping[str, str] = field(repr=False)
    mistakes: list[str]


def expanded(text: str, environ: Mapping[str, str], *, url: bool = False) -> Expanded:
    """Replaces `${NAME}` by values and `$${` by `${`; what is wrong becomes "".

    In the user, password, path and parameters of a `url` values are percent-encoded, unless the variable is the whole
    text.
    """
    values: dict[str, str] = {}
    mistakes: list[str] = []

    def replacement(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None and match[0] == "$${":
            return "${"
        if name is None:
            mistakes.append("has ${ without a variable's name and }: write $${ for a plain ${")
        elif name not in environ:
            mistakes.append(f"environment variable {name} is not set{_SET_BY.get(name, '')}")
        elif not _is_unicode(environ[name]):
            mistakes.append(f"environment variable {name} is not Unicode text")
        else:
            values[name] = environ[name]
            return _encoded(values[name], text, match) if url else values[name]
        return ""

    made = _VARIABLE.sub(replacement, text)
    if not _is_unicode(made):
        # An escape of half a character, which no file name can hold.
        mistakes.append("is not Unicode text")
        made = ""
    return Expanded(made, values, mistakes)


def _encoded(value: str, text: str, match: re.Match[str]) -> str:
    """Encodes a value for its place in a URL."""
    parts = _PARTS.match(text)
    if parts is None or match[0] == text or parts.start("host") <= match.start() < parts.end("host"):
        return value
    in_path = parts.start("path") <= match.start() < parts.end("path")
    return quote(value, safe="/" if in_path else "")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
