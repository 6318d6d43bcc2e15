"""Makes foreign text fit for messages and logs: on one line, short, without secrets and e-mail addresses."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

LENGTH = 200
SHOWN_SECRET = "<secret>"  # noqa: S105 - replaces a secret
# A shorter secret would match ordinary text.
SHORTEST_SECRET = 4
# A part of a value that a library may quote alone.
_TELLING = re.compile(r"[\w.%~-]{3,}")
# Secrets that are made while the exporter runs: tokens of GitHub, signatures of its Apps and of links (2026-11).
MADE_SECRET = re.compile(r"\bgh[a-z]_\w{16,}|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+|(?<=[?&]sig=)[^&\s\"']+")
EMAIL = re.compile(r"(?<![\w.+%'-])[\w.+%'-]+(?:@|%40)[\w.-]*\w")


def secrets(headers: Mapping[str, str]) -> list[str]:
    """The secrets in headers that carry a token, longest first.

    These are each value, its part after a scheme or cookie, and what is encoded in Basic authentication.
    """
    parts = {part for value in headers.values() for part in _parts(value)}
    return sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True)


class Hidden:
    """The secrets of all headers that were sent so far, which an answer may repeat. Threads may share it."""

    def __init__(self) -> None:
        self._headers: frozenset[tuple[str, str]] = frozenset()
        self._secrets: list[str] = []

    def add(self, headers: Mapping[str, str]) -> None:
        """Adds the secrets in headers that are about to be sent."""
        if not headers.items() <= self._headers:
            self._headers |= headers.items()
            self._secrets = sorted({*self._secrets, *secrets(headers)}, key=len, reverse=True)

    def presentable(self, text: str) -> str:
        """The text as `presentable` makes it, without these secrets."""
        return presentable(text, self._secrets)


def presentable(text: str, hidden: list[str]) -> str:
    """The text on one line of at most 200 characters; `hidden` values become `<token>`, e-mail addresses `<email>`."""
    for secret in hidden:
        text = text.replace(secret, "<token>")
    text = EMAIL.sub("<email>", text)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"


def _parts(value: str) -> Iterator[str]:
    credentials = value.rpartition(" ")[2]
    yield from (value, credentials, value.partition("=")[2])
    if value.lower().startswith("basic "):
        try:
            user, _, password = b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return
        yield from (user, password)


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
