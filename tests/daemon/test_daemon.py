"""The daemon as a process: scrapes, restarts, kills and stops."""

import gc
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from exporter.config.sections import Address
from exporter.daemon.exporter import Exporter
from exporter.daemon.run import Web, listen, run_daemon
from exporter.model import DayFacts, Reading
from exporter.simulator.augment import augment_app
from exporter.simulator.server import build, serve
from exporter.web.access import WebAccess
from tests.support import faulty_server, real_servers
from tests.support.command_line import process
from tests.support.companies import ENOUGH, busy, calm, utc_now
from tests.support.configurations import load_text
from tests.support.daemons import PATIENCE, Daemon, daemon, get, starting, wait_until
from tests.support.stores import fresh_store

pytestmark = pytest.mark.slow

PEOPLE = "adoption_active_users"
READY_BODY = "adoption-exporter is ready.\n"


@contextmanager
def simulated(people: int = ENOUGH) -> Iterator[tuple[str, Callable[[], int]]]:
    """A simulated Augment server: its address, and how many requests it got."""
    app = build(busy(people), utc_now, {"augment": augment_app})
    with serve(app) as server:
        yield f"{server.url}/augment", lambda: app.state.requests["augment"]


def configured(folder: Path, url: str, *more: str) -> Path:
    """A configuration of one Augment source with its state beside it."""
    path = folder / "config.yaml"
    lines = [
        f'state: {{url: "sqlite:///{folder}/state.db"}}',
        "sources:",
        "  tool:",
        "    vendor: augment",
        f'    base_url: "{url}"',
        "    token: demo-token",
        "    requests_per_minute: 1000000",
        f"    ready_at: {calm()}",
        *(f"    {line}" for line in more),
    ]
    path.write_text("\n".join(lines))
    return path


@contextmanager
def running_over(folder: Path, url: str, *more: str) -> Iterator[Daemon]:
    """The daemon over one Augment source at an address."""
    with daemon(folder, "run", "--config.file", str(configured(folder, url, *more))) as running:
        yield running


def ready(running: Daemon) -> bool:
    return running.get("/-/ready").text == READY_BODY


def test_scrapes_get_cached_bytes_and_cause_no_vendor_request(tmp_path: Path) -> None:
    with simulated() as (url, requests), running_over(tmp_path, url) as running:
        wait_until(lambda: ready(running))
        before = requests()
        plain = running.get("/metrics")
        openmetrics = running.get("/metrics", accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        packed = running.get("/metrics", **{"accept-encoding": "gzip"})

        assert before > 0
        assert requests() == before
        assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert openmetrics.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert openmetrics.text.endswith("# EOF\n")
        assert packed.headers["content-encoding"] == "gzip"
        assert PEOPLE in packed.text


def test_a_restart_serves_the_last_values_before_the_first_poll(tmp_path: Path) -> None:
    with simulated() as (url, _):
        config = str(configured(tmp_path, url))
        with daemon(tmp_path, "run", "--config.file", config) as running:
            wait_until(lambda: ready(running))
            values = running.values(PEOPLE)
            assert running.stop() == 0
    with faulty_server.serve(faulty_server.silence) as silent:
        configured(tmp_path, silent.url)
        with daemon(tmp_path, "run", "--config.file", config) as running:
            assert running.get("/-/ready").text == READY_BODY
            assert running.values(PEOPLE) == values
            assert len(values) == 3


def test_a_second_daemon_on_one_sqlite_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with simulated() as (url, _), running_over(tmp_path, url) as running:
        wait_until(lambda: ready(running))
        config = str(tmp_path / "config.yaml")
        second = process("run", "--config.file", config, "--web.listen-address", "127.0.0.1:0")
        beside = process("once", "--state", "--config.file", config)

        state = f"sqlite:///{tmp_path}/state.db"
        assert second.stderr == (
            f"another adoption-exporter runs on this state ({state}): on SQLite there can be one, "
            "several replicas need PostgreSQL\n"
        )
        assert second.returncode == 2
        assert (beside.returncode, PEOPLE in beside.stdout) == (0, True)
        assert ready(running)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_poll_ends_it_long_before_the_vendor_would(tmp_path: Path, number: int) -> None:
    unhurried = f"timeout: {2 * PATIENCE:.0f}s"
    with faulty_server.serve(faulty_server.silence) as silent, running_over(tmp_path, silent.url, unhurried) as running:
        wait_until(lambda: bool(silent.heads))

        assert running.stop(number) == 0
        assert "poll failed" not in running.log.read_text()


@pytest.fixture
def _settings_of_the_process() -> Iterator[None]:
    """What a daemon changes for its process is undone."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("_settings_of_the_process")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_state_is_published_ends_the_start(tmp_path: Path, number: int) -> None:
    store = fresh_store()
    for source in ("one", "two"):
        store.list_scopes(source, ["a", "b"])
        for scope in ("a", "b"):
            done = Reading(utc_now().date() - timedelta(days=2), DayFacts(head_count=1))
            store.replace(source, scope, done, now=utc_now(), requests=1)
    with faulty_server.serve(faulty_server.silence) as silent:
        settings = f'{{vendor: augment, token: t0ken, base_url: "{silent.url}"}}'
        config = load_text(tmp_path, f"sources: {{one: {settings}, two: {settings}}}")
        exporter = Exporter.open(config, store)
        made: list[str] = []

        def make(source: str, _day: date) -> bool:
            if source not in made:
                made.append(source)
                signal.raise_signal(number)
            return True

        for name, poller in exporter.pollers.items():
            poller.publisher.sample_options = replace(poller.publisher.sample_options, workday=partial(make, name))
        run_daemon(
            exporter, Web(listen(Address("127.0.0.1", 0)), WebAccess.open(None)), lambda: config, lambda _url: None
        )

        assert made == ["one"]
        assert exporter.cache.snapshot.samples == {}
        assert silent.heads == []


@pytest.mark.usefixtures("_settings_of_the_process")
def test_while_the_state_is_published_the_daemon_answers_that_it_is_not_ready(tmp_path: Path) -> None:
    store = fresh_store()
    store.list_scopes("one", ["all"])
    done = Reading(utc_now().date() - timedelta(days=2), DayFacts(head_count=1))
    store.replace("one", "all", done, now=utc_now(), requests=1)
    web = Web(listen(Address("127.0.0.1", 0)), WebAccess.open(None))
    answered: list[int] = []

    def make(_day: date) -> bool:
        if not answered:
            answered.extend(get(f"{web.url()}{path}").status_code for path in ("/-/healthy", "/-/ready", "/metrics"))
            signal.raise_signal(signal.SIGTERM)
        return True

    with faulty_server.serve(faulty_server.silence) as silent:
        config = load_text(tmp_path, f'sources: {{one: {{vendor: augment, token: t, base_url: "{silent.url}"}}}}')
        exporter = Exporter.open(config, store)
        publisher = exporter.pollers["one"].publisher
        publisher.sample_options = replace(publisher.sample_options, workday=make)
        run_daemon(exporter, web, lambda: config, lambda _url: None)

    assert answered == [200, 503, 200]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell which signals are held")
@pytest.mark.parametrize("command", [["run", "--config.file", "{config}"], ["demo"]])
def test_a_hangup_while_the_daemon_starts_is_served_once_it_runs(tmp_path: Path, command: list[str]) -> None:
    with faulty_server.serve(faulty_server.silence) as silent:
        config = str(configured(tmp_path, silent.url))
        with starting(tmp_path, *(argument.format(config=config) for argument in command)) as begun:
            wait_until(lambda: holds_hangups(begun.process.pid))
            begun.process.send_signal(signal.SIGHUP)
            running = begun.listening()
            wait_until(lambda: "configuration read again" in running.log.read_text())

            assert running.log.read_text().count("configuration read again") == 1
            assert running.stop() == 0


def holds_hangups(pid: int) -> bool:
    """Whether a process has a hangup wait instead of dying of it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (held,) = [line.split()[1] for line in lines if line.startswith("SigBlk:")]
    return bool(int(held, 16) & 1 << signal.SIGHUP - 1)


@pytest.mark.parametrize("zone", ["CET-1CEST", '"Europe/Rome"', "../../etc\udcff"])
def test_a_time_zone_that_is_none_changes_nothing(tmp_path: Path, zone: str) -> None:
    with faulty_server.serve(faulty_server.silence) as silent:
        config = str(configured(tmp_path, silent.url))
        with daemon(tmp_path, "run", "--config.file", config, TZ=zone) as running:
            wait_until(lambda: bool(silent.heads))

            assert running.stop() == 0
        assert "Traceback" not in running.log.read_text()


def test_a_slow_source_never_delays_another(tmp_path: Path) -> None:
    with simulated() as (url, _), faulty_server.serve(faulty_server.silence) as silent:
        config = configured(tmp_path, url)
        config.write_text(
            config.read_text() + f"\n  slow: {{vendor: augment, token: x, base_url: '{silent.url}', timeout: 1h}}\n"
        )
        with daemon(tmp_path, "run", "--config.file", str(config)) as running:
            wait_until(lambda: bool(running.values(PEOPLE)))

            assert not ready(running)


def test_kill_9_at_any_moment_of_a_poll_leaves_complete_days_only(tmp_path: Path) -> None:
    """Twelve times; what a killed poll stored must be what an undisturbed poll publishes for the same windows."""
    chance = random.Random(7)
    with simulated() as (url, _):
        config = str(configured(tmp_path, url, "history: 40d"))
        undisturbed = tmp_path / "undisturbed"
        undisturbed.mkdir()
        with running_over(undisturbed, url, "history: 40d") as running:
            wait_until(lambda: ready(running))
            truth = adoption(running)
        for _ in range(12):
            with daemon(tmp_path, "run", "--config.file", config) as running:
                served = adoption(running)
                assert served.items() <= truth.items()
                time.sleep(chance.uniform(0, 0.5))
                running.stop(signal.SIGKILL)
        with daemon(tmp_path, "run", "--config.file", config) as running:
            wait_until(lambda: adoption(running) == truth)


def adoption(running: Daemon) -> dict[str, str]:
    """The samples of windows on /metrics, by series, without those that a longer history changes."""
    by_history = (
        *("adoption_new_users", "adoption_returned_users", "adoption_lapsed_users"),
        *("adoption_active_users_best", "adoption_day_active_users"),
    )
    lines = [line for line in running.get("/metrics").text.splitlines() if 'window="' in line]
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith(by_history))


@pytest.mark.real_clock
@pytest.mark.servers("prometheus", "promtool")
def test_a_real_prometheus_scrapes_the_demo(tmp_path: Path) -> None:
    with daemon(tmp_path, "demo") as running:
        wait_until(lambda: ready(running))
        target = running.url.removeprefix("http://")
        config = (
            "global: {scrape_interval: 1s}\n"
            f"scrape_configs: [{{job_name: adoption, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        with real_servers.prometheus(config, tmp_path) as prometheus:
            wait_until(lambda: scraped(prometheus, PEOPLE) == running.values(PEOPLE))

        assert len(running.values(PEOPLE)) > 10
        checked = real_servers.promtool("check", "metrics", stdin=running.get("/metrics").text)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def scraped(prometheus: str, metric: str) -> dict[tuple[tuple[str, str], ...], float]:
    """The values of a metric in a Prometheus by the labels that the exporter gives them, sorted."""
    asked = get(f"{prometheus}/api/v1/query", params={"query": metric})
    added = {"__name__", "job", "instance"}
    return {
        tuple(sorted((name, label) for name, label in series["metric"].items() if name not in added)): float(value)
        for series in asked.json()["data"]["result"]
        for _, value in [series["value"]]
    }
