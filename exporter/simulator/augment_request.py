"""Augment's rules for requests and pages: dates, defaults, limits and cursors."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from exporter.simulator.company import History, PersonDay
from exporter.simulator.work import Metrics, total

# A day appears about two hours after its end, in UTC.
_LAG = timedelta(hours=2)
_DAY = timedelta(days=1)
_DEFAULT_DAYS = 7
_MOST_DAYS = 90
_OLDEST = timedelta(days=730)
_PAGE_SIZE = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)

Body = Mapping[str, object]


class RequestError(Exception):
    """An error response: its HTTP status, the code and message of its body, and Retry-After in seconds."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


class Span(NamedTuple):
    """Days from start to end, both included."""

    start: date
    end: date

    def days(self) -> list[date]:
        """Each day, oldest first."""
        return [self.start + offset * _DAY for offset in range((self.end - self.start).days + 1)]


class Sizes(NamedTuple):
    """The default and the largest number of rows on a page."""

    default: int
    most: int


@dataclass(frozen=True)
class Ask:
    """One request: its parameters, its time, and what the vendor has published by then."""

    params: Mapping[str, str]
    now: datetime
    history: History
    fields: Sequence[str]
    service_accounts_count: bool
    sizes: Sizes | None

    def shown(self, day: date) -> Sequence[PersonDay] | None:
        """The day's active people; None if the day is not published yet."""
        return self.history.published(day, self.now, _LAG)

    def metrics(self, counts: Iterable[Metrics]) -> Mapping[str, int]:
        """A `metrics` object."""
        summed = total(counts)._asdict()
        return {field: summed[field] for field in self.fields}

    def generated_at(self) -> str:
        """The time of the response."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def day(self) -> date:
        """The requested date."""
        return self._date("date") or self._yesterday()

    def span(self) -> Span:
        """The requested range, with the vendor's defaults."""
        start, end = self._date("start_date"), self._date("end_date")
        more = (_DEFAULT_DAYS - 1) * _DAY
        if end is None:
            end = self._yesterday() if start is None else min(start + more, self._yesterday())
        if start is None:
            start = end - more
        if start > end:
            raise invalid("start_date cannot be later than end_date")
        if (end - start).days >= _MOST_DAYS:
            raise invalid(f"date range cannot exceed {_MOST_DAYS} days")
        return Span(start, end)

    def page(self, rows: Mapping[str, Body]) -> tuple[list[Body], Body]:
        """The requested page of rows, sorted by key, and its `pagination` object."""
        last = self._last_id()
        left = sorted(key for key in rows if last is None or key > last)
        keys = left[: self._page_size()]
        has_more = len(keys) < len(left)
        cursor = _cursor(keys[-1]) if has_more else ""
        return [rows[key] for key in keys], {"next_cursor": cursor, "has_more": has_more}

    def _yesterday(self) -> date:
        return self.now.date() - _DAY

    def _date(self, name: str) -> date | None:
        if name not in self.params:
            return None
        text = self.params[name]
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        # fromisoformat also takes 20251015 and 2025-W42-3.
        if day is None or day.isoformat() != text:
            raise invalid(f"{name} must be a date in YYYY-MM-DD format")
        if day > self._yesterday():
            raise invalid(f"{name} cannot be later than yesterday (UTC)")
        if day < self.now.date() - _OLDEST:
            raise invalid(f"{name} cannot be more than 2 years ago")
        return day

    def _page_size(self) -> int:
        assert self.sizes is not None
        if "page_size" not in self.params:
            return self.sizes.default
        text = self.params["page_size"]
        if not _PAGE_SIZE.fullmatch(text) or int(text) > self.sizes.most:
            raise invalid(f"page_size must be between 1 and {self.sizes.most}")
        return int(text)

    def _last_id(self) -> str | None:
        if "cursor" not in self.params or not self.params["cursor"]:
            return None
        try:
            return str(json.loads(base64.b64decode(self.params["cursor"], validate=True))["last_id"])
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise invalid("cursor is invalid") from None


def invalid(message: str) -> RequestError:
    """The refusal of an invalid request."""
    return RequestError(400, "InvalidArgument", message)


def _cursor(last_id: str) -> str:
    return base64.b64encode(json.dumps({"last_id": last_id}, separators=(",", ":")).encode()).decode()
