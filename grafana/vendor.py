"""A vendor's dashboard: who uses it, for what, with which editors and languages, in which teams, for how long."""

from collections.abc import Iterator

from grafana_foundation_sdk.models import dashboard as models

from grafana import charts, links, measures, panels, vendor_use
from grafana.boards import Section, board, scopes, sources, window
from grafana.colors import BLUE, BROWN, GREY, ORANGE, PURPLE, SKY
from grafana.panels import Panel, Query
from grafana.queries import WORKDAY, Facts
from grafana.tables import Column, rows
from grafana.vendors import Vendor

_DAY_USERS = "adoption_day_active_users"
DEPTHS = (("1", "1 day"), ("2-4", "2 to 4 days"), ("5-9", "5 to 9"), ("10-14", "10 to 14"), ("15-28", "15 to 28"))
_FLOWS = ("new", "returned", "retained", "lapsed")


def vendor_board(vendor: Vendor) -> models.Dashboard:
    """The dashboard of one source and scope at a time, so that no head-count stands beside one that it overlaps."""
    sections = [
        Section("", [*_numbers(vendor)]),
        Section("People", [*_people(vendor)]),
        Section(vendor.scopes, [_scopes(vendor)] if vendor.several_scopes else []),
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
        vendor.workday("Newest working day", "The newest working day of the source's calendar.", panels.DATE),
        f"{facts.now(WORKDAY)} * 1000",
    )
    yield panels.number(
        vendor.workday("People that day", f"{vendor.people} on the newest working day.", panels.PEOPLE),
        measures.on_workday(facts),
    )
    yield panels.number(
        vendor.workday(
            "Against usual",
            f"{vendor.people} on the newest working day ÷ the median of its weekday in the weeks before, less "
            f"one. -25 % "
            "is an alert, if it is more than chance for so few people.",
            panels.CHANGE,
        ),
        measures.usual_now(facts),
        measures.AGAINST_USUAL,
    )
    yield panels.number(
        vendor.newest("People in 28 days", f"{vendor.people} on any of 28 days.", panels.PEOPLE),
        measures.people(facts, "28d"),
    )
    yield panels.number(
        vendor.newest("Change", f"{vendor.people} of 28 days ÷ those of the 28 days before, less one.", panels.CHANGE),
        measures.change_now(facts),
        measures.CHANGE,
        none="needs 56 days",
    )
    if vendor.sessions:
        yield panels.number(
            vendor.newest("Sessions", "Sessions of people and anonymous visitors in 28 days.", panels.EVENTS),
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
    day, week, month = (facts.days(_DAY_USERS, window=length) for length in ("1d", "7d", "28d"))
    working, closed = facts.on_workdays(day), facts.on_workdays(day, closed=True)
    yield charts.by_day(
        vendor.each_day(
            "People by day",
            f"{vendor.people} on each day, and the median of the same weekday in the weeks before it. "
            f"Weekends and closed "
            "days of the source's calendar are grey.",
            panels.PEOPLE,
        ),
        Query(working, "working day", BLUE, style="bars"),
        Query(closed, "weekend or closed", GREY, style="bars"),
        Query(facts.days("adoption_day_active_users_baseline"), "usual", ORANGE, style="dashed"),
    )
    yield charts.by_day(
        vendor.each_day(
            "People in 7 and 28 days", f"{vendor.people} in the 7 and 28 days that end with each day.", panels.PEOPLE
        ),
        Query(week, "7 days", SKY),
        Query(month, "28 days", BLUE, style="area"),
    )
    if not vendor.listed:
        return
    yield charts.by_day(
        vendor.each_day(
            "Stickiness", "People of each working day ÷ people of the 28 days that end with it.", panels.SHARE
        ),
        Query(measures.stickiness_by_day(facts), "stickiness", BLUE),
        width=8,
    )
    yield panels.bars(
        vendor.newest(
            "How many days people come",
            "Distinct people of 28 days by the number of days on which they were active; they add up to all of them.",
            panels.PEOPLE,
        ),
        *(Query(facts.now("adoption_active_users_depth", days=days), told) for days, told in DEPTHS),
        width=8,
    )
    yield panels.bars(
        vendor.newest(
            "Who came and who went",
            "Distinct people. New: in the chosen window and never before. Returned: in it, not in the window "
            "before it, "
            "seen earlier. Retained: in both. Lapsed: in the window before and not in it.",
            panels.PEOPLE,
        ),
        *(
            Query(facts.now(f"adoption_{flow}_users", window="$window"), flow, color)
            for flow, color in zip(_FLOWS, (BLUE, SKY, PURPLE, BROWN), strict=True)
        ),
        width=8,
    )
    yield charts.long_lines(
        vendor.half_a_year("People over half a year", f"{vendor.people} of 28 days.", panels.PEOPLE),
        Query(facts.trend("adoption_active_users", window="28d"), "28 days", BLUE, style="area"),
    )
    yield charts.long_lines(
        vendor.half_a_year(
            "New and lapsed over half a year",
            "People of 28 days who were never seen before; below zero those of the 28 days before who are gone.",
            panels.PEOPLE,
        ),
        Query(facts.trend("adoption_new_users", window="28d"), "new", BLUE),
        Query(facts.trend("adoption_lapsed_users", window="28d"), "lapsed", BROWN, below=True),
    )


def _scopes(vendor: Vendor) -> Panel:
    # All scopes of the source, whichever is chosen: a click chooses another.
    facts = Facts(f'vendor="{vendor.name}", job=~"$job", source=~"$source"')
    columns = [
        Column(vendor.scope, label="scope", link=links.scope_cell(vendor.name)),
        Column("Working day", f"{facts.now(WORKDAY)} * 1000", unit=panels.DATE, width=130),
        Column("People on it", measures.on_workday(facts), width=110),
        Column("Against usual", measures.usual_now(facts), unit=panels.CHANGE, steps=measures.AGAINST_USUAL, width=120),
        Column("7 days", measures.people(facts, "7d"), width=80),
        Column("28 days", measures.people(facts, "28d"), width=90),
        Column("Change", measures.change_now(facts), unit=panels.CHANGE, steps=measures.CHANGE, width=85),
        Column("Stickiness", measures.stickiness_now(facts), unit=panels.SHARE, gauge=True),
    ]
    if vendor.sessions:
        for activity in ("events", "sessions"):
            usage = facts.now("adoption_usage", activity=activity, window="28d")
            columns.append(Column(f"{activity.capitalize()} in 28 days", usage, unit=panels.EVENTS))
    if vendor.completions:
        columns.append(Column("Accepted", measures.accepted_now(facts, "28d"), unit=panels.SHARE, width=95))
        columns.append(Column("Seats used", measures.seats_used(facts), unit=panels.SHARE, gauge=True))
    if vendor.time:
        seconds = facts.now("adoption_active_time_seconds", window="28d")
        columns.append(Column("Time in 28 days", f"{seconds} / 3600", unit=panels.HOURS))
    counted = f"{vendor.people} by {vendor.scope.lower()}. Never add them: one person is in several."
    words = vendor.newest(f"{vendor.scopes} at a glance", counted, panels.PEOPLE)
    return rows(words, columns, height=6, sort="28 days")
