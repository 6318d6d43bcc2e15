"""`${NAME}` in texts, and the values of the variables in their place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
# As SQLAlchemy parts a URL.
_PARTS = re.compile(r"[^:]*://(?P<user>[^:/]*(?::[^@]*)?@)?(?P<host>[^/?]*)(?P<path>[^?]*)")


@dataclass(frozen=True)
class Expanded:
    """A text with values in place of variables, those values by name, and what is wrong with it."""

    text: str
    values: Mapping[str, str] = field(repr=False)
    mistakes: list[str]


def expanded(text: str, environ: Mapping[str, str], *, url: bool = False) -> Expanded:
    """Puts values in place of `${NAME}`, and `${` in place of `$${`. What is wrong leaves "" in its place.

    In the user, the password, the path and the parameters of a `url` a value is percent-encoded, unless the variable is
    all of the text.
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
            mistakes.append(f"environment variable {name} is not set")
        elif not _is_unicode(environ[name]):
            mistakes.append(f"environment variable {name} is not Unicode text")
        else:
            values[name] = environ[name]
            return _encoded(values[name], text, match) if url else values[name]
        return ""

    made = _VARIABLE.sub(replacement, text)
    if not _is_unicode(made):
        # An escape of half a character: no file can have such a name.
        mistakes.append("is not Unicode text")
        made = ""
    return Expanded(made, values, mistakes)


def _encoded(value: str, text: str, match: re.Match[str]) -> str:
    """A value as it must stand in a URL at the place of the match."""
    parts = _PARTS.match(text)
    if parts is None or match[0] == text or parts.start("host") <= match.start() < parts.end("host"):
        return value
    in_path = parts.start("path") <= match.start() < parts.end("path")
    return quote(value, safe="/" if in_path else "")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
