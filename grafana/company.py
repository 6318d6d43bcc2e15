"""The company: one person over several tools, which tools go together, and which teams are reached by any."""

from collections.abc import Iterator

from grafana_foundation_sdk.models import dashboard as models

from grafana import charts, links, panels
from grafana.boards import JOB, Section, board, window
from grafana.colors import BLUE
from grafana.measures import AS_SEEN
from grafana.panels import Panel, Query, Words
from grafana.queries import DATA_DAY
from grafana.tables import matrix, trends

_DAY = " The windows end with the newest finished day that every source which lists people has."
_JOINED = (
    " One person over several tools is one person: by e-mail, or by people.identities. Sources that are late hold the "
    "company back."
)
_TOOLS = ("1", "2", "3", "4", "5+")
_NONE = "fewer than two sources list people, or one does not know every day"


def company() -> models.Dashboard:
    """The dashboard, of all sources together."""
    return board(
        "company",
        "Adoption: Company",
        "One person over several tools is one person here: how many use any, how many use several, which teams.",
        [window()],
        [
            Section("", [*_numbers()]),
            Section("Tools together", [by_tools(), overlap()]),
            Section("Teams", [*_teams()]),
            Section("Over half a year", [*_half_a_year()]),
        ],
        chosen=JOB,
    )


def people(length: str) -> str:
    """Distinct people of all tools in the window."""
    return f"max({_series('active_users', window=length)})"


def members() -> str:
    """Everybody in the teams file."""
    return f"sum(max by (team) (adoption_team_members{{{JOB}}}))"


def by_tools(width: int = 10) -> Panel:
    """A bar for each number of tools."""
    words = Words(
        "People by number of tools",
        "Distinct people in the chosen window by how many tools they used; they add up to all people." + _JOINED + _DAY,
        panels.PEOPLE,
    )
    bars = (Query(_of_tools(tools, "$window"), f"{tools} tools".replace("1 tools", "1 tool")) for tools in _TOOLS)
    return panels.bars(words, *bars, width=width).no_value(_NONE)


def overlap(width: int = 14) -> Panel:
    """A cell for each pair of sources."""
    words = Words(
        "People of two tools",
        "Distinct people who used both in the chosen window. Never add them: one person may use many." + _JOINED + _DAY,
        panels.PEOPLE,
    )
    pairs = f"max by (source, other_source) ({_series('shared_users', window='$window')})"
    swapped = f'label_replace({pairs}, "first", "$1", "source", "(.+)")'
    swapped = f'label_replace({swapped}, "source", "$1", "other_source", "(.+)")'
    swapped = f'max by (source, other_source) (label_replace({swapped}, "other_source", "$1", "first", "(.+)"))'
    return matrix(
        words,
        f"{pairs}\nor {swapped}",
        row="source",
        column="other_source",
        link=links.SOURCE_CELL,
        width=width,
        height=8,
        cell=150,
    )


def _numbers() -> Iterator[Panel]:
    words = Words("Newest common day", "The newest finished day of all these sources, in UTC." + _DAY, panels.DATE)
    day = f"max(adoption_company_data_day_timestamp_seconds{{{JOB}}}) * 1000"
    yield panels.number(words, day, none=_NONE)
    for length, told in (("7d", "7 days"), ("28d", "28 days")):
        words = Words(
            f"People in {told}", f"Distinct people who used any tool in {told}." + _JOINED + _DAY, panels.PEOPLE
        )
        yield panels.number(words, people(length), none=_NONE)
    words = Words(
        "Reached", "People of 28 days ÷ everybody in the teams file, service accounts left out." + _DAY, panels.SHARE
    )
    yield panels.number(words, f"{people('28d')}\n/ {members()}", none="no teams file")
    words = Words(
        "Use several tools", "Of the people of 28 days, those who used two tools or more." + _DAY, panels.SHARE
    )
    yield panels.number(words, f"1 - {_of_tools('1', '28d')}\n/ {people('28d')}", none=_NONE)
    words = Words(
        "Unmatched",
        "Accounts without an e-mail and a row in people.identities: each counts as a person, so people may be counted "
        "twice." + _DAY,
        panels.PEOPLE,
    )
    yield panels.number(words, f"sum(max by (source) ({_series('unmatched_accounts')}))", none=_NONE)


def _teams() -> Iterator[Panel]:
    of_team = f"max by (team) ({_series('team_active_users', window='$window')})"
    words = Words(
        "People by team",
        "Distinct people by team who used any tool in the chosen window." + _JOINED + _DAY,
        panels.PEOPLE,
    )
    yield panels.ranking(words, f"sort_desc({of_team})", "{{team}}", width=8, height=10, link=links.TEAM).no_value(
        "no teams file"
    )
    in_team = f"max by (team) (adoption_team_members{{{JOB}}})"
    words = Words("Reached by team", "People of the team in the chosen window ÷ its members." + _DAY, panels.SHARE)
    reached = f"sort_desc({of_team}\n/ {in_team})"
    by_team = panels.ranking(words, reached, "{{team}}", width=8, height=10, most=1, link=links.TEAM)
    yield by_team.no_value("no teams file")
    words = Words(
        "Unmatched accounts by tool",
        "Accounts of 28 days without an e-mail and a row in people.identities." + _DAY,
        panels.PEOPLE,
    )
    # Whose board it is, the vendor says, which the series has not.
    vendors = f"max by (source, vendor) ({DATA_DAY}{{{JOB}}}) ^ 0"
    unmatched = (
        f"sort_desc(max by (source) ({_series('unmatched_accounts')})\n* on (source) group_right () ({vendors}))"
    )
    yield panels.ranking(words, unmatched, "{{source}}", width=8, height=10, link=links.SOURCE).no_value(_NONE)


def _half_a_year() -> Iterator[Panel]:
    words = Words("People over half a year", "Distinct people of 28 days who used any tool." + AS_SEEN, panels.PEOPLE)
    everybody = f"max(last_over_time({_series('active_users', window='28d')}[26h]))"
    yield charts.long_lines(words, Query(everybody, "28 days", BLUE, style="area"))
    words = Words("People by team over half a year", "Distinct people by team of 28 days." + AS_SEEN, panels.PEOPLE)
    of_team = f"max by (team) (last_over_time({_series('team_active_users', window='28d')}[26h]))"
    yield trends(words, of_team, "team", link=links.TEAM_CELL)


def _of_tools(tools: str, length: str) -> str:
    return f"max({_series('users_by_tools', window=length, tools=tools)})"


def _series(name: str, **equal: str) -> str:
    chosen = [JOB, *(f'{label}="{value}"' for label, value in equal.items())]
    return f"adoption_company_{name}{{{', '.join(chosen)}}}"
