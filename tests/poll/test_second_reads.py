"""What is read of a scope beside its days: an outage fails the scope though its people are published, a refusal does
not."""

import logging

import pytest

from exporter.errors import BadPayload, Failure, RateLimited, Rejected, Unreachable, VendorError
from exporter.model import WindowPeople
from exporter.vendors.base import InvalidDay
from tests.support.failures import failure_of
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, people

OUTAGES = [
    Unreachable("no answer"),
    Unreachable("bad gateway", status=502),
    RateLimited("slow down", status=429),
    BadPayload("seats is -1"),
    Rejected("the token was refused", status=401),
    Rejected("bad query", status=400),
]
REFUSALS = [
    Rejected("not in your plan", status=402),
    Rejected("no permission", status=403),
    Rejected("not found", status=404),
]


def bench(*scopes: str) -> Bench:
    """A source with these scopes, each of which had two people yesterday, and seven seats."""
    script = Script(scopes=scopes)
    script.days = {(scope, YESTERDAY): people(1, 2) for scope in scopes}
    script.seats = dict.fromkeys(scopes, 7)
    script.windows = {(YESTERDAY, window): WindowPeople(YESTERDAY, window, 9) for window in ("7d", "28d")}
    return Bench(script, history=1, lookback=1, windows=True)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize("error", OUTAGES)
def test_an_outage_of_seats_fails_the_scope_though_its_people_are_published(error: VendorError) -> None:
    made = bench("a", "b")
    poller = made.poller()
    poller.poll()
    made.script.seats["a"] = error
    made.script.days["a", YESTERDAY] = people(1, 2, 3)
    status = poller.poll()

    assert status is not None
    assert status.success
    assert poller.failed == {"a": Failure(error.reason, str(error), error.status)}
    assert made.published("adoption_active_users")["a", "1d"] == 3
    # What was known of them stays, as with every outage.
    assert made.published("adoption_seats") == {("a",): 7, ("b",): 7}
    assert made.store.scopes("tool")["a"].last_success == NOON.timestamp()


@pytest.mark.parametrize("error", OUTAGES)
def test_an_outage_of_a_part_of_the_days_fails_the_scope_though_its_people_and_seats_are_published(
    error: VendorError,
) -> None:
    made = bench("all")
    made.script.fields = [InvalidDay(YESTERDAY, error)]
    poller = made.poller()
    poller.poll()

    assert poller.failed == {"all": Failure(error.reason, str(error), error.status)}
    assert made.published("adoption_active_users")["all", "1d"] == 2
    assert made.published("adoption_seats") == {("all",): 7}


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_of_seats_costs_the_seats_alone_and_one_warning(
    error: VendorError, caplog: pytest.LogCaptureFixture
) -> None:
    made = bench("a", "b")
    poller = made.poller()
    poller.poll()
    made.script.seats["a"] = error
    for _ in range(3):
        status = poller.poll()

    assert status is not None
    assert (status.success, poller.failed) == (True, {})
    assert made.published("adoption_seats") == {("b",): 7}
    assert made.published("adoption_active_users")["a", "1d"] == 2
    assert warnings(caplog) == [f"a has no seats: {error}"]


@pytest.mark.parametrize("error", OUTAGES)
def test_an_outage_of_windows_fails_the_scope_and_keeps_back_neither_people_nor_seats(error: VendorError) -> None:
    made = bench("all")
    made.script.windows_error = error
    status = made.poller().poll()

    assert failure_of(status) == Failure(error.reason, f"all: {error}", error.status)
    assert made.published("adoption_active_users") == {("all", "1d"): 2}
    assert made.published("adoption_seats") == {("all",): 7}


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_of_windows_costs_them_alone_and_one_warning(
    error: VendorError, caplog: pytest.LogCaptureFixture
) -> None:
    made = bench("all")
    made.script.windows_error = error
    poller = made.poller()
    for _ in range(2):
        status = poller.poll()

    assert status is not None
    assert status.success
    assert made.published("adoption_active_users") == {("all", "1d"): 2}
    assert warnings(caplog) == [f"all has no counts of longer windows: {error}"]


@pytest.mark.parametrize(("error", "fails"), [*((one, True) for one in OUTAGES), *((one, False) for one in REFUSALS)])
def test_counts_of_earlier_days_are_such_a_read_too(error: VendorError, fails: bool) -> None:
    made = bench("all")
    made.script.counts_error = error
    status = made.poller().poll()

    assert status is not None
    assert status.success is not fails
    assert made.published("adoption_active_users")["all", "1d"] == 2


def test_the_first_of_several_failures_is_told() -> None:
    made = bench("all")
    made.script.windows_error, made.script.seats["all"] = Unreachable("no windows"), BadPayload("no seats")

    assert failure_of(made.poller().poll()).message == "all: no windows"
