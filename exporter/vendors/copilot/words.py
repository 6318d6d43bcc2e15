"""GitHub's words for what people do, and ours: which field of a row of users-1-day becomes which amount.

API: https://docs.github.com/en/copilot/reference/copilot-usage-metrics/copilot-usage-metrics (read 2026-11).
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from exporter.model import Amount, Field, tokens

INTERACTIONS = "user_initiated_interaction_count"
GENERATIONS = "code_generation_activity_count"
ACCEPTANCES = "code_acceptance_activity_count"
SUGGESTED = "loc_suggested_to_add_sum"
ADDED = "loc_added_sum"
DELETED = "loc_deleted_sum"
# Stand at the top of a row and in every part of it.
COUNTERS = (INTERACTIONS, GENERATIONS, ACCEPTANCES, SUGGESTED, "loc_suggested_to_delete_sum", ADDED, DELETED)

CLI = "totals_by_cli"
APP = "totals_by_copilot_app"
AGENTS_WINDOW = "totals_by_vscode_agent"
THIRD_PARTY = "totals_by_3rd_party_agent"
CREDITS = "ai_credits_used"

COMPLETION = "code_completion"
_ASKING = frozenset({"chat_inline", "chat_panel_ask_mode", "chat_panel_plan_mode", "chat_panel_unknown_mode"})
_AGENTS = frozenset({"chat_panel_agent_mode", "chat_panel_edit_mode", "chat_panel_custom_mode"})

MESSAGES = Amount("usage", "messages")
CODE_GENERATIONS = Amount("usage", "code_generations")
CODE_ACCEPTANCES = Amount("usage", "code_acceptances")
COMPLETIONS_SUGGESTED = Amount("usage", "completions_suggested")
COMPLETIONS_ACCEPTED = Amount("usage", "completions_accepted")
JOBS = Amount("usage", "third_party_agent_jobs")
INPUT = tokens("input")
OUTPUT = tokens("output")

# A counter at the top of a row.
OF_ROW: Mapping[Amount, str] = {
    MESSAGES: INTERACTIONS,
    CODE_GENERATIONS: GENERATIONS,
    CODE_ACCEPTANCES: ACCEPTANCES,
    Amount("code_lines", "suggested"): SUGGESTED,
    Amount("code_lines", "added"): ADDED,
    Amount("code_lines", "deleted"): DELETED,
}


class OfFeatures(NamedTuple):
    """A counter of some entries of totals_by_feature, which add up exactly to the top of the row (2026-11)."""

    counter: str
    features: frozenset[str]


OF_FEATURES: Mapping[Amount, OfFeatures] = {
    COMPLETIONS_SUGGESTED: OfFeatures(GENERATIONS, frozenset({COMPLETION})),
    COMPLETIONS_ACCEPTED: OfFeatures(ACCEPTANCES, frozenset({COMPLETION})),
    Amount("usage", "chat_messages"): OfFeatures(INTERACTIONS, _ASKING),
    Amount("usage", "ide_agent_messages"): OfFeatures(INTERACTIONS, _AGENTS),
    Amount("code_lines", "completions_suggested"): OfFeatures(SUGGESTED, frozenset({COMPLETION})),
    Amount("code_lines", "completions_accepted"): OfFeatures(ADDED, frozenset({COMPLETION})),
    Amount("code_lines", "ide_agent"): OfFeatures(ADDED, frozenset({"agent_edit"})),
    Amount("code_lines", "cli"): OfFeatures(ADDED, frozenset({"copilot_cli"})),
    Amount("code_lines", "app"): OfFeatures(ADDED, frozenset({"copilot_app"})),
}


class OfSurface(NamedTuple):
    """A count in an object that only rows with such use have."""

    surface: str
    field: str


OF_SURFACES: Mapping[Amount, OfSurface] = {
    Amount("usage", "cli_messages"): OfSurface(CLI, "prompt_count"),
    Amount("usage", "cli_requests"): OfSurface(CLI, "request_count"),
    Amount("usage", "cli_sessions"): OfSurface(CLI, "session_count"),
    Amount("usage", "app_messages"): OfSurface(APP, "prompt_count"),
    Amount("usage", "app_requests"): OfSurface(APP, "request_count"),
    Amount("usage", "app_sessions"): OfSurface(APP, "session_count"),
    Amount("usage", "agents_window_messages"): OfSurface(AGENTS_WINDOW, "total_user_messages"),
    Amount("usage", "agents_window_sessions"): OfSurface(AGENTS_WINDOW, "session_count"),
}
# In token_usage of the CLI and of the app.
OF_TOKENS: Mapping[Amount, str] = {INPUT: "prompt_tokens_sum", OUTPUT: "output_tokens_sum"}
COUNTED = (*OF_ROW, *OF_FEATURES, *OF_SURFACES, JOBS, *OF_TOKENS)


class Surface(NamedTuple):
    """A client that is no editor: its name, and the flag, the object and the feature that tell of it."""

    client: str
    flag: str
    surface: str
    feature: str


SURFACES = (
    Surface("copilot_cli", "used_cli", CLI, "copilot_cli"),
    Surface("copilot_app", "used_copilot_app", APP, "copilot_app"),
    Surface("vscode_agents_window", "used_vscode_agent", AGENTS_WINDOW, ""),
)

PASSIVE = "used_copilot_code_review_passive"
# People who did something of which there is no count: the first flag that a row has.
FLAGS: Mapping[Amount, tuple[str, ...]] = {
    Amount("usage", "cloud_agent"): ("used_copilot_cloud_agent", "used_copilot_coding_agent"),
    Amount("usage", "code_reviews"): ("used_copilot_code_review_active",),
}
KNOWN_FLAGS = frozenset(
    {
        "used_chat",
        "used_agent",
        PASSIVE,
        *(surface.flag for surface in SURFACES),
        *(name for names in FLAGS.values() for name in names),
    }
)

# The first day of which rows have a field. Before, its absence says nothing; from then on, that there is no such use.
_CLI_BORN = date(2026, 4, 3)
_APP_BORN = date(2026, 7, 28)
BORN: Mapping[Field, date] = {
    **{
        amount: {CLI: _CLI_BORN, APP: _APP_BORN}.get(of.surface, date(2026, 9, 11))
        for amount, of in OF_SURFACES.items()
    },
    JOBS: date(2026, 8, 7),
    "tokens": _CLI_BORN,
    "spend": date(2026, 6, 19),
    Amount("usage", "cloud_agent"): date(2026, 3, 25),
    Amount("usage", "code_reviews"): date(2026, 4, 8),
}
