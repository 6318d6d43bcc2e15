"""Cursor's Admin API: the four reads, their pages, and the checks that a list is whole.

API: https://cursor.com/docs/account/teams/admin-api (read 2026-08). An admin key can also remove members and set
limits, on the same host and by POST as most reads: nothing but ENDPOINTS is ever sent.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from exporter.errors import BadPayload
from exporter.model import ONE_DAY, Identity
from exporter.transport.client import Client
from exporter.transport.endpoints import Allowed
from exporter.transport.json_object import JsonObject, json_object
from exporter.transport.pages import pages

MEMBERS = "/teams/members"
DAILY = "/teams/daily-usage-data"
EVENTS = "/teams/filtered-usage-events"
GROUPS = "/teams/groups"

# The vendor refuses a longer range; both ends count.
RANGE = 30

# Each endpoint may be asked 20 times a minute, events 60 times (2026-08): so many, the burst included.
ENDPOINTS = [
    Allowed("GET", MEMBERS, times=0.75, burst=5),
    Allowed("POST", DAILY, times=0.75, burst=5),
    Allowed("POST", EVENTS, times=2.5, burst=10),
    Allowed("GET", GROUPS, times=0.75, burst=5),
]

_MILLISECOND = timedelta(milliseconds=1)


class PagedList(NamedTuple):
    """A list that is asked for by POST.

    `rows` is the key of a page's rows, `number` where a page says its number, and `total` reads how many there are.
    """

    path: str
    rows: str
    number: str
    size: int
    total: Callable[[JsonObject], int]

    @property
    def where(self) -> str:
        """The endpoint for messages."""
        return f"cursor POST {self.path}"


class Page(NamedTuple):
    """Rows of a list, and how many the vendor says that the whole list has; None where it does not page."""

    number: int
    answer: JsonObject
    rows: list[JsonObject]
    total: int | None


# A page has so many users with all their days; the largest allowed is not documented.
DAILY_LIST = PagedList(DAILY, "data", "page", 500, lambda page: page.json_object("pagination").whole("totalUsers"))
EVENT_LIST = PagedList(EVENTS, "usageEvents", "currentPage", 1000, lambda page: page.whole("totalUsageEventsCount"))


def read_pages(client: Client, paged: PagedList, first: date, last: date) -> Iterator[Page]:
    """The pages of a list over days, both included. Raises BadPayload for a list that changes or does not end."""
    body = {"startDate": milliseconds(first), "endDate": milliseconds(last + ONE_DAY) - 1, "pageSize": paged.size}
    total: int | None = None

    def ask(number: int | None) -> Page:
        wanted = 1 if number is None else number
        # Without both of page and pageSize, people who were not active are left out.
        answer = json_object(client.post_json(paged.path, {**body, "page": wanted}), paged.where)
        return _page(paged, answer, wanted)

    for page in pages(ask, _following, paged.where):
        if page.number > 1 and page.total != total:
            raise BadPayload(f"{paged.where}: page 1 counts {total} in all, page {page.number} counts {page.total}")
        total = page.total
        yield page


def get(client: Client, path: str, params: Mapping[str, str] | None = None) -> JsonObject:
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


def _page(paged: PagedList, answer: JsonObject, number: int) -> Page:
    rows = answer.objects(paged.rows)
    if not answer.given("pagination"):
        return Page(number, answer, rows, None)
    pagination = answer.json_object("pagination")
    if pagination.given(paged.number) and pagination.whole(paged.number) != number:
        raise BadPayload(f"{paged.where}: asked for page {number}, got {pagination.whole(paged.number)}")
    return Page(number, answer, rows, paged.total(answer))


def _following(page: Page) -> int | None:
    if page.total is None or not page.answer.json_object("pagination").flag("hasNextPage"):
        return None
    if not page.rows:
        raise BadPayload(f"{page.answer.where}: page {page.number} is empty and not the last")
    return page.number + 1
