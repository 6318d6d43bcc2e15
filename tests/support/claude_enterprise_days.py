"""A random Claude Enterprise organization by days, and a server that answers with it in short pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
from hypothesis import strategies as st

from tests.support.claude_code_server import ANALYTICS, MEMBERS, Body, Server, error

NEWEST = date(2026, 8, 20)
# So many days come after the newest day of the first poll.
LATER = 3
GROUPS: Mapping[str, str | None] = {"group_aaaa": "Core", "group_bbbb": "unassigned", "group_cccc": None}
TOKENS = ("uncached_input_tokens", "output_tokens", "cache_read_input_tokens")
CREATED = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")

_PEOPLE = ("user_1", "user_2", "user_3", "user_4")
_FEW = st.sampled_from((0, 0, 0, 1, 2, 7))
_COUNTS = st.fixed_dictionaries(
    {
        "distinct_session_count": st.one_of(_FEW, st.none()),
        "commit_count": _FEW,
        "pull_request_count": _FEW,
        "lines_of_code": st.fixed_dictionaries({"added_count": _FEW, "removed_count": _FEW}),
    }
)
_TOOLS = st.dictionaries(
    st.sampled_from(("edit_tool", "write_tool", "tool_of_tomorrow")),
    st.fixed_dictionaries({"accepted_count": _FEW, "rejected_count": _FEW}),
    max_size=2,
)
_MODEL = st.sampled_from(("claude-opus-5", "claude-sonnet-5", " ", None))


@dataclass(frozen=True)
class Use:
    """Tokens that somebody used of a model; `service` is an account that the vendor made."""

    user: str
    service: bool
    model: str | None
    tokens: Mapping[str, int]
    requests: int | None

    @property
    def any(self) -> bool:
        return any(self.tokens.values())


@dataclass(frozen=True)
class Spent:
    """Money for a model, as the vendor writes it."""

    model: str | None
    currency: str
    amount: str


@dataclass(frozen=True)
class Day:
    """A day: what people did by id, who was in which group, tokens, automation's too, and money.

    `told` are the reports that have a bucket of it.
    """

    people: Mapping[str, tuple[Body, Body]]
    groups: Mapping[str, frozenset[str]]
    uses: Sequence[Use]
    spent: Sequence[Spent]
    told: frozenset[str]


def _uses() -> st.SearchStrategy[Use]:
    tokens = st.fixed_dictionaries(dict.fromkeys((*TOKENS, *CREATED), st.sampled_from((0, 0, 3, 2**40))))
    named = st.builds(Use, st.sampled_from(_PEOPLE), st.just(False), _MODEL, tokens, st.one_of(_FEW, _FEW, st.none()))
    automatic = st.builds(Use, st.just("user_of_vendor"), st.just(True), _MODEL, tokens, _FEW)
    return st.one_of(named, named, automatic)


def _days() -> st.SearchStrategy[Day]:
    amount = st.sampled_from(("0", "0.000000", "41280.000000", "12.345678", "-5.5", "0.000000000000000000123"))
    reports = st.sampled_from(
        (*[frozenset({"usage_report", "cost_report"})] * 6, frozenset({"cost_report"}), frozenset({"usage_report"}))
    )
    return st.builds(
        Day,
        people=st.dictionaries(st.sampled_from(_PEOPLE), st.tuples(_COUNTS, _TOOLS), max_size=4),
        groups=st.fixed_dictionaries(dict.fromkeys(GROUPS, st.frozensets(st.sampled_from(_PEOPLE), max_size=3))),
        uses=st.lists(_uses(), max_size=4, unique_by=lambda use: (use.user, use.model)),
        spent=st.lists(
            st.builds(Spent, _MODEL, st.sampled_from(("USD", "USD", "EUR")), amount),
            max_size=3,
            unique_by=lambda spent: (spent.model, spent.currency),
        ),
        told=reports,
    )


def enterprise_days(days: int) -> st.SearchStrategy[Mapping[date, Day]]:
    """So many days up to NEWEST, and those that come later."""
    return st.fixed_dictionaries(
        {NEWEST + timedelta(days=number): _days() for number in range(1 - days, LATER + 1)},
    )


@dataclass
class Organization:
    """Answers as on `today`; reports are complete before `refreshed`. The first cursor of each list is lost once.

    `dearer` is added to every amount of money, in the text's own cents.
    """

    days: Mapping[date, Day]
    today: date
    refreshed: date
    dearer: bool = False
    lost: set[tuple[tuple[str, str], ...]] = field(default_factory=set)

    def server(self) -> Server:
        """The server of the organization."""
        return Server(
            {
                f"{ANALYTICS}/users": self._users,
                f"{ANALYTICS}/cost_report": lambda params: self._report("cost_report", params),
                f"{ANALYTICS}/usage_report": lambda params: self._report("usage_report", params),
                f"{ANALYTICS}/user_usage_report": self._by_user,
                f"{ANALYTICS}/summaries": {"data": [], "next_page": None},
                MEMBERS: error("error-403-scope", 403),
            }
        )

    def amount(self, spent: Spent) -> str:
        """The text of an amount."""
        return f"1{spent.amount}" if self.dearer and not spent.amount.startswith("-") else spent.amount

    def _users(self, params: Mapping[str, str]) -> Body | httpx.Response:
        day = date.fromisoformat(params["date"])
        if day >= self.today:
            return error("enterprise/error-400-too-recent", 400)
        known = self.days[day]
        if "group_by[]" in params:
            held = [group for group, people in known.groups.items() if people & known.people.keys()]
            rows = [{"user": None, "rbac_group_id": group, "rbac_group_name": GROUPS[group]} for group in held]
            return self._page([*rows, {"user": None, "rbac_group_id": None}], params)
        group = params.get("filter[]", "").removeprefix("rbac_group_id:")
        return self._page(
            [_row(*one) for one in known.people.items() if not group or one[0] in known.groups[group]], params
        )

    def _by_user(self, params: Mapping[str, str]) -> Body | httpx.Response:
        day = date.fromisoformat(params["starting_at"][:10])
        known = self.days[day]
        rows = [{"starting_at": f"{day}T00:00:00Z", "actor": _actor(use), **_tokens([use])} for use in known.uses]
        return self._page(rows, params, data_refreshed_at=self._until(), has_more=True)

    def _report(self, name: str, params: Mapping[str, str]) -> Body | httpx.Response:
        first, end = (date.fromisoformat(params[key][:10]) for key in ("starting_at", "ending_at"))
        assert (end - first).days <= 31
        buckets = [
            {"starting_at": f"{day}T00:00:00Z", "results": list(self._results(name, known))}
            for day, known in self.days.items()
            if first <= day < end and name in known.told
        ]
        return self._page(buckets, params, size=5, data_refreshed_at=self._until(), has_more=True)

    def _results(self, name: str, day: Day) -> Iterator[Body]:
        if name == "cost_report":
            for spent in day.spent:
                yield {"model": spent.model, "currency": spent.currency, "amount": self.amount(spent)}
            return
        for model in {use.model for use in day.uses}:
            yield {"model": model, **_tokens([use for use in day.uses if use.model == model])}

    def _until(self) -> str:
        return f"{self.refreshed}T00:00:00Z"

    def _page(
        self, rows: Sequence[Body], params: Mapping[str, str], size: int = 2, **more: Any
    ) -> Body | httpx.Response:
        query = tuple(sorted((key, value) for key, value in params.items() if key != "page"))
        if "page" in params and query not in self.lost:
            self.lost.add(query)
            return error("enterprise/error-410-cursor", 410)
        start = int(params.get("page", "0"))
        cursor = str(start + size) if len(rows) > start + size else None
        if "has_more" in more:
            more["has_more"] = cursor is not None
        return {"data": rows[start : start + size], "next_page": cursor, **more}


def _row(user: str, did: tuple[Body, Body]) -> Body:
    core, tools = did
    return {
        "user": {"id": user, "email_address": f"{user}@example.com"},
        "claude_code_metrics": {"core_metrics": core, "tool_actions": tools},
    }


def _actor(use: Use) -> Body:
    return {"user_id": use.user, "email": None if use.service else f"{use.user}@example.com", "deleted": False}


def _tokens(uses: Sequence[Use]) -> Body:
    requests = [use.requests for use in uses]
    return {
        "model": uses[0].model,
        "requests": None if None in requests else sum(number for number in requests if number is not None),
        "cache_creation": {name: sum(use.tokens[name] for use in uses) for name in CREATED},
        **{name: sum(use.tokens[name] for use in uses) for name in TOKENS},
    }
