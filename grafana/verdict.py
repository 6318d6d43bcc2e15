"""The first row of the overview: of how many, how many, the change, what is unused and what it costs, what is late."""

from collections.abc import Iterator

from grafana import company, measures, panels
from grafana.boards import ONE_OR_MORE
from grafana.measures import LIVE, NEWEST, ON_WORKDAY
from grafana.panels import TOOL, Panel, Query, Words
from grafana.queries import ON, WORKDAY, Facts
from grafana.vendors import VENDORS

_ALL = (
    "Distinct people over all tools, whichever are chosen, where at least two sources list people; else those of the "
    "tool with the most people."
)
# These count visitors, anonymous ones too.
_COUNTED = "|".join(vendor.name for vendor in VENDORS if not vendor.listed)
_OF = "people of the teams file, or the most seats of a tool where there is no teams file"


def verdict() -> Iterator[Panel]:
    """The tiles, 24 columns in all."""
    facts = Facts(f'{ONE_OR_MORE}, vendor!~"{_COUNTED}"')
    day = facts.now(WORKDAY)
    yield panels.number(
        Words("Newest working day", "The newest working day of any chosen source." + ON_WORKDAY, panels.DATE),
        f"max({day}) * 1000",
        width=4,
    )
    words = (
        "Distinct people on the newest working day, of the tool with the most people. Tools without that "
        "day are left out."
    )
    yield panels.number(
        Words("People that day", words + ON_WORKDAY, panels.PEOPLE),
        f"topk(1, {measures.on_workday(facts)}\nand {ON} {day} == scalar(max({day})))",
        legend=TOOL,
        width=4,
    )
    yield panels.several(
        Words("People in 28 days", f"{_ALL} Of how many: {_OF}." + NEWEST, panels.PEOPLE),
        Query(_people(facts), "used a tool"),
        Query(_everybody(facts), "of how many"),
        width=4,
    )
    yield panels.number(
        Words("Reached", f"{_ALL} In 28 days, divided by the {_OF}." + NEWEST, panels.SHARE),
        f"({_people(facts)})\n/ ({_everybody(facts)})",
        width=3,
    )
    words = "Distinct people of 28 days ÷ those of the 28 days before, less one, of the tool with the most people."
    yield panels.number(
        Words("Change", f"{words} -10 % is an alert." + NEWEST, panels.CHANGE),
        f"{measures.change_now(facts)}\nand topk(1, {measures.people(facts, '28d')})",
        measures.CHANGE,
        none="needs 56 days",
        legend=TOOL,
        width=3,
    )
    words = (
        "Seats whose holders used the tool on none of 28 days; where holders are not known, seats less people. Of all "
        "chosen sources together. What they cost in a month: those × the price of a seat (seat_price in the "
        "configuration), by currency."
    )
    yield panels.several(
        Words("Unused", words + NEWEST, panels.PEOPLE),
        Query(f"sum({measures.seats_unused(facts)})", "seats"),
        Query(f"sum by (currency) ({measures.cost_unused(facts)})", "{{currency}} a month"),
        width=3,
    ).no_value("no seats")
    words = "Scopes whose next day is due, and a poll since then did not bring it: the vendor is late."
    yield panels.number(
        Words("Late", f"{words} The day that is due follows the newest finished day." + LIVE, "none"),
        f"count({measures.late(Facts(ONE_OR_MORE))}) or vector(0)",
        measures.NONE_IS_BETTER,
        width=3,
    )


def _people(facts: Facts) -> str:
    return f"{company.people('28d')} or max({measures.people(facts, '28d')})"


def _everybody(facts: Facts) -> str:
    return f"{company.members()} or max({facts.now('adoption_seats')})"
