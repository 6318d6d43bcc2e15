"""Rows of GitHub's usage metrics over the synthetic company.

Written from https://docs.github.com/en/copilot/reference/copilot-usage-metrics (read 2026-11).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from exporter.simulator.company import Company, PersonDay
from exporter.simulator.copilot_staff import belongs, login, team_id, teams, user_id
from exporter.simulator.people import Person
from exporter.simulator.stream import Stream
from exporter.simulator.work import Work

Row = Mapping[str, Any]

_COUNTERS = (
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_suggested_to_add_sum",
    "loc_suggested_to_delete_sum",
    "loc_added_sum",
    "loc_deleted_sum",
)
_IDES = {"VSCode": "vscode", "JetBrains": "jetbrains", "Vim": "vim", "Unknown": "others"}
_LANGUAGES = {"HCL": "terraform", "Shell": "shellscript"}
_MODELS = ("claude-sonnet-4.6", "gpt-5.4", "auto")
_FLAGS = (
    "used_chat",
    "used_agent",
    "used_cli",
    "used_copilot_cloud_agent",
    "used_copilot_coding_agent",
    "used_copilot_code_review_active",
    "used_copilot_code_review_passive",
)
_NONE = (0,) * len(_COUNTERS)
# GitHub knows that many person-days by its servers alone, and sends them without a flag and without a count.
_REDUCED = 0.12
# Reviews that a repository asked for, of people who did nothing themselves.
_PASSIVE = 0.02


class Event(NamedTuple):
    """Something of a day, with the seven counters. The terminal has no `ide`, completions have no model."""

    feature: str
    language: str
    ide: str | None
    model: str | None
    counts: tuple[int, ...]


def users(company: Company, place: str, day: date, entries: Sequence[PersonDay]) -> list[Row]:
    """The rows of users-1-day: one for each account that GitHub knows of on the day."""
    rows = [_row(company, entry) for entry in entries if belongs(entry.person, place)]
    active = {entry.person for entry in entries}
    idle = (person for person in company.roster(day) if person not in active and belongs(person, place))
    reviewed = (person for person in idle if company.stream(day, person, "review").chance(_PASSIVE))
    return rows + [_quiet(company, day, person, passive=True) for person in reviewed]


def memberships(company: Company, place: str, day: date) -> list[Row]:
    """The rows of user-teams-1-day, of members without activity too."""
    return [
        {
            "user_id": user_id(person),
            "user_login": login(company, person, day),
            "day": day.isoformat(),
            "team_id": team_id(team),
            "slug": team,
        }
        for team, members in teams(company, place, day).items()
        for person in members
    ]


def aggregate(day: date, rows: Sequence[Row]) -> Row:
    """The row of organization-1-day or enterprise-1-day, as far as a day is told by it."""
    active = [row for row in rows if row.get("used_copilot_code_review_passive") is not True]
    return {"day": day.isoformat(), "daily_active_users": len(active), "totals_by_ide": [], "totals_by_feature": []}


def _row(company: Company, entry: PersonDay) -> Row:
    stream = company.stream(entry.day, entry.person, "copilot")
    if not entry.person.service and stream.chance(_REDUCED):
        return _quiet(company, entry.day, entry.person, passive=False)
    events = [event for work in entry.works for event in _events(stream, work)]
    in_terminal = [event for event in events if event.feature == "copilot_cli"]
    cloud = any(work.metrics.remote_agent_messages for work in entry.works)
    flags = dict.fromkeys(_FLAGS, False) | {
        "used_chat": any(event.feature.startswith("chat_panel") for event in events),
        "used_agent": any(event.feature == "agent_edit" for event in events),
        "used_cli": bool(in_terminal),
        "used_copilot_cloud_agent": cloud,
        "used_copilot_coding_agent": cloud,
        "used_copilot_code_review_active": stream.chance(0.1),
    }
    prompts = sum(event.counts[0] for event in in_terminal)
    messages = sum(event.counts[0] for event in events)
    return {
        **_who(company, entry.day, entry.person),
        **_named(_sum(events)),
        "totals_by_ide": _totals(events, ide=lambda event: event.ide),
        "totals_by_feature": _totals(events, feature=lambda event: event.feature),
        "totals_by_language_feature": _totals(
            events, language=lambda event: event.language, feature=lambda event: event.feature
        ),
        "totals_by_model_feature": _totals(
            events, model=lambda event: event.model, feature=lambda event: event.feature
        ),
        **flags,
        **({"totals_by_cli": _terminal(stream, prompts)} if in_terminal else {}),
        "totals_by_copilot_app": None,
        "totals_by_3rd_party_agent": _jobs(stream),
        **({"ai_credits_used": round(messages * stream.whole(50, 400) / 100, 2)} if messages else {}),
        "ai_adoption_phase": {"phase_number": 2, "phase": "Phase 2", "version": "v1"},
    }


def _quiet(company: Company, day: date, person: Person, *, passive: bool) -> Row:
    """A reduced row, or one of somebody for whom a review was assigned."""
    flags: dict[str, bool | None] = dict.fromkeys(_FLAGS, False if passive else None)
    if passive:
        flags["used_copilot_code_review_passive"] = True
    parts = dict.fromkeys(("totals_by_ide", "totals_by_feature", "totals_by_language_feature"), ())
    credit = {"ai_credits_used": 0.75} if person.number % 3 == 0 else {}
    return {**_who(company, day, person), **_named(_NONE), **parts, "totals_by_model_feature": (), **flags, **credit}


def _who(company: Company, day: date, person: Person) -> Row:
    return {
        "day": day.isoformat(),
        "enterprise_id": "13213",
        "user_id": user_id(person),
        "user_login": login(company, person, day),
        "some_field_of_tomorrow": {"x": 1},
    }


def _events(stream: Stream, work: Work) -> Iterator[Event]:
    """What a person did in one editor or terminal and one language."""
    did = work.metrics
    language, model = _LANGUAGES.get(work.language, work.language.lower()), stream.pick(_MODELS)
    if work.editor == "CLI":
        prompts = did.cli_agent_interactive_messages + did.cli_agent_non_interactive_messages
        lines = did.cli_agent_interactive_lines_of_code + did.cli_agent_non_interactive_lines_of_code
        yield Event("copilot_cli", language, None, model, (prompts, prompts, prompts // 2, 0, 0, lines, lines // 3))
        return
    ide = _IDES[work.editor]
    if did.completions_count:
        shown, taken = did.completions_suggested_lines_of_code, did.completions_lines_of_code
        counts = (0, did.completions_count, did.completions_accepted, shown, 0, taken, 0)
        yield Event("code_completion", language, ide, None, counts)
    if did.chat_messages:
        blocks = did.chat_messages // 2
        counts = (did.chat_messages, blocks, blocks // 2, 4 * blocks, 0, blocks, 0)
        yield Event("chat_panel_ask_mode", language, ide, model, counts)
    if did.ide_agent_messages:
        yield Event("chat_panel_agent_mode", language, ide, model, (did.ide_agent_messages, 0, 0, 0, 0, 0, 0))
        edited = did.ide_agent_lines_of_code
        yield Event("agent_edit", language, ide, model, (0, did.ide_agent_messages, 0, 0, 0, edited, edited // 4))


def _totals(events: Sequence[Event], **keys: Callable[[Event], str | None]) -> list[Row]:
    """The sums by some keys, of the events that have all of them."""
    found: dict[tuple[str | None, ...], list[Event]] = {}
    for event in events:
        key = tuple(of(event) for of in keys.values())
        if None not in key:
            found.setdefault(key, []).append(event)
    return [{**dict(zip(keys, key, strict=True)), **_named(_sum(some))} for key, some in found.items()]


def _sum(events: Sequence[Event]) -> tuple[int, ...]:
    return tuple(map(sum, zip(_NONE, *(event.counts for event in events), strict=True)))


def _named(counts: Sequence[int]) -> Mapping[str, int]:
    return dict(zip(_COUNTERS, counts, strict=True))


def _terminal(stream: Stream, prompts: int) -> Row:
    requests = prompts * stream.whole(2, 12)
    return {
        "session_count": 1 + prompts // 5,
        "request_count": requests,
        "prompt_count": prompts,
        "token_usage": {
            "prompt_tokens_sum": requests * stream.whole(10_000, 60_000),
            "output_tokens_sum": requests * stream.whole(200, 900),
            "avg_tokens_per_request": 1.5 if requests else None,
        },
    }


def _jobs(stream: Stream) -> Sequence[Row]:
    if not stream.chance(0.03):
        return ()
    return [{"agent_id": "2246796", "agent_name": "Claude (Anthropic)", "user_initiated_interaction_count": 2}]
