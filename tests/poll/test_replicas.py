"""Several replicas on one PostgreSQL: one reads a source, all publish it, and a killed one holds up nobody."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from exporter.errors import Unreachable
from exporter.metrics import Sample
from exporter.model import Identity, Reading, WindowPeople
from exporter.poll.replicas import follow
from exporter.simulator.augment import augment_app
from exporter.simulator.server import build, serve
from exporter.state.accounts import AccountBook
from exporter.state.database import LeaderLockLostError, StateError
from exporter.state.schema import metadata
from exporter.state.store import PollStatus, Store
from tests.support import real_servers
from tests.support.companies import busy, calm, utc_now
from tests.support.daemons import PATIENCE, Daemon, daemon, wait_until
from tests.support.failures import failure_of
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, people, poll_as_replica
from tests.support.other_process import another_leader
from tests.support.two_writers import assert_one_came_first, replace_at_once

pytestmark = pytest.mark.servers("postgresql")

HOUR = timedelta(hours=1)
CONFIG = """
poll: {{history: 30d}}
state: {{url: "{state}"}}
sources:
  tool:
    vendor: augment
    base_url: "{server}/augment"
    token: demo-token
    requests_per_minute: 1000000
    ready_at: {ready_at}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL."""
    with real_servers.postgresql(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """An empty state in it."""
    store = Store.open(server)
    store.close()
    yield server
    store = Store.open(server)
    with store.database.write() as connection:
        for table in ("account", "alias", "day", "scope", "window_people", "poll"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    store.close()


def replica(url: str) -> Bench:
    """A replica over the state; the made-up vendor has yesterday."""
    return Bench(Script({("all", YESTERDAY): people(1, 2, messages=7)}), store=Store.open(url), history=1)


def shown(bench: Bench) -> list[Sample]:
    return bench.cache.snapshot.all_samples()


def test_the_replica_that_comes_second_publishes_what_the_first_has_read(url: str) -> None:
    one, two = replica(url), replica(url)
    poll_as_replica(one, one.poller())
    status = poll_as_replica(two, two.poller())
    one.store.close()
    two.store.close()

    assert len(one.script.asked) == 1
    assert two.script.asked == []
    assert shown(two) == shown(one)
    assert shown(one) != []
    assert status is not None
    assert status.success
    assert two.own("poll_success") == 1.0


def test_two_replicas_ask_the_vendor_as_often_as_one_and_either_goes_on_alone(url: str) -> None:
    one, two = replica(url), replica(url)
    first, second = one.poller(), two.poller()
    read = []
    for half_hours in range(8):
        bench, poller = ((one, first), (two, second))[half_hours % 2]
        bench.now = NOON + HOUR / 2 * half_hours
        if half_hours < 4 or bench is two:
            poll_as_replica(bench, poller)
        read.append((len(one.script.asked), len(two.script.asked)))
    one.store.close()
    two.store.close()

    assert read == [(1, 0), (1, 0), (2, 0), (2, 0), (2, 0), (2, 1), (2, 1), (2, 2)]


@pytest.mark.parametrize(("minutes", "asked"), [(4, 0), (6, 1), (60 * 24 * 400, 1)])
def test_a_poll_by_a_clock_that_was_ahead_does_not_count_until_its_time_has_come(
    minutes: int, asked: int, url: str
) -> None:
    ahead, right = replica(url), replica(url)
    ahead.wrong = timedelta(minutes=minutes)
    ahead.now = NOON + ahead.wrong
    ahead.script.days["all", (ahead.now - timedelta(days=1)).date()] = people(1)
    status = poll_as_replica(ahead, ahead.poller())
    poll_as_replica(right, right.poller())
    ahead.store.close()
    right.store.close()

    assert status is not None
    assert status.success
    assert len(right.script.asked) == asked


def test_a_replica_that_started_by_a_clock_that_was_ahead_takes_what_others_have_read(url: str) -> None:
    one, two = replica(url), replica(url)
    two.now, two.wrong = NOON + timedelta(days=400), timedelta(days=400)
    second = two.poller()
    two.now, two.wrong = NOON, timedelta()
    poll_as_replica(one, one.poller())
    poll_as_replica(two, second)
    one.store.close()
    two.store.close()

    assert two.script.asked == []
    assert shown(two) == shown(one) != []


def test_a_failure_counts_for_nobody_else(url: str) -> None:
    one, two = replica(url), replica(url)
    one.script.scopes_error = Unreachable("no answer")
    poll_as_replica(one, one.poller())
    poll_as_replica(two, two.poller())
    one.store.close()
    two.store.close()

    assert len(two.script.asked) == 1


def test_replicas_with_a_cron_share_its_minute(url: str) -> None:
    one, two = replica(url), replica(url)
    first, second = one.poller(), two.poller()
    for minutes in range(3):
        one.now = NOON + timedelta(minutes=minutes)
        two.now = one.now + timedelta(seconds=2)
        poll_as_replica(one, first, cron="* * * * *")
        poll_as_replica(two, second, cron="* * * * *")
    one.store.close()
    two.store.close()

    assert (len(one.script.asked), len(two.script.asked)) == (3, 0)


@pytest.mark.parametrize(("minutes", "asked"), [(4, 0), (6, 1)])
def test_a_new_configuration_is_polled_unless_somebody_has_just_done_so(minutes: int, asked: int, url: str) -> None:
    before, after = replica(url), replica(url)
    poll_as_replica(before, before.poller())
    after.now = before.now + timedelta(minutes=minutes)
    poll_as_replica(after, after.poller())
    before.store.close()
    after.store.close()

    assert len(after.script.asked) == asked


def test_while_one_replica_reads_another_does_not(url: str) -> None:
    one, two = replica(url), replica(url)
    reading, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        reading.set()
        go_on.wait(PATIENCE)

    one.script.before_read = wait
    thread = threading.Thread(target=poll_as_replica, args=(one, one.poller()))
    thread.start()
    assert reading.wait(PATIENCE)
    second = two.poller()
    meanwhile = poll_as_replica(two, second)
    go_on.set()
    thread.join()
    afterwards = follow(two.store, second)
    seen = shown(two)
    again = follow(two.store, second)
    one.store.close()
    two.store.close()

    assert (two.script.asked, len(one.script.asked)) == ([], 1)
    assert meanwhile is None
    assert afterwards is not None
    assert (afterwards.success, again) == (True, afterwards)
    assert seen == shown(one) != []


def test_the_leader_lock_of_a_killed_replica_ends_with_its_connection(url: str) -> None:
    store = Store.open(url)
    with another_leader(url) as process:
        with store.database.leader_lock("tool") as ours:
            assert not ours
        process.kill()

    def is_free() -> bool:
        with store.database.leader_lock("tool") as ours:
            return ours

    wait_until(is_free)
    store.close()


def test_twenty_sources_are_read_at_once_and_their_days_stored_meanwhile(url: str) -> None:
    store = Store.open(url)
    with ExitStack() as locks:
        ours = [locks.enter_context(store.database.leader_lock(f"source {number}")) for number in range(20)]
        store.list_scopes("source 0", ["all"])
    store.close()

    assert ours == [True] * 20


def test_a_day_is_replaced_whole_and_its_revision_counted(url: str) -> None:
    bench = replica(url)
    poller = bench.poller()
    poller.poll()
    bench.script.days["all", YESTERDAY] = people(1, 2, 3, messages=9)
    poller.poll()
    found = bench.published("adoption_active_users"), bench.published("adoption_data_revisions_total")
    bench.store.close()

    assert found == ({("all", "1d"): 3.0}, {("all",): 1.0})


def test_of_two_processes_that_store_a_day_at_once_one_comes_first(url: str) -> None:
    stores = [Store.open(url), Store.open(url)]
    changes = replace_at_once(stores, days=30)
    assert_one_came_first(changes, stores[0])
    for store in stores:
        store.close()


def test_a_state_that_goes_away_leaves_what_is_published(tmp_path: Path) -> None:
    with real_servers.postgresql(tmp_path) as gone:
        bench = replica(gone)
        poller = bench.poller()
        poll_as_replica(bench, poller)
        before = shown(bench)
    failed = poll_as_replica(bench, poller)
    bench.store.close()

    assert before != []
    assert shown(bench) == before
    assert failed is not None
    assert (failure_of(failed).reason, failed.last_success) == ("state", NOON.timestamp())
    assert (bench.own("poll_success"), bench.own("poll_failures_total", reason="unreachable")) == (0.0, 0.0)
    assert not bench.store.database.up
    assert follow(bench.store, poller) is None


def test_a_poll_whose_connection_was_lost_goes_on_while_nobody_else_has_the_leader_lock(url: str) -> None:
    one, two = replica(url), replica(url)
    one.script.before_read = lambda: cut_locks(two.store)
    status = poll_as_replica(one, one.poller())
    one.store.close()
    two.store.close()

    assert status is not None
    assert status.success


def cut_locks(store: Store) -> None:
    """Ends every connection that holds a leader lock, as a failover does."""
    with store.database.write() as connection:
        holders = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid, 5000) FROM ({holders}) AS holder")


def test_a_poll_that_lost_its_leader_lock_to_another_writes_nothing_and_ends_with_one_line(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one, two = replica(url), replica(url)
    two.now = one.now + timedelta(minutes=1)
    two.script.days["all", YESTERDAY] = people(1, 2, 3, messages=9)
    others = []

    def lose_the_lock() -> None:
        cut_locks(two.store)
        others.append(poll_as_replica(two, two.poller()))

    one.script.before_read = lose_the_lock
    status = poll_as_replica(one, one.poller())
    stored = two.store.last_poll("tool")
    seen = one.published("adoption_usage"), two.published("adoption_usage")
    one.store.close()
    two.store.close()

    assert status == stored == others[0]
    assert seen == ({("all", "1d", "messages"): 9.0},) * 2
    assert (one.own("polls_total"), two.own("polls_total")) == (0.0, 1.0)
    assert [record.getMessage() for record in caplog.records] == [
        "poll finished",
        "poll ended, another process reads the source by now",
    ]


WRITES: Mapping[str, Callable[[Store], object]] = {
    "a day": lambda store: store.replace("tool", "all", Reading(YESTERDAY, people(9)), now=NOON, requests=1),
    "scopes": lambda store: store.list_scopes("tool", ["stale"]),
    "a scope": lambda store: store.scope_read("tool", "all", now=NOON),
    "seats": lambda store: store.seats_read("tool", "all", 9, now=NOON),
    "a window": lambda store: store.replace_windows("tool", "all", [WindowPeople(YESTERDAY, "7d", 9)]),
    "a forgotten window": lambda store: store.forget_window("tool", "all", YESTERDAY, "28d"),
    "forgotten days": lambda store: store.prune("tool", YESTERDAY + timedelta(days=1)),
    "a poll": lambda store: store.record_poll("tool", PollStatus(9.0, 9.0, 9.0)),
    "accounts": lambda store: AccountBook(store, "tool").number([Identity("9")]),
    "forgotten accounts": lambda store: AccountBook(store, "tool").forget(BitMap([0])),
}


@pytest.mark.parametrize("what", WRITES)
def test_nothing_of_a_poll_is_written_once_another_process_has_the_leader_lock(what: str, url: str) -> None:
    one, two = replica(url), replica(url)
    one.poller().poll()
    AccountBook(one.store, "tool").number([Identity("1", username="alice"), Identity("2")])
    one.store.replace_windows("tool", "all", [WindowPeople(YESTERDAY, "28d", 5)])
    with one.store.database.leader_lock("tool") as ours:
        cut_locks(two.store)
        with two.store.database.leader_lock("tool") as theirs:
            before = content(two.store)
            with pytest.raises(LeaderLockLostError, match=r"^another process reads tool now"):
                WRITES[what](one.store)
            after = content(two.store)
    one.store.close()
    two.store.close()

    assert (ours, theirs) == (True, True)
    assert after == before


def content(store: Store) -> dict[str, list[Any]]:
    with store.database.read() as connection:
        return {name: sorted(map(repr, connection.execute(select(table)))) for name, table in metadata.tables.items()}


def test_a_process_that_stands_still_in_a_transaction_holds_up_the_next_leader_no_longer_than_its_own(url: str) -> None:
    stalled, other = Store.open(url, lock_seconds=2), Store.open(url)
    taken = []

    def stand_still() -> None:
        with stalled.database.leader_lock("tool"), stalled.database.write("tool") as connection:
            cut_locks(other)
            taken.append(can_lead(other))
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StateError, match="idle-in-transaction timeout"):
        stand_still()
    stalled.close()
    other.close()

    assert taken == [True]


def test_a_process_that_stands_still_loses_its_leader_lock(url: str) -> None:
    then = """try:
        store.list_scopes("tool", ["stale"])
    except Exception as error:
        print(type(error).__name__, flush=True)"""
    store = Store.open(url)
    with another_leader(url, then, lock_seconds=2) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: can_lead(store))
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        refused = process.stdout.readline()
    scopes = store.scopes("tool")
    store.close()

    assert (refused, scopes) == ("LeaderLockLostError\n", {})


def test_a_process_that_works_keeps_its_turn_however_long_it_takes(url: str) -> None:
    one, two = Store.open(url, lock_seconds=1), Store.open(url)
    began = monotonic()
    with one.database.leader_lock("tool") as ours:
        wait_until(lambda: monotonic() - began > 4)
        kept = not can_lead(two)
    one.close()
    two.close()

    assert (ours, kept) == (True, True)


def can_lead(store: Store) -> bool:
    with store.database.leader_lock("tool") as ours:
        return ours


def test_replicas_that_start_together_make_one_state(tmp_path: Path) -> None:
    with real_servers.postgresql(tmp_path) as empty:
        with ThreadPoolExecutor(4) as pool:
            stores = list(pool.map(Store.open, [empty] * 4))
        keys = {store.database.hash_key() for store in stores}
        for store in stores:
            store.close()

    assert len(keys) == 1


def test_replicas_of_the_daemon_share_the_requests_of_one(url: str, tmp_path: Path) -> None:
    app = build(busy(), utc_now, {"augment": augment_app})
    folders = [tmp_path / name for name in ("alone", "first", "second")]
    for folder in folders:
        folder.mkdir()
    with serve(app) as server, ExitStack() as replicas:

        def start(folder: Path, state: str) -> Daemon:
            config = folder / "config.yaml"
            config.write_text(CONFIG.format(state=state, server=server.url, ready_at=calm()))
            running = replicas.enter_context(daemon(folder, "run", "--config.file", str(config)))
            wait_until(lambda: running.get("/-/ready").is_success and running.values("adoption_active_users") != {})
            return running

        alone = start(folders[0], "sqlite://")
        wait_until(lambda: list(alone.values("adoption_exporter_poll_success").values()) == [1.0])
        cost = app.state.requests["augment"]
        first, second = start(folders[1], url), start(folders[2], url)
        wait_until(lambda: list(second.values("adoption_exporter_poll_success").values()) == [1.0])
        together = app.state.requests["augment"] - cost
        published = [running.values("adoption_usage") for running in (alone, first, second)]

    assert together == cost
    assert published[0] == published[1] == published[2] != {}
