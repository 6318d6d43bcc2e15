"""Adoption overview: every tool side by side, for who has ten seconds."""

from collections.abc import Callable, Iterator, Sequence

from grafana_foundation_sdk.models import dashboard as models

from grafana import charts, measures, panels
from grafana.boards import ONE_OR_MORE, Section, board, scopes, sources, window
from grafana.company import by_tools, overlap
from grafana.measures import AS_SEEN, BY_DAY, NEWEST
from grafana.panels import TOOL, Panel, Query, Style, Words
from grafana.queries import ON, WORKDAY, Facts
from grafana.tables import Column, rows, tools
from grafana.vendors import VENDORS, Vendor
from grafana.verdict import verdict

_DEPTHS = (("1", "1 day"), ("2-4", "2 to 4"), ("5-9", "5 to 9"), ("10-14", "10 to 14"), ("15-28", "15 to 28"))


def overview() -> models.Dashboard:
    """The dashboard."""
    facts = Facts(ONE_OR_MORE)
    return board(
        "overview",
        "Adoption overview",
        "Do people use the tools? All vendors side by side. People of tools are never added: one person uses many.",
        [sources(several=True), scopes(several=True), window()],
        [
            Section("", [*verdict(), _tools(facts)]),
            Section("Growing or not?", [_people(), _against_usual(), _change(facts), _best(facts)]),
            Section("Who is new, who is gone, how deep?", [*_deep(facts)]),
            Section("Tools together", [by_tools(), overlap()]),
        ],
    )


def _by_vendor(
    expression: Callable[[Facts], str], *, of: Sequence[Vendor] = VENDORS, style: Style = "line"
) -> list[Query]:
    """The expression once for each vendor, in its color."""
    return [Query(expression(each.facts), TOOL, each.color, style=style) for each in of]


def _tools(facts: Facts) -> Panel:
    words = Words(
        "Tools",
        "One line for each tool and scope; its name leads to its dashboard. People on it: distinct people of "
        "the newest "
        "working day, which the vendor has finished and which is never a weekend. Against usual: those ÷ the median of "
        "its weekday; -25 % is an alert. Trend: people in 28 days, by day. Change: against the 28 days before. "
        "Stickiness: people of the working day ÷ people of 28 days. Late by: how long the next day has been due.",
        panels.PEOPLE,
    )
    share = panels.SHARE
    columns = [
        *tools(vendor=100),
        Column("Working day", f"{facts.now(WORKDAY)} * 1000", unit=panels.DATE, width=130),
        Column("People on it", measures.on_workday(facts), width=95),
        Column("Against usual", measures.usual_now(facts), unit=panels.CHANGE, steps=measures.AGAINST_USUAL, width=105),
        Column("Trend", trend=facts.days("adoption_day_active_users", window="28d"), width=120),
        Column("28 days", measures.people(facts, "28d"), width=80),
        Column("Change", measures.change_now(facts), unit=panels.CHANGE, steps=measures.CHANGE, width=80),
        Column("Stickiness", measures.stickiness_now(facts), unit=share, decimals=0, width=85),
        Column("Seats used", measures.seats_used(facts), unit=share, decimals=0, width=90),
        Column("Unused seats", measures.seats_unused(facts), width=105),
        Column("Late by", measures.late(facts), unit="s", steps=measures.LATE, width=80),
    ]
    return rows(words, columns, height=13, sort="28 days", every=measures.people(facts, "28d"))


def _people() -> Panel:
    words = Words(
        "People by day",
        "Distinct people in the chosen window that ends with each day. With 1 day the weekends show, with 28 days the "
        "trend." + BY_DAY,
        panels.PEOPLE,
    )
    return charts.by_day(
        words, *_by_vendor(lambda facts: facts.days("adoption_day_active_users", window="$window")), height=10
    )


def _against_usual() -> Panel:
    words = Words(
        "Working days against the usual",
        "Distinct people of each working day ÷ the median of the same weekday in the weeks before it, less "
        "one. -25 % is "
        "an alert, if it is more than chance for so few people." + BY_DAY,
        panels.CHANGE,
    )
    return charts.limit(charts.by_day(words, *_by_vendor(measures.usual_by_day, style="points"), height=10), -25)


def _change(facts: Facts) -> Panel:
    words = Words(
        "Change in 28 days",
        "Distinct people of 28 days and of the 28 days before, and working days in both: a fall with fewer "
        "working days "
        "may be no fall." + NEWEST,
        panels.PEOPLE,
    )
    before = facts.now("adoption_active_users_before", window="28d")
    columns = [
        *tools(),
        Column("28 days", measures.people(facts, "28d"), width=90),
        Column("Before", before, width=70),
        Column("Change", measures.change_now(facts), unit=panels.CHANGE, steps=measures.CHANGE, width=80),
        Column("Workdays", facts.now("adoption_window_workdays", window="28d"), width=85),
        Column("Before it", facts.now("adoption_window_workdays_before", window="28d"), width=80),
    ]
    return rows(words, columns, width=12, height=12, sort="28 days")


def _best(facts: Facts) -> Panel:
    words = Words(
        "People of 28 days against the best",
        "Distinct people of 28 days ÷ the most that there were on any data day of the last 26 weeks." + NEWEST,
        panels.SHARE,
    )
    best = facts.now("adoption_active_users_best", window="28d")
    return panels.ranking(words, f"sort_desc({measures.people(facts, '28d')}\n/ {best})", TOOL, height=12, most=1)


def _deep(facts: Facts) -> Iterator[Panel]:
    came = [
        *tools(),
        *(
            Column(flow.capitalize(), facts.now(f"adoption_{flow}_users", window="28d"), width=85)
            for flow in ("new", "returned", "retained", "lapsed")
        ),
    ]
    counted = (
        "Distinct people of 28 days. New: never seen before. Returned: seen before, but not in the 28 days before. "
        "Retained: in both. Lapsed: in the 28 days before, and not in these. Not for vendors that count "
        "people and do not "
        "list them (GitLab)."
    )
    yield rows(Words("Who came and who went", counted + NEWEST, panels.PEOPLE), came, width=12, height=12, sort="New")
    people = f"{ON} group_left {measures.people(facts, '28d')}"
    depths = [
        Column(
            called,
            f"{facts.now('adoption_active_users_depth', days=days)}\n/ {people}",
            unit=panels.SHARE,
            decimals=0,
            width=75,
        )
        for days, called in _DEPTHS
    ]
    counted = "People of 28 days by the number of days on which they were active, as shares that add up to 100 %."
    words = Words("How many days people come", counted + NEWEST, panels.SHARE)
    yield rows(
        words,
        [*tools(), *depths],
        width=12,
        height=12,
    )
    words = Words(
        "Stickiness",
        "People of each working day ÷ people of the 28 days that end with it: how many of the people come on a normal "
        "day." + BY_DAY,
        panels.SHARE,
    )
    yield charts.by_day(words, *_by_vendor(measures.stickiness_by_day), height=10)
    words = Words(
        "Completions accepted",
        "Accepted ÷ suggested completions, both summed over 28 days. Only tools that complete code." + NEWEST,
        panels.SHARE,
    )
    yield panels.ranking(words, f"sort_desc({measures.accepted_now(facts, '28d')})", TOOL, height=10)
    words = Words(
        "Completions accepted over half a year", "Accepted ÷ suggested completions of 28 days." + AS_SEEN, panels.SHARE
    )
    completing = [vendor for vendor in VENDORS if vendor.completions]
    yield charts.long_lines(words, *_by_vendor(measures.accepted_trend, of=completing), height=10)
    words = Words("People over half a year", "Distinct people of 28 days." + AS_SEEN, panels.PEOPLE)
    people_then = _by_vendor(lambda of: of.trend("adoption_active_users", window="28d"))
    yield charts.long_lines(words, *people_then, height=10)
