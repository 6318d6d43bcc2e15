"""A poll that had nothing to read sends one request all the same: without an answer it is no success."""

from datetime import timedelta

import pytest

from exporter.errors import Failure, Rejected, Unreachable, VendorError
from tests.support.failures import failure_of
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, people

REVOKED = Rejected("the token was refused", status=401)


def bench(*scopes: str) -> Bench:
    """A source that reads one day of each scope and never again."""
    script = Script(scopes=scopes)
    script.days = {(scope, YESTERDAY): people(1, 2) for scope in scopes}
    return Bench(script, history=1, lookback=0)


def test_a_poll_that_reads_days_needs_no_probe() -> None:
    made = bench("a", "b")
    made.poller().poll()

    assert made.script.probes == 0


def test_a_poll_with_nothing_to_read_sends_one_probe_for_all_scopes() -> None:
    made = bench("a", "b", "c")
    poller = made.poller()
    poller.poll()
    before = made.own("vendor_requests_total", code="200")
    status = poller.poll()

    assert status is not None
    assert status.success
    assert made.script.probes == 1
    assert (before, made.own("vendor_requests_total", code="200")) == (3, 4)


def test_a_poll_of_a_source_without_a_scope_sends_a_probe() -> None:
    made = bench()
    made.script.probe_error = REVOKED
    status = made.poller().poll()

    assert failure_of(status) == Failure("rejected", "the token was refused", 401)


@pytest.mark.parametrize("error", [REVOKED, Unreachable("no answer"), Rejected("no permission", status=403)])
def test_a_probe_that_fails_fails_every_scope(error: VendorError) -> None:
    made = bench("a", "b")
    poller = made.poller()
    poller.poll()
    made.script.probe_error = error
    made.now += timedelta(hours=1)
    status = poller.poll()

    assert failure_of(status).message == f"a: {error} (and 1 more scopes failed)"
    assert poller.failed == {scope: Failure(error.reason, str(error), error.status) for scope in ("a", "b")}
    assert made.own("poll_success") == 0
    assert [made.own("scope_success", scope=scope) for scope in ("a", "b")] == [0, 0]
    # It was not read: what makes values stale does not start anew.
    assert made.store.scopes("tool")["a"].last_success == NOON.timestamp()
    assert made.published("adoption_active_users") == {("a", "1d"): 2, ("b", "1d"): 2}


def test_a_scope_that_was_read_stands_for_the_token_of_those_with_nothing_to_read() -> None:
    made = bench("a", "b")
    poller = made.poller()
    poller.poll()
    made.script.scopes = ("new", "a", "b")
    made.script.days["new", YESTERDAY] = people(1)
    poller.poll()

    assert made.script.probes == 0


def test_an_outage_of_what_is_read_beside_the_days_is_told_without_a_probe() -> None:
    made = bench("all")
    made.script.seats = {"all": 7}
    poller = made.poller()
    poller.poll()
    made.script.seats["all"] = Unreachable("no seats")
    made.now += timedelta(hours=1)
    status = poller.poll()

    assert failure_of(status).message == "all: no seats"
    assert made.script.probes == 0
    assert made.store.scopes("tool")["all"].last_success == NOON.timestamp()
