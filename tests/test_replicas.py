"""Several replicas on one PostgreSQL: one reads a source, all publish it, and a killed one holds up nobody."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.errors import Unreachable
from exporter.metrics import Sample
from exporter.poller import Poller
from exporter.store import PollStatus, Store
from exporter.turns import poll_in_turn
from tests import real_servers
from tests.polling import YESTERDAY, Bench, Script, people

pytestmark = pytest.mark.servers("postgresql")

HOUR = timedelta(hours=1)


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


def polled(bench: Bench, poller: Poller) -> PollStatus | None:
    """A poll in turn with the other replicas."""
    return poll_in_turn(bench.store, poller, poller.poll, interval=HOUR, now=lambda: bench.now)


def shown(bench: Bench) -> list[Sample]:
    return bench.board.snapshot.all_samples()


def test_the_replica_that_comes_second_publishes_what_the_first_has_read(url: str) -> None:
    one, two = replica(url), replica(url)
    polled(one, one.poller())
    status = polled(two, two.poller())
    one.store.close()
    two.store.close()

    assert len(one.script.asked) == 1
    assert two.script.asked == []
    assert shown(two) == shown(one)
    assert shown(one) != []
    assert status is not None
    assert status.success
    assert two.own("poll_success") == 1.0


def test_after_half_an_interval_or_a_failure_the_next_replica_reads_itself(url: str) -> None:
    one, two = replica(url), replica(url)
    polled(one, one.poller())
    two.now += HOUR / 2
    polled(two, two.poller())
    one.now = two.now + HOUR
    one.script.scopes_error = Unreachable("no answer")
    polled(one, one.poller())
    two.now = one.now
    polled(two, two.poller())
    one.store.close()
    two.store.close()

    assert len(two.script.asked) == 2


def test_while_one_replica_reads_another_does_not(url: str) -> None:
    one, two = replica(url), replica(url)
    reading, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        reading.set()
        go_on.wait(30)

    one.script.before_read = wait
    thread = threading.Thread(target=polled, args=(one, one.poller()))
    thread.start()
    reading.wait(30)
    polled(two, two.poller())
    go_on.set()
    thread.join()
    one.store.close()
    two.store.close()

    assert two.script.asked == []
    assert len(one.script.asked) == 1


def test_the_turn_of_a_killed_replica_ends_with_its_connection(url: str) -> None:
    holder = (
        "import sys, time\nfrom exporter.store import Store\n"
        f"with Store.open({url!r}).database.turn('tool') as ours:\n    print(ours, flush=True)\n    time.sleep(60)\n"
    )
    store = Store.open(url)
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        with store.database.turn("tool") as ours:
            assert not ours
        process.kill()
    taken = False
    for _ in range(100):
        with store.database.turn("tool") as ours:
            taken = ours
        if taken:
            break
    store.close()

    assert taken


def test_a_day_is_replaced_whole_and_its_revision_counted(url: str) -> None:
    bench = replica(url)
    poller = bench.poller()
    poller.poll()
    bench.script.days["all", YESTERDAY] = people(1, 2, 3, messages=9)
    poller.poll()
    found = bench.published("adoption_active_users"), bench.published("adoption_data_days_revised_total")
    bench.store.close()

    assert found == ({("all", "1d"): 3.0}, {("all",): 1.0})


def test_a_state_that_goes_away_leaves_what_is_published(tmp_path: Path) -> None:
    with real_servers.postgresql(tmp_path) as gone:
        bench = replica(gone)
        poller = bench.poller()
        polled(bench, poller)
        before = shown(bench)
    polled(bench, poller)
    bench.store.close()

    assert before != []
    assert shown(bench) == before
