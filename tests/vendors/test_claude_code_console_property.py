"""For random rows of a Console organization, what is published is what a brute-force count of the rows gives."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from tests.support.claude_code_server import Body
from tests.support.claude_console_days import KINDS, NEWEST, Days, console_days, server
from tests.support.examples import examples
from tests.support.vendor_polls import VendorPolls

NOW = datetime.combine(NEWEST, time(4), UTC) + timedelta(days=1)
LENGTHS = {"1d": 1, "7d": 7}
METRICS = {
    "adoption_active_users",
    "adoption_active_service_accounts",
    "adoption_activity_active_users",
    "adoption_client_active_users",
    "adoption_model_active_users",
    "adoption_usage",
    "adoption_client_usage",
    "adoption_code_lines",
    "adoption_tokens",
    "adoption_model_tokens",
    "adoption_spend",
    "adoption_model_spend",
}
Labels = tuple[str, ...]


def who(row: Body) -> str:
    """The account of a row, "" for none; keys begin with a key sign."""
    actor = row["actor"]
    if actor["type"] == "user_actor":
        return str(actor["email_address"]).lower()
    return f"key:{actor['api_key_name'].strip()}"


def where(row: Body) -> str:
    return row["terminal_type"].strip() or ("remote" if row.get("is_remote") else "unknown")


def done(row: Body) -> dict[str, int]:
    """The counts of a row under our words; what the row lacks is not there."""
    core, counts = row["core_metrics"], {}
    if "num_sessions" in core:
        counts["sessions"] = core["num_sessions"]
    counts["commits"], counts["pull_requests"] = core["commits_by_claude_code"], core["pull_requests_by_claude_code"]
    if "tool_actions" in row:
        tools = row["tool_actions"].values()
        counts["edits_accepted"] = sum(tool["accepted"] for tool in tools)
        counts["edits_suggested"] = sum(tool["accepted"] + tool["rejected"] for tool in tools)
    return counts


def used(use: Body) -> bool:
    return any(use["tokens"].values())


def active(row: Body) -> bool:
    return (
        any(done(row).values())
        or any(row["core_metrics"]["lines_of_code"].values())
        or any(used(use) for use in row["model_breakdown"])
    )


def model(use: Body) -> str:
    return (use["model"] or "").strip() or "unknown"


def counted(days: Days, length: int) -> Iterator[tuple[str, Labels, Any]]:
    """Every sample of a window but the window's name; zeros of breakdowns are left out by the caller."""
    window = [rows for day, rows in days.items() if (NEWEST - day).days < length]
    rows = [row for of_day in window for row in of_day]
    people: dict[tuple[str, Labels], set[str]] = defaultdict(set)
    sums: dict[tuple[str, Labels], Fraction] = defaultdict(Fraction)
    activities = {"sessions", "commits", "pull_requests", "edits_accepted", "edits_suggested"}
    for of_day in window:
        if of_day:
            activities -= {name for name in activities if all(name not in done(row) for row in of_day)}
    for name in activities:
        sums["adoption_usage", (name,)] = Fraction(0)
    for kind in KINDS:
        sums["adoption_tokens", (kind,)] = Fraction(0)
    for name in ("added", "removed"):
        sums["adoption_code_lines", (name,)] = Fraction(sum(row["core_metrics"]["lines_of_code"][name] for row in rows))
    currencies = {"USD"}
    for row in rows:
        for name in activities & done(row).keys():
            sums["adoption_usage", (name,)] += done(row)[name]
            sums["adoption_client_usage", (name, where(row))] += done(row)[name]
            if done(row)[name]:
                people["adoption_activity_active_users", (name,)].add(who(row))
        if active(row):
            people["adoption_active_users", ()].add(who(row))
            people["adoption_client_active_users", (where(row),)].add(who(row))
        for use in row["model_breakdown"]:
            if used(use):
                people["adoption_model_active_users", (model(use),)].add(who(row))
            for kind, count in use["tokens"].items():
                sums["adoption_tokens", (kind,)] += count
                sums["adoption_model_tokens", (kind, model(use))] += count
            price = use["estimated_cost"]
            if row["customer_type"] == "api" and price["amount"]:
                currencies.add(price["currency"])
                spent = Fraction(price["amount"]) / 100
                sums["adoption_spend", (price["currency"], "estimated")] += spent
                sums["adoption_model_spend", (price["currency"], "estimated", model(use))] += spent
    for currency in currencies:
        sums["adoption_spend", (currency, "estimated")] += 0
    everybody = people.pop(("adoption_active_users", ()), set())
    yield "adoption_active_users", (), len(persons(everybody))
    yield "adoption_active_service_accounts", (), len({name for name in everybody if name.startswith("key:")})
    for (metric, labels), names in people.items():
        yield metric, labels, len(persons(names))
    for (metric, labels), value in sums.items():
        yield metric, labels, float(value)


def persons(names: set[str]) -> set[str]:
    return {name for name in names if name and not name.startswith("key:")}


def expected(days: Days) -> Mapping[tuple[str, Labels], float]:
    """What is published: totals also where they are zero, parts only above it or, of money, beside it."""
    if not any(days.values()):
        return {}
    totals = ("_users", "_accounts", "adoption_usage", "adoption_code_lines", "adoption_tokens", "adoption_spend")
    return {
        (metric, (window, *labels)): value
        for window, length in LENGTHS.items()
        for metric, labels, value in counted(days, length)
        if value or (metric.endswith(totals) and (not labels or metric.endswith(totals[2:])))
    }


@pytest.mark.slow
@examples(60)
@given(days=console_days(8))
def test_what_is_published_equals_a_brute_force_count(days: Days) -> None:
    given = {"api": "console", "history": timedelta(days=8), "late_grace": timedelta(0)}
    bench = VendorPolls("claude-code", given, NOW, server(days).transport)
    status = bench.poll()

    assert status.failure is None
    assert {
        (sample.metric, sample.labels[3:]): sample.value for sample in bench.samples() if sample.metric in METRICS
    } == expected(days)
