"""A running daemon whose configuration changes."""

import operator
import signal
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import httpx
import pytest
from pyroaring import BitMap

from exporter.config.load import Config
from exporter.daemon.exporter import Exporter
from exporter.daemon.reload import Reloader
from exporter.model import EVERYBODY, ONE_DAY, DayFacts, Identity, Reading
from exporter.publish.status import Reload
from exporter.state import schema
from exporter.state.accounts import AccountBook
from exporter.state.store import Store
from exporter.web.access import WebAccess
from tests.daemon.test_daemon import simulated
from tests.support import faulty_server
from tests.support.companies import utc_now
from tests.support.configurations import load_text
from tests.support.daemons import PATIENCE, Daemon, daemon, wait_until
from tests.support.failing_state import FailingState
from tests.support.stores import fresh_store

pytestmark = pytest.mark.slow

PEOPLE = "adoption_active_users"
DUE = "adoption_exporter_next_poll_timestamp_seconds"
RELOADED = "adoption_exporter_config_last_reload_successful"
RELOADED_AT = "adoption_exporter_config_last_reload_success_timestamp_seconds"


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with simulated() as (url, _):
        yield url


def source(url: str, *more: str) -> str:
    settings = [
        "vendor: augment",
        f'base_url: "{url}"',
        "token: demo-token",
        "requests_per_minute: 1000000",
        "history: 3d",
    ]
    return f"{{{', '.join([*settings, *more])}}}"


def write(folder: Path, *head: str, **sources: str) -> str:
    """Writes the configuration, and gives its path."""
    file = folder / "config.yaml"
    lines = [
        *(head or ('state: {url: "sqlite://"}',)),
        "sources:",
        *(f"  {name}: {text}" for name, text in sources.items()),
    ]
    file.write_text("\n".join(lines))
    return str(file)


def reload(running: Daemon) -> httpx.Response:
    return httpx.post(f"{running.url}/-/reload", timeout=PATIENCE)


def of(running: Daemon, metric: str) -> dict[str, float]:
    """The values of a metric by source; of several, one of them."""
    return {dict(labels)["source"]: value for labels, value in running.values(metric).items()}


def polls(running: Daemon) -> dict[str, float]:
    return of(running, "adoption_exporter_polls_total")


def test_sources_come_change_and_go_and_the_others_go_on_as_they_were(tmp_path: Path, simulator: str) -> None:
    file = write(tmp_path, same=source(simulator), other=source(simulator, "seats: 5"), gone=source(simulator))
    with daemon(tmp_path, "run", "--config.file", file) as running:
        wait_until(lambda: polls(running) == {"same": 1, "other": 1, "gone": 1})
        wait_until(lambda: min(of(running, DUE).values()) > utc_now().timestamp())
        due = of(running, DUE)["same"]
        write(tmp_path, same=source(simulator), other=source(simulator, "seats: 7"), new=source(simulator))
        answer = reload(running)
        wait_until(lambda: polls(running) == {"same": 1, "other": 2, "new": 1})

        assert (answer.status_code, answer.text) == (
            200,
            "added: new\nremoved: gone\nchanged: other\ncredential of new: the vendor takes it\n",
        )
        assert set(of(running, PEOPLE)) == {"same", "other", "new"}
        assert of(running, "adoption_seats") == {"other": 7}
        assert of(running, DUE)["same"] == due
        # The company follows within seconds.
        wait_until(lambda: 'source="gone"' not in running.get("/metrics").text)
        assert running.get("/-/ready").status_code == 200
        status = running.get("/api/v1/status").json()
        assert [result["source"] for result in status["sources"]] == ["same", "other", "new"]


def test_a_mistake_keeps_everything_and_is_said_with_all_others(tmp_path: Path, simulator: str) -> None:
    file = write(tmp_path, one=source(simulator))
    with daemon(tmp_path, "run", "--config.file", file) as running:
        wait_until(lambda: polls(running) == {"one": 1})
        before = of(running, PEOPLE)
        write(tmp_path, "stat: {}", one=source(simulator, "seats: none"), two="{vendor: augmant, token: x}")
        answer = reload(running)

        assert answer.status_code == 500
        assert answer.text.splitlines() == [
            "The configuration is kept as it was.",
            f'{file}: stat: unknown key, did you mean "state"?',
            f'{file}: sources.one.seats: must be a whole number, not "none"',
            f'{file}: sources.two.vendor: unknown vendor "augmant", did you mean "augment"?',
        ]
        assert of(running, PEOPLE) == before
        assert running.values(RELOADED) == {(): 0}
        assert "did you mean &#34;state&#34;?" in running.get("/").text
        assert running.get("/api/v1/status").json()["reload"]["mistakes"] == answer.text.splitlines()[1:]

        at = running.values(RELOADED_AT)[()]
        write(tmp_path, one=source(simulator))
        assert reload(running).text == "no source has changed\n"
        assert running.values(RELOADED) == {(): 1}
        assert running.values(RELOADED_AT)[()] > at


def test_a_new_token_is_tried_at_once_and_is_in_force_whatever_comes_of_it(tmp_path: Path, simulator: str) -> None:
    token = tmp_path / "token"
    token.write_text("demo-token")
    with_file = source(simulator).replace("token: demo-token", "token_file: token")
    file = write(tmp_path, one=with_file, other=source(simulator))
    with daemon(tmp_path, "run", "--config.file", file) as running:
        wait_until(lambda: polls(running) == {"one": 1, "other": 1})
        token.write_text("wrong-token")
        refused = reload(running)
        wait_until(lambda: polls(running) == {"one": 2, "other": 1})
        token.write_text("demo-token")
        taken = reload(running)
        wait_until(lambda: of(running, "adoption_exporter_poll_success") == {"one": 1, "other": 1})

        assert (refused.status_code, refused.text.splitlines()) == (
            200,
            [
                "changed: one",
                (
                    "credential of one: augment GET /analytics/v0/dau-count: 401, the token was refused; "
                    "check token/token_file: missing or invalid API token"
                ),
                "The configuration is in force all the same.",
            ],
        )
        assert taken.text == "changed: one\ncredential of one: the vendor takes it\n"
        assert 'msg="the vendor takes the credential" source=one' in running.log.read_text()


def test_a_signal_reloads_too_and_the_daemon_lives_on(tmp_path: Path, simulator: str) -> None:
    file = write(tmp_path, one=source(simulator))
    with daemon(tmp_path, "run", "--config.file", file) as running:
        wait_until(lambda: polls(running) == {"one": 1})
        write(tmp_path, one=source(simulator), two=source(simulator))
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: polls(running) == {"one": 1, "two": 1})
        write(tmp_path)
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: running.values(RELOADED) == {(): 0})

        assert polls(running) == {"one": 1, "two": 1}
        assert 'msg="configuration read again" changes="added: two"' in running.log.read_text()
        assert running.log.read_text().count('msg="configuration kept as it was"') == 1
        assert running.stop() == 0


def test_a_change_of_people_is_seen_at_once_and_asks_no_vendor(tmp_path: Path) -> None:
    with simulated() as (url, requests):
        file = write(tmp_path, one=source(url))
        with daemon(tmp_path, "run", "--config.file", file) as running:
            wait_until(lambda: polls(running) == {"one": 1})
            asked, clients = requests(), running.values("adoption_client_active_users")
            write(tmp_path, 'state: {url: "sqlite://"}', "people: {min_group_size: 1000000}", one=source(url))
            answer = reload(running)

            assert answer.text == "samples made anew: one\n"
            assert (len(clients) > 0, running.values("adoption_client_active_users")) == (True, {})
            assert (polls(running), requests()) == ({"one": 1}, asked)


def test_the_new_content_of_a_token_file_counts_at_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old-token")
    with faulty_server.serve(faulty_server.body(b"{}", status="401 Unauthorized")) as vendor:
        file = write(tmp_path, one=source(vendor.url).replace("token: demo-token", f"token_file: {token}"))
        with daemon(tmp_path, "run", "--config.file", file) as running:
            wait_until(lambda: polls(running) == {"one": 1})
            token.write_text("new-token")
            assert reload(running).text.splitlines()[0] == "changed: one"
            wait_until(lambda: polls(running) == {"one": 2})

            assert ["new-token" in head for head in vendor.heads] == [False, True, True]
            assert "new-token" not in running.log.read_text() + running.get("/config").text


def test_what_needs_a_restart_is_said(tmp_path: Path, simulator: str) -> None:
    file = write(tmp_path, one=source(simulator))
    with daemon(tmp_path, "run", "--config.file", file) as running:
        write(tmp_path, 'state: {url: "sqlite:///elsewhere.db"}', one=source(simulator))

        assert reload(running).text == "no source has changed\nstate.url has changed, which needs a restart\n"
        assert "sqlite://\n" in running.get("/config").text


def test_a_source_may_go_or_change_in_the_middle_of_its_poll(tmp_path: Path, simulator: str) -> None:
    with faulty_server.serve(faulty_server.silence) as silent:
        # The poll of before ends with its request, and would fail after four of them.
        unhurried = source(silent.url, "timeout: 10s")
        file = write(tmp_path, gone=unhurried, changed=unhurried)
        with daemon(tmp_path, "run", "--config.file", file) as running:
            wait_until(lambda: len(silent.heads) >= 1)
            write(tmp_path, changed=source(simulator))
            assert (
                reload(running).text == "removed: gone\nchanged: changed\ncredential of changed: the vendor takes it\n"
            )
            wait_until(lambda: polls(running) == {"changed": 1})

            assert set(of(running, PEOPLE)) == {"changed"}
            assert 'source="gone"' not in running.get("/metrics").text
            assert "poll failed" not in running.log.read_text()


def test_a_reload_takes_another_web_configuration(tmp_path: Path, simulator: str) -> None:
    file = write(tmp_path, one=source(simulator))
    (tmp_path / "web.yml").write_text("http_server_config: {headers: {X-Frame-Options: deny}}")
    with daemon(tmp_path, "run", "--config.file", file) as running:
        write(tmp_path, "web: {config_file: web.yml}", one=source(simulator))
        assert reload(running).status_code == 200
        assert running.get("/-/healthy").headers["x-frame-options"] == "deny"
        (tmp_path / "web.yml").write_text("rate_limit: {burst: 1}")
        answer = reload(running)

        assert answer.status_code == 500
        assert "web.yml: rate_limit: is not supported" in answer.text
        assert running.get("/-/healthy").headers["x-frame-options"] == "deny"


BEFORE = """
people: {per_user: plain}
sources:
  same: {vendor: augment, token: t0ken}
  changed: {vendor: augment, token: t0ken}
  gone: {vendor: augment, token: t0ken}
"""
AFTER = """
sources:
  same: {vendor: augment, token: t0ken}
  changed: {vendor: augment, token: an0ther}
  added: {vendor: augment, token: t0ken, token_expires_at: 2027-01-01}
"""


def reloaded_over(state: FailingState, folder: Path, fails: Callable[[int], bool]) -> tuple[Exporter, Reload]:
    """An exporter that published two people of each source, and what came of its reload over a failing state."""
    before, after = load_text(folder, BEFORE), load_text(folder, AFTER)
    store = Store(state)
    exporter = Exporter.open(before, store)
    for name, poller in exporter.pollers.items():
        numbers = poller.publisher.sample_options.accounts.number(
            [Identity("1", email="alice@example.com"), Identity("2")]
        )
        store.list_scopes(name, ["all"])
        facts = DayFacts(people={EVERYBODY: BitMap(numbers)}, service=BitMap())
        store.replace(name, "all", Reading(exporter.now().date() - ONE_DAY, facts), now=exporter.now(), requests=1)
        exporter.begin([name])
    state.calls, state.fails = 0, fails
    result = Reloader(exporter, WebAccess.open(None), lambda: after, lambda *_: ()).reload()
    state.fails = lambda _call: False
    return exporter, result


def standing(exporter: Exporter) -> dict[str, object]:
    """All that a reload may change."""
    samples = [sample for family in exporter.self_metrics.registry.collect() for sample in family.samples]
    return {
        "configured": tuple(exporter.config.sources),
        "scheduled": tuple(name for name in ("same", "changed", "gone", "added") if exporter.scheduler.next_run(name)),
        "published": tuple(sorted(exporter.cache.snapshot.samples)),
        "metrics about": sorted({sample.labels["source"] for sample in samples if "source" in sample.labels}),
        "running": tuple(name for name, poller in exporter.pollers.items() if not poller.publisher.ended),
        "labels": {name: len(AccountBook(exporter.store, name).labels()) for name in ("same", "changed", "gone")},
    }


OLD = {
    "configured": ("same", "changed", "gone"),
    "scheduled": ("same", "changed", "gone"),
    "published": ("changed", "gone", "same"),
    "metrics about": ["changed", "gone", "same"],
    "running": ("same", "changed", "gone"),
    "labels": {"same": 2, "changed": 2, "gone": 2},
}
NEW = {
    "configured": ("same", "changed", "added"),
    "scheduled": ("same", "changed", "added"),
    "published": ("added", "changed", "same"),
    "metrics about": ["added", "changed", "same"],
    "running": ("same", "changed", "added"),
    "labels": {"same": 0, "changed": 0, "gone": 0},
}


@pytest.mark.parametrize("for_good", [True, False])
def test_a_reload_while_the_state_fails_at_any_moment_changes_all_or_nothing_and_says_which(
    tmp_path: Path, *, for_good: bool
) -> None:
    stood = []
    for at in range(1, 100):
        state = FailingState.open()
        exporter, result = reloaded_over(state, tmp_path, partial(operator.le if for_good else operator.eq, at))
        reached, kept = state.calls >= at, bool(result.mistakes)
        stands = standing(exporter)
        exporter.store.close()
        if not kept and reached:
            # What could not be published yet is the first poll's to publish.
            assert stands["published"] in (("changed", "same"), ("added", "changed", "same"))
            stands["published"] = NEW["published"]
        assert stands == (OLD if kept else NEW)
        assert result.mistakes == (("the state cannot be used: it is gone",) if kept else ())
        stood.append(kept)
        if not reached:
            break

    assert stood == sorted(stood, reverse=True)
    assert 2 <= sum(stood) < len(stood) < 99


@pytest.mark.parametrize("for_good", [True, False])
def test_a_start_while_the_state_fails_at_any_moment_has_every_source_polled(tmp_path: Path, *, for_good: bool) -> None:
    config = load_text(tmp_path, BEFORE)
    for at in range(1, 100):
        state = FailingState.open()
        exporter = Exporter.open(config, Store(state))
        state.calls, state.fails = 0, partial(operator.le if for_good else operator.eq, at)
        exporter.begin(exporter.pollers)
        reached = state.calls >= at
        state.fails = lambda _call: False
        scheduled = standing(exporter)["scheduled"]
        exporter.store.close()

        assert scheduled == OLD["scheduled"]
        if not reached:
            break
    assert 1 < at < 99


def test_a_reload_that_is_refused_for_one_source_leaves_nothing_behind_of_the_others(tmp_path: Path) -> None:
    state = FailingState.open()
    with state.write() as connection:
        connection.execute(schema.meta.insert().values(name="vendor:added", value=b"coder"))
        row = {"source": "added", "scope": "all", "day": date(2026, 3, 9), "facts": b"", "requests": 1, "read_at": 1.0}
        connection.execute(schema.day.insert().values(row))
    exporter, result = reloaded_over(state, tmp_path, lambda _call: False)
    stood = standing(exporter)
    exporter.store.close()

    assert result.mistakes == (
        "sources.added.vendor: the state holds days of coder under this name: choose another name for the new source",
    )
    assert stood == OLD


def test_a_bug_in_a_reload_is_logged_and_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def load() -> Config:
        raise ZeroDivisionError

    exporter = Exporter.open(load_text(tmp_path, "sources: {one: {vendor: augment, token: some-token}}"), fresh_store())
    outcome = Reloader(exporter, WebAccess.open(None), load).reload()

    assert outcome.mistakes == ("ZeroDivisionError in adoption-exporter, see the log",)
    assert [record.getMessage() for record in caplog.records] == ["a bug stopped a reload"]
    assert exporter.self_metrics.registry.get_sample_value(RELOADED) == 0
    exporter.store.close()
