"""Adoption overview: every tool side by side, for who has ten seconds."""

from collections.abc import Callable, Sequence

from grafana_foundation_sdk.models import dashboard as models

from grafana import measures, panels
from grafana.boards import Section, board, scopes, sources, window
from grafana.measures import LATE, NEWEST
from grafana.panels import TOOL, Query, Style, Words
from grafana.queries import DATA_DAY, Facts
from grafana.tables import Column, rows
from grafana.vendors import VENDORS, Vendor

_OPEN = "/d/adoption-${__data.fields.Vendor}?var-source=${__data.fields.Tool}&var-scope=${__data.fields.Scope}"


def overview() -> models.Dashboard:
    """The dashboard."""
    facts = Facts('source=~"$source", scope=~"$scope"')
    return board(
        "overview",
        "Adoption overview",
        "Do people use the tools? All vendors side by side. People of tools are never added: one person uses many.",
        [sources(several=True), scopes(several=True), window()],
        [
            Section("", [_people(), _glance(facts)]),
            Section("Is it growing?", [_over_time(), _change(), _flow(), _against_usual()]),
            Section("Is it worth it?", [_stickiness(), _acceptance(), _seats(facts), _freshness(facts)]),
        ],
    )


def _by_vendor(
    expression: Callable[[Facts], str],
    name: str = TOOL,
    *,
    of: Sequence[Vendor] = VENDORS,
    style: Style = "line",
    below: bool = False,
) -> list[Query]:
    """The expression once for each vendor, in shades of the vendor's color where a line stands for a scope."""
    shades = name == TOOL
    return [Query(expression(each.facts), name, each.color, shades=shades, style=style, below=below) for each in of]


def _window_people(facts: Facts) -> str:
    return facts.each_day("adoption_active_users", window="$window")


def _people() -> panels.Panel:
    words = Words(
        "People",
        "Distinct people of each tool in the chosen window (1, 7 or 28 days). One person counts once, however often "
        "they came; service accounts are left out." + LATE,
        panels.PEOPLE,
    )
    return panels.tiles(words, *_by_vendor(_window_people))


def _glance(facts: Facts) -> panels.Panel:
    words = Words(
        "Tools at a glance",
        "Distinct people by tool and scope. Against usual: people of the newest day ÷ the median of its weekday in the "
        "four weeks before; -25 % on a working day is an alert. Stickiness: people of one day ÷ people of 28 days. "
        "Seats used: people of 28 days ÷ seats. New, returned and lapsed compare the last 28 days with the 28 before. "
        "Accepted: of the completions suggested in 28 days." + NEWEST,
        panels.PEOPLE,
    )
    share = panels.SHARE
    columns = [
        Column("Tool", label="source", link=_OPEN),
        Column("Vendor", label="vendor"),
        Column("Scope", label="scope", width=240),
        Column("Newest day", f"{facts.now(DATA_DAY)} * 1000", unit=panels.DATE, width=110),
        Column("1 day", measures.people(facts, "1d"), width=70),
        Column("Against usual", measures.usual_now(facts), unit=share, steps=measures.AGAINST_USUAL, width=110),
        Column("7 days", measures.people(facts, "7d"), width=70),
        Column("28 days", measures.people(facts, "28d"), width=75),
        Column("Stickiness", measures.stickiness_now(facts), unit=share, gauge=True),
        Column("Seats used", measures.seats_used(facts), unit=share, gauge=True),
        Column("New", facts.now("adoption_new_users", window="28d"), width=60),
        Column("Returned", facts.now("adoption_returned_users", window="28d"), width=80),
        Column("Lapsed", facts.now("adoption_lapsed_users", window="28d"), width=70),
        Column("Accepted", measures.accepted_now(facts, "28d"), unit=share, width=85),
    ]
    return rows(words, columns, height=10, sort="28 days")


def _over_time() -> panels.Panel:
    words = Words(
        "People over time",
        "Distinct people in the chosen window that ends with each day. With 1 day the weekends show, with 28 days the "
        "trend." + LATE,
        panels.PEOPLE,
    )
    return panels.lines(words, *_by_vendor(_window_people))


def _against_usual() -> panels.Panel:
    words = Words(
        "People against the usual weekday",
        "Distinct people of one day ÷ the median of the same weekday in the four weeks before, on working days of the "
        "source's calendar. -25 % is an alert, if it is more than chance for so few people." + LATE,
        panels.SHARE,
    )
    return panels.limit(panels.lines(words, *_by_vendor(measures.usual_each_day, style="points")), -0.25)


def _flow() -> panels.Panel:
    words = Words(
        "People won and lost",
        "Above zero: people of the window who were not in the window before it (new or returned). Below zero: people "
        "of the window before who are gone. Not for vendors that count people and do not list them (GitLab)." + LATE,
        panels.PEOPLE,
    )
    listed = [vendor for vendor in VENDORS if vendor.listed]
    won = _by_vendor(_won, f"{TOOL} won", of=listed)
    return panels.lines(words, *won, *_by_vendor(_lost, f"{TOOL} lost", of=listed, style="dashed", below=True))


def _won(facts: Facts) -> str:
    new, returned = (facts.of_day(f"adoption_{flow}_users", window="$window") for flow in ("new", "returned"))
    return facts.daily(f"{new}\n+ {returned}")


def _lost(facts: Facts) -> str:
    return facts.each_day("adoption_lapsed_users", window="$window")


def _change() -> panels.Panel:
    words = Words(
        "Change in four weeks",
        "Distinct people in the chosen window that ends with each day ÷ those in the window that ended 28 days "
        "earlier, less one. -10 % of people in 28 days is an alert." + LATE,
        panels.SHARE,
    )
    return panels.lines(words, *_by_vendor(measures.change_each_day))


def _stickiness() -> panels.Panel:
    words = Words(
        "Stickiness",
        "People of one day ÷ people of the 28 days that end with it, on working days: how many of the people come on a "
        "normal day." + LATE,
        panels.SHARE,
    )
    return panels.lines(words, *_by_vendor(measures.stickiness_each_day))


def _seats(facts: Facts) -> panels.Panel:
    words = Words(
        "Seats used",
        "Distinct people of 28 days ÷ seats (of the configuration, else of the vendor's registry). Orange is less than "
        "half, red nearly all." + NEWEST,
        panels.SHARE,
    )
    used = f"sort_desc({measures.seats_used(facts)})"
    return panels.ranking(words, used, TOOL, measures.SEATS, most=1)


def _acceptance() -> panels.Panel:
    words = Words(
        "Completions accepted",
        "Accepted ÷ suggested completions, both summed over the chosen window. Only tools that complete code." + LATE,
        panels.SHARE,
    )
    completing = [vendor for vendor in VENDORS if vendor.completions]
    return panels.lines(words, *_by_vendor(measures.accepted_each_day, of=completing))


def _freshness(facts: Facts) -> panels.Panel:
    words = Words(
        "Age of the newest data",
        "Time since the newest finished day began. 24 to 51 hours are normal, because a day is finished in the first "
        "hours of the next one; from 54 hours on the vendor is late (red), and no alert about people is raised.",
        panels.HOURS,
    )
    age = f"sort_desc((time() - {facts.now(DATA_DAY)}) / 3600)"
    return panels.ranking(words, age, TOOL, measures.AGE, most=96)
