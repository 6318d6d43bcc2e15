"""What people do with a vendor's tool: activities, completions, editors and languages, time, code, teams."""

from collections.abc import Iterator

from grafana import charts, links, measures, panels
from grafana.boards import Section
from grafana.colors import BLUE, GREY, PURPLE
from grafana.panels import ACTIVITY, Panel, Query
from grafana.tables import trends
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
        yield panels.ranking(words, f"sort_desc({people})", ACTIVITY, height=12)
        did = "Distinct people who did each activity in 28 days." + _NEVER_ADD
        yield charts.long_lines(
            vendor.half_a_year("People by activity over half a year", did, panels.PEOPLE),
            Query(facts.trend("adoption_activity_active_users", "activity", window="28d"), ACTIVITY),
            height=12,
        )
    if vendor.activities:
        usage = facts.now("adoption_usage", "activity", where=_OTHERS, window="$window")
        everybody = f"{_BY_ALL} {measures.people(facts, '$window')}"
        counted = f"Events of the chosen window ÷ all distinct people of it. {vendor.activities}"
        words = vendor.newest("Usage per person", counted, panels.EVENTS)
        yield panels.ranking(words, f"sort_desc({usage}\n/ {everybody} > 0)", ACTIVITY, height=12)
        usage = facts.trend("adoption_usage", "activity", where=_OTHERS, window="28d")
        counted = (
            f"Events in 28 days; each line of the grid is ten times the one below. {vendor.activities}{_NEVER_ADD}"
        )
        yield charts.long_lines(
            vendor.half_a_year("Usage over half a year", counted, panels.EVENTS),
            Query(f"{usage} > 0", ACTIVITY),
            height=12,
            log=True,
        )


def _completions(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    shares = "Accepted ÷ suggested completions, both summed over the chosen window"
    if vendor.completions_by_editor:
        share = measures.accepted_now(facts, "$window", "client")
        yield panels.ranking(
            vendor.newest("Accepted share by editor", f"{shares}.", panels.SHARE),
            f"sort_desc({share})",
            "{{client}}",
            width=8,
            height=12,
        )
    if vendor.editors and vendor.languages:
        most = facts.now("adoption_language_usage", "language", activity="completions_suggested", window="$window")
        share = measures.accepted_now(facts, "$window", "language")
        yield panels.ranking(
            vendor.newest(
                "Accepted share by language", f"{shares}; the ten languages with the most suggestions.", panels.SHARE
            ),
            f"sort_desc({share}\nand topk(10, {most}))",
            "{{language}}",
            width=8,
            height=12,
        )
    counted = "Completions suggested and accepted in the chosen window, those of service accounts too."
    yield panels.bars(
        vendor.newest("Completions", counted, panels.EVENTS),
        *(
            Query(facts.now("adoption_usage", activity=f"completions_{kind}", window="$window"), kind, color)
            for kind, color in (("suggested", GREY), ("accepted", BLUE))
        ),
        width=8,
        height=12,
    )
    words = vendor.half_a_year(
        "Accepted share over half a year", "Accepted ÷ suggested completions of 28 days.", panels.SHARE
    )
    everywhere = measures.accepted_trend(facts)
    if not vendor.completions_by_editor:
        yield charts.long_lines(words, Query(everywhere, "all", BLUE), width=8, height=11)
        return
    by_editor = measures.accepted_trend(facts, "client")
    yield trends(
        words, f'{by_editor}\nor label_replace({everywhere}, "client", "all", "client", "")', "client", width=24
    )


def _editors(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    several = "One person counts in each that they use: never add them."
    kinds = [("client", "editor"), ("language", "language")] if vendor.languages else [("client", "editor")]
    for kind, of in kinds:
        people = facts.now(f"adoption_{kind}_active_users", kind, window="$window")
        yield panels.ranking(
            vendor.newest(
                f"People by {of}",
                f"Distinct people by {of} in the chosen window, the ten largest. {several}",
                panels.PEOPLE,
            ),
            f"sort_desc(topk(10, {people}))",
            f"{{{{{kind}}}}}",
            width=8,
            height=12,
        )
    yield trends(
        vendor.half_a_year(
            "People by editor over half a year",
            f"Distinct people by editor or client in 28 days. {several}",
            panels.PEOPLE,
        ),
        facts.trend("adoption_client_active_users", "client", window="28d"),
        "client",
        width=24 - 8 * len(kinds),
        height=12,
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
    ).no_value("it does not name models")
    tokens = facts.now("adoption_tokens", "kind", window="$window")
    yield panels.ranking(
        vendor.newest(
            "Tokens",
            "Tokens by kind in the chosen window, those of service accounts too. Reading a cache is cheap and dwarfs "
            "the rest: never add kinds.",
            panels.EVENTS,
        ),
        f"sort_desc({tokens})",
        "{{kind}}",
        width=8,
    ).no_value("it does not count tokens")
    spend = facts.now("adoption_spend", "currency", "basis", window="$window")
    yield panels.ranking(
        vendor.newest(
            "Money",
            "Money in the chosen window. estimated: at list price, nobody is billed by it; included: covered by the "
            "plan; charged: billed on top. Never add currencies or bases.",
            panels.EVENTS,
        ),
        f"sort_desc({spend})",
        "{{currency}} · {{basis}}",
        width=8,
    ).no_value("it does not say what usage costs")


def _time(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    seconds = facts.now("adoption_active_time_seconds", window="28d")
    if vendor.activity_time:
        by_activity = facts.now("adoption_activity_active_time_seconds", "activity", window="$window")
        yield panels.ranking(
            vendor.newest(
                "Time by activity", f"Hours in the chosen window, all people together.{_NEVER_ADD}", panels.HOURS
            ),
            f"sort_desc({by_activity} / 3600)",
            ACTIVITY,
            width=8,
        )
    if vendor.sessions:
        sessions = facts.now("adoption_usage", activity="sessions", window="28d")
        yield panels.number(
            vendor.newest("Length of a session", "Time of all sessions of 28 days ÷ their number.", panels.MINUTES),
            f"{seconds}\n/ {sessions} / 60",
            width=8,
        )
    yield panels.number(
        vendor.newest("Time per person", "Hours of 28 days ÷ their distinct people.", panels.HOURS),
        f"{seconds}\n/ {measures.people(facts, '28d')} / 3600",
        width=8,
    )
    people = facts.trend("adoption_active_users", window="28d")
    yield charts.long_lines(
        vendor.half_a_year(
            "Time per person over half a year", "Hours of 28 days ÷ their distinct people.", panels.HOURS
        ),
        Query(f"{facts.trend('adoption_active_time_seconds', window='28d')}\n/ {people} / 3600", "hours", PURPLE),
        width=8,
    )


def _code(vendor: Vendor, kind: str) -> Panel:
    words = vendor.newest(
        f"{kind.capitalize()} of code",
        f"{kind.capitalize()} of code of each activity in the chosen window, those of service accounts "
        f"too.{_NEVER_ADD}",
        panels.EVENTS,
    )
    code = vendor.facts.now(f"adoption_code_{kind}", "activity", window="$window")
    return panels.ranking(words, f"sort_desc({code})", ACTIVITY, width=24 // len(vendor.code), height=10)


def _teams(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    people = facts.now("adoption_team_active_users", "team", window="$window")
    who = "Distinct people by team in the chosen window; who is in no team is in unassigned."
    words = vendor.newest("People by team", who, panels.PEOPLE)
    yield panels.ranking(words, f"sort_desc({people})", "{{team}}", height=10, link=links.TEAM_HERE)
    yield trends(
        vendor.half_a_year("People by team over half a year", "Distinct people by team in 28 days.", panels.PEOPLE),
        facts.trend("adoption_team_active_users", "team", window="28d"),
        "team",
        link=links.TEAM_CELL_HERE,
        height=10,
    )
