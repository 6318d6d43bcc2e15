"""Seats by name: who does not use theirs, as the vendor says now and the state remembers."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from exporter.errors import Unreachable
from exporter.model import EVERYBODY, DayFacts, Holder, Identity, Reading, Seats
from exporter.poll.poller import Poller
from exporter.poll.seat_holders import HeldSeat, SeatList, list_seats
from exporter.simulator.company import Company
from exporter.simulator.server import build, serve
from exporter.state.accounts import plain
from exporter.state.schema import metadata
from exporter.state.store import Store
from exporter.vendors.base import PollContext
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script
from tests.support.sample_options import book_of
from tests.support.vendor_polls import VendorPolls

ALICE, BOB, CAROL, DAVE, ERIN, FRANK = [
    Identity(f"key of {name}", email=f"{name}@example.com", username=name)
    for name in ("alice", "bob", "carol", "dave", "erin", "frank")
]


def back(days: int) -> date:
    return YESTERDAY - timedelta(days=days)


def named(*holders: tuple[Identity, date | None, date | None]) -> Callable[[PollContext], Seats]:
    """A vendor that names these holders, each with the first day of the seat and the last day of activity."""

    def seats(context: PollContext) -> Seats:
        numbers = context.accounts.number([identity for identity, _, _ in holders])
        return Seats.of(Holder(number, *days) for number, (_, *days) in zip(numbers, holders, strict=True))

    return seats


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.database.read() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table))] for name, table in metadata.tables.items()
        }


class World:
    """A source of which the state knows some days, with names."""

    def __init__(self, days: int = 60) -> None:
        self.bench = Bench(Script())
        self.book = book_of(self.bench.store, "tool", plain)
        self.bench.store.list_scopes("tool", ["all"])
        for day in range(days - 1, -1, -1):
            self.put(back(day), ALICE)

    def put(self, day: date, *people: Identity) -> None:
        facts = DayFacts(people={EVERYBODY: BitMap(self.book.number(people))})
        self.bench.store.replace("tool", "all", Reading(day, facts), now=NOON, requests=1)

    def list(self, days: int = 28) -> SeatList:
        poller: Poller = self.bench.poller()
        found = SeatList()
        list_seats(poller.source, self.bench.store, self.book, NOON, days, found)
        return found


def seat(identity: Identity, last_active: date | None, *, since: date | None = None, never: bool | None) -> HeldSeat:
    return HeldSeat("tool", "all", identity.email, since, last_active, never)


def test_who_was_active_nowhere_is_listed_with_the_last_day_that_is_known() -> None:
    world = World()
    world.put(back(40), ALICE, BOB)
    world.put(back(28), ALICE, CAROL)
    world.put(back(27), ALICE, FRANK)
    world.bench.script.seats["all"] = named(
        (ALICE, None, None),
        (BOB, back(300), None),
        (CAROL, None, back(35)),
        (DAVE, None, back(3)),
        (ERIN, back(50), None),
        (FRANK, None, None),
    )
    found = world.list()

    assert found == SeatList(
        idle=[
            seat(BOB, back(40), since=back(300), never=False),
            seat(CAROL, back(28), never=False),
            seat(ERIN, None, since=back(50), never=True),
        ],
        seats=6,
    )


def test_a_seat_that_is_younger_than_the_newest_day_is_not_listed() -> None:
    world = World()
    world.bench.script.seats["all"] = named((BOB, YESTERDAY + timedelta(days=1), None), (CAROL, YESTERDAY, None))

    assert world.list() == SeatList(idle=[seat(CAROL, None, since=YESTERDAY, never=True)], seats=1)


def test_the_state_gives_the_name_of_an_account_of_which_the_vendor_has_the_id_alone() -> None:
    world = World()
    world.put(back(40), BOB)
    world.bench.script.seats["all"] = named(
        (Identity(BOB.key, vendor_id="17"), None, None), (Identity("a stranger", vendor_id="18"), None, None)
    )

    assert {one.name for one in world.list().idle} == {"bob@example.com", "18"}


def test_where_few_days_are_known_nobody_is_said_to_have_never_come() -> None:
    world = World(days=10)
    world.bench.script.seats["all"] = named((ALICE, None, None), (BOB, None, None))
    found = world.list()

    assert found.idle == [seat(BOB, None, never=None)]
    assert found.remarks == ["tool: the state knows 10 of the 28 days of all"]
    assert world.list(days=10).remarks == []


def test_a_state_without_a_day_leaves_what_the_vendor_says() -> None:
    world = World(days=0)
    world.bench.script.seats["all"] = named((ALICE, None, back(20)), (BOB, None, back(40)))

    assert world.list().idle == [seat(BOB, back(40), never=None)]


def test_nothing_is_stored() -> None:
    world = World()
    world.bench.script.seats["all"] = named((ALICE, None, None), (BOB, None, None), (CAROL, None, None))
    before = contents(world.bench.store)
    found = world.list()

    assert len(found.idle) == 2
    assert contents(world.bench.store) == before


def test_a_scope_that_fails_costs_no_other_and_a_number_names_nobody() -> None:
    world = World()
    world.bench.script.scopes = ("all", "gone", "counted", "silent")
    world.bench.script.seats = {
        "all": named((BOB, None, None)),
        "gone": Unreachable("madeup does not answer"),
        "counted": 7,
        "silent": None,
    }
    found = world.list()

    assert [one.name for one in found.idle] == ["bob@example.com"]
    assert found.problems == ["tool: gone: madeup does not answer"]
    assert found.remarks == [
        "tool: the vendor does not say who holds a seat of counted",
        "tool: the vendor does not say who holds a seat of silent",
    ]


def test_a_source_that_fails_and_a_vendor_that_names_nobody_are_told() -> None:
    world = World()
    nobody = world.list()
    world.bench.script.seats["all"] = 3
    world.bench.script.scopes_error = Unreachable("madeup does not answer")

    assert nobody == SeatList(remarks=["tool: its vendor does not say who holds a seat"])
    assert world.list() == SeatList(problems=["tool: madeup does not answer"])


NOW = datetime(2026, 6, 2, 12, tzinfo=UTC)
COMPANY = Company(people=60, first_day=date(2026, 1, 1))


@pytest.mark.parametrize(
    ("vendor", "settings"),
    [
        ("copilot", {"organizations": ["acme"], "seats": 500}),
        ("sourcegraph", {"instances": ["acme.sourcegraphcloud.com"]}),
    ],
)
def test_the_list_is_as_long_as_the_published_numbers(vendor: str, settings: dict[str, object]) -> None:
    with serve(build(COMPANY, lambda: NOW)) as server:
        given = {"base_url": f"{server.url}/{vendor}", "token": "demo-token", "history": timedelta(days=60)}
        polled = {name: value for name, value in settings.items() if name != "seats"}
        bench = VendorPolls(vendor, {**given, **polled}, NOW, label=plain)
        assert bench.poll().success
        again = VendorPolls(vendor, {**given, **settings}, NOW, store=bench.store, label=plain)
        found = SeatList()
        list_seats(again.poller().source, bench.store, again.poller().accounts, NOW, 28, found)

    [scope] = {labels[0] for labels in bench.values("adoption_seats")}
    assert found.problems == []
    assert len(found.idle) == bench.values("adoption_seats_idle")[scope, "28d"] > 0
    assert sum(bool(one.never_used) for one in found.idle) == bench.values("adoption_seats_never_used")[scope,]
    assert found.seats == bench.values("adoption_seats")[scope,]
    assert all(one.name for one in found.idle)
