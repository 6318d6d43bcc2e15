"""Leader locks between processes on one SQLite state: a daemon, and a backfill or `once --state` beside it."""

import logging
from pathlib import Path

import pytest

from exporter.poll.replicas import wait_for_leader_lock
from exporter.state.database import LeaderLockLostError, StateError
from exporter.state.store import Store
from tests.support.made_up_vendor import YESTERDAY, Bench, Script, people, poll_as_replica
from tests.support.other_process import another_leader
from tests.support.stores import fresh_store
from tests.support.two_writers import assert_one_came_first, replace_at_once


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'adoption.db'}"


def bench(url: str) -> Bench:
    return Bench(Script({("all", YESTERDAY): people(1, 2, messages=7)}), store=Store.open(url), history=1)


def test_a_poll_is_left_out_with_one_line_while_another_process_reads_the_source(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = bench(url)
    with another_leader(url):
        status = poll_as_replica(one, one.poller())
    one.store.close()

    assert (status, one.script.asked, one.own("polls_total")) == (None, [], 0.0)
    assert [record.getMessage() for record in caplog.records] == ["poll left out, another process reads the source"]


def test_the_leader_lock_of_a_killed_process_is_free(url: str) -> None:
    one = bench(url)
    with another_leader(url) as process:
        process.kill()
        process.wait()
        status = poll_as_replica(one, one.poller())
    one.store.close()

    assert status is not None
    assert status.success


def test_other_sources_are_not_held_up(url: str) -> None:
    store = Store.open(url)
    with another_leader(url), store.database.leader_lock("other") as ours:
        pass
    store.close()

    assert ours


def test_a_leader_lock_is_held_by_one_thread_of_a_process() -> None:
    database = fresh_store().database
    with (
        database.leader_lock("tool") as first,
        database.leader_lock("tool") as second,
        database.leader_lock("other") as other,
    ):
        pass
    with database.leader_lock("tool") as later:
        pass

    assert (first, second, other, later) == (True, False, True, True)


def test_a_leader_lock_is_waited_for_until_others_are_done(url: str) -> None:
    store = Store.open(url)
    waits = []
    with another_leader(url) as process:

        def wait() -> None:
            waits.append(process.poll())
            process.kill()
            process.wait()

        with wait_for_leader_lock(store.database, "tool", wait), store.database.leader_lock("tool") as again:
            pass
    store.close()

    assert (waits, again) == ([None], False)


def test_a_write_after_the_leader_lock_was_lost_is_refused_on_sqlite_too(url: str) -> None:
    one, other = Store.open(url), Store.open(url)
    with one.database.leader_lock("tool"), other.database.leader_lock("tool"), pytest.raises(LeaderLockLostError):
        one.list_scopes("tool", ["stale"])
    scopes = other.scopes("tool")
    one.close()
    other.close()

    assert scopes == {}


def test_a_lock_that_cannot_be_had_is_said_in_words(tmp_path: Path, url: str) -> None:
    store = Store.open(url)
    (tmp_path / "adoption.db-lock").mkdir()
    with (
        pytest.raises(StateError, match=r"^the state cannot be used: .*adoption\.db-lock"),
        store.database.leader_lock("a"),
    ):
        pass
    store.close()


def test_of_two_processes_that_store_a_day_at_once_one_comes_first(url: str) -> None:
    stores = [Store.open(url), Store.open(url)]
    told = replace_at_once(stores, days=30)
    assert_one_came_first(told, stores[0])
    for store in stores:
        store.close()
