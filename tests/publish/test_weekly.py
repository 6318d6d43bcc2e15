"""The facts of a weekly report are those that are published, as of the same days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exporter.config.source import SeatPrice
from exporter.errors import Failure
from exporter.model import DayFacts, Holder, Identity, Reading, Seats
from exporter.publish.weekly import CompanyWeek, ScopeWeek, SourceWeek, company_week, source_week
from exporter.state.scope_readings import NO_READINGS, Readings
from exporter.state.store import PollStatus
from tests.support.company_world import ALICE, BOB, CAROL, NOW, Replica, World, back, someone

DAVE = someone("dave")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def weeks_of(world: World, source: str, **people: tuple[int, ...]) -> None:
    """Nine weeks on whose days these people were active, so many days before the newest one."""
    for day in range(62, -1, -1):
        active = [someone(name) for name, days in people.items() if day in days]
        world.put(source, back(1 + day), *active)


def polled(world: World, source: str, failure: Failure | None = None, readings: Readings = NO_READINGS) -> None:
    world.store.record_poll(source, PollStatus(world.now.timestamp(), 60.0, world.now.timestamp(), failure), readings)


def of(world: World, source: str, weeks: int = 3, **options: Any) -> SourceWeek:
    publisher = Replica(world).publishers[source]
    return source_week(replace(publisher.sample_options, **options), world.store, world.now, weeks)


def test_a_scope_has_its_people_what_was_before_and_who_came_and_left(world: World) -> None:
    weeks_of(world, "chat", alice=(0, 8, 40), bob=(3,), carol=(9, 16), dave=(2, 60))
    polled(world, "chat")
    found = of(world, "chat")
    [week] = found.scopes

    assert (found.source, found.failing, found.silent, found.seats) == ("chat", {}, [], None)
    assert found.last_poll == NOW
    assert (week.scope, week.data_day, week.days_late) == ("all", back(1), 0)
    assert week.people == {"1d": 1, "7d": 3, "28d": 4}
    assert week.before == {"7d": 2, "28d": 1}
    assert week.trend == [1, 2, 3]
    # Nobody knows who is new in the last week but whoever was there before.
    assert (week.new, week.returned, week.lapsed) == (1, 1, 1)
    assert (week.seats, week.idle, week.never_used, week.idle_cost, week.spend, week.revised) == (
        None,
        None,
        None,
        None,
        [],
        [],
    )


def test_seats_have_a_cost_where_holders_and_a_price_are_known(world: World) -> None:
    weeks_of(world, "chat", alice=(0,), bob=(40,))
    numbers = Replica(world).publishers["chat"].sample_options.accounts.number([ALICE, BOB, CAROL])
    world.store.seats_read("chat", "all", Seats.of(map(Holder, numbers)), now=NOW)
    [with_price] = of(world, "chat", seat_price=SeatPrice(amount=Decimal("19.95"), currency="EUR")).scopes
    [without] = of(world, "chat").scopes
    configured = of(world, "chat", seats=50, seat_price=SeatPrice(amount=Decimal(10), currency="EUR"))

    assert (with_price.seats, with_price.idle, with_price.never_used) == (3, 2, 1)
    assert with_price.idle_cost == Decimal("39.90")
    assert (without.idle, without.idle_cost) == (2, None)
    assert (configured.seats, configured.seat_price, configured.currency) == (50, Decimal(10), "EUR")
    assert (configured.scopes[0].seats, configured.scopes[0].idle) == (None, None)


def test_what_is_late_failed_or_was_revised_is_told(world: World) -> None:
    world.store.list_scopes("chat", ["eu", "us", "new"])
    for scope in ("eu", "us"):
        for day in (5, 4, 3):
            world.store.replace("chat", scope, Reading(back(day), DayFacts(head_count=1)), now=NOW, requests=1)
    world.store.replace("chat", "eu", Reading(back(4), DayFacts(head_count=2)), now=NOW, requests=1)
    polled(world, "chat", readings={"eu": None, "us": Failure("rejected", "no", 403), "new": None})
    found = of(world, "chat")
    late = of(world, "chat", ready_at=timedelta(days=1))
    polled(world, "chat", failure=Failure("unreachable", "no answer"))
    whole = of(world, "chat")

    assert (found.failing, found.silent) == ({"us": "rejected"}, ["new"])
    assert {week.scope: (week.days_late, list(week.revised)) for week in found.scopes} == {
        "eu": (2, [back(4)]),
        "us": (2, []),
    }
    assert {week.days_late for week in late.scopes} == {1}
    assert whole.failing == {"": "unreachable"}
    assert of(world, "ide").last_poll is None


def test_what_a_poll_could_not_have_found_is_not_late(world: World) -> None:
    world.put("chat", back(1), ALICE)
    polled(world, "chat")
    # The day that became ready meanwhile comes with the next poll.
    world.now += timedelta(hours=20)

    assert of(world, "chat").scopes[0].days_late == 0


def test_the_company_has_its_people_and_its_tools_together(tmp_path: Path) -> None:
    world = World(tmp_path, least=1)
    weeks_of(world, "chat", alice=(0, 30), bob=(1, 9))
    weeks_of(world, "ide", alice=(2,), bob=(40,), carol=(10,))
    weeks_of(world, "search", dave=(6, 35))
    world.put("search", back(1), Identity("without a name"))
    replica = Replica(world)
    sources = [publisher.sample_options for publisher in replica.publishers.values()]
    found = company_week(world.options(), sources, world.store, NOW, 3)

    assert found == CompanyWeek(
        data_day=back(1),
        sources=["chat", "ide", "search"],
        people={"1d": 2, "7d": 4, "28d": 5},
        before={"28d": 3, "7d": 2},
        trend=[0, 2, 4],
        tools={"1": 4, "2": 1},
        shared=[("chat", "ide", 1)],
        unmatched={"chat": 0, "ide": 0, "search": 1},
    )


def test_small_groups_of_the_company_are_withheld_and_totals_stay(tmp_path: Path) -> None:
    world = World(tmp_path, least=3)
    everybody = tuple(range(28))
    weeks_of(world, "chat", alice=everybody, bob=(1,), carol=(2,))
    weeks_of(world, "ide", alice=(0,))
    weeks_of(world, "search", alice=(0,))
    sources = [publisher.sample_options for publisher in Replica(world).publishers.values()]
    found = company_week(world.options(), sources, world.store, NOW, 1)

    assert found is not None
    assert found.people["28d"] == 3
    assert (found.tools, found.shared) == ({}, [])


def test_sources_without_a_common_day_make_no_company(world: World) -> None:
    world.put("chat", back(1), ALICE)
    world.put("ide", back(2), ALICE)
    sources = [publisher.sample_options for publisher in Replica(world).publishers.values()]

    assert company_week(world.options(), sources, world.store, NOW, 3) is None


def test_a_scope_that_knows_little_says_no_more(world: World) -> None:
    world.put("chat", back(1), ALICE)
    [week] = of(world, "chat").scopes

    assert isinstance(week, ScopeWeek)
    assert (week.people, week.before, week.trend) == ({"1d": 1}, {}, [None, None, None])
    assert (week.new, week.returned, week.lapsed) == (None, None, None)
    assert week.data_day == date(2026, 4, 7)
    assert world.now == datetime(2026, 4, 8, 12, tzinfo=UTC)
