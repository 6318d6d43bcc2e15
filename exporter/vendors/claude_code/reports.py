"""The token and cost reports of Claude Enterprise: 31 days at once, of the whole organization with its automation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from exporter.errors import BadPayload
from exporter.model import Amount, DayFacts, Field, column, ready_since
from exporter.transport.json_object import JsonObject
from exporter.vendors.claude_code.activity import KINDS, TOKENS, total
from exporter.vendors.claude_code.api import ANALYTICS, moment, walk
from exporter.vendors.claude_code.money import money_columns, price
from exporter.vendors.claude_code.session import Context
from exporter.vendors.rollup import rollup

# Days in a request, and how long what was spent on a day may still change.
SPAN = 31
REQUESTS = Amount("usage", "requests")
# The vendor leaves the smallest models of a day out, and no row has the rest (2026-08).
_MOST_MODELS = 100

Table = Callable[[Sequence[JsonObject], str], tuple[pl.DataFrame, Sequence[Amount]]]


@dataclass(frozen=True)
class Kind:
    """A report: the fields of a day that it tells, in words too, and how its rows become a table."""

    name: str
    words: str
    fields: frozenset[Field]
    table: Table


@dataclass(frozen=True)
class Report:
    """The rows of some days by model, and `whole` without models for days that have more of them than the vendor tells.

    What is younger than `refreshed` may be incomplete; None where nothing is complete.
    """

    kind: Kind
    refreshed: datetime | None
    by_model: Mapping[date, Sequence[JsonObject]]
    whole: Mapping[date, Sequence[JsonObject]]

    def covers(self, day: date) -> bool:
        """Whether a day is complete."""
        return self.refreshed is not None and ready_since(day, timedelta()) <= self.refreshed

    def facts(self, day: date) -> DayFacts:
        """What it tells of a day; a day that it leaves out is missing. Raises BadPayload."""
        if day not in self.by_model:
            return DayFacts(missing=self.kind.fields)
        cut = day in self.whole
        table, amounts = self.kind.table((self.whole if cut else self.by_model)[day], f"claude-code {self.kind.name}")
        rolled = rollup(table.drop("model") if cut else table, amounts, f"claude-code {self.kind.name} of {day}")
        missing: frozenset[Field] = rolled.missing | ({"model"} if cut else frozenset())
        return DayFacts(amounts={**rolled.totals, **rolled.breakdowns}, missing=missing)


def read_report(context: Context, kind: Kind, first: date, last: date) -> Report:
    """A report of at most SPAN days, by model; without models too, where there are too many of these."""
    path = f"{ANALYTICS}/{kind.name}"
    params: dict[str, str | int] = {
        "starting_at": f"{first}T00:00:00Z",
        "ending_at": f"{ready_since(last, timedelta()):%Y-%m-%d}T00:00:00Z",
        "bucket_width": "1d",
        "limit": SPAN,
        "products[]": "claude_code",
    }
    pages = walk(context, path, {**params, "group_by[]": "model"})
    by_model, whole = _by_day(pages), {}
    cut = [day for day, rows in by_model.items() if len(rows) >= _MOST_MODELS]
    if cut:
        context.warn("models", f"{path} tells {_MOST_MODELS} models a day at most: there are no numbers by model")
        complete = _by_day(walk(context, path, params))
        whole = {day: complete[day] for day in cut if day in complete}
        by_model = {day: rows for day, rows in by_model.items() if day not in cut or day in whole}
    return Report(kind, refreshed(pages[0]), by_model, whole)


def refreshed(page: JsonObject) -> datetime | None:
    """The moment before which a token or cost report is complete; None where it covers nothing."""
    return None if page.require("data_refreshed_at") is None else moment(page, "data_refreshed_at")


def used_tokens(row: JsonObject) -> Mapping[str, int]:
    """The tokens of a row by our kinds."""
    created = row.json_object("cache_creation")
    lives = (created.whole("ephemeral_5m_input_tokens"), created.whole("ephemeral_1h_input_tokens"))
    return {
        "input": row.whole("uncached_input_tokens"),
        "output": row.whole("output_tokens"),
        "cache_read": row.whole("cache_read_input_tokens"),
        "cache_creation": total(lives, created),
    }


def _by_day(pages: Sequence[JsonObject]) -> dict[date, Sequence[JsonObject]]:
    found: dict[date, Sequence[JsonObject]] = {}
    for page in pages:
        for bucket in page.objects("data"):
            day = moment(bucket, "starting_at").date()
            if day in found:
                raise BadPayload(f"{bucket.where}: {bucket.path} is of {day}, as another one before")
            found[day] = bucket.objects("results")
    return found


def _spend_table(rows: Sequence[JsonObject], where: str) -> tuple[pl.DataFrame, Sequence[Amount]]:
    money = money_columns([price(row) for row in rows], "charged", where)
    return pl.DataFrame([*_named(rows), *money.values()]), [*money]


def _token_table(rows: Sequence[JsonObject], _where: str) -> tuple[pl.DataFrame, Sequence[Amount]]:
    used = [used_tokens(row) for row in rows]
    requests = [None if row.require("requests") is None else row.whole("requests") for row in rows]
    columns = [
        pl.Series(column(amount), [one[kind] for one in used], dtype=pl.Int64)
        for kind, amount in zip(KINDS, TOKENS, strict=True)
    ]
    columns.append(pl.Series(column(REQUESTS), requests, dtype=pl.Int64))
    return pl.DataFrame([*_named(rows), *columns]), [*TOKENS, REQUESTS]


def _named(rows: Sequence[JsonObject]) -> list[pl.Series]:
    """The accounts of rows, which are of nobody, and their models: code execution has none, nor has a whole day."""
    models = [row.text("model") if row.given("model") else None for row in rows]
    return [pl.Series("account", [None] * len(rows), dtype=pl.UInt32), pl.Series("model", models, dtype=pl.String)]


SPEND = Kind("cost_report", "spend", frozenset({"spend"}), _spend_table)
USED = Kind("usage_report", "tokens", frozenset({"tokens", REQUESTS}), _token_table)
