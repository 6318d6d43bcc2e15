"""Augment's own counts of days: people by dau-count, and totals by daily-usage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from exporter.errors import BadPayload
from exporter.transport.client import Client
from exporter.transport.json_object import JsonObject
from exporter.vendors.augment.api import ask, ranges
from exporter.vendors.augment.parse import FIELDS, OPTIONAL, Metrics, parse_metrics


@dataclass(frozen=True)
class Overview:
    """What dau-count and daily-usage report: `counts` of people, `usage` of days with activity, and `invalid` days."""

    counts: Mapping[date, int]
    usage: Mapping[date, Metrics]
    invalid: Mapping[date, BadPayload]

    def knows(self, day: date) -> bool:
        """Whether both report the day, or dau-count reports that nobody was active."""
        return day not in self.invalid and day in self.counts and (self.counts[day] == 0 or bool(self.usage.get(day)))


def read_overview(client: Client, days: Sequence[date]) -> Overview:
    """What both report about the days, by two requests for each range of days."""
    counts: dict[date, int] = {}
    usage: dict[date, Metrics] = {}
    invalid: dict[date, BadPayload] = {}
    for start, end in ranges(days):
        span = {"start_date": start.isoformat(), "end_date": end.isoformat()}
        for row in ask(client, "dau-count", span).objects("daily_active_user_counts"):
            day = _day(row)
            try:
                _refuse_second(row, day, counts)
                counts[day] = row.whole("user_count")
            except BadPayload as error:
                invalid[day] = error
        for row in ask(client, "daily-usage", span).objects("daily_usage"):
            day = _day(row)
            try:
                _refuse_second(row, day, usage)
                usage[day] = parse_metrics(row.json_object("metrics"))
            except BadPayload as error:
                invalid[day] = error
    return Overview(counts, usage, invalid)


def fields_seen(usage: Mapping[date, Metrics]) -> frozenset[str]:
    """The fields that any day reports. Where no day reports any: all but the optional one."""
    seen = frozenset(field for metrics in usage.values() for field in metrics)
    return seen or frozenset(FIELDS) - {OPTIONAL}


def _refuse_second(row: JsonObject, day: date, reported: Mapping[date, object]) -> None:
    if day in reported:
        raise BadPayload(f"{row.where}: {row.path} is a second row of {day}")


def _day(row: JsonObject) -> date:
    try:
        return date.fromisoformat(row.text("date"))
    except ValueError:
        raise BadPayload(f"{row.where}: {row.path}.date is not a day as YYYY-MM-DD") from None
