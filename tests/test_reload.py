"""A running daemon whose configuration changes."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from exporter.app import Exporter
from exporter.config import Config
from exporter.reload import Reloader
from exporter.web.access import Access
from tests import faulty
from tests.configuring import load_text
from tests.daemons import PATIENCE, Daemon, daemon, wait_until
from tests.stores import fresh_store
from tests.test_daemon import simulated

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
        wait_until(lambda: min(of(running, DUE).values()) > time.time())
        due = of(running, DUE)["same"]
        write(tmp_path, same=source(simulator), other=source(simulator, "seats: 7"), new=source(simulator))
        answer = reload(running)
        wait_until(lambda: polls(running) == {"same": 1, "other": 2, "new": 1})

        assert (answer.status_code, answer.text) == (200, "added: new\nremoved: gone\nchanged: other\n")
        assert set(of(running, PEOPLE)) == {"same", "other", "new"}
        assert of(running, "adoption_seats") == {"other": 7}
        assert of(running, DUE)["same"] == due
        assert 'source="gone"' not in running.get("/metrics").text
        assert running.get("/-/ready").status_code == 200
        status = running.get("/api/v1/status").json()
        assert [told["source"] for told in status["sources"]] == ["same", "other", "new"]


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


def test_the_new_content_of_a_token_file_counts_at_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old-token")
    with faulty.serve(faulty.body(b"{}", status="401 Unauthorized")) as vendor:
        file = write(tmp_path, one=source(vendor.url).replace("token: demo-token", f"token_file: {token}"))
        with daemon(tmp_path, "run", "--config.file", file) as running:
            wait_until(lambda: polls(running) == {"one": 1})
            token.write_text("new-token")
            assert reload(running).text == "changed: one\n"
            wait_until(lambda: polls(running) == {"one": 2})

            assert ["new-token" in head for head in vendor.heads] == [False, True]
            assert "new-token" not in running.log.read_text() + running.get("/config").text


def test_what_needs_a_restart_is_said(tmp_path: Path, simulator: str) -> None:
    file = write(tmp_path, one=source(simulator))
    with daemon(tmp_path, "run", "--config.file", file) as running:
        write(tmp_path, 'state: {url: "sqlite:///elsewhere.db"}', one=source(simulator))

        assert reload(running).text == "no source has changed\nstate.url has changed, which needs a restart\n"
        assert "sqlite://\n" in running.get("/config").text


def test_a_source_may_go_or_change_in_the_middle_of_its_poll(tmp_path: Path, simulator: str) -> None:
    with faulty.serve(faulty.silence) as silent:
        file = write(tmp_path, gone=source(silent.url, "timeout: 1s"), changed=source(silent.url, "timeout: 1s"))
        with daemon(tmp_path, "run", "--config.file", file) as running:
            wait_until(lambda: len(silent.heads) >= 1)
            write(tmp_path, changed=source(simulator))
            assert reload(running).text == "removed: gone\nchanged: changed\n"
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


def test_a_bug_in_a_reload_is_logged_and_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def load() -> Config:
        raise ZeroDivisionError

    exporter = Exporter(load_text(tmp_path, "sources: {one: {vendor: augment, token: some-token}}"), fresh_store())
    outcome = Reloader(exporter, Access.open(None), load).reload()

    assert outcome.mistakes == ("ZeroDivisionError in adoption-exporter, see the log",)
    assert [record.getMessage() for record in caplog.records] == ["a bug stopped a reload"]
    assert exporter.health.registry.get_sample_value(RELOADED) == 0
    exporter.store.close()
