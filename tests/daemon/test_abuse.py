"""Clients that behave badly at the port of a running daemon: scrapes go on."""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from exporter.config.sections import Address, parse_address
from exporter.web.server import Limits
from tests.daemon.test_daemon import configured, ready, simulated
from tests.support.daemons import PATIENCE, Daemon, daemon, wait_until
from tests.support.web_server import connect

pytestmark = pytest.mark.slow

SCRAPES = 40
# A scrape that has to wait until others are sent away takes longer: they are left that much time.
SECONDS = Limits().head
GET = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for all of it: whoever breaks it breaks the tests after."""
    folder = tmp_path_factory.mktemp("abused")
    with simulated() as (url, _):
        config = str(configured(folder, url, "interval: 1h", "history: 3d"))
        with daemon(folder, "run", "--config.file", config) as process:
            wait_until(lambda: ready(process))
            yield process


def address(running: Daemon) -> Address:
    return parse_address(running.url.removeprefix("http://"))


def scrape(running: Daemon) -> float:
    """The seconds that the slowest of some scrapes takes, each on a connection of its own."""
    times = []
    with httpx.Client(base_url=running.url, timeout=PATIENCE, headers={"connection": "close"}) as client:
        for _ in range(SCRAPES):
            began = time.perf_counter()
            answer = client.get("/metrics")
            times.append(time.perf_counter() - began)
            assert answer.status_code == 200
            assert "adoption_active_users" in answer.text
    return max(times)


def descriptors(running: Daemon) -> int:
    return len(list(Path(f"/proc/{running.process.pid}/fd").iterdir()))


def memory(running: Daemon) -> int:
    """Resident bytes."""
    pages = Path(f"/proc/{running.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def test_five_hundred_open_connections_do_not_keep_a_scrape_out(running: Daemon) -> None:
    with ExitStack() as held:
        for _ in range(500):
            held.enter_context(connect(address(running)))
        assert scrape(running) < SECONDS


def test_more_connections_than_there_is_room_for_do_not_either(running: Daemon) -> None:
    with ExitStack() as held:
        for _ in range(700):
            held.enter_context(connect(address(running), b"GET /metrics HTTP/1.1\r\n"))
        assert scrape(running) < SECONDS
        assert descriptors(running) < 600


def test_heads_that_come_in_drops_do_not_delay_a_scrape(running: Daemon) -> None:
    with ExitStack() as held:
        slow = [held.enter_context(connect(address(running), b"GET /metrics HTTP/1.1\r\n")) for _ in range(200)]
        for _ in range(3):
            for connection in slow:
                connection.sendall(b"X-More: of it\r\n")
            assert scrape(running) < SECONDS


def test_clients_that_do_not_read_do_not_fill_the_memory(running: Daemon) -> None:
    before = memory(running)
    with ExitStack() as held:
        for _ in range(100):
            connection = held.enter_context(connect(address(running)))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(GET * 20)
        # As long as it takes to make their answers.
        scrape(running)
        assert memory(running) - before < 50_000_000


def test_garbage_on_the_port_does_no_harm(running: Daemon) -> None:
    chance = random.Random(7)
    before = running.log.stat().st_size
    with ExitStack() as held:
        for _ in range(200):
            connection = held.enter_context(connect(address(running)))
            with suppress(OSError):
                connection.sendall(chance.randbytes(chance.choice([1, 20, 5_000, 100_000])))
        assert scrape(running) < SECONDS
    # Nobody can fill the disk with log lines either.
    assert running.log.stat().st_size - before < 1_000


@pytest.mark.parametrize("head", [b"GET /%s HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX: %s\r\n", b"GET / HTTP/1.1\r\n%s"])
def test_oversized_heads_are_refused(running: Daemon, head: bytes) -> None:
    line = b"X-Line: 1\r\n" if head.endswith(b"%s") else b"x"
    with connect(address(running)) as connection:
        with suppress(OSError):
            connection.sendall(head % (line * (1_000_000 // len(line))))
        with suppress(ConnectionResetError):
            assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert scrape(running) < SECONDS


def test_the_daemon_is_as_it_was(running: Daemon) -> None:
    wait_until(lambda: descriptors(running) < 60)

    assert running.get("/-/healthy").status_code == 200
    assert "level=error" not in running.log.read_text()
    assert running.stop() == 0
