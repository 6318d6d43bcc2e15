"""Seats and money: who holds a seat and does not use it, what that costs, and what usage costs beside it."""

from collections.abc import Iterator

from grafana_foundation_sdk.models import dashboard as models

from grafana import links, measures, panels
from grafana.boards import ONE_OR_MORE, Section, board, scopes, sources, window
from grafana.measures import NEWEST
from grafana.panels import TOOL, Panel, Words
from grafana.queries import DATA_DAY, ON, Facts
from grafana.tables import Column, rows, tools

_SPEND_DAY = "adoption_spend_data_day_timestamp_seconds"
_OWN_DAYS = (
    " Windows of money end with the newest finished day that has money, which may be earlier than the "
    "newest day of people."
)


def money() -> models.Dashboard:
    """The dashboard."""
    facts = Facts(ONE_OR_MORE)
    return board(
        "money",
        "Adoption: Seats and money",
        "Seats, who does not use them and what that costs; what usage costs beside it, by basis, model and team.",
        [sources(several=True), scopes(several=True), window()],
        [
            Section("Seats", [*_numbers(facts), _seats(facts)]),
            Section("What usage costs", [_spend(facts), *_by(facts), _tokens(facts)]),
        ],
    )


def _numbers(facts: Facts) -> Iterator[Panel]:
    words = Words("Seats", "Seats of all chosen sources together, paid or registered." + NEWEST, panels.PEOPLE)
    yield panels.number(words, f"sum({facts.now('adoption_seats')})", none="no seats")
    words = Words(
        "Unused seats",
        "Seats whose holders used the tool on none of 28 days; where holders are not known, seats less people."
        + NEWEST,
        panels.PEOPLE,
    )
    yield panels.number(words, f"sum({measures.seats_unused(facts)})", none="no seats")
    words = Words(
        "Never used",
        "Seats whose holders were active on no known day; only where the vendor names the holders, and 28 "
        "days are known." + NEWEST,
        panels.PEOPLE,
    )
    yield panels.number(words, f"sum({facts.now('adoption_seats_never_used')})", none="holders are not named")
    price = facts.now("adoption_seat_price", "currency")
    words = Words(
        "Cost of seats",
        "What all seats cost in a month: seats × their price (seat_price), by currency." + NEWEST,
        panels.EVENTS,
    )
    everything = f"sum by (currency) ({price}\n* {ON} group_left {facts.now('adoption_seats')})"
    yield panels.number(words, everything, none="no prices", legend="{{currency}}")
    words = Words("Cost of unused", "Unused seats × their price for a month, by currency." + NEWEST, panels.EVENTS)
    unused = f"sum by (currency) ({measures.cost_unused(facts)})"
    yield panels.number(words, unused, none="no prices", legend="{{currency}}")
    words = Words(
        "Cost per person",
        "Seats × price ÷ distinct people of 28 days, of the dearest tool, by currency; spend is not in it." + NEWEST,
        panels.EVENTS,
    )
    dearest = f"topk by (currency) (1, {_of_a_person(facts)})"
    yield panels.number(words, dearest, none="no prices", legend="{{source}} {{currency}}")


def _of_a_person(facts: Facts) -> str:
    """What the seats cost in a month for each person of 28 days."""
    price = facts.now("adoption_seat_price", "currency")
    seats = f"{facts.now('adoption_seats')} / ({measures.people(facts, '28d')} > 0)"
    return f"{price}\n* {ON} group_left () ({seats})"


def _seats(facts: Facts) -> Panel:
    words = Words(
        "Seats by tool",
        "Seats, and those of them that nobody used in 28 days or ever; never used are unused too. Seats of tools are "
        "bought one by one: they may be added." + NEWEST,
        panels.PEOPLE,
    )
    columns = [
        *tools(),
        Column("Seats", facts.now("adoption_seats"), width=90),
        Column("Used in 28 days", measures.seats_used(facts), unit=panels.SHARE, gauge=True),
        Column("Unused", measures.seats_unused(facts), width=90),
        Column("Never used", facts.now("adoption_seats_never_used"), width=100),
        Column(
            "Price of a seat",
            f"max by (source, vendor, scope) ({facts.now('adoption_seat_price', 'currency')})",
            unit=panels.EVENTS,
        ),
        Column(
            "Unused cost a month", f"max by (source, vendor, scope) ({measures.cost_unused(facts)})", unit=panels.EVENTS
        ),
        Column("A person costs", f"max by (source, vendor, scope) ({_of_a_person(facts)})", unit=panels.EVENTS),
    ]
    return rows(words, columns, height=10, sort="Seats")


def _spend(facts: Facts) -> Panel:
    words = Words(
        "Spend by tool",
        "Money for usage in the chosen window. charged is billed on top of seats, included is covered by the plan, and "
        "estimated is at list price and billed to nobody: never add them. By person: ÷ the distinct people of the same "
        "window, where both windows end with the same day." + _OWN_DAYS,
        panels.EVENTS,
    )
    spend = facts.now("adoption_spend", "currency", "basis", window="$window")
    others = f"{facts.now(_SPEND_DAY)} != {facts.now(DATA_DAY)}"
    person = f"{spend}\n/ {ON} group_left () ({measures.people(facts, '$window')} > 0)\nunless {ON} ({others})"
    columns = [
        *tools(),
        Column("Basis", label="basis"),
        Column("Currency", label="currency"),
        Column("Spend", spend),
        Column("By person", person),
    ]
    return rows(words, columns, sort="Spend").no_value("no tool says what usage costs")


def _by(facts: Facts) -> Iterator[Panel]:
    for kind in ("model", "team"):
        words = Words(
            f"Spend by {kind}",
            f"Money for usage in the chosen window by {kind}, the fifteen largest; basis and currency are in the name."
            + _OWN_DAYS,
            panels.EVENTS,
        )
        spend = facts.now(f"adoption_{kind}_spend", kind, "currency", "basis", window="$window")
        panel = panels.ranking(
            words,
            f"sort_desc(topk(15, {spend}))",
            f"{TOOL} · {{{{{kind}}}}} · {{{{basis}}}} {{{{currency}}}}",
            height=12,
            link=links.TEAM if kind == "team" else links.TOOL,
        )
        yield panel.no_value(f"no tool says it by {kind}")


def _tokens(facts: Facts) -> Panel:
    words = Words(
        "Tokens by kind",
        "Tokens of AI models in the chosen window by kind; what is read from a cache costs least." + _OWN_DAYS,
        panels.EVENTS,
    )
    tokens = facts.now("adoption_tokens", "kind", window="$window")
    legend = TOOL + " · {{kind}}"
    return panels.ranking(words, f"sort_desc({tokens})", legend, width=24).no_value("no tool counts tokens")
