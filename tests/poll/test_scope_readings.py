"""How the last reading of each scope went: shown for as long as the source has the scope, told once, over restarts."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.errors import BadPayload, Failure, Rejected, Unreachable, VendorError
from exporter.poll.outcome import Outcome
from exporter.state import schema
from exporter.state.store import PollStatus, Store
from tests.support.failures import reason_and_message
from tests.support.made_up_vendor import YESTERDAY, Bench, Script, people
from tests.support.stores import fresh_store

REFUSED = Rejected("madeup GET /x: 403", status=403)


def bench(*scopes: str, store: Store | None = None) -> Bench:
    """A source with these scopes, each of which had people yesterday."""
    script = Script(scopes=scopes)
    script.days = {(scope, YESTERDAY): people(1, 2) for scope in scopes}
    return Bench(script, store=store or fresh_store(), history=1, lookback=1)


def shown(made: Bench) -> dict[str, float]:
    """The published success of each scope."""
    (family,) = [
        family for family in made.self_metrics.registry.collect() if family.name == "adoption_exporter_scope_success"
    ]
    return {sample.labels["scope"]: sample.value for sample in family.samples}


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, object]]]:
    """What was logged about scopes, without source and vendor."""
    return [
        (record.message, {name: value for name, value in fields.items() if name not in ("source", "vendor")})
        for record in caplog.records
        if record.message.startswith("scope") and (fields := record.__dict__["fields"])
    ]


def test_before_the_first_poll_no_scope_is_shown() -> None:
    made = bench("a", "b")
    made.poller().restore()

    assert shown(made) == {}


def test_one_refused_scope_is_told_for_that_scope_and_does_not_fail_the_poll() -> None:
    made = bench("a", "b", "c")
    made.script.days["b", YESTERDAY] = REFUSED
    status = made.poller().poll()

    assert status is not None
    assert status.success
    assert shown(made) == {"a": 1, "b": 0, "c": 1}
    assert made.own("poll_success") == 1
    assert made.own("poll_failures_total", reason="rejected") == 0
    assert made.published("adoption_active_users") == {("a", "1d"): 2, ("c", "1d"): 2}


def test_a_poll_fails_where_every_scope_failed() -> None:
    made = bench("a", "b")
    made.script.days = {("a", YESTERDAY): REFUSED, ("b", YESTERDAY): BadPayload("broken")}
    status = made.poller().poll()

    assert reason_and_message(status) == ("rejected", "a: madeup GET /x: 403 (and 1 more scopes failed)")
    assert shown(made) == {"a": 0, "b": 0}
    assert made.own("poll_success") == 0


def test_scopes_that_cannot_be_listed_have_all_failed() -> None:
    made = bench("a", "b")
    poller = made.poller()
    poller.poll()
    made.script.scopes_error = Unreachable("madeup GET /scopes: no answer")
    status = poller.poll()

    assert reason_and_message(status) == ("unreachable", "madeup GET /scopes: no answer")
    assert shown(made) == {"a": 0, "b": 0}


def test_a_state_that_fails_fails_every_scope() -> None:
    made = bench("a", "b")
    poller = made.poller()
    poller.poll()
    poller.conclude(
        PollStatus(1.0, 1.0, None, Failure("state", "gone", of_state=True)),
        Outcome(scopes=list(poller.readings), failed={"": Failure("state", "gone", of_state=True)}),
    )

    assert shown(made) == {"a": 0, "b": 0}


def test_a_scope_that_is_neither_configured_nor_listed_any_longer_is_no_longer_shown() -> None:
    made = bench("a", "b")
    made.script.days["b", YESTERDAY] = REFUSED
    poller = made.poller()
    poller.poll()
    made.script.scopes = ("a",)
    poller.poll()

    assert shown(made) == {"a": 1}
    assert made.store.readings("tool") == {"a": None}


def test_a_scope_is_shown_when_its_series_are_withdrawn() -> None:
    made = bench("a", "b")
    poller = made.poller()
    poller.poll()
    made.script.days["a", YESTERDAY] = REFUSED
    for _ in range(5):
        made.now += timedelta(days=1)
        made.script.days["b", made.now.date() - timedelta(days=1)] = people(1)
        made.script.days["a", made.now.date() - timedelta(days=1)] = REFUSED
        poller.poll()

    assert made.published("adoption_active_users") == {("b", "1d"): 1}
    assert shown(made) == {"a": 0, "b": 1}


def test_how_scopes_stood_is_shown_after_a_restart_before_any_poll(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'adoption.db'}"
    made = bench("a", "b", store=Store.open(url))
    made.script.days["b", YESTERDAY] = REFUSED
    made.poller().poll()
    made.store.close()
    restarted = bench("a", "b", store=Store.open(url))
    poller = restarted.poller()
    poller.restore()

    assert restarted.script.asked == []
    assert shown(restarted) == {"a": 1, "b": 0}
    assert poller.failed == {"b": Failure("rejected", "madeup GET /x: 403", 403)}
    restarted.store.close()


def test_a_state_from_before_readings_of_scopes_were_kept_is_taken_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'adoption.db'}"
    made = bench("a", "b", store=Store.open(url))
    made.poller().poll()
    with made.store.database.write() as connection:
        schema.reading.drop(connection)
    made.store.close()
    again = bench("a", "b", store=Store.open(url))
    poller = again.poller()
    poller.restore()
    before = shown(again)
    poller.poll()

    assert (before, shown(again)) == ({}, {"a": 1, "b": 1})
    again.store.close()


def test_a_scope_that_fails_is_told_once_and_so_is_its_end_over_restarts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    made = bench("a", "b")
    made.poller().poll()
    good, made.script.days["b", YESTERDAY] = made.script.days["b", YESTERDAY], REFUSED
    for _ in range(3):
        restarted = made.poller()
        restarted.restore()
        restarted.poll()
    made.script.days["b", YESTERDAY] = good
    for _ in range(2):
        restarted.poll()

    assert told(caplog) == [
        ("scope failed", {"scope": "b", "reason": "rejected", "error": "madeup GET /x: 403"}),
        ("scope recovered", {"scope": "b"}),
    ]


@pytest.mark.parametrize(
    ("errors", "lines"),
    [
        ([REFUSED, Rejected("madeup GET /y: 403", status=403)], 1),
        ([REFUSED, Rejected("madeup GET /x: 404", status=404)], 2),
        ([REFUSED, Unreachable("no answer")], 2),
    ],
)
def test_a_scope_that_fails_for_something_else_is_told_again(
    caplog: pytest.LogCaptureFixture, errors: list[VendorError], lines: int
) -> None:
    made = bench("a", "b")
    poller = made.poller()
    for error in errors:
        made.script.days["b", YESTERDAY] = error
        poller.poll()

    assert len(told(caplog)) == lines


def test_what_every_scope_fails_for_is_told_for_the_source_and_what_stays_of_it_for_the_scope(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    made = bench("a", "b")
    poller = made.poller()
    poller.poll()
    good = dict(made.script.days)
    made.script.days = dict.fromkeys(good, REFUSED)
    poller.poll()
    made.script.days["a", YESTERDAY] = good["a", YESTERDAY]
    poller.poll()
    made.script.days = good
    poller.poll()

    assert [record.message for record in caplog.records] == [
        "poll finished",
        "poll failed",
        "poll recovered",
        "scope failed",
        "poll finished",
        "scope recovered",
    ]


def test_scopes_that_fail_for_the_same_share_a_line(caplog: pytest.LogCaptureFixture) -> None:
    made = bench("good", *(f"s{number:02}" for number in range(12)))
    for number in range(12):
        made.script.days[f"s{number:02}", YESTERDAY] = REFUSED
    made.poller().poll()

    assert told(caplog) == [
        (
            "scope failed",
            {
                "scope": "s00, s01, s02, s03, s04, s05, s06, s07, s08, s09 and 2 more",
                "reason": "rejected",
                "error": "madeup GET /x: 403",
            },
        )
    ]


def test_the_line_of_a_poll_counts_the_scopes_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    made = bench("a", "b", "c")
    poller = made.poller()
    poller.poll()
    made.script.days["b", YESTERDAY] = REFUSED
    poller.poll()

    lines = [record.__dict__["fields"] for record in caplog.records if record.message == "poll finished"]
    assert [fields.get("failed_scopes") for fields in lines] == [None, 1]
