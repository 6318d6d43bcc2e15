"""Cursor's Admin and Analytics APIs: the reads, their pages, and the checks that a list is whole.

API: https://cursor.com/docs/account/teams/admin-api and analytics-api (read 2026-08). An admin key can also remove
members and set limits, on the same host and by POST as most reads: nothing but ENDPOINTS is ever sent.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from exporter.errors import BadPayload
from exporter.model import ONE_DAY, Identity
from exporter.transport.client import Client, Params
from exporter.transport.endpoints import Allowed
from exporter.transport.json_object import JsonObject, json_object
from exporter.transport.pages import pages

MEMBERS = "/teams/members"
DAILY = "/teams/daily-usage-data"
EVENTS = "/teams/filtered-usage-events"
GROUPS = "/teams/groups"

ANALYTICS = "/analytics/by-user"
# What Analytics tells by user and is read: one path below ANALYTICS for each.
METRICS = ("agent-edits", "tabs", "mcp", "commands", "plans", "skills", "ask-mode", "top-file-extensions")

# The vendor refuses a longer range; both ends count.
RANGE = 30

# Each endpoint may be asked 20 times a minute, events 60 times, Analytics by user 50 times (2026-08): so many, the
# burst included.
ENDPOINTS = [
    Allowed("GET", MEMBERS, times=0.75, burst=5),
    Allowed("POST", DAILY, times=0.75, burst=5),
    Allowed("POST", EVENTS, times=2.5, burst=10),
    Allowed("GET", GROUPS, times=0.75, burst=5),
    *(Allowed("GET", f"{ANALYTICS}/{name}", times=2.0, burst=10) for name in METRICS),
]

_MILLISECOND = timedelta(milliseconds=1)


class PagedList(NamedTuple):
    """A list in pages: where its rows are, where a page says its number, and how many there are in all.

    Rows are an array, or an object by user. `where` is the endpoint for messages.
    """

    where: str
    rows: str
    number: str
    total: Callable[[JsonObject], int]


class Page(NamedTuple):
    """A page of a list, and how many the vendor says that the whole list has; None where it does not page."""

    number: int
    answer: JsonObject
    total: int | None


def _users(page: JsonObject) -> int:
    return page.json_object("pagination").whole("totalUsers")


DAILY_LIST = PagedList(f"cursor POST {DAILY}", "data", "page", _users)
EVENT_LIST = PagedList(
    f"cursor POST {EVENTS}", "usageEvents", "currentPage", lambda page: page.whole("totalUsageEventsCount")
)
# A page has so many users with all their days; the largest allowed is not documented.
DAILY_SIZE = 500
EVENT_SIZE = 1000
ANALYTICS_SIZE = 500


def daily_pages(client: Client, first: date, last: date, size: int = DAILY_SIZE) -> Iterator[Page]:
    """The pages of daily usage over days, both included."""
    return _posted(client, DAILY, DAILY_LIST, first, last, size)


def event_pages(client: Client, first: date, last: date, size: int = EVENT_SIZE) -> Iterator[Page]:
    """The pages of the events of days, both included."""
    return _posted(client, EVENTS, EVENT_LIST, first, last, size)


def analytics_pages(client: Client, name: str, first: date, last: date, size: int = ANALYTICS_SIZE) -> Iterator[Page]:
    """The pages of what Analytics tells by user over days, both included."""
    path = f"{ANALYTICS}/{name}"
    params: Params = {"startDate": first.isoformat(), "endDate": last.isoformat(), "pageSize": size}
    paged = PagedList(f"cursor GET {path}", "data", "page", _users)
    return _whole(paged, lambda number: get(client, path, {**params, "page": number}))


def _posted(client: Client, path: str, paged: PagedList, first: date, last: date, size: int) -> Iterator[Page]:
    span: Params = {"startDate": milliseconds(first), "endDate": milliseconds(last + ONE_DAY) - 1}

    def ask(number: int) -> JsonObject:
        # Without both of page and pageSize, people who were not active are left out of daily usage.
        body = {**span, "page": number, "pageSize": size}
        return json_object(client.post_json(path, body), paged.where)

    return _whole(paged, ask)


def _whole(paged: PagedList, ask: Callable[[int], JsonObject]) -> Iterator[Page]:
    """The pages of a list. Raises BadPayload for one that changes or does not end."""
    total: int | None = None

    def ask_page(number: int | None) -> Page:
        wanted = 1 if number is None else number
        return _page(paged, ask(wanted), wanted)

    def following(page: Page) -> int | None:
        if page.total is None or not page.answer.json_object("pagination").flag("hasNextPage"):
            return None
        if not page.answer.require(paged.rows):
            raise BadPayload(f"{paged.where}: page {page.number} is empty and not the last")
        return page.number + 1

    for page in pages(ask_page, following, paged.where):
        if page.number > 1 and page.total != total:
            raise BadPayload(f"{paged.where}: page 1 counts {total} in all, page {page.number} counts {page.total}")
        total = page.total
        yield page


def _page(paged: PagedList, answer: JsonObject, number: int) -> Page:
    if not answer.given("pagination"):
        return Page(number, answer, None)
    pagination = answer.json_object("pagination")
    if pagination.given(paged.number) and pagination.whole(paged.number) != number:
        raise BadPayload(f"{paged.where}: asked for page {number}, got {pagination.whole(paged.number)}")
    return Page(number, answer, paged.total(answer))


def get(client: Client, path: str, params: Params | None = None) -> JsonObject:
    """The answer of an endpoint that is asked by GET."""
    return json_object(client.get_json(path, params), f"cursor GET {path}")


def milliseconds(day: date) -> int:
    """The start of a day (UTC) in milliseconds since 1970."""
    return (datetime.combine(day, time(), UTC) - datetime.fromtimestamp(0, UTC)) // _MILLISECOND


def email_of(row: JsonObject, key: str) -> str:
    """An e-mail address, which endpoints write in different case and with blanks (2026); "" where there is none."""
    return row.text(key).strip().lower() if row.given(key) else ""


def id_of(row: JsonObject, key: str) -> str:
    """An id, which is a number in some bodies and text in others; "" where there is none."""
    if not row.given(key):
        return ""
    return row.text(key).strip() if isinstance(row.require(key), str) else str(row.whole(key))


def person(email: str, vendor_id: str) -> Identity | None:
    """Somebody by e-mail, which alone is the same in all endpoints, else by id; None where a row has neither."""
    if email:
        return Identity(key=f"email:{email}", email=email, vendor_id=vendor_id)
    return Identity(key=f"id:{vendor_id}", vendor_id=vendor_id) if vendor_id else None
