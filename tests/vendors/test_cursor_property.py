"""For random teams at Cursor, what is published equals a brute-force count: pages move, and somebody leaves."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cursor_team import DAILY, EVENTS, CursorTeam, Row, event
from tests.support.examples import examples
from tests.support.vendor_polls import VendorPolls

NEWEST = date(2026, 3, 9)
NOW = datetime.combine(NEWEST + timedelta(days=1), time(4), UTC)
# When young events are due again.
LATER = timedelta(hours=7)
LOOKBACK, YOUNG = 7, 3
LENGTHS = {"1d": 1, "7d": 7, "28d": 28}
# The words of the contract, written down a second time so that the two can disagree.
USAGE = {
    "totalTabsShown": "completions_suggested",
    "totalTabsAccepted": "completions_accepted",
    "chatRequests": "chat_messages",
    "agentRequests": "agent_messages",
    "composerRequests": "composer_messages",
    "cmdkUsages": "inline_edits",
    "totalApplies": "edits_applied",
    "totalAccepts": "edits_accepted",
    "totalRejects": "edits_rejected",
    "bugbotUsages": "code_reviews",
}
LINES = {
    "acceptedLinesAdded": "accepted",
    "acceptedLinesDeleted": "accepted_deleted",
    "totalLinesAdded": "written",
    "totalLinesDeleted": "deleted",
}
TOKENS = {
    "inputTokens": "input",
    "outputTokens": "output",
    "cacheReadTokens": "cache_read",
    "cacheWriteTokens": "cache_creation",
}
COMPARED = (
    "adoption_active_users",
    "adoption_active_service_accounts",
    "adoption_activity_active_users",
    "adoption_model_active_users",
    "adoption_usage",
    "adoption_model_usage",
    "adoption_code_lines",
    "adoption_tokens",
    "adoption_model_tokens",
    "adoption_spend",
    "adoption_model_spend",
)
USERS = {1: "ann@example.com", 2: "bob@example.com", 3: "cy@example.com", 4: None}

numbers = st.integers(0, 3) | st.just(2**40)
# Mostly the same few days, so that rows and events meet.
days_back = st.integers(0, 4) | st.integers(0, 9) | st.integers(0, 34)
did = st.fixed_dictionaries({"isActive": st.booleans()}, optional=dict.fromkeys((*USAGE, *LINES), numbers | st.none()))
whole_tokens = st.fixed_dictionaries(dict.fromkeys(TOKENS, numbers)) | st.none()
events = st.fixed_dictionaries(
    {
        "userEmail": st.sampled_from([*filter(None, USERS.values()), " Ann@Example.COM ", "who@example.com", "", ...]),
        "serviceAccountId": st.sampled_from([..., ..., ..., "sa_1", "sa_2"]),
        "automationId": st.sampled_from([..., ..., None, "auto_1"]),
        "cloudAgentId": st.sampled_from([..., ..., "bc_1"]),
        "model": st.sampled_from(["default", "claude-4.5-sonnet", "", " "]),
        "tokenUsage": whole_tokens,
        "isChargeable": st.booleans(),
        "chargedCents": st.sampled_from([0, 8, 0.1, 40.16699999999999, 21.36232, 1e-9, 123456.789]),
    }
)


@dataclass(frozen=True)
class Before:
    """A team as it is at a poll: what users did and events, by the days before the newest one."""

    users: Mapping[int, str | None] = field(default_factory=lambda: USERS)
    did: Mapping[tuple[int, int], Row] = field(default_factory=dict)
    events: Sequence[tuple[int, int, Row]] = ()

    def answer(self, team: CursorTeam) -> None:
        """Makes the team answer so."""
        team.users = dict(self.users)
        team.did = {(NEWEST - timedelta(days=back), user): row for (back, user), row in self.did.items()}
        team.events = [event(NEWEST - timedelta(days=back), hour=hour, **one) for back, hour, one in self.events]

    def without(self, user: int) -> "Before":
        """After somebody has left: the rows are gone, the events have no e-mail, and one of them has become cheaper."""
        email = self.users[user]
        left = [
            (back, hour, {**one, **({"userEmail": ...} if said(one) == email else {}), "chargedCents": 0.25})
            if said(one) == email
            else (back, hour, one)
            for back, hour, one in self.events
        ]
        return replace(
            self,
            users={number: other for number, other in self.users.items() if number != user},
            did={key: row for key, row in self.did.items() if key[1] != user},
            events=left,
        )

    def active(self) -> list[int]:
        """The days on which somebody was active."""
        return [back for (back, _), row in self.did.items() if row["isActive"]]


@dataclass(frozen=True)
class Day:
    """What is known of a day: rows of users and events."""

    rows: Mapping[int, Row]
    events: Sequence[Row]


def said(one: Row) -> str:
    """The e-mail of an event."""
    return "" if one["userEmail"] is ... else one["userEmail"].strip().lower()


def day(back: int, rows: Before, told: Before) -> Day:
    return Day(
        {user: row for (ago, user), row in rows.did.items() if ago == back},
        [one for ago, _, one in told.events if ago == back],
    )


def counted(days: Mapping[int, Day]) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Every head-count and sum of the windows that end with the newest known day, the slow and obvious way."""
    if not days:
        return
    newest = min(days)
    for window, length in LENGTHS.items():
        backs = range(newest, newest + length)
        if not all(back in days for back in backs):
            continue
        people: dict[tuple[str, ...], set[str]] = defaultdict(set)
        sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        unknown: set[tuple[str, ...]] = set()
        people["adoption_active_users",] = set()
        people["adoption_active_service_accounts",] = set()
        for back in backs:
            count_rows(days[back], people, sums, unknown)
            count_events(days[back], people, sums, unknown)
        for (metric, *labels), found in people.items():
            if (found or not labels) and (metric, *labels) not in unknown:
                yield metric, (window, *labels), float(len(found))
        for (metric, *labels), value in sums.items():
            if (metric, *labels) not in unknown and (value or "model" not in metric):
                yield metric, (window, *labels), float(value)


def count_rows(one: Day, people: Any, sums: Any, unknown: set[tuple[str, ...]]) -> None:
    for words, metric in ((USAGE, "adoption_usage"), (LINES, "adoption_code_lines")):
        for name, activity in words.items():
            sums[metric, activity] += sum(row.get(name) or 0 for row in one.rows.values())
            if any(row["isActive"] and name in row and row[name] is None for row in one.rows.values()):
                unknown |= {(metric, activity), ("adoption_activity_active_users", activity)}
    for user, row in one.rows.items():
        if row["isActive"]:
            people["adoption_active_users",].add(USERS[user] or str(user))
            for name, activity in USAGE.items():
                if row.get(name):
                    people["adoption_activity_active_users", activity].add(USERS[user] or str(user))


def count_events(one: Day, people: Any, sums: Any, unknown: set[tuple[str, ...]]) -> None:
    active = {USERS[user] for user, row in one.rows.items() if row["isActive"]}
    for activity in ("requests", "cloud_agent_requests", "automation_requests"):
        sums["adoption_usage", activity] += 0
    for basis in ("charged", "included"):
        sums["adoption_spend", "USD", basis] += 0
    for kind in TOKENS.values():
        sums["adoption_tokens", kind] += 0
        if one.events and all(row["tokenUsage"] is None for row in one.events):
            unknown.add(("adoption_tokens", kind))
            unknown |= {("adoption_model_tokens", kind, model) for model in ("default", "claude-4.5-sonnet", "unknown")}
    for row in one.events:
        model = row["model"].strip() or "unknown"
        service, automation = row["serviceAccountId"] is not ..., row["automationId"] == "auto_1"
        cloud = row["cloudAgentId"] is not ...
        sums["adoption_usage", "requests"] += 1
        sums["adoption_usage", "cloud_agent_requests"] += cloud
        sums["adoption_usage", "automation_requests"] += automation
        sums["adoption_model_usage", "requests", model] += 1
        money = "charged" if row["isChargeable"] else "included"
        dollars = Decimal(repr(row["chargedCents"])) / 100
        sums["adoption_spend", "USD", money] += dollars
        sums["adoption_model_spend", "USD", money, model] += dollars
        for name, kind in TOKENS.items():
            if row["tokenUsage"] is not None:
                sums["adoption_tokens", kind] += row["tokenUsage"][name]
                sums["adoption_model_tokens", kind, model] += row["tokenUsage"][name]
        if service:
            people["adoption_active_service_accounts",].add(row["serviceAccountId"])
        elif not automation and said(row) in active:
            people["adoption_activity_active_users", "requests"].add(said(row))
            people["adoption_model_active_users", model].add(said(row))
            if cloud:
                people["adoption_activity_active_users", "cloud_agent_requests"].add(said(row))


@st.composite
def teams(draw: st.DrawFn) -> Before:
    """A team over up to 35 days, on some of which nobody is active; events come on any of them."""
    keys = st.tuples(days_back, st.sampled_from(list(USERS)))
    dense = draw(st.booleans())
    rows: dict[tuple[int, int], Row] = draw(st.dictionaries(keys, did, min_size=3, max_size=12))
    if dense:
        every_day: dict[tuple[int, int], Row] = {
            (back, 1): {"isActive": True, "chatRequests": back} for back in range(30)
        }
        rows = every_day | rows
    told = draw(st.lists(st.tuples(days_back, st.integers(0, 23), events), min_size=2, max_size=14))
    return Before(did=rows, events=told)


def published(made: VendorPolls) -> dict[tuple[str, tuple[str, ...]], float]:
    return {(sample.metric, sample.labels[3:]): sample.value for sample in made.samples() if sample.metric in COMPARED}


def stored(made: VendorPolls) -> set[int]:
    return {(NEWEST - found).days for found in made.store.days("tool", "all")}


def torn(path: str) -> Any:
    """Pages of one list that count one more from the second on."""

    def grow(asked: str, page: Any) -> None:
        if asked == path == EVENTS and page["pagination"]["currentPage"] > 1:
            page["totalUsageEventsCount"] += 1
        if asked == path == DAILY and page["pagination"]["page"] > 1:
            page["pagination"]["totalUsers"] += 1

    return grow


@pytest.mark.slow
@examples(30)
@given(before=teams(), leaver=st.sampled_from([1, 2, 3]), moving=st.sampled_from(["", DAILY, EVENTS]))
def test_what_is_published_equals_a_brute_force_count(before: Before, leaver: int, moving: str) -> None:
    team = CursorTeam(most_users=2, most_events=3, shift=torn(moving))
    before.answer(team)
    made = team.polls(NOW, history=timedelta(days=35), lookback=timedelta(days=LOOKBACK))
    status = made.poll()

    first = max(before.active(), default=-1)
    read = stored(made)
    assert read == set(range(first + 1)) if status.success else read <= set(range(first + 1))
    assert status.success or moving
    known = {back: day(back, before, before) for back in read}
    assert published(made) == {(metric, labels): value for metric, labels, value in counted(known)}

    # Somebody has left, and the lists stand still.
    after = before.without(leaver)
    after.answer(team)
    team.shift = torn("")
    made.now += LATER
    assert made.poll().success

    # A list of users that cannot be used has shown no day.
    seen = after.active() if moving == DAILY else [*before.active(), *after.active()]
    days = range(max(seen, default=-1) + 1)
    known = {
        back: day(
            back,
            before if back in read and back >= LOOKBACK else after,
            before if back in read and back >= YOUNG else after,
        )
        for back in days
    }
    assert stored(made) == set(days)
    assert published(made) == {(metric, labels): value for metric, labels, value in counted(known)}
