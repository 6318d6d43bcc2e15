"""A random Console organization: its rows by days, and a server that answers with them in short pages."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.support.claude_code_server import ACTIVITY, MEMBERS, Body, Server, error

NEWEST = date(2026, 8, 20)
KINDS = ("input", "output", "cache_read", "cache_creation")
TOOLS = ("edit_tool", "multi_edit_tool", "write_tool", "notebook_edit_tool", "tool_of_tomorrow")

_FEW = st.sampled_from((0, 0, 0, 1, 2, 7))
_ACTORS = st.sampled_from(
    (
        *(
            {"type": "user_actor", "email_address": email}
            for email in ("ann@x.org", "Ann@X.org", "bob@x.org", "ZOË@x.org")
        ),
        *({"type": "api_actor", "api_key_name": name} for name in ("ci", "ci ", "release")),
        {"type": "user_actor", "email_address": ""},
    )
)
_TOKENS = st.fixed_dictionaries(dict.fromkeys(KINDS, st.sampled_from((0, 0, 1, 5, 2**40))))
_AMOUNTS = st.sampled_from(("0", "0", "141", "3.25", "0.1", "0.000000000000000000123", "-2.5", "1234567890123.45"))
_MODELS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(("claude-opus-5", "claude-sonnet-5", "", " ", None)),
        "tokens": _TOKENS,
        "estimated_cost": st.fixed_dictionaries(
            {"currency": st.sampled_from(("USD", "USD", "EUR")), "amount": _AMOUNTS.map(Decimal)}
        ),
    }
)
_TOOL = st.fixed_dictionaries({"accepted": _FEW, "rejected": _FEW})
_ROWS = st.fixed_dictionaries(
    {
        "actor": _ACTORS,
        "customer_type": st.sampled_from(("api", "api", "subscription")),
        "terminal_type": st.sampled_from(("vscode", "tmux", "", "  ")),
        "core_metrics": st.fixed_dictionaries(
            {
                "commits_by_claude_code": _FEW,
                "pull_requests_by_claude_code": _FEW,
                "lines_of_code": st.fixed_dictionaries({"added": _FEW, "removed": _FEW}),
            },
            optional={"num_sessions": _FEW},
        ),
        "model_breakdown": st.lists(_MODELS, max_size=3),
    },
    optional={
        "is_remote": st.booleans(),
        "tool_actions": st.dictionaries(st.sampled_from(TOOLS), _TOOL, max_size=3),
    },
)

Days = Mapping[date, Sequence[Body]]


def console_days(days: int) -> st.SearchStrategy[Days]:
    """Rows of so many days."""
    dates = [NEWEST - timedelta(days=back) for back in range(days)]
    return st.fixed_dictionaries({day: st.lists(_ROWS, max_size=5) for day in dates})


def server(days: Days) -> Server:
    """Pages of two rows; a cursor belongs to its day."""

    def page(params: Mapping[str, str]) -> Any:
        day = params["starting_at"]
        of_day, _, start = params.get("page", f"{day} 0").partition(" ")
        if of_day != day:
            return error("enterprise/error-400-cursor", 400)
        rows = [{**row, "date": f"{day}T00:00:00Z"} for row in days[date.fromisoformat(day)]]
        end = int(start) + 2
        more = len(rows) > end
        return {"data": rows[int(start) : end], "has_more": more, "next_page": f"{day} {end}" if more else None}

    return Server({ACTIVITY: page, MEMBERS: {"data": [], "has_more": False, "first_id": None, "last_id": None}})
