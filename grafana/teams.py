"""Teams: which teams use which tool, how much, and which have stopped; for who has to ask somebody."""

from collections.abc import Iterator

from grafana_foundation_sdk.models import dashboard as models

from grafana import measures, panels
from grafana.boards import Section, board, scopes, sources, teams, window
from grafana.measures import LATE, NEWEST
from grafana.panels import Panel, Query, Words
from grafana.queries import Facts
from grafana.tables import Column, matrix, rows

_PEOPLE = "adoption_team_active_users"
_CHOSEN = 'team=~"$team"'
_WHO = " Teams are those of the teams file; who is in no team is in unassigned."
_BY_TEAM = "on (source, vendor, scope, team) group_left"


def teams_board() -> models.Dashboard:
    """The dashboard of one source and scope at a time, under a table of all."""
    facts = Facts('source=~"$source", scope=~"$scope"')
    return board(
        "teams",
        "Adoption: Teams",
        "Which teams use which tool, how much, and which have stopped. One source and scope at a time under a "
        "table of all.",
        [sources(_PEOPLE), scopes(_PEOPLE), window(), teams()],
        [
            Section("Which team uses what?", [_matrix()]),
            Section("People of the chosen tool", [_glance(facts), _people(facts), _alive(facts)]),
            Section("What they do", [*_usage(facts)]),
        ],
    )


def _matrix() -> Panel:
    people = Facts("").now(_PEOPLE, "team", where=_CHOSEN, window="$window")
    tool = f'label_join({people}, "tool", " · ", "source", "scope")'
    words = Words(
        "People by team and tool",
        "Distinct people of each team in the chosen window, in every tool, whichever is chosen above. Never add "
        "them: one person uses several tools. An empty cell is a team that does not use the tool." + _WHO + NEWEST,
        panels.PEOPLE,
    )
    return matrix(words, f'label_replace({tool}, "tool", "$1", "tool", "(.*) · all")', row="team", column="tool")


def _glance(facts: Facts) -> Panel:
    def people(length: str) -> str:
        return facts.now(_PEOPLE, "team", where=_CHOSEN, window=length)

    everybody = f"on (source, vendor, scope) group_left {measures.people(facts, '28d')}"
    hours = facts.now("adoption_team_active_time_seconds", "team", where=_CHOSEN, window="28d")
    accepted, suggested = (
        facts.now("adoption_team_usage", "team", where=_CHOSEN, activity=f"completions_{kind}", window="28d")
        for kind in ("accepted", "suggested")
    )
    columns = [
        Column("Team", label="team"),
        Column("1 day", people("1d"), width=90),
        Column("7 days", people("7d"), width=90),
        Column("28 days", people("28d"), width=90),
        Column("Came this week", f"{people('7d')}\n/ {people('28d')}", unit=panels.SHARE, gauge=True),
        Column("Share of the tool's people", f"{people('28d')}\n/ {everybody}", unit=panels.SHARE, gauge=True),
        Column("Completions accepted", f"{accepted}\n/ {suggested}", unit=panels.SHARE, width=180),
        Column("Time in 28 days", f"{hours} / 3600", unit=panels.HOURS, width=140),
    ]
    words = Words(
        "Teams at a glance",
        "Distinct people by team. Came this week: people of 7 days ÷ people of 28; a team of five or more that "
        "falls to nothing is an alert. Completions and time only where the tool has them." + _WHO + NEWEST,
        panels.PEOPLE,
    )
    return rows(words, columns, height=8, sort="28 days")


def _people(facts: Facts) -> Panel:
    words = Words("People by team", "Distinct people of each team in the chosen window." + _WHO + LATE, panels.PEOPLE)
    return panels.lines(words, Query(facts.each_day(_PEOPLE, "team", where=_CHOSEN, window="$window"), "{{team}}"))


def _alive(facts: Facts) -> Panel:
    words = Words(
        "Who comes every week",
        "People of 7 days ÷ people of the 28 days that end with them, by team." + _WHO + LATE,
        panels.SHARE,
    )
    week, month = (facts.of_day(_PEOPLE, "team", where=_CHOSEN, window=length) for length in ("7d", "28d"))
    return panels.lines(words, Query(facts.daily(f"{week}\n/ {month}"), "{{team}}"))


def _usage(facts: Facts) -> Iterator[Panel]:
    # Who is in no team has service accounts with them, which use and do not count as people.
    assigned = f'{_CHOSEN}, team!="unassigned", activity!~"completions_.*"'
    usage = facts.now("adoption_team_usage", "activity", "team", where=assigned, window="$window")
    people = facts.now(_PEOPLE, "team", where=_CHOSEN, window="$window")
    yield panels.ranking(
        Words(
            "Usage per person",
            "Events of each activity ÷ the team's distinct people, both of the chosen window; the fifteen largest. "
            "Without completions, and without unassigned, whose service accounts do not count as people." + NEWEST,
            panels.EVENTS,
        ),
        f"sort_desc(topk(15, {usage}\n/ {_BY_TEAM} {people}))",
        "{{team}} · {{activity}}",
        width=8,
        height=10,
    )
    accepted, suggested = (
        facts.of_day("adoption_team_usage", "team", where=_CHOSEN, activity=f"completions_{kind}", window="$window")
        for kind in ("accepted", "suggested")
    )
    yield panels.lines(
        Words(
            "Completions accepted",
            "Accepted ÷ suggested completions by team, both summed over the chosen window. Only tools that "
            "complete code." + LATE,
            panels.SHARE,
        ),
        Query(facts.daily(f"{accepted}\n/ {suggested}"), "{{team}}"),
        width=8,
        height=10,
    ).no_value("this tool completes no code")
    seconds = facts.of_day("adoption_team_active_time_seconds", "team", where=_CHOSEN, window="$window")
    everybody = facts.of_day(_PEOPLE, "team", where=_CHOSEN, window="$window")
    yield panels.lines(
        Words(
            "Time per person",
            "Hours of the team in the chosen window ÷ its distinct people. Only tools that measure time." + LATE,
            panels.HOURS,
        ),
        Query(facts.daily(f"{seconds}\n/ {everybody} / 3600"), "{{team}}"),
        width=8,
        height=10,
    ).no_value("this tool measures no time")
