"""The rows of a day at the Claude Enterprise API, and the facts that they come down to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, DayFacts, Identity
from exporter.transport.json_object import JsonObject
from exporter.vendors.claude_code.activity import (
    ADDED,
    AMOUNTS,
    COMMITS,
    PULL_REQUESTS,
    REMOVED,
    SESSIONS,
    Counts,
    activity_table,
    edits,
)
from exporter.vendors.rollup import rollup

_FIELDS: Mapping[Amount, str] = {
    SESSIONS: "distinct_session_count",
    COMMITS: "commit_count",
    PULL_REQUESTS: "pull_request_count",
}


@dataclass(frozen=True)
class Row:
    """What somebody did with Claude Code; nothing, where they used other products alone."""

    user_id: str
    email: str
    counts: Counts

    @property
    def active(self) -> bool:
        """Whether anything was done. There are commits without a session (2026-08)."""
        return any(self.counts.values())

    @property
    def identity(self) -> Identity:
        """The account: ids are stable, and stay when the address is deleted."""
        return Identity(self.user_id, email=self.email, vendor_id=self.user_id)


def parse_rows(pages: Sequence[JsonObject]) -> list[Row]:
    """The rows of a day."""
    return [_row(row) for page in pages for row in page.objects("data")]


def day_facts(
    rows: Sequence[Row], number: Callable[[Sequence[Identity]], list[int]], day: date
) -> tuple[DayFacts, Mapping[str, int]]:
    """The activity of a day, and the numbers of its people by their ids. The others get no number."""
    active = [row for row in rows if row.active]
    numbers = dict(zip([row.user_id for row in active], number([row.identity for row in active]), strict=True))
    accounts = [numbers.get(row.user_id) for row in rows]
    table = activity_table([row.counts for row in rows], accounts)
    rolled = rollup(table, AMOUNTS, f"claude-code rows of {day}")
    facts = DayFacts(
        amounts=rolled.totals,
        people={EVERYBODY: BitMap(numbers.values()), **rolled.people},
        missing=rolled.missing,
        by_account=rolled.by_account,
    )
    return facts, numbers


def _row(row: JsonObject) -> Row:
    user, done = row.json_object("user"), row.json_object("claude_code_metrics")
    email = user.text("email_address") if user.given("email_address") else ""
    core = done.json_object("core_metrics")
    # The count of sessions may be null; artifacts are counted since 2026-08-17 alone, and make nobody active.
    counts = {amount: core.whole(name) for amount, name in _FIELDS.items() if core.given(name)}
    if "lines_of_code" in core:
        lines = core.json_object("lines_of_code")
        counts |= {ADDED: lines.whole("added_count"), REMOVED: lines.whole("removed_count")}
    if "tool_actions" in done:
        counts |= edits(done.json_object("tool_actions"), "accepted_count", "rejected_count")
    return Row(user.text("id"), email.strip().lower(), counts)
