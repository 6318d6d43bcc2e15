"""Makes foreign text fit for messages and logs: on one line, short, without secrets and e-mail addresses."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

LENGTH = 200
SHOWN_SECRET = "<secret>"  # noqa: S105 - replaces a secret
# A shorter secret would match ordinary text.
SHORTEST_SECRET = 4
# A part of a value that a library may quote alone.
_TELLING = re.compile(r"[\w.%~-]{3,}")
EMAIL = re.compile(r"(?<![\w.+%'-])[\w.+%'-]+(?:@|%40)[\w.-]*\w")


def secrets(headers: Mapping[str, str]) -> list[str]:
    """The secrets in headers that carry a token, longest first: each value, and its part after a scheme or cookie."""
    parts = {part for value in headers.values() for part in (value, value.rpartition(" ")[2], value.partition("=")[2])}
    return sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True)


def presentable(text: str, hidden: list[str]) -> str:
    """The text on one line of at most 200 characters; `hidden` values become `<token>`, e-mail addresses `<email>`."""
    for secret in hidden:
        text = text.replace(secret, "<token>")
    text = EMAIL.sub("<email>", text)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"


def without_values(words: str, values: Mapping[str, str]) -> str:
    """The words with `${NAME}` in place of each value of `values`, by name, and of each part of a value."""
    names: dict[str, str] = {}
    for name, value in values.items():
        for form in (value, unquote(value)):
            for part in (form, *_TELLING.findall(form)):
                names.setdefault(part, name)
    known = "|".join(re.escape(part) for part in sorted(names, key=len, reverse=True) if part)
    if not known:
        return words
    return re.sub(rf"(?<!\w)(?:{known})(?!\w)", lambda match: f"${{{names[match[0]]}}}", words)
