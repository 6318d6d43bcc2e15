"""For a random Claude Enterprise organization, what is published is what a brute-force count gives, now and later."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.claude_code_server import Body
from tests.support.claude_enterprise_days import GROUPS, LATER, NEWEST, Day, Organization, enterprise_days
from tests.support.examples import examples
from tests.support.vendor_polls import VendorPolls

HISTORY = 8
LENGTHS = {"1d": 1, "7d": 7}
LABELS = {group: name or group for group, name in GROUPS.items()} | {"group_bbbb": "unassigned (bbbb)"}
METRICS = {
    "adoption_active_users",
    "adoption_activity_active_users",
    "adoption_model_active_users",
    "adoption_team_active_users",
    "adoption_usage",
    "adoption_model_usage",
    "adoption_team_usage",
    "adoption_code_lines",
    "adoption_tokens",
    "adoption_model_tokens",
    "adoption_team_tokens",
    "adoption_spend",
    "adoption_model_spend",
    "adoption_team_spend",
}
KINDS = {
    "input": ("uncached_input_tokens",),
    "output": ("output_tokens",),
    "cache_read": ("cache_read_input_tokens",),
    "cache_creation": ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"),
}
Found = Iterator[tuple[str, tuple[str, ...], float | Fraction]]


def usage(core: Body, tools: Body) -> dict[str, int]:
    """What somebody did under our words, without a count that the vendor does not know."""
    accepted = sum(tool["accepted_count"] for tool in tools.values())
    counts = {
        "sessions": core["distinct_session_count"],
        "commits": core["commit_count"],
        "pull_requests": core["pull_request_count"],
        "edits_accepted": accepted,
        "edits_suggested": accepted + sum(tool["rejected_count"] for tool in tools.values()),
    }
    return {name: count for name, count in counts.items() if count is not None}


def active(day: Day) -> set[str]:
    return {
        user
        for user, (core, tools) in day.people.items()
        if any(usage(core, tools).values()) or any(core["lines_of_code"].values())
    }


def label(model: str | None) -> str:
    return (model or "").strip() or "unknown"


class Count:
    """Counts an organization the slow and obvious way, as of the newest day that it has finished."""

    def __init__(self, organization: Organization, groups: Sequence[str]) -> None:
        self.made = organization
        self.groups = groups
        self.newest = organization.today - timedelta(days=1)
        self.days = {day: known for day, known in organization.days.items() if day <= self.newest}

    def everything(self) -> Mapping[tuple[str, tuple[str, ...]], float]:
        """Totals also where they are zero, parts only beside it."""
        totals = {"adoption_active_users", "adoption_usage", "adoption_code_lines", "adoption_tokens", "adoption_spend"}
        return {
            (metric, (window, *labels)): float(value)
            for window, length in LENGTHS.items()
            for count in (self.activity, self.teams, self.requests, self.models, self.tokens, self.money)
            for metric, labels, value in count(length)
            if value or metric in totals
        }

    def window(self, last: date | None, length: int) -> list[Day] | None:
        """The days of a window; None where one is not there."""
        days = [] if last is None else [last - timedelta(days=back) for back in range(length)]
        return [self.days[day] for day in days] if days and all(day in self.days for day in days) else None

    def known(self, last: date | None, length: int, report: str = "") -> list[Day] | None:
        """The days of a window, if the reports are complete for each and one of them has each."""
        days = self.window(last, length)
        if days is None or last is None or last >= self.made.refreshed:
            return None
        return days if not report or all(report in day.told for day in days) else None

    def activity(self, length: int) -> Found:
        days = self.window(self.newest, length)
        assert days is not None
        yield "adoption_active_users", (), len(set().union(*map(active, days)))
        for name in self.activities(days):
            did = [
                (user, usage(*done)[name]) for day in days for user, done in day.people.items() if name in usage(*done)
            ]
            yield "adoption_usage", (name,), sum(count for _, count in did)
            yield "adoption_activity_active_users", (name,), len({user for user, count in did if count})
        for name in ("added", "removed"):
            lines = [core["lines_of_code"][f"{name}_count"] for day in days for core, _ in day.people.values()]
            yield "adoption_code_lines", (name,), sum(lines)

    def activities(self, days: Sequence[Day]) -> set[str]:
        """Those that somebody of every day with anybody has."""
        names = {"sessions", "commits", "pull_requests", "edits_accepted", "edits_suggested"}
        for day in days:
            if day.people:
                names &= set().union(*(usage(*done) for done in day.people.values()))
        return names

    def teams(self, length: int) -> Found:
        days = self.window(self.newest, length)
        assert days is not None
        names = self.activities(days)
        people: dict[str, set[str]] = defaultdict(set)
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for day in days:
            for user in active(day):
                mine = {LABELS[group] for group in self.groups if user in day.groups[group]} or {"unassigned"}
                for team in mine:
                    people[team].add(user)
                    for name, count in usage(*day.people[user]).items():
                        sums[name, team] += count if name in names else 0
        for team, found in people.items():
            yield "adoption_team_active_users", (team,), len(found)
        for labels, count in sums.items():
            yield "adoption_team_usage", labels, count

    def requests(self, length: int) -> Found:
        days = self.known(self.newest, length, "usage_report")
        if days is None or any(use.requests is None for day in days for use in day.uses):
            return
        uses = [use for day in days for use in day.uses]
        yield "adoption_usage", ("requests",), sum(use.requests or 0 for use in uses)
        for model in {label(use.model) for use in uses}:
            counts = [use.requests or 0 for use in uses if label(use.model) == model]
            yield "adoption_model_usage", ("requests", model), sum(counts)

    def models(self, length: int) -> Found:
        people: dict[str, set[str]] = defaultdict(set)
        for day in self.known(self.newest, length) or ():
            for use in day.uses:
                if use.any and use.user in active(day):
                    people[label(use.model)].add(use.user)
        for model, found in people.items():
            yield "adoption_model_active_users", (model,), len(found)

    def tokens(self, length: int) -> Found:
        """Windows end with the data day where its tokens are known, and else with the day of the money."""
        last = self.newest if self.known(self.newest, 1, "usage_report") else self.money_day()
        days = self.known(last, length, "usage_report")
        if days is None:
            return
        for kind, names in KINDS.items():
            sums: dict[str, int] = defaultdict(int)
            for use in (use for day in days for use in day.uses):
                sums[label(use.model)] += sum(use.tokens[name] for name in names)
            yield "adoption_tokens", (kind,), sum(sums.values())
            for model, count in sums.items():
                yield "adoption_model_tokens", (kind, model), count

    def money_day(self) -> date | None:
        return max((day for day in self.days if self.known(day, 1, "cost_report")), default=None)

    def money(self, length: int) -> Found:
        days = self.known(self.money_day(), length, "cost_report")
        if days is None:
            return
        sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for spent in (spent for day in days for spent in day.spent):
            sums[spent.currency, label(spent.model)] += Fraction(self.made.amount(spent)) / 100
        currencies = {spent.currency for day in days for spent in day.spent if Fraction(self.made.amount(spent))}
        for currency in {"USD", *currencies}:
            all_models = [value for (other, _), value in sums.items() if other == currency]
            yield "adoption_spend", (currency, "charged"), sum(all_models, Fraction(0))
        for (currency, model), value in sums.items():
            yield "adoption_model_spend", (currency, "charged", model), value


def published(bench: VendorPolls) -> Mapping[tuple[str, tuple[str, ...]], float]:
    return {(one.metric, one.labels[3:]): one.value for one in bench.samples() if one.metric in METRICS}


@pytest.mark.slow
@examples(40)
@given(
    days=enterprise_days(HISTORY),
    lag=st.integers(0, 4),
    groups=st.sampled_from(((), ("Core",), ("Core", "group_cccc"))),
)
def test_what_is_published_equals_a_brute_force_count_also_of_days_whose_tokens_come_three_days_later(
    days: Mapping[date, Day], lag: int, groups: tuple[str, ...]
) -> None:
    today = NEWEST + timedelta(days=1)
    made = Organization(days, today, today - timedelta(days=lag))
    given = {
        "api": "enterprise",
        "billing": "usage",
        "teams": {"from": "vendor", "groups": groups},
        "history": timedelta(days=HISTORY),
        "late_grace": timedelta(0),
    }
    wanted = [group for group, name in GROUPS.items() if not groups or group in groups or name in groups]
    bench = VendorPolls("claude-code", given, datetime.combine(today, time(13), UTC), made.server().transport)
    status = bench.poll()

    assert status.failure is None
    assert published(bench) == Count(made, wanted).everything()

    bench.now += timedelta(days=LATER)
    made.today += timedelta(days=LATER)
    made.refreshed, made.dearer = made.today, True
    made.lost.clear()
    status = bench.poll()

    assert status.failure is None
    assert published(bench) == Count(made, wanted).everything()
    assert bench.values("adoption_data_revisions_total") == {("all",): 0}
