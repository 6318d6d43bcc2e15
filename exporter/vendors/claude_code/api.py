"""How both APIs are asked: requests, lists in pages, and what refusals mean.

API: https://platform.claude.com/docs/en/api/admin (read 2026-08-22). The keys can also write: only reads are listed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from exporter.errors import Rejected, Unreachable
from exporter.transport.client import Params
from exporter.transport.endpoints import Allowed
from exporter.transport.json_object import JsonObject, json_object
from exporter.transport.pages import pages
from exporter.vendors.claude_code.session import Context
from exporter.vendors.claude_code.settings import WHERE

ORGANIZATION = "/v1/organizations"
ACTIVITY = f"{ORGANIZATION}/usage_report/claude_code"
ME = f"{ORGANIZATION}/me"
USERS = f"{ORGANIZATION}/users"
API_KEYS = f"{ORGANIZATION}/api_keys"
ANALYTICS = f"{ORGANIZATION}/analytics"
ENDPOINTS = tuple(
    Allowed("GET", path)
    for path in (
        ACTIVITY,
        ME,
        USERS,
        API_KEYS,
        f"{ANALYTICS}/users",
        f"{ANALYTICS}/summaries",
        f"{ANALYTICS}/usage_report",
        f"{ANALYTICS}/cost_report",
        f"{ANALYTICS}/user_usage_report",
    )
)
# Left out, the vendor takes 20: the rest of the people would be lost without a word.
PAGE = 1000
VERSION = {"anthropic-version": "2023-06-01"}

# Which of them a wrong kind of key gets is documented nowhere: all say that the key may not (2026-08).
_KEY = frozenset({401, 403, 404})


class _LostPlaceError(Exception):
    """The vendor no longer knows the cursor of a walk."""


def headers(token: str) -> Mapping[str, str]:
    """The key in the vendor's header."""
    return {"x-api-key": token}


def ask(context: Context, path: str, params: Params | None = None) -> JsonObject:
    """The answer of an endpoint. A refusal of the key says which key is needed."""
    try:
        answer = context.client.get_json(path, params)
    except Rejected as error:
        if error.status not in _KEY:
            raise
        advice = f"api: {context.settings.api} needs {WHERE[context.settings.api]}"
        raise Rejected(f"{error}; {advice}", status=error.status, words=error.words, headers=error.headers) from error
    return json_object(answer, f"claude-code GET {path}")


def walk(context: Context, path: str, params: Params) -> list[JsonObject]:
    """Every page of a list with `next_page`.

    A cursor ends when the data under it is renewed (410), and fits no other query (400): the walk then begins again,
    once, and Unreachable says that it ended a second time.
    """

    def page(cursor: str | None) -> JsonObject:
        try:
            return ask(context, path, params if cursor is None else {**params, "page": cursor})
        except Rejected as error:
            if error.status == 410 or (error.status == 400 and cursor is not None):
                raise _LostPlaceError(str(error)) from error
            raise

    def whole() -> list[JsonObject]:
        return list(pages(page, following, f"claude-code GET {path}"))

    try:
        return whole()
    except _LostPlaceError:
        pass
    try:
        return whole()
    except _LostPlaceError as error:
        raise Unreachable(f"{error}, and so it was from the first page on again") from error


def following(page: JsonObject) -> str | None:
    """The cursor of the next page. Activity of Claude Enterprise has no `has_more`: its list ends without a cursor."""
    cursor = page.text("next_page") if page.given("next_page") else None
    if "has_more" not in page:
        return cursor or None
    if not page.flag("has_more"):
        return None
    return cursor or page.refuse("next_page", "a cursor, as has_more is true")


def members(context: Context, path: str) -> Sequence[JsonObject]:
    """Every entry of a list of the organization, which pages by the last id."""

    def after(page: JsonObject) -> str | None:
        return page.text("last_id") if page.flag("has_more") else None

    def page(last: str | None) -> JsonObject:
        return ask(context, path, {"limit": PAGE, **({} if last is None else {"after_id": last})})

    found = pages(page, after, f"claude-code GET {path}")
    return [entry for one in found for entry in one.objects("data")]


def moment(of: JsonObject, key: str) -> datetime:
    """A time in UTC."""
    try:
        found = datetime.fromisoformat(of.text(key))
    except ValueError:
        of.refuse(key, "a time such as 2026-08-21T06:00:00Z")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
