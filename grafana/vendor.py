"""A vendor's dashboard: who uses it, for what, with which editors and languages, in which teams, for how long."""

from collections.abc import Iterator

from grafana_foundation_sdk.models import dashboard as models

from grafana import measures, panels, vendor_use
from grafana.boards import Section, board, scopes, sources, window
from grafana.panels import Panel, Query
from grafana.queries import DATA_DAY, Facts
from grafana.tables import Column, rows
from grafana.vendors import Vendor

_ONE_DAY, _WEEK, _FOUR_WEEKS = "light-blue", "blue", "purple"
_FLOWS = (("new", "green", False), ("returned", "blue", False), ("lapsed", "orange", True))


def vendor_board(vendor: Vendor) -> models.Dashboard:
    """The dashboard of one source and scope at a time, so that no head-count stands beside one that it overlaps."""
    sections = [
        Section("", [*_numbers(vendor)]),
        Section("People", [*_people(vendor)]),
        Section(f"{vendor.scope}s", [_scopes(vendor)] if vendor.several_scopes else []),
        *vendor_use.sections(vendor),
    ]
    return board(
        vendor.name,
        f"Adoption: {vendor.title}",
        f"Who uses {vendor.title}, and what for. One source and one {vendor.scope.lower()} at a time.",
        [sources(vendor=vendor.name), scopes(label=vendor.scope), window()],
        [section for section in sections if section.panels],
    )


def _numbers(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    yield panels.number(
        vendor.newest("Newest day", "The newest day that the vendor has finished, in UTC.", panels.DATE),
        f"{facts.now(DATA_DAY)} * 1000",
    )
    yield panels.number(
        vendor.newest("People on that day", f"{vendor.people} on the newest finished day.", panels.PEOPLE),
        measures.people(facts, "1d"),
    )
    yield panels.number(
        vendor.newest(
            "Against usual",
            f"{vendor.people} on the newest day ÷ the median of its weekday in the four weeks before. -25 % on a "
            "working day is an alert, if it is more than chance for so few people.",
            panels.SHARE,
        ),
        measures.usual_now(facts),
        measures.AGAINST_USUAL,
    )
    yield panels.number(
        vendor.newest("People in 28 days", f"{vendor.people} on any of 28 days.", panels.PEOPLE),
        measures.people(facts, "28d"),
    )
    yield panels.number(
        vendor.newest(
            "Stickiness",
            "People of the newest day ÷ people of 28 days: how many of the people come on one day. Low on weekends.",
            panels.SHARE,
        ),
        measures.stickiness_now(facts),
    )
    if vendor.sessions:
        yield panels.number(
            vendor.newest(
                "Sessions in 28 days", "Sessions of people and anonymous visitors in 28 days.", panels.EVENTS
            ),
            facts.now("adoption_usage", activity="sessions", window="28d"),
        )
        return
    yield panels.number(
        vendor.newest(
            "Seats used",
            "Distinct people of 28 days ÷ seats (of the configuration, else of the vendor's registry).",
            panels.SHARE,
        ),
        measures.seats_used(facts),
        measures.SEATS,
        none="no seats set",
    )


def _people(vendor: Vendor) -> Iterator[Panel]:
    facts = vendor.facts
    day, week, month = (facts.each_day("adoption_active_users", window=length) for length in ("1d", "7d", "28d"))
    yield panels.lines(
        vendor.each_day(
            "People over time", f"{vendor.people} in the 1, 7 and 28 days that end with it.", panels.PEOPLE
        ),
        Query(day, "1 day", _ONE_DAY, style="bars"),
        Query(week, "7 days", _WEEK),
        Query(month, "28 days", _FOUR_WEEKS, style="area"),
    )
    yield panels.lines(
        vendor.each_day(
            "People against the usual weekday",
            f"{vendor.people} on each day, and the median of the same weekday in the four weeks before it.",
            panels.PEOPLE,
        ),
        Query(day, "people", _ONE_DAY, style="bars"),
        Query(facts.each_day("adoption_active_users_baseline"), "usual", "orange", style="dashed"),
    )
    if vendor.listed:
        yield _flow(vendor)
        yield _regulars(vendor)


def _flow(vendor: Vendor) -> Panel:
    return panels.lines(
        vendor.each_day(
            "New, returned and lapsed people",
            "New: in the chosen window and never before. Returned: in it, not in the window before it, seen "
            "earlier. Lapsed, below zero: in the window before and not in it. Distinct people.",
            panels.PEOPLE,
        ),
        *(
            Query(
                vendor.facts.each_day(f"adoption_{flow}_users", window="$window"),
                flow,
                color,
                style="bars",
                below=below,
            )
            for flow, color, below in _FLOWS
        ),
        stacked=True,
    )


def _regulars(vendor: Vendor) -> Panel:
    facts = vendor.facts
    frequent, month = (facts.of_day(f"adoption_{who}_users", window="28d") for who in ("frequent", "active"))
    return panels.lines(
        vendor.each_day(
            "Regulars and stickiness",
            "Regulars: the share of the people of 28 days who came on several of them (people.frequent_days in the "
            "configuration). Stickiness: people of a working day ÷ people of 28 days.",
            panels.SHARE,
        ),
        Query(facts.daily(f"{frequent}\n/ {month}"), "regulars", "purple"),
        Query(measures.stickiness_each_day(facts), "stickiness", "blue"),
    )


def _scopes(vendor: Vendor) -> Panel:
    # All scopes of the source, whichever is chosen: a click chooses another.
    facts = Facts(f'vendor="{vendor.name}", source=~"$source"')
    here = f"/d/adoption-{vendor.name}?${{source:queryparam}}&${{window:queryparam}}&var-scope=${{__value.raw}}"
    columns = [
        Column(vendor.scope, label="scope", link=here, width=300),
        Column("1 day", measures.people(facts, "1d")),
        Column("Against usual", measures.usual_now(facts), unit=panels.SHARE, steps=measures.AGAINST_USUAL),
        Column("7 days", measures.people(facts, "7d")),
        Column("28 days", measures.people(facts, "28d")),
        Column("Stickiness", measures.stickiness_now(facts), unit=panels.SHARE, gauge=True),
    ]
    if vendor.sessions:
        for activity in ("events", "sessions"):
            usage = facts.now("adoption_usage", activity=activity, window="28d")
            columns.append(Column(f"{activity.capitalize()} in 28 days", usage, unit=panels.EVENTS))
    if vendor.completions:
        columns.append(Column("Accepted", measures.accepted_now(facts, "28d"), unit=panels.SHARE))
        columns.append(Column("Seats used", measures.seats_used(facts), unit=panels.SHARE, gauge=True))
    if vendor.time:
        seconds = facts.now("adoption_active_time_seconds", window="28d")
        columns.append(Column("Time in 28 days", f"{seconds} / 3600", unit=panels.HOURS))
    counted = f"{vendor.people} by {vendor.scope.lower()}. Never add them: one person is in several."
    words = vendor.newest(f"{vendor.scope}s at a glance", counted, panels.PEOPLE)
    return rows(words, columns, height=5, sort="28 days")
