"""What a source shows of itself between polls, and how it makes way for another configuration of it."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.config.diff import changes
from exporter.daemon.exporter import Exporter
from exporter.daemon.reload import Reloader
from exporter.errors import Failure, RateLimited, Rejected, Unreachable
from exporter.model import Identity, Reading
from exporter.poll.scheduler import next_poll
from exporter.publish.self_metrics import SelfMetrics
from exporter.state.accounts import plain
from exporter.state.database import StateError
from exporter.vendors import SETTINGS
from exporter.web.access import WebAccess
from tests.support import faulty_server
from tests.support.companies import utc_now
from tests.support.configurations import load_text
from tests.support.daemons import wait_until
from tests.support.failures import failure_of, reason_and_message
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, people
from tests.support.sample_options import book_of
from tests.support.stores import fresh_store


def test_a_poll_keeps_how_it_went_and_which_scopes_failed() -> None:
    script = Script(scopes=("good", "bad"))
    script.days["good", YESTERDAY] = people(1)
    script.days["bad", YESTERDAY] = Rejected("madeup GET /x: 403", status=403)
    poller = Bench(script, history=1).poller()
    before = poller.last
    status = poller.poll()

    assert before is None
    assert poller.last == status
    assert status is not None
    assert status.success
    assert poller.failed == {"bad": Failure("rejected", "madeup GET /x: 403", 403)}


@pytest.mark.parametrize(
    ("errors", "pause"),
    [
        ({"a": RateLimited("403", status=403, pause=3600.0), "b": RateLimited("429", status=429, pause=7.5)}, 3600.0),
        ({"a": None, "b": RateLimited("429", status=429, pause=90.0)}, 90.0),
        ({"a": RateLimited("429", status=429, pause=1e12)}, 86_400.0),
        ({"a": RateLimited("429", status=429)}, 0.0),
        ({"a": Unreachable("503", status=503, pause=3600.0)}, 0.0),
        ({"a": None}, 0.0),
    ],
)
def test_a_poll_keeps_how_long_the_vendors_rate_limit_lasts(errors: dict[str, Exception | None], pause: float) -> None:
    script = Script(scopes=tuple(errors))
    for scope, error in errors.items():
        script.days[scope, YESTERDAY] = people(1) if error is None else error
    poller = Bench(script, history=1).poller()
    poller.poll()

    assert poller.pause == timedelta(seconds=pause)
    poller.restore()
    assert poller.pause == timedelta()


def test_a_source_is_not_polled_before_its_vendors_rate_limit_ends(tmp_path: Path) -> None:
    limited = faulty_server.body(b"", "Retry-After: 36000", status="429 Too Many Requests")
    with faulty_server.serve(limited) as server:
        text = f"sources: {{acme: {{vendor: augment, token: t0ken, base_url: '{server.url}'}}}}"
        exporter = Exporter.open(load_text(tmp_path, text), fresh_store())
        exporter.start()
        wait_until(lambda: exporter.pollers["acme"].pause > timedelta())
        wait_until(lambda: (exporter.scheduler.next_run("acme") or utc_now()) > utc_now() + timedelta(hours=9))
        exporter.end()

    assert len(server.heads) == 1


def test_after_a_restart_it_is_known_how_the_last_poll_went() -> None:
    bench = Bench(Script(scopes_error=Unreachable("madeup GET /scopes: no answer")))
    bench.poller().poll()
    restarted = bench.poller()

    assert restarted.restore()
    assert restarted.last == bench.store.last_poll("tool")
    assert (failure_of(restarted.last).reason, failure_of(restarted.last).status) == ("unreachable", None)


def test_a_publisher_shows_each_listed_scope_whether_published_or_not() -> None:
    script = Script(scopes=("empty", "full"))
    script.days["full", YESTERDAY] = people(1, 2)
    bench = Bench(script, history=1)
    poller = bench.poller()
    poller.poll()
    state = poller.publisher.state()

    assert list(state) == ["empty", "full"]
    assert state["empty"][1] is None
    full = state["full"][1]
    assert full is not None
    assert {figures.day: figures.people for figures in full.days} == {YESTERDAY: {"1d": 2}}
    assert full.samples == list(bench.cache.snapshot.samples["tool"])


def test_a_stale_scope_is_listed_and_no_longer_published() -> None:
    script = Script()
    script.days["all", YESTERDAY] = people(1)
    bench = Bench(script, history=1)
    poller = bench.poller()
    poller.poll()
    bench.now += timedelta(days=4)
    poller.publisher.withdraw_stale()

    status, published = poller.publisher.state()["all"]
    assert (status.last_success, published) == (NOON.timestamp(), None)


def test_an_ended_poll_publishes_nothing_more() -> None:
    script = Script()
    script.days["all", YESTERDAY] = people(1)
    bench = Bench(script, history=1)
    poller = bench.poller()
    script.before_read = poller.end

    assert poller.poll() is None
    assert bench.cache.snapshot.samples == {}
    assert bench.store.last_poll("tool") is None


def test_when_the_next_poll_is_due_is_shown_before_the_first_has_ended(tmp_path: Path) -> None:
    config = load_text(tmp_path, "sources: {acme: {vendor: augment, token: t0ken}}")
    later = utc_now() + timedelta(days=365)
    exporter = Exporter.open(config, fresh_store(), now=lambda: later)
    exporter.start()
    exporter.end()

    about = {"source": "acme", "vendor": "augment"}
    shown = exporter.self_metrics.registry.get_sample_value("adoption_exporter_next_poll_timestamp_seconds", about)
    assert shown == later.timestamp()


def test_a_token_whose_end_is_no_longer_known_has_no_metric() -> None:
    self_metrics = SelfMetrics()
    source = self_metrics.source("tool", "madeup")
    labels = {"source": "tool", "vendor": "madeup"}

    def shown() -> float | None:
        return self_metrics.registry.get_sample_value("adoption_exporter_token_expiry_timestamp_seconds", labels)

    source.token_expires(None)
    never = shown()
    source.token_expires(NOON)
    known = shown()
    source.token_expires(None)

    assert (never, known, shown()) == (None, NOON.timestamp(), None)


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        (None, datetime(2026, 11, 27, 6, 40, tzinfo=UTC)),
        ("30 5 * * mon-fri", datetime(2026, 11, 30, 5, 30, tzinfo=UTC)),
    ],
)
def test_the_next_poll_is_due_an_interval_later_or_when_cron_says(cron: str | None, due: datetime) -> None:
    friday = datetime(2026, 11, 27, 5, 40, tzinfo=UTC)

    assert next_poll(timedelta(hours=1), cron, friday) == due


@pytest.mark.parametrize(
    ("changed", "content", "message"),
    [
        ("token", None, "token_file cannot be used: [Errno 2] No such file or directory: '{folder}/token'"),
        ("token", "", "token_file cannot be used: must not be empty"),
        ("ca.pem", None, "augment: ca_file cannot be used: No such file or directory"),
        ("ca.pem", "-----BEGIN", "augment: ca_file cannot be used: it holds no certificates in PEM form"),
    ],
)
def test_a_file_that_became_useless_is_refused_by_name_and_said_once(
    changed: str, content: str | None, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token").write_text("t0ken")
    (tmp_path / "ca.pem").write_text("")
    config = load_text(tmp_path, "sources: {acme: {vendor: augment, token_file: token, ca_file: ca.pem}}")
    exporter = Exporter.open(config, fresh_store())
    (tmp_path / changed).unlink()
    if content is not None:
        (tmp_path / changed).write_text(content)

    exporter.poll("acme")
    exporter.poll("acme")

    last = exporter.pollers["acme"].last
    assert last is not None
    assert reason_and_message(last) == ("rejected", message.format(folder=tmp_path))
    assert [record.message for record in caplog.records if record.levelno >= logging.INFO] == ["poll failed"]


def test_a_name_under_which_the_state_holds_days_of_another_vendor_is_refused_and_everything_stays(
    tmp_path: Path,
) -> None:
    store = fresh_store()
    models = {name: SETTINGS[name] for name in ("augment", "coder")}
    one = "sources: {{tool: {{vendor: {}, token: t0ken, base_url: 'https://tool.example.com'}}}}"
    kept = load_text(tmp_path, one.format("augment"), models)
    exporter = Exporter.open(kept, store)
    store.replace("tool", "all", Reading(YESTERDAY, people(1)), now=NOON, requests=1)
    other = load_text(tmp_path, one.format("coder"), models)
    result = Reloader(exporter, WebAccess.open(None), lambda: other).reload()
    shown = [
        sample.labels["vendor"]
        for family in exporter.self_metrics.registry.collect()
        for sample in family.samples
        if sample.name == "adoption_exporter_polls_total"
    ]

    assert result.mistakes == (
        "sources.tool.vendor: the state holds days of augment under this name: choose another name for the new source",
    )
    assert (exporter.config, shown) == (kept, ["augment"])
    with pytest.raises(StateError) as raised:
        Exporter.open(other, store)
    assert (str(raised.value),) == result.mistakes


def test_another_calendar_takes_effect_with_a_reload_for_polls_too(tmp_path: Path) -> None:
    one = "sources: {acme: {vendor: augment, token: t0ken}}"
    before = load_text(tmp_path, one)
    exporter = Exporter.open(before, fresh_store())
    after = load_text(tmp_path, f"calendar: {{closed: [{YESTERDAY}]}}\n{one}")
    works = [exporter.pollers["acme"].source.read_window.is_workday(YESTERDAY)]
    exporter.apply(after, changes(before, after))
    works.append(exporter.pollers["acme"].source.read_window.is_workday(YESTERDAY))

    assert works == [True, False]


def test_names_that_are_no_longer_wanted_go_from_sources_that_are_no_longer_configured_too(tmp_path: Path) -> None:
    store = fresh_store()
    gone = book_of(store, "gone", plain)
    gone.number([Identity("1", email="alice@example.com")])
    one = "sources: {acme: {vendor: augment, token: t0ken}}"
    kept = load_text(tmp_path, f"people: {{per_user: plain}}\n{one}")
    exporter = Exporter.open(kept, store)
    before = gone.labels()

    without = load_text(tmp_path, one)
    exporter.apply(without, changes(kept, without))

    assert (before, gone.labels()) == ({0: "alice@example.com"}, {})
