"""The rows of a day at the Console API, and the facts that they come down to. Pure but for the numbers of accounts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload
from exporter.model import EVERYBODY, Amount, DayFacts, Identity, column
from exporter.transport.json_object import JsonObject
from exporter.vendors.claude_code.activity import (
    ADDED,
    AMOUNTS,
    COMMITS,
    KINDS,
    PULL_REQUESTS,
    REMOVED,
    SESSIONS,
    TOKENS,
    Counts,
    activity_table,
    edits,
)
from exporter.vendors.claude_code.money import Price, money_columns, price
from exporter.vendors.rollup import UNKNOWN, breakdown, rollup

REMOTE = "remote"
# What the people with a subscription used is at list price too, but nobody pays it.
_PAID = "api"


@dataclass(frozen=True)
class ModelUse:
    """Tokens of one model by kind, and their price by the list."""

    model: str
    tokens: Mapping[str, int]
    price: Price


@dataclass(frozen=True)
class Row:
    """What one account did in one terminal.

    `identity` is None for an account without a name. `key` is True for an API key, and `paid` where tokens are billed.
    """

    identity: Identity | None
    counts: Counts
    client: str
    key: bool
    paid: bool
    models: Sequence[ModelUse]

    @property
    def active(self) -> bool:
        """Whether anything was done: a row of zeros is nobody's."""
        return any(self.counts.values()) or any(count for use in self.models for count in use.tokens.values())


def parse_rows(pages: Sequence[JsonObject], day: date, owners: Mapping[str, str]) -> list[Row]:
    """The rows of a day; `owners` are the e-mail addresses of people by the names of API keys that are theirs."""
    return [_row(row, day, owners) for page in pages for row in page.objects("data")]


def day_facts(rows: Sequence[Row], number: Callable[[Sequence[Identity]], list[int]], day: date) -> DayFacts:
    """The facts of a day. Accounts that did nothing get no number."""
    where = f"claude-code rows of {day}"
    named = [row.identity for row in rows if row.active and row.identity is not None]
    numbers = dict(zip(named, number(named), strict=True))
    accounts = [numbers[row.identity] if row.active and row.identity is not None else None for row in rows]
    everybody = BitMap(numbers.values())

    table = activity_table([row.counts for row in rows], accounts, [row.client for row in rows])
    done = rollup(table, AMOUNTS, where)
    used, amounts = _models(rows, accounts, where)
    spent = rollup(used.drop("model"), amounts, where)
    by_model = breakdown(used, "model", amounts)
    # A model of which somebody used no token has no user in them.
    users = breakdown(used.filter(pl.sum_horizontal(map(column, TOKENS)) > 0), "model", (), counted=everybody)
    accounts_of_both = done.by_account.join(spent.by_account, on="account", how="full", coalesce=True)
    return DayFacts(
        amounts={**done.totals, **done.breakdowns, **spent.totals, **by_model.amounts},
        people={EVERYBODY: everybody, **done.people, **users.people},
        service=BitMap(account for account, row in zip(accounts, rows, strict=True) if row.key and account is not None),
        missing=done.missing,
        # An account without models has used none.
        by_account=accounts_of_both.with_columns(pl.exclude("account").fill_null(0)).sort("account"),
    )


def _row(row: JsonObject, day: date, owners: Mapping[str, str]) -> Row:
    if row.text("date")[:10] != day.isoformat():
        raise BadPayload(f"{row.where}: {row.path}.date is not {day}, the day that was asked for")
    models = [_model(use) for use in row.objects("model_breakdown")]
    identity, key = _actor(row.json_object("actor"), owners)
    return Row(
        identity=identity,
        counts=_counts(row),
        client=_client(row),
        key=key,
        paid=row.text("customer_type") == _PAID,
        models=models,
    )


def _actor(actor: JsonObject, owners: Mapping[str, str]) -> tuple[Identity | None, bool]:
    """Who it was, None without a name, and whether it is an API key. Names of keys are neither ids nor unique."""
    match actor.text("type"):
        case "user_actor":
            email = actor.text("email_address").strip().lower()
            return person(email), False
        case "api_actor":
            name = actor.text("api_key_name").strip()
            if name in owners:
                return person(owners[name]), False
            return (Identity(f"key:{name}", username=name) if name else None), True
        case _:
            raise BadPayload(f"{actor.where}: {actor.path}.type is neither user_actor nor api_actor")


def person(email: str) -> Identity | None:
    """The account of somebody; None without an address. The API knows no other id of people."""
    return Identity(f"email:{email}", email=email) if email else None


def _client(row: JsonObject) -> str:
    terminal = row.text("terminal_type")
    if terminal.strip():
        return terminal
    # Since 2026-08: older rows lack it.
    return REMOTE if "is_remote" in row and row.flag("is_remote") else UNKNOWN


def _counts(row: JsonObject) -> dict[Amount, int]:
    core = row.json_object("core_metrics")
    fields = {
        SESSIONS: "num_sessions",
        COMMITS: "commits_by_claude_code",
        PULL_REQUESTS: "pull_requests_by_claude_code",
    }
    counts = {amount: core.whole(name) for amount, name in fields.items() if name in core}
    if "lines_of_code" in core:
        lines = core.json_object("lines_of_code")
        counts |= {ADDED: lines.whole("added"), REMOVED: lines.whole("removed")}
    if "tool_actions" in row:
        counts |= edits(row.json_object("tool_actions"), "accepted", "rejected")
    return counts


def _model(use: JsonObject) -> ModelUse:
    counted = use.json_object("tokens")
    return ModelUse(
        model="" if use.require("model") is None else use.text("model"),
        tokens={kind: counted.whole(kind) for kind in KINDS},
        price=price(use.json_object("estimated_cost")),
    )


def _models(rows: Sequence[Row], accounts: Sequence[int | None], where: str) -> tuple[pl.DataFrame, Sequence[Amount]]:
    """A row for each account and model, with its tokens and with the money of each currency; and these amounts."""
    uses = [
        (account, use, use.price if row.paid else Price(use.price.currency, Decimal(0)))
        for row, account in zip(rows, accounts, strict=True)
        for use in row.models
    ]
    columns = [
        pl.Series("account", [account for account, _, _ in uses], dtype=pl.UInt32),
        pl.Series("model", [use.model for _, use, _ in uses], dtype=pl.String),
    ]
    for kind, amount in zip(KINDS, TOKENS, strict=True):
        columns.append(pl.Series(column(amount), [use.tokens[kind] for _, use, _ in uses], dtype=pl.Int64))
    money = money_columns([paid for _, _, paid in uses], "estimated", where)
    return pl.DataFrame([*columns, *money.values()]), [*TOKENS, *money]
