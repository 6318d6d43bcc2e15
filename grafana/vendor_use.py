"""What people do with a vendor's tool: activities, completions, editors and languages, time, code, teams."""

from collections.abc import Iterator

from grafana import measures, panels
from grafana.boards import Section
from grafana.panels import Panel, Query
from grafana.vendors import Vendor

_NEVER_ADD = " Activities overlap and differ in kind: never add them."
# Completions have panels of their own: they are a thousand times as many.
_OTHERS = 'activity!~"completions_.*|auto_edits_.*"'
_BY_ALL = "on (source, vendor, scope) group_left"


def sections(vendor: Vendor) -> Iterator[Section]:
    """The sections that the vendor's series can fill."""
    yield Section("What people do", [*_activities(vendor)])
    if vendor.completions:
        yield Section("Completions", [*_completions(vendor)])
    if vendor.editors:
        yield Section("Editors and languages" if vendor.languages else "Clients", [*_editors(vendor)])
    if vendor.models:
        yield Section("Models, tokens and money", [*_models(vendor)])
    if vendor.time:
        yield Section("Time", [*_time(vendor)])
    yield Section("Code", [_code(vendor, kind) for kind in vendor.code])
    if vendor.listed:
        yield Section("Teams", [*_teams(vendor)])


def _activities(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    if vendor.activity_people:
        did = "Distinct people who did each activity in the chosen window." + _NEVER_ADD
        people = facts.now("adoption_activity_active_users", "activity", window="$window")
        words = vendor.newest("People by activity", did, panels.PEOPLE)
        yield panels.ranking(words, f"sort_desc({people})", "{{activity}}", width=8)
        yield panels.lines(
            vendor.each_day("People by activity over time", did, panels.PEOPLE),
            Query(facts.each_day("adoption_activity_active_users", "activity", window="$window"), "{{activity}}"),
            width=16,
        )
    if vendor.activities:
        usage = facts.of_day("adoption_usage", "activity", where=_OTHERS, window="$window")
        counted = f"Events in the chosen window. {vendor.activities}{_NEVER_ADD}"
        yield panels.lines(
            vendor.each_day("Usage by activity", counted, panels.EVENTS), Query(facts.daily(usage), "{{activity}}")
        )
        everybody = f"{_BY_ALL} {facts.of_day('adoption_active_users', window='$window')}"
        counted = f"Events of the chosen window ÷ all distinct people of it. {vendor.activities}"
        yield panels.lines(
            vendor.each_day("Usage per person", counted, panels.EVENTS),
            Query(facts.daily(f"{usage}\n/ {everybody}"), "{{activity}}"),
        )


def _completions(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    yield panels.lines(
        vendor.each_day(
            "Completions",
            "Completions suggested and accepted in the chosen window, those of service accounts too.",
            panels.EVENTS,
        ),
        *(
            Query(
                facts.each_day("adoption_usage", activity=f"completions_{kind}", window="$window"),
                kind,
                color,
                style="area",
            )
            for kind, color in (("suggested", "blue"), ("accepted", "green"))
        ),
        width=8,
    )
    shares = "Accepted ÷ suggested completions, both summed over the chosen window"
    yield panels.lines(
        vendor.each_day("Accepted share", f"{shares}; in all and by editor.", panels.SHARE),
        Query(measures.accepted_each_day(facts), "all", "green"),
        Query(measures.accepted_each_day(facts, "client"), "{{client}}"),
        width=8,
    )
    most = facts.now("adoption_language_usage", "language", activity="completions_suggested", window="$window")
    share = measures.accepted_now(facts, "$window", "language")
    yield panels.ranking(
        vendor.newest(
            "Accepted share by language", f"{shares}; the ten languages with the most suggestions.", panels.SHARE
        ),
        f"sort_desc({share}\nand topk(10, {most}))",
        "{{language}}",
        width=8,
    )


def _editors(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    several = "One person counts in each that they use: never add them."
    yield panels.lines(
        vendor.each_day(
            "People by editor", f"Distinct people by editor or client in the chosen window. {several}", panels.PEOPLE
        ),
        Query(facts.each_day("adoption_client_active_users", "client", window="$window"), "{{client}}"),
        width=16 if vendor.languages else 24,
    )
    if not vendor.languages:
        return
    people = facts.now("adoption_language_active_users", "language", window="$window")
    yield panels.ranking(
        vendor.newest(
            "People by language",
            f"Distinct people by programming language in the chosen window, the ten largest. {several}",
            panels.PEOPLE,
        ),
        f"sort_desc(topk(10, {people}))",
        "{{language}}",
        width=8,
    )


def _models(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    several = "One person counts in each that they use: never add them."
    people = facts.now("adoption_model_active_users", "model", window="$window")
    yield panels.ranking(
        vendor.newest("People by model", f"Distinct people by AI model in the chosen window. {several}", panels.PEOPLE),
        f"sort_desc({people})",
        "{{model}}",
        width=8,
    )
    yield panels.lines(
        vendor.each_day(
            "Tokens",
            "Tokens by kind in the chosen window, those of service accounts too. Reading a cache is cheap and dwarfs "
            "the rest: never add kinds.",
            panels.EVENTS,
        ),
        Query(facts.each_day("adoption_tokens", "kind", window="$window"), "{{kind}}"),
        width=8,
    )
    yield panels.lines(
        vendor.each_day(
            "Money",
            "Money in the chosen window. estimated: at list price, nobody is billed by it; included: covered by the "
            "plan; charged: billed on top. Never add currencies or bases.",
            panels.EVENTS,
        ),
        Query(facts.each_day("adoption_spend", "currency", "basis", window="$window"), "{{currency}}, {{basis}}"),
        width=8,
    )


def _time(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    seconds = facts.of_day("adoption_active_time_seconds", window="$window")
    if vendor.activity_time:
        by_activity = facts.of_day("adoption_activity_active_time_seconds", "activity", window="$window")
        yield panels.lines(
            vendor.each_day(
                "Time by activity", f"Hours in the chosen window, all people together.{_NEVER_ADD}", panels.HOURS
            ),
            Query(facts.daily(f"{by_activity} / 3600"), "{{activity}}"),
        )
    if vendor.sessions:
        sessions = facts.of_day("adoption_usage", activity="sessions", window="$window")
        yield panels.lines(
            vendor.each_day(
                "Length of a session", "Time of all sessions ÷ their number, over the chosen window.", panels.MINUTES
            ),
            Query(facts.daily(f"{seconds}\n/ {sessions} / 60"), "average session", "blue", style="area"),
        )
    everybody = facts.of_day("adoption_active_users", window="$window")
    yield panels.lines(
        vendor.each_day("Time per person", "Hours of the chosen window ÷ its distinct people.", panels.HOURS),
        Query(facts.daily(f"{seconds}\n/ {everybody} / 3600"), "hours per person", "purple", style="area"),
    )


def _code(vendor: Vendor, kind: str) -> Panel:
    facts = vendor.facts
    return panels.lines(
        vendor.each_day(
            f"{kind.capitalize()} of code",
            f"{kind.capitalize()} of code of each activity in the chosen window, those of service accounts "
            f"too.{_NEVER_ADD}",
            panels.EVENTS,
        ),
        Query(facts.each_day(f"adoption_code_{kind}", "activity", window="$window"), "{{activity}}"),
        width=24 // len(vendor.code),
    )


def _teams(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    people = facts.now("adoption_team_active_users", "team", window="$window")
    who = "Distinct people by team of the teams file in the chosen window; who is in no team is in unassigned."
    yield panels.ranking(
        vendor.newest("People by team", who, panels.PEOPLE), f"sort_desc({people})", "{{team}}", width=8
    )
    yield panels.lines(
        vendor.each_day("People by team over time", who, panels.PEOPLE),
        Query(facts.each_day("adoption_team_active_users", "team", window="$window"), "{{team}}"),
        width=16,
    )
