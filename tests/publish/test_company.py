"""The company: distinct people over all sources, held back by the slowest and absent without one of them."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import sample
from exporter.model import AmountKey, DayFacts, Identity, Reading, spend
from exporter.publish.backfill import company_days
from exporter.publish.company import CompanyOptions
from exporter.publish.people_watch import PeopleWatch
from exporter.state.store import Store
from tests.support import real_servers
from tests.support.brute_persons import Row
from tests.support.company_world import ALICE, BOB, NOW, STALE_AFTER, TODAY, Replica, World, back, someone
from tests.support.examples import examples
from tests.support.sample_options import book_of

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_one_person_of_three_tools_is_one_person(world: World) -> None:
    world.month("chat", ALICE, BOB)
    world.month("ide", ALICE, someone("carol", email=False))
    world.month("search", Identity("7", email="ALICE@example.com"), BOB)
    replica = Replica(world)
    replica.publish(*world.sources)

    assert set(replica.company_samples()) == world.expected()
    assert replica.values("active_users") == {("1d",): 3, ("7d",): 3, ("28d",): 3}
    assert replica.values("users_by_tools") == {
        (window, tools): 1 for window in ("1d", "7d", "28d") for tools in ("1", "2", "3")
    }
    assert replica.values("shared_users")["28d", "chat", "search"] == 2
    assert replica.values("unmatched_accounts") == {("chat",): 0, ("ide",): 1, ("search",): 0}
    assert replica.values("data_day_timestamp_seconds") == {(): datetime(2026, 4, 7, tzinfo=UTC).timestamp()}
    assert replica.values("team_active_users") == {}


def test_more_than_five_tools_are_five_or_more(tmp_path: Path) -> None:
    world = World(tmp_path, sources=tuple("abcdefg"))
    for source in world.sources:
        world.month(source, ALICE, *([BOB] if source < "f" else []))
    replica = Replica(world)
    replica.publish(*world.sources)

    assert replica.values("users_by_tools") == {(window, "5+"): 2 for window in ("1d", "7d", "28d")}
    assert set(replica.company_samples()) == world.expected()


def test_a_source_that_is_late_holds_the_company_back_and_is_no_drop(world: World) -> None:
    world.month("chat", ALICE)
    world.month("ide", ALICE, newest=3)
    world.month("search", BOB)
    world.put("chat", back(29))
    world.put("search", back(29), BOB)
    replica = Replica(world)
    replica.publish(*world.sources)

    start = datetime(2026, 4, 5, tzinfo=UTC).timestamp()
    assert replica.values("data_day_timestamp_seconds") == {(): start}
    # The day before these four weeks is not known of two sources.
    assert replica.values("active_users") == {("1d",): 1, ("7d",): 1}
    assert set(replica.company_samples()) == world.expected()


def test_a_withdrawn_source_makes_the_company_absent_until_it_is_back(world: World) -> None:
    for source in world.sources:
        world.month(source, ALICE)
    replica = Replica(world)
    replica.publish(*world.sources)
    there = replica.company_samples()
    world.now += STALE_AFTER + timedelta(seconds=1)
    for source in ("chat", "ide"):
        world.store.scope_read(source, "all", now=world.now)
        replica.publishers[source].publish_all()
    replica.look()
    gone = replica.company_samples()
    world.store.scope_read("search", "all", now=world.now)
    replica.publish("search")

    assert there
    assert gone == []
    assert replica.company_samples() == there


def test_a_source_that_was_never_read_makes_the_company_absent(world: World) -> None:
    world.month("chat", ALICE)
    world.month("ide", ALICE)
    replica = Replica(world)
    replica.publish("chat", "ide")

    assert replica.company_samples() == []


@pytest.mark.parametrize("others", [["eu", "us"], ["eu", "us", "asia"]])
def test_every_scope_of_a_source_must_be_there(tmp_path: Path, others: list[str]) -> None:
    world = World(tmp_path, sources=("chat", "ide"))
    world.month("ide", ALICE)
    world.store.list_scopes("chat", others)
    world.days["chat"] = {scope: {} for scope in others}
    for scope in ("eu", "us"):
        for day in range(28, 0, -1):
            world.put("chat", back(day), someone(f"{scope}-person"), scope=scope)
    replica = Replica(world)
    replica.publish(*world.sources)

    # The third one is listed, and nothing of it was ever read.
    assert bool(replica.company_samples()) == (len(others) == 2)
    assert set(replica.company_samples()) == world.expected()


def test_a_scope_of_money_alone_keeps_no_company_back(tmp_path: Path) -> None:
    world = World(tmp_path, sources=("chat", "ide"))
    for source in world.sources:
        world.month(source, ALICE)
    world.store.list_scopes("chat", ["all", "bill"])
    bill = DayFacts(amounts={AmountKey(spend("USD", "charged")): 12})
    for day in range(28, 0, -1):
        world.store.replace("chat", "bill", Reading(back(day), bill), now=NOW, requests=1)
    replica = Replica(world)
    replica.publish(*world.sources)

    assert replica.values("active_users") == {("1d",): 1, ("7d",): 1, ("28d",): 1}


def test_a_first_reading_scope_by_scope_says_nothing_of_the_company(tmp_path: Path) -> None:
    world = World(tmp_path, sources=("chat", "ide"), scopes=("all", "other"))
    for source in world.sources:
        for scope in world.scopes:
            world.put(source, back(1), someone(scope), scope=scope)
    replica = Replica(world)
    replica.publish("ide")
    # As a poll does that has read one scope so far.
    replica.publishers["chat"].publish_scope("all")
    replica.look()
    first = replica.company_samples()
    replica.publishers["chat"].publish_scope("other")
    replica.look()

    assert first == []
    assert replica.values("active_users") == {("1d",): 2}


def test_one_source_alone_is_no_company(tmp_path: Path) -> None:
    world = World(tmp_path, sources=("chat",))
    world.month("chat", ALICE)
    replica = Replica(world)
    replica.publish("chat")

    assert replica.company_samples() == []


def test_days_that_were_read_before_accounts_were_joined_are_not_known(world: World) -> None:
    for source in world.sources:
        world.month(source, ALICE)
    book_of(world.store, "chat")
    book_of(world.store, "chat", joins=True)
    replica = Replica(world)
    replica.publish(*world.sources)
    before = replica.values("active_users")
    world.put("chat", back(1), ALICE)
    replica.publish("chat")

    # Days without people need nobody's e-mail.
    assert before == {("1d",): 0, ("7d",): 0}
    assert replica.values("active_users") == {("1d",): 1, ("7d",): 1, ("28d",): 1}


def test_another_configuration_counts_at_once(world: World) -> None:
    for source in world.sources:
        world.month(source, ALICE, BOB)
    replica = Replica(world)
    replica.publish(*world.sources)
    replica.company.become(CompanyOptions(["chat", "ide"], min_group_size=3, max_series=10_000))
    replica.look()
    two = replica.company_samples()
    replica.company.become(CompanyOptions(["chat", "ide"], min_group_size=1, max_series=2))
    replica.look()
    few = replica.company_samples()
    replica.company.become(None)
    replica.look()

    start = sample("adoption_company_data_day_timestamp_seconds", datetime(2026, 4, 7, tzinfo=UTC).timestamp())
    people = [sample("adoption_company_active_users", 2, window=window) for window in ("1d", "7d", "28d")]
    unmatched = [sample("adoption_company_unmatched_accounts", 0, source=source) for source in ("chat", "ide")]
    assert two == [start, *people, *unmatched]
    assert few == two[:2]
    assert replica.company_samples() == []


def test_nothing_is_made_anew_while_nothing_is_published(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in world.sources:
        world.month(source, ALICE)
    replica = Replica(world)
    replica.publish(*world.sources)
    snapshot = replica.cache.snapshot
    monkeypatch.setattr(world.store.database, "read", lambda: pytest.fail("the state was read"))
    replica.look()

    assert replica.cache.snapshot is snapshot


def test_a_look_soon_after_a_costly_one_waits(world: World) -> None:
    now = [0.0]

    def monotonic() -> float:
        now[0] += 1.0
        return now[0]

    for source in world.sources:
        world.month(source, ALICE)
    replica = Replica(world)
    replica.watch = PeopleWatch(replica.directory, replica.cache, replica.company, monotonic)
    replica.publish(*world.sources)
    there = replica.company_samples()
    world.put("chat", back(1), ALICE, BOB)
    found = []
    for _ in range(10):
        replica.publish("chat")
        found.append(replica.values("active_users")["1d",])

    assert there
    # The first one took a second.
    assert found == [1.0] * 9 + [2.0]


def test_a_backfill_has_for_each_day_what_was_published_when_it_was_the_newest(world: World) -> None:
    draw = random.Random(7)
    people = [someone(f"person-{number}", email=number % 3 > 0) for number in range(9)]
    world.write([("person-0@example.com", "chat:person-3")], [("person-0", "red"), ("person-1@example.com", "blue")])
    world.has_teams = True
    world.now = datetime(2026, 2, 1, 12, tzinfo=UTC)
    # Whoever comes first has the same number whenever it is asked.
    for source in world.sources:
        world.put(source, date(2026, 1, 30), *people)
    replica = Replica(world)
    live = {}
    while world.now < NOW:
        day = world.now.date() - timedelta(days=1)
        # Twice a source has nothing of a day, and so has the company of the windows that hold it.
        for source in world.sources:
            if (source, day.day) not in {("ide", 5), ("chat", 20)}:
                world.put(source, day, *draw.sample(people, draw.randint(0, 6)))
        replica.publish(*world.sources)
        live[replica.values("data_day_timestamp_seconds")[()]] = replica.company_samples()
        world.now += timedelta(days=1)
    options = [publisher.sample_options for publisher in replica.publishers.values()]
    slow = [replace(one, ready_at=timedelta(days=2, hours=6)) if one.source == "ide" else one for one in options]
    late = world.now + timedelta(days=3)
    past = list(company_days(world.options(), slow, world.store, date(2026, 2, 1), TODAY, late))

    assert {one.samples[0].value: one.samples for one in past} == {
        start: samples for start, samples in live.items() if start >= datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    }
    assert len(past) == len(live) - 1
    assert {one.moment.timestamp() - one.samples[0].value for one in past} == {
        timedelta(days=3, hours=6).total_seconds()
    }


@pytest.mark.servers("postgresql")
def test_replicas_on_one_postgresql_publish_the_same_company(tmp_path: Path) -> None:
    with real_servers.postgresql(tmp_path) as url:
        one = World(tmp_path, Store.open(url))
        other = World(tmp_path, Store.open(url))
        found = []
        for source in one.sources:
            one.month(source, ALICE, someone(f"only-{source}", email=False))
        # A replica with another configuration for a while, and then the polls of the first one.
        book_of(other.store, "chat")
        book_of(other.store, "chat", joins=True)
        replicas = Replica(one), Replica(other)
        for _ in range(2):
            for replica in replicas:
                replica.publish(*one.sources)
            found += [set(replica.company_samples()) for replica in replicas]
            one.month("chat", ALICE, BOB)
        one.write([("alice@example.com", "chat:only-chat")])
        for replica in replicas:
            replica.publish(*one.sources)
        found += [set(replica.company_samples()) for replica in replicas]
        expected = one.expected()
        for world in (one, other):
            world.store.close()

    assert found[0] == found[1]
    assert {sample.value for sample in found[0] if sample.metric == "adoption_company_active_users"} == {0}
    assert found[2] == found[3]
    assert found[4] == found[5] == expected


def test_a_bug_keeps_back_the_company_alone_and_is_told_once(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in world.sources:
        world.month(source, ALICE)
    replica = Replica(world)
    with monkeypatch.context() as patch:
        patch.setattr("exporter.publish.company.data_day", lambda _known: 1 // 0)
        replica.publish(*world.sources)
        replica.look()
    told = [record.message for record in caplog.records if record.levelname == "ERROR"]
    broken = replica.company_samples()
    replica.publish("chat")

    assert (told, broken) == (["a bug kept the company from being published"], [])
    assert set(replica.company_samples()) == world.expected()


names = ["al", "bo", "cy", "di", "ed"]


@examples(20)
@given(
    seed=st.integers(0, 2**32),
    sources=st.integers(2, 5),
    scopes=st.sampled_from([("all",), ("all",), ("eu", "us")]),
    least=st.sampled_from([1, 1, 2, 3]),
    has_teams=st.booleans(),
)
def test_the_company_is_what_brute_force_counts_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    sources: int,
    scopes: tuple[str, ...],
    least: int,
    has_teams: bool,
) -> None:
    draw = random.Random(seed)
    world = World(
        tmp_path_factory.mktemp("files"),
        Store.open(),
        [f"tool-{number}" for number in range(sources)],
        scopes,
        has_teams,
        least,
    )

    def people() -> list[Identity]:
        chosen = draw.sample(names, draw.randint(0, 4))
        return [
            Identity(
                f"{name}-{draw.choice('12')}",
                email=f"{name}@example.com" if draw.random() < 0.7 else "",
                username=draw.choice([name, name, "shared", ""]),
                joint_id=draw.choice(["", "", name]),
            )
            for name in chosen
        ]

    # The same on every day: an account that a stored day counts as a person stays one when the day is read again.
    machines = {source: [0] if draw.random() < 0.3 else [] for source in world.sources}

    def read(source: str, days: range) -> None:
        for day in days:
            for scope in scopes:
                if draw.random() < 0.995:
                    of_day = {identity.key: identity for identity in people()}
                    world.put(source, back(day), *of_day.values(), scope=scope, service=machines[source])

    def identities() -> list[Row]:
        rows = {
            draw.choice([f"{name}@example.com", name, "shared", f"{draw.choice(world.sources)}:{name}"]): draw.choice(
                [f"{other}@example.com", other]
            )
            for name, other in ((draw.choice(names), draw.choice(names)) for _ in range(draw.randint(0, 4)))
        }
        return [(person, identity) for identity, person in rows.items()]

    def teams() -> list[Row]:
        users = {draw.choice([f"{name}@example.com", name]): draw.choice(["red", "blue"]) for name in names}
        return list(users.items()) if has_teams else []

    for source in world.sources:
        # Each has a newest day of its own.
        read(source, range(30, draw.randint(0, 3), -1))
    replicas = [Replica(world), Replica(world)]
    for replica in replicas:
        replica.publish(*world.sources)
    steps: list[Callable[[], None]] = [
        lambda: read(draw.choice(world.sources), range(draw.randint(1, 5), 0, -1)),
        lambda: world.write(identities(), teams()),
        lambda: replicas.__setitem__(draw.randint(0, 1), Replica(world)),
        lambda: world.store.forget_day(draw.choice(world.sources), scopes[0], back(draw.randint(20, 32))),
    ]
    for _ in range(5):
        draw.choice(steps)()
        stored = {
            source: {
                scope: {day: world.days[source][scope][day] for day in world.store.days(source, scope)}
                for scope in scopes
            }
            for source in world.sources
        }
        for replica in replicas:
            replica.publish(*world.sources)
            assert set(replica.company_samples()) == world.expected(stored)
    world.store.close()
