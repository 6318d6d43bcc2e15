"""Lists in pages: by a cursor, by a number, or by the `Link` header."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from exporter.errors import BadPayload

MOST_PAGES = 5_000

_NEXT = re.compile(r"<([^>]*)>[^<]*;\s*rel=\"?next\"?")

Page = TypeVar("Page")
Cursor = TypeVar("Cursor", str, int)


def pages(
    ask: Callable[[Cursor | None], Page],
    following: Callable[[Page], Cursor | None],
    where: str,
    *,
    most: int = MOST_PAGES,
) -> Iterator[Page]:
    """Every page of a list: `ask(None)` is the first, and `following` names the next one by what it is asked with.

    The list ends where `following` returns None; what a vendor says of that is the vendor's own (`has_more`, a page
    number, only a cursor). BadPayload for a cursor that was there before and for more than `most` pages, both of which
    would otherwise never end. `where` is the endpoint for messages.
    """
    cursor: Cursor | None = None
    seen: set[Cursor] = set()
    for number in range(1, most + 1):
        page = ask(cursor)
        yield page
        cursor = following(page)
        if cursor is None:
            return
        if cursor in seen:
            raise BadPayload(f"{where}: page {number} names a next page that was there before")
        seen.add(cursor)
    raise BadPayload(f"{where}: more than {most} pages")


def linked_page(headers: Mapping[str, str]) -> Mapping[str, str] | None:
    """The parameters of the next page in a `Link` header (RFC 8288); None if it names none.

    Only they are used and never its address: the token must not go to another host. GitHub's may have another path for
    the same list (2026-11).
    """
    link = _NEXT.search(headers["link"]) if "link" in headers else None
    return None if link is None else dict(parse_qsl(urlsplit(link[1]).query))
