"""A state that cannot be used: a failed poll that says so, once, and leaves what is published."""

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.daemon.exporter import Exporter
from exporter.errors import REASONS, Failure, Unreachable
from exporter.poll.replicas import follow
from exporter.state.database import StateError
from exporter.state.store import PollStatus, Store
from tests.support.configurations import load_text
from tests.support.failures import failure_of
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, people, poll_as_replica
from tests.support.stores import fresh_store

WORDS = "the state cannot be used: attempt to write a readonly database"


def bench() -> Bench:
    return Bench(Script({("all", YESTERDAY): people(1, 2, messages=7)}), history=1)


def make_writable(store: Store, *, writable: bool) -> None:
    """What a full disk is like: reading works, writing does not."""
    with store.database.read() as connection:
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writable else 'ON'}")


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.message) for record in caplog.records if record.levelno >= logging.INFO]


def test_a_state_that_takes_nothing_is_a_failed_poll_that_says_so_and_leaves_what_is_published() -> None:
    one = bench()
    poller = one.poller()
    poll_as_replica(one, poller)
    before = one.cache.snapshot.samples
    make_writable(one.store, writable=False)
    one.now += timedelta(hours=1)
    status = poll_as_replica(one, poller)

    assert status == PollStatus(
        ended=one.now.timestamp(),
        duration=0.0,
        last_success=NOON.timestamp(),
        failure=Failure("state", WORDS, of_state=True),
    )
    assert poller.last == status
    assert poller.failed == {"": Failure("state", WORDS, of_state=True)}
    assert one.cache.snapshot.samples == before
    assert (one.own("poll_success"), one.own("polls_total")) == (0.0, 2.0)
    assert {reason: one.own("poll_failures_total", reason=reason) for reason in REASONS} == dict.fromkeys(REASONS, 0.0)


def test_a_state_that_is_gone_is_a_failed_poll_too() -> None:
    one = bench()
    poller = one.poller()
    poll_as_replica(one, poller)
    one.store.close()
    status = poll_as_replica(one, poller)

    assert status is not None
    assert failure_of(status).message == "the state cannot be used: no such table: turn"
    assert poller.last == status


def test_a_state_is_up_until_a_transaction_fails_and_from_the_next_good_one_of_its_kind_on() -> None:
    one = bench()
    database, poller = one.store.database, one.poller()
    seen = [database.up]
    make_writable(one.store, writable=False)
    poll_as_replica(one, poller)
    seen.append(database.up)
    one.store.days("tool", "all")
    seen.append(database.up)
    database.probe()
    seen.append(database.up)
    make_writable(one.store, writable=True)
    database.probe()
    seen.append(database.up)
    one.store.close()
    database.probe()
    seen.append(database.up)

    assert seen == [True, False, False, False, True, False]


def test_whether_the_state_is_up_is_a_metric(tmp_path: Path) -> None:
    exporter = Exporter.open(load_text(tmp_path, "sources: {one: {vendor: augment, token: some-token}}"), fresh_store())
    before = exporter.self_metrics.registry.get_sample_value("adoption_exporter_state_up")
    make_writable(exporter.store, writable=False)
    with pytest.raises(StateError), exporter.store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM poll")

    assert (before, exporter.self_metrics.registry.get_sample_value("adoption_exporter_state_up")) == (1.0, 0.0)


def test_a_poll_raises_what_is_wrong_with_the_state_and_nothing_else() -> None:
    one = bench()
    make_writable(one.store, writable=False)

    with pytest.raises(StateError, match=f"^{WORDS}$"):
        one.poller().poll()


def test_a_broken_state_is_logged_once_and_its_recovery_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one = bench()
    poller = one.poller()
    make_writable(one.store, writable=False)
    poll_as_replica(one, poller)
    poll_as_replica(one, poller)
    make_writable(one.store, writable=True)
    poll_as_replica(one, poller)
    poll_as_replica(one, poller)

    assert lines(caplog) == [("ERROR", "poll failed"), ("INFO", "poll recovered"), ("INFO", "poll finished")]


def test_a_broken_state_is_logged_though_the_vendor_is_unreachable_too(caplog: pytest.LogCaptureFixture) -> None:
    one = bench()
    poller = one.poller()
    one.script.scopes_error = Unreachable("madeup: no answer")
    poll_as_replica(one, poller)
    make_writable(one.store, writable=False)
    poll_as_replica(one, poller)

    assert lines(caplog) == [("ERROR", "poll failed"), ("ERROR", "poll failed")]


def test_a_poll_that_was_ended_meanwhile_says_nothing_of_the_state() -> None:
    one = bench()
    poller = one.poller()
    make_writable(one.store, writable=False)
    poller.end()

    assert poll_as_replica(one, poller) is None
    assert (poller.last, one.own("polls_total")) == (None, 0.0)


def test_a_failed_poll_is_told_until_the_state_has_a_later_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one = bench()
    poller = one.poller()
    poll_as_replica(one, poller)
    make_writable(one.store, writable=False)
    one.now += timedelta(hours=1)
    failed = poll_as_replica(one, poller)
    follow(one.store, poller)
    meanwhile = poller.last
    make_writable(one.store, writable=True)
    stored = one.store.last_poll("tool")
    assert stored is not None
    later = replace(stored, ended=one.now.timestamp() + 1)
    one.store.record_poll("tool", later)
    follow(one.store, poller)

    assert meanwhile == failed
    assert poller.last == later
    assert one.own("poll_success") == 1.0
    assert lines(caplog)[1:] == [("ERROR", "poll failed"), ("INFO", "the state can be used again")]


def test_a_failed_first_poll_is_told_while_the_state_has_none() -> None:
    one = bench()
    poller = one.poller()
    make_writable(one.store, writable=False)
    failed = poll_as_replica(one, poller)

    assert follow(one.store, poller) is None
    assert poller.last == failed
