"""The values on the status page, and the same values from /api/v1/status."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

Values = dict[tuple[str, str, str], object]
_OF_SOURCE = ("last_poll", "last_poll_seconds", "last_success", "next_poll", "newest_ready_day", "series")
_OF_SCOPE = ("data_day", "days_late", "seats")


class _Reader(HTMLParser):
    """Collects the value of each `data` and `time` element by source, scope and key."""

    def __init__(self) -> None:
        super().__init__()
        self.values: Values = {}
        self._source = self._scope = self._key = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "data-source" in given:
            self._source, self._scope, self._key = given["data-source"], "", ""
        if "data-scope" in given:
            self._scope, self._key = given["data-scope"], ""
        self._key = given.get("data-key", self._key)
        if tag == "data" and self._key:
            self.values[self._source, self._scope, self._key] = float(given["value"])
        elif tag == "time" and self._key:
            self.values[self._source, self._scope, self._key] = given["datetime"]


def shown(html: str) -> Values:
    """The values of a page by source, scope ("" for the source itself) and key."""
    reader = _Reader()
    reader.feed(html)
    return reader.values


def expected(document: dict[str, Any]) -> Values:
    """The values that a page must show of a document of /api/v1/status; null values are not shown."""
    return {place: value for place, value in _expected(document) if value is not None}


def _expected(document: dict[str, Any]) -> Iterator[tuple[tuple[str, str, str], object]]:
    for source in document["sources"]:
        for key in _OF_SOURCE:
            # The page shows the last success only after a failure, and the next poll until it runs.
            if not (key == "last_success" and source["failure"] is None) and not (
                key == "next_poll" and source["polling"]
            ):
                yield (source["source"], "", key), source[key]
        for key, number in (source["teams"] or {}).items():
            yield (source["source"], "", f"teams.{key}"), number
        if not any(scope["scope"] == "all" for scope in source["scopes"]):
            yield (source["source"], "", "seats"), source["seats"]
        for scope in source["scopes"]:
            for key in _OF_SCOPE:
                yield (source["source"], scope["scope"], key), scope[key] if key != "days_late" else scope[key] or None
            for key, value in (scope["workday"] or {}).items():
                yield (source["source"], scope["scope"], f"workday.{key}"), value
            for window, people in scope["people"].items():
                yield (source["source"], scope["scope"], f"people.{window}"), people
