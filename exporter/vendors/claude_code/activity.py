"""What accounts did with Claude Code on a day: the amounts that both APIs count, and their table."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from exporter.errors import BadPayload
from exporter.model import Amount, TokenKind, column, tokens
from exporter.transport.json_object import JsonObject
from exporter.vendors.rollup import LARGEST

SESSIONS = Amount("usage", "sessions")
COMMITS = Amount("usage", "commits")
PULL_REQUESTS = Amount("usage", "pull_requests")
EDITS_ACCEPTED = Amount("usage", "edits_accepted")
EDITS_SUGGESTED = Amount("usage", "edits_suggested")
ADDED = Amount("code_lines", "added")
REMOVED = Amount("code_lines", "removed")
AMOUNTS = (SESSIONS, COMMITS, PULL_REQUESTS, EDITS_ACCEPTED, EDITS_SUGGESTED, ADDED, REMOVED)

KINDS: Sequence[TokenKind] = ("input", "output", "cache_read", "cache_creation")
TOKENS = tuple(tokens(kind) for kind in KINDS)

# What one row counts; an amount that it lacks is not there.
Counts = Mapping[Amount, int]


def activity_table(
    rows: Sequence[Counts], accounts: Sequence[int | None], clients: Sequence[str] | None = None
) -> pl.DataFrame:
    """A table for `rollup`, in which an amount is null where no row has it.

    A row without an amount that others have has none of it: the vendor leaves out tools that were not used (2026-08).
    """
    lacked = set(AMOUNTS).difference(*rows) if rows else set()
    columns = [pl.Series("account", accounts, dtype=pl.UInt32)]
    columns += [pl.Series(column(amount), [row.get(amount) for row in rows], dtype=pl.Int64) for amount in AMOUNTS]
    if clients is not None:
        columns.append(pl.Series("client", clients, dtype=pl.String))
    return pl.DataFrame(columns).with_columns(
        pl.col(column(amount)).fill_null(0) for amount in AMOUNTS if amount not in lacked
    )


def edits(tools: JsonObject, accepted: str, rejected: str) -> Counts:
    """The edits of all tools together; accepted ones include those that a permission mode accepts by itself."""
    each = [tools.json_object(name) for name in tools.fields]
    taken = total((tool.whole(accepted) for tool in each), tools)
    return {
        EDITS_ACCEPTED: taken,
        EDITS_SUGGESTED: total([taken, *(tool.whole(rejected) for tool in each)], tools),
    }


def total(counts: Iterable[int], of: JsonObject) -> int:
    """A sum within an answer; BadPayload beyond 2^63."""
    found = sum(counts)
    if found > LARGEST:
        raise BadPayload(f"{of.where}: the numbers of {of.path} add up beyond 2^63")
    return found
