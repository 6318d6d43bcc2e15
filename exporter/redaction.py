"""What may be repeated of a vendor's words: short, on one line, without e-mail addresses and without our token."""

import json
import re
from collections.abc import Mapping

LENGTH = 200
# A shorter secret cannot be told from ordinary text.
SHORTEST_SECRET = 4
EMAIL = re.compile(r"(?<![\w.+%'-])[\w.+%'-]+(?:@|%40)[\w.-]*\w")

# Where the vendors put their own words, most telling first: Augment error.message, Coder classic error.msg, GitLab's
# request limiter message.error, OAuth error_description, GitLab and Cube error, GitLab and Coder message (2026-11).
_PLACES = (
    ("error", "message"),
    ("error", "msg"),
    ("message", "error"),
    ("error_description",),
    ("error",),
    ("message",),
)


def secrets(headers: Mapping[str, str]) -> list[str]:
    """What must not be shown of headers that carry a token: each value, and what follows its scheme or cookie name."""
    parts = {part for value in headers.values() for part in (value, value.rpartition(" ")[2], value.partition("=")[2])}
    return sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True)


def presentable(text: str, hidden: list[str]) -> str:
    """The text on one line of at most 200 characters, with `hidden` values and e-mail addresses replaced."""
    for secret in hidden:
        text = text.replace(secret, "<token>")
    text = EMAIL.sub("<email>", text)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"


def refusal_text(body: bytes) -> str:
    """The vendor's own words in a JSON error body; "" where there are none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for place in _PLACES:
        value = document
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            return value
    return ""
