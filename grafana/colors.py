"""Colors: one palette, one color for each vendor's sources and each activity, and three that are a verdict.

Colors of the palette are at least 25 apart (CIE 76) for everybody, for protanopia and for deuteranopia; a test computes
it. None of them is green, yellow or red, which mean good, look and bad.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

GOOD, LOOK, BAD = "#2DB38F", "#E8B60C", "#D1294B"

BLUE, ORANGE, SAND, BROWN = "#0C7EE9", "#E97A0C", "#E2B88D", "#A34E29"
INDIGO, SKY, GREY, PURPLE = "#2A41F4", "#51BCF6", "#808080", "#7D428A"
PALETTE = (BLUE, ORANGE, SAND, BROWN, INDIGO, SKY, GREY, PURPLE)

_STROKES: tuple[tuple[int, ...], ...] = ((), (10, 6), (2, 6), (10, 4, 2, 4))


@dataclass(frozen=True)
class Look:
    """How the lines of these activities are drawn. `dash` are lengths of strokes and gaps in pixels."""

    activities: Sequence[str]
    color: str
    dash: tuple[int, ...]


# Activities of one look, of which no vendor has two.
_ALIKE: Sequence[Sequence[str]] = (
    ("chat_messages", "events", "ide", "vscode"),
    ("ide_agent_messages", "agent_messages", "page_views", "code_server", "searches"),
    ("completions_accepted", "link_clicks", "tunnel", "jetbrains"),
    ("completions_suggested", "sessions", "web_terminal"),
    ("messages", "requests", "login", "ssh", "code_navigation"),
    ("tool_calls", "code_generations", "edits_applied", "code_insight_views"),
    ("cli_agent_interactive_messages", "cli_messages", "edits_suggested", "commands"),
    ("cli_agent_non_interactive_messages", "code_acceptances", "edits_accepted", "auto_edits_suggested"),
    ("remote_agent_messages", "cli_sessions", "edits_rejected", "auto_edits_accepted"),
    ("cli_agent_interactive", "cli_requests", "composer_messages", "chats_and_commands", "commits"),
    ("cli_agent_non_interactive", "cli", "inline_edits", "completions_and_auto_edits", "pull_requests"),
    ("ide_agent", "written"),
    ("remote_agent", "written_by_assistant", "deleted", "removed"),
    ("modified", "accepted", "suggested"),
    ("cloud_agent", "cloud_agent_requests"),
    ("third_party_agent_jobs", "automation_requests"),
    ("app", "accepted_deleted"),
    ("added", "mcp_tool_calls"),
    ("agents_window_messages", "unknown"),
    ("agents_window_sessions", "reconnecting_pty"),
    ("app_messages",),
    ("app_sessions",),
    ("code_reviews",),
    ("skills",),
    ("ask_messages",),
    ("plan_messages",),
    ("agent_edits_suggested",),
    ("agent_edits_accepted",),
    ("agent_edits_rejected",),
    ("agent_suggested",),
    ("agent_accepted",),
)

LOOKS = tuple(
    Look(names, color, dash) for names, (dash, color) in zip(_ALIKE, product(_STROKES, PALETTE), strict=False)
)
