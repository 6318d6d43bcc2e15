"""For random organizations, what is published of GitHub Copilot equals a brute-force count."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import ONE_DAY
from tests.support.counted_elsewhere import COUNTED_ELSEWHERE
from tests.support.examples import examples
from tests.support.github import GitHub, at, lines

NEWEST = date(2026, 11, 12)
NOW = at(2026, 11, 15)
LENGTHS = {"1d": 1, "7d": 7}
DAYS = [NEWEST - back * ONE_DAY for back in range(7)]
MACHINE = "Deploy-Helper"

# What the mapping calls the fields, written down a second time so that the two can disagree.
ASKED, MADE, TAKEN = (
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
)
SHOWN, WRITTEN, GONE = "loc_suggested_to_add_sum", "loc_added_sum", "loc_deleted_sum"
COUNTERS = (ASKED, MADE, TAKEN, SHOWN, WRITTEN, GONE)
FEATURES = {
    ("usage", "completions_suggested"): (MADE, ["code_completion"]),
    ("usage", "completions_accepted"): (TAKEN, ["code_completion"]),
    ("usage", "chat_messages"): (ASKED, ["chat_inline", "chat_panel_ask_mode"]),
    ("usage", "ide_agent_messages"): (ASKED, ["chat_panel_agent_mode"]),
    ("code_lines", "completions_suggested"): (SHOWN, ["code_completion"]),
    ("code_lines", "completions_accepted"): (WRITTEN, ["code_completion"]),
    ("code_lines", "ide_agent"): (WRITTEN, ["agent_edit"]),
    ("code_lines", "cli"): (WRITTEN, ["copilot_cli"]),
    ("code_lines", "app"): (WRITTEN, ["copilot_app"]),
}
TOPS = {
    ("usage", "messages"): ASKED,
    ("usage", "code_generations"): MADE,
    ("usage", "code_acceptances"): TAKEN,
    ("code_lines", "suggested"): SHOWN,
    ("code_lines", "added"): WRITTEN,
    ("code_lines", "deleted"): GONE,
}
OBJECTS = {
    "totals_by_cli": {"prompt_count": "cli_messages", "request_count": "cli_requests", "session_count": "cli_sessions"},
    "totals_by_copilot_app": {
        "prompt_count": "app_messages",
        "request_count": "app_requests",
        "session_count": "app_sessions",
    },
    "totals_by_vscode_agent": {
        "total_user_messages": "agents_window_messages",
        "session_count": "agents_window_sessions",
    },
}
CLIENTS = {
    "copilot_cli": ("used_cli", "totals_by_cli", "copilot_cli"),
    "copilot_app": ("used_copilot_app", "totals_by_copilot_app", "copilot_app"),
    "vscode_agents_window": ("used_vscode_agent", "totals_by_vscode_agent", ""),
}
PLACED = {"messages": ASKED, "code_generations": MADE, "code_acceptances": TAKEN}
FLAGS = [
    "used_chat",
    "used_cli",
    "used_copilot_app",
    "used_vscode_agent",
    "used_copilot_cloud_agent",
    "used_copilot_code_review_active",
    "used_copilot_code_review_passive",
]

small = st.sampled_from([0, 0, 1, 2, 7])
counts = st.fixed_dictionaries(dict.fromkeys(COUNTERS, small))
features = st.sampled_from(
    ["code_completion", "chat_inline", "chat_panel_ask_mode", "chat_panel_agent_mode", "agent_edit", "copilot_cli"]
)
tokens = st.none() | st.fixed_dictionaries({"prompt_tokens_sum": small, "output_tokens_sum": small})


def entries(**keys: st.SearchStrategy[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.builds(lambda names, did: {**names, **did}, st.fixed_dictionaries(keys), counts), max_size=3)


def surface(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any] | None]:
    return st.none() | st.fixed_dictionaries({"session_count": small, **more})


terminal = surface(prompt_count=small, request_count=small, token_usage=tokens)
full = st.fixed_dictionaries(
    {
        "beyond": counts,
        "totals_by_feature": entries(feature=features | st.just("copilot_app")),
        "totals_by_ide": entries(ide=st.sampled_from(["vscode", "jetbrains", "Unknown", " "])),
        "totals_by_language_feature": entries(language=st.sampled_from(["go", "Go", "unknown", ""]), feature=features),
        "totals_by_model_feature": entries(model=st.sampled_from(["gpt-5.4", " ", "auto"]), feature=features),
        "totals_by_cli": terminal,
        "totals_by_copilot_app": terminal,
        "totals_by_vscode_agent": surface(total_user_messages=small),
        "totals_by_3rd_party_agent": st.lists(
            st.builds(lambda jobs: {"agent_id": "1", ASKED: jobs}, small), max_size=2
        ),
        "flags": st.dictionaries(st.sampled_from(FLAGS), st.sampled_from([True, False, None]), max_size=3),
        "ai_credits_used": st.none() | st.decimals(0, 50, places=3),
    }
)
reduced = st.fixed_dictionaries(
    {"flags": st.just(dict.fromkeys(FLAGS)), "ai_credits_used": st.none() | st.just(Decimal("0.7"))}
)


@dataclass(frozen=True)
class Organization:
    """The files of each day, and the members of teams by team id and slug on days that tell them."""

    files: Mapping[date, Sequence[Sequence[dict[str, Any]]]]
    teams: Mapping[date, Mapping[tuple[int, str], Sequence[int]]]


def row_of(who: int | None, day: date, login: str, did: dict[str, Any]) -> dict[str, Any]:
    top = {
        counter: did["beyond"][counter] + sum(part[counter] for part in did["totals_by_feature"])
        if "beyond" in did
        else 0
        for counter in COUNTERS
    }
    rest = {key: value for key, value in did.items() if key not in ("beyond", "flags") and value is not None}
    who_ = {} if who is None else {"user_id": who}
    return {"day": str(day), **who_, "user_login": login, **top, **rest, **did["flags"]}


@st.composite
def organizations(draw: st.DrawFn) -> Organization:
    """Up to seven days of five people, an App, a machine user and rows of nobody."""
    files: dict[date, list[list[dict[str, Any]]]] = {}
    teams: dict[date, dict[tuple[int, str], list[int]]] = {}
    told = draw(st.booleans())
    for day in DAYS:
        files[day] = [[] for _ in range(draw(st.integers(1, 3)))]
        for who in draw(st.lists(st.sampled_from([1, 2, 3, 4, 5, 6, 7, None]), max_size=4)):
            login = {6: "helper[bot]", 7: MACHINE.lower()}.get(
                who or 0, draw(st.sampled_from([f"p{who}", f"new-p{who}"]))
            )
            row = row_of(who, day, login, draw(st.one_of(full, full, reduced)))
            files[day][draw(st.integers(0, len(files[day]) - 1))].append(row)
        if told or draw(st.booleans()):
            named = st.tuples(st.sampled_from([41, 42, 43]), st.sampled_from(["web", "data"]))
            found = draw(st.dictionaries(named, st.lists(st.integers(1, 8), unique=True, min_size=1), min_size=1))
            # A team has one slug on a day.
            teams[day] = {
                key: ids for key, ids in found.items() if key == max(other for other in found if other[0] == key[0])
            }
    return Organization(files, teams)


def rows_of(files: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows that count: the last one of everybody, and each one of nobody."""
    found: dict[Any, dict[str, Any]] = {}
    for number, row in enumerate(row for file in files for row in file):
        found[row.get("user_id", f"nobody {number}")] = row
    return list(found.values())


def named(organization: Organization, day: date) -> bool:
    return any("user_id" in row for row in rows_of(organization.files[day]))


def members_of(organization: Organization, day: date, slugs: Mapping[int, str]) -> dict[str, set[int]] | None:
    """The members of each team by its newest slug; None where they are not known."""
    if not named(organization, day):
        return {}
    if not organization.teams.get(day):
        return None
    found: dict[str, set[int]] = defaultdict(set)
    for (team, _), ids in organization.teams[day].items():
        found[slugs[team]].update(ids)
    return found


def positive(counted: Mapping[str, Any]) -> bool:
    return any(isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in counted.values())


def some(row: dict[str, Any], key: str) -> Any:
    found = row.get(key)
    return [] if found is None else found


def is_active(row: dict[str, Any]) -> bool:
    flags = {key: value for key, value in row.items() if key.startswith("used_")}
    works = any(row[counter] for counter in COUNTERS)
    has_parts = any(row[key] for key in row if key.startswith("totals_by_"))
    if all(flag is None for flag in flags.values()) and not works and not has_parts:
        return True
    passive = flags.pop("used_copilot_code_review_passive", None)
    uses = any(positive(some(row, key) or {}) for key in OBJECTS) or any(
        map(positive, some(row, "totals_by_3rd_party_agent"))
    )
    # A feature without its object tells the terminal and the app too, and is in the whole.
    credit = row.get("ai_credits_used")
    return works or uses or any(flags.values()) or (credit is not None and credit > 0 and passive is not True)


def is_robot(row: dict[str, Any]) -> bool:
    login: str = row["user_login"]
    return login.endswith("[bot]") or login == MACHINE.lower()


def amounts(row: dict[str, Any]) -> dict[tuple[str, ...], Decimal | int]:
    """What a row counts."""
    found: dict[tuple[str, ...], Decimal | int] = {key: row[counter] for key, counter in TOPS.items()}
    for key, (counter, names) in FEATURES.items():
        found[key] = sum(part[counter] for part in some(row, "totals_by_feature") if part["feature"] in names)
    for name, words in OBJECTS.items():
        for field, activity in words.items():
            found["usage", activity] = (some(row, name) or {}).get(field, 0)
    found["usage", "third_party_agent_jobs"] = sum(part[ASKED] for part in some(row, "totals_by_3rd_party_agent"))
    for kind, field in (("input", "prompt_tokens_sum"), ("output", "output_tokens_sum")):
        usages = [
            (some(row, name) or {}).get("token_usage") or {} for name in ("totals_by_cli", "totals_by_copilot_app")
        ]
        found["tokens", kind] = sum(usage.get(field, 0) for usage in usages)
    found["spend", "USD", "estimated"] = (row.get("ai_credits_used") or Decimal(0)) / 100
    return found


def placed(row: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, int], bool]]:
    """Dimension, member, usage by activity, and whether the row's account is one of its people."""
    known = {"Unknown": "unknown", " ": "unknown", "": "unknown"}
    clients = []
    for part in some(row, "totals_by_ide"):
        if positive(part):
            clients.append(
                (known.get(part["ide"], part["ide"]), {key: part[counter] for key, counter in PLACED.items()})
            )
    for client, (flag, name, feature) in CLIENTS.items():
        mine = [part for part in some(row, "totals_by_feature") if part["feature"] == feature]
        if row.get(flag) or positive(some(row, name) or {}) or any(map(positive, mine)):
            clients.append((client, {key: sum(part[counter] for part in mine) for key, counter in PLACED.items()}))
    for client, did in clients:
        yield "client", client, did, True
    beyond = {key: max(0, row[counter] - sum(did[key] for _, did in clients)) for key, counter in PLACED.items()}
    yield "client", "unattributed", beyond, False
    for part in some(row, "totals_by_language_feature"):
        if positive(part):
            code = {"code_generations": part[MADE], "code_acceptances": part[TAKEN]}
            if part["feature"] == "code_completion":
                code |= {"completions_suggested": part[MADE], "completions_accepted": part[TAKEN]}
            yield "language", known.get(part["language"], part["language"]), code, True
    for part in some(row, "totals_by_model_feature"):
        if positive(part):
            yield "model", part["model"].strip() or "unknown", {key: part[at_] for key, at_ in PLACED.items()}, True


METRICS = {
    "usage": "adoption_usage",
    "code_lines": "adoption_code_lines",
    "tokens": "adoption_tokens",
    "spend": "adoption_spend",
}


def counted(organization: Organization) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Every head-count and sum of both windows, the slow and obvious way."""
    slugs: dict[int, str] = {}
    for day in reversed(DAYS):
        # Nobody asks who is in which team on a day without anybody.
        if named(organization, day):
            slugs.update(organization.teams.get(day, {}).keys())
    for window, length in LENGTHS.items():
        people: dict[tuple[str, ...], set[int]] = defaultdict(set)
        sums: dict[tuple[str, ...], Decimal | int] = defaultdict(int)
        teams_known = True
        people["adoption_active_users",] = set()
        people["adoption_active_service_accounts",] = set()
        for day in DAYS[:length]:
            rows, members = rows_of(organization.files[day]), members_of(organization, day, slugs)
            teams_known = teams_known and members is not None
            for row in rows or [{**dict.fromkeys(COUNTERS, 0), "user_login": "nobody"}]:
                robot = is_robot(row)
                who: Any = row.get("user_id")
                active = who is not None and is_active(row)
                mine = [team for team, ids in (members or {}).items() if who in ids and not robot] or ["unassigned"]
                if active:
                    people["adoption_active_service_accounts" if robot else "adoption_active_users",].add(who)
                if active and not robot:
                    for team in mine:
                        people["adoption_team_active_users", team].add(who)
                    if row.get("used_copilot_cloud_agent"):
                        people["adoption_activity_active_users", "cloud_agent"].add(who)
                    if row.get("used_copilot_code_review_active"):
                        people["adoption_activity_active_users", "code_reviews"].add(who)
                for (measure, *words), value in amounts(row).items():
                    sums[METRICS[measure], *words] += value
                    if measure == "usage" and value > 0 and active and not robot:
                        people["adoption_activity_active_users", words[0]].add(who)
                    if measure != "code_lines":
                        for team in mine:
                            sums[METRICS[measure].replace("adoption_", "adoption_team_"), *words, team] += value
                for dimension, member, did, is_person in placed(row):
                    if is_person and active and not robot:
                        people[f"adoption_{dimension}_active_users", member].add(who)
                    for activity, value in did.items():
                        sums[f"adoption_{dimension}_usage", activity, member] += value
        for (metric, *labels), names in people.items():
            if teams_known or not metric.startswith("adoption_team_"):
                yield metric, (window, *labels), float(len(names))
        for (metric, *labels), value in sums.items():
            whole = metric in METRICS.values()
            if (value or whole) and (teams_known or not metric.startswith("adoption_team_")):
                yield metric, (window, *labels), float(value)


def publish(organization: Organization) -> GitHub:
    made = GitHub()
    for day, files in organization.files.items():
        if any(files):
            texts = [[json.dumps(row, default=float) for row in file] for file in files]
            made.put("users-1-day", day, *("\n".join(text).encode() for text in texts))
        else:
            made.put("organization-1-day", day, lines({"day": str(day), "daily_active_users": 0}))
        if day in organization.teams:
            rows = [
                {"day": str(day), "user_id": one, "team_id": team, "slug": slug}
                for (team, slug), ids in organization.teams[day].items()
                for one in ids
            ]
            made.put("user-teams-1-day", day, lines(*rows))
    return made


@pytest.mark.slow
@examples(25)
@given(organization=organizations())
def test_what_is_published_equals_a_brute_force_count(organization: Organization) -> None:
    bench = publish(organization).polls(
        NOW,
        history=timedelta(days=7),
        lookback=timedelta(0),
        teams={"from": "vendor"},
        service_accounts=[MACHINE],
        seats=9,
    )
    status = bench.poll()
    published = {
        (sample.metric, sample.labels[3:]): sample.value
        for sample in bench.samples()
        if len(sample.labels) > 3 and sample.metric not in COUNTED_ELSEWHERE
    }

    assert status.failure is None
    assert published == {(metric, labels): value for metric, labels, value in counted(organization)}
