"""Teams: which teams use which tool, how much, and which have stopped; for who has to ask somebody."""

from collections.abc import Iterator

from grafana_foundation_sdk.models import dashboard as models

from grafana import links, measures, panels
from grafana.boards import JOB, ONE_OR_MORE, Section, board, scopes, sources, teams, window
from grafana.measures import AS_SEEN, NEWEST
from grafana.panels import Panel, Words
from grafana.queries import Facts, tool
from grafana.tables import Column, matrix, rows, trends

_PEOPLE = "adoption_team_active_users"
_CHOSEN = 'team=~"$team"'
_WHO = " Teams are those of the teams file, or the vendor's own; who is in no team is in unassigned."
_BY_TEAM = "on (source, vendor, scope, team) group_left"
_MEMBERS = f'max by (team) (adoption_team_members{{{JOB}, {_CHOSEN}, team!="unassigned"}})'


def teams_board() -> models.Dashboard:
    """The dashboard of one source and scope at a time, under tables of all."""
    facts = Facts(ONE_OR_MORE)
    return board(
        "teams",
        "Adoption: Teams",
        "Which teams use which tool, how much, and which have stopped. One source and scope at a time under "
        "tables of all.",
        [sources(_PEOPLE), scopes(_PEOPLE), window(), teams()],
        [
            Section("Which team uses what?", [_matrix(), _reached(), _withheld()]),
            Section("People of the chosen tool", [_glance(facts), _every_week(facts), _people(facts)]),
            Section("What they do", [*_usage(facts)]),
        ],
    )


def _matrix() -> Panel:
    people = Facts(JOB).now(_PEOPLE, "team", where=_CHOSEN, window="$window")
    words = Words(
        "People by team and tool",
        "Distinct people of each team in the chosen window, in every tool, whichever is chosen above. Never add "
        "them: one person uses several tools. An empty cell is a team without people there, or one that is withheld."
        + _WHO
        + NEWEST,
        panels.PEOPLE,
    )
    return matrix(words, tool(people), row="team", column="tool", link=links.TEAM_CELL_HERE, height=11)


def _reached() -> Panel:
    words = Words(
        "Reached by team and tool",
        "Distinct people of 28 days ÷ members of the team in the teams file, in every tool." + NEWEST,
        panels.SHARE,
    )
    people = Facts(JOB).now(_PEOPLE, "team", where=_CHOSEN, window="28d")
    reached = f"{people}\n/ on (team) group_left {_MEMBERS}"
    return matrix(words, tool(reached), row="team", column="tool", link=links.TEAM_CELL_HERE, height=11)


def _withheld() -> Panel:
    words = Words(
        "Members of teams that are not shown",
        "Teams of the teams file without people in any tool in 28 days: nobody of them was active, or they "
        "are smaller than "
        "people.min_group_size and withheld; the status page says which." + NEWEST,
        panels.PEOPLE,
    )
    anywhere = f'max by (team) ({_PEOPLE}{{{JOB}, window="28d"}})'
    unseen = f"sort_desc({_MEMBERS}\nunless on (team) {anywhere})"
    panel = panels.ranking(words, unseen, "{{team}}", width=24, height=5, link=links.TEAM_HERE)
    return panel.no_value("every team is shown in some tool")


def _glance(facts: Facts) -> Panel:
    def people(length: str) -> str:
        return facts.now(_PEOPLE, "team", where=_CHOSEN, window=length)

    everybody = f"on (source, vendor, scope) group_left {measures.people(facts, '28d')}"
    hours = facts.now("adoption_team_active_time_seconds", "team", where=_CHOSEN, window="28d")
    accepted, suggested = (
        facts.now("adoption_team_usage", "team", where=_CHOSEN, activity=f"completions_{kind}", window="28d")
        for kind in ("accepted", "suggested")
    )
    members = f"{_MEMBERS}\n* on (team) group_right () ({people('28d')} ^ 0)"
    columns = [
        Column("Team", label="team", link=links.TEAM_CELL_HERE),
        Column("Members", members, width=90),
        Column("7 days", people("7d"), width=90),
        Column("28 days", people("28d"), width=90),
        Column("Reached", f"{people('28d')}\n/ on (team) group_left {_MEMBERS}", unit=panels.SHARE, gauge=True),
        Column("Came this week", f"{people('7d')}\n/ {people('28d')}", unit=panels.SHARE, gauge=True),
        Column("Share of the tool's people", f"{people('28d')}\n/ {everybody}", unit=panels.SHARE, gauge=True),
        Column("Accepted", f"{accepted}\n/ {suggested}", unit=panels.SHARE, width=110),
        Column("Time in 28 days", f"{hours} / 3600", unit=panels.HOURS, width=140),
    ]
    words = Words(
        "Teams at a glance",
        "Distinct people by team. Reached: people of 28 days ÷ members. Came this week: people of 7 days ÷ "
        "people of 28; a "
        "team of five or more that falls to nothing is an alert. Accepted completions and time only where the tool has "
        "them." + _WHO + NEWEST,
        panels.PEOPLE,
    )
    return rows(words, columns, height=10, sort="28 days")


def _every_week(facts: Facts) -> Panel:
    words = Words(
        "Who comes every week", "People of 7 days ÷ people of 28 days, by team." + _WHO + NEWEST, panels.SHARE
    )
    week, month = (facts.now(_PEOPLE, "team", where=_CHOSEN, window=length) for length in ("7d", "28d"))
    return panels.ranking(words, f"sort_desc({week}\n/ {month})", "{{team}}", height=10, most=1, link=links.TEAM_HERE)


def _people(facts: Facts) -> Panel:
    words = Words(
        "People by team over half a year", "Distinct people of each team in 28 days." + _WHO + AS_SEEN, panels.PEOPLE
    )
    people = facts.trend(_PEOPLE, "team", where=_CHOSEN, window="28d")
    return trends(words, people, "team", link=links.TEAM_CELL_HERE, height=10)


def _usage(facts: Facts) -> Iterator[Panel]:
    # Who is in no team has service accounts with them, which use and do not count as people.
    assigned = f'{_CHOSEN}, team!="unassigned", activity!~"completions_.*"'
    usage = facts.now("adoption_team_usage", "activity", "team", where=assigned, window="$window")
    people = facts.now(_PEOPLE, "team", where=_CHOSEN, window="$window")
    yield panels.ranking(
        Words(
            "Usage per person",
            "Events of each activity ÷ the team's distinct people, both of the chosen window; the ten largest. "
            "Without completions, and without unassigned, whose service accounts do not count as people." + NEWEST,
            panels.EVENTS,
        ),
        f"sort_desc(topk(10, {usage}\n/ {_BY_TEAM} {people}))",
        "{{team}} · {{activity}}",
        width=8,
        height=12,
        link=links.TEAM_HERE,
    )
    accepted, suggested = (
        facts.now("adoption_team_usage", "team", where=_CHOSEN, activity=f"completions_{kind}", window="$window")
        for kind in ("accepted", "suggested")
    )
    words = Words(
        "Completions accepted",
        "Accepted ÷ suggested completions by team, both summed over the chosen window. Only tools that complete code."
        + NEWEST,
        panels.SHARE,
    )
    accepted_by_team = panels.ranking(
        words, f"sort_desc({accepted}\n/ {suggested})", "{{team}}", width=8, height=12, link=links.TEAM_HERE
    )
    yield accepted_by_team.no_value("this tool completes no code")
    seconds = facts.now("adoption_team_active_time_seconds", "team", where=_CHOSEN, window="$window")
    words = Words(
        "Time per person",
        "Hours of the team in the chosen window ÷ its distinct people. Only tools that measure time." + NEWEST,
        panels.HOURS,
    )
    hours = f"sort_desc({seconds}\n/ {people} / 3600)"
    by_team = panels.ranking(words, hours, "{{team}}", width=8, height=12, link=links.TEAM_HERE)
    yield by_team.no_value("this tool measures no time")
