"""How Augment Code Analytics is asked: ranges of days, and lists in pages."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from exporter.errors import BadPayload
from exporter.model import ONE_DAY
from exporter.transport.client import Client
from exporter.transport.endpoints import Allowed
from exporter.transport.json_object import JsonObject, json_object
from exporter.transport.pages import pages

_V0 = "/analytics/v0"
# The array and the largest page of each list. Page sizes differ, and the parameter is page_size, not limit.
_LISTS = {
    "dau": ("users", 250),
    "user-activity": ("users", 100),
    "daily-user-activity-by-editor-language": ("records", 100),
}
ENDPOINTS = tuple(Allowed("GET", f"{_V0}/{name}") for name in ("dau-count", "daily-usage", *_LISTS))
# How many days one request may span, both ends inclusive.
RANGE = 90


def ranges(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Ranges of at most 90 days (start, end), newest first, that hold all the days."""
    left = sorted(days)
    while left:
        end = left[-1]
        start = max(left[0], end - (RANGE - 1) * ONE_DAY)
        yield start, end
        left = [day for day in left if day < start]


def rows(client: Client, endpoint: str, query: Mapping[str, str]) -> Iterator[JsonObject]:
    """Every row of a paginated list. Raises BadPayload for an invalid page or a repeated cursor."""
    key, size = _LISTS[endpoint]
    params = {**query, "page_size": str(size)}

    def ask_page(cursor: str | None) -> JsonObject:
        return ask(client, endpoint, params if cursor is None else {**params, "cursor": cursor})

    for page in pages(ask_page, _following, f"augment GET {_V0}/{endpoint}"):
        yield from page.objects(key)


def ask(client: Client, endpoint: str, params: Mapping[str, str]) -> JsonObject:
    """The answer of an endpoint. Raises BadPayload where the vendor silently answered for other dates."""
    path = f"{_V0}/{endpoint}"
    body = json_object(client.get_json(path, params=params), f"augment GET {path}")
    if "metadata" in body:
        metadata = body.json_object("metadata")
        for name in ("date", "start_date", "end_date"):
            effective = f"effective_{name}"
            if name in params and effective in metadata and metadata.text(effective) != params[name]:
                raise BadPayload(f"{body.where}: asked for {name} {params[name]}, got {metadata.text(effective)[:10]}")
    return body


def _following(page: JsonObject) -> str | None:
    pagination = page.json_object("pagination")
    if not pagination.flag("has_more"):
        return None
    cursor = pagination.text("next_cursor")
    if not cursor:
        raise BadPayload(f"{page.where}: pagination has more pages and an empty next_cursor")
    return cursor
