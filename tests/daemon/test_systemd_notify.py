import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.daemon.systemd import Watchdog, notify, watchdog_seconds
from tests.support.daemons import PATIENCE


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """systemd's end of a notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address.replace("@", "\0", 1))
        receiver.settimeout(PATIENCE)
        yield receiver


def test_states_arrive_in_one_datagram(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listening(address) as systemd:
        sent = notify({"NOTIFY_SOCKET": address}, "READY=1", "STATUS=Serving")

        assert sent
        assert systemd.recv(100) == b"READY=1\nSTATUS=Serving"


def test_an_abstract_socket_is_found() -> None:
    address = f"@adoption-exporter-test-{os.getpid()}"
    with listening(address) as systemd:
        assert notify({"NOTIFY_SOCKET": address}, "STOPPING=1")
        assert systemd.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_socket_nothing_is_sent(environ: dict[str, str]) -> None:
    assert not notify(environ, "READY=1")


def test_nobody_listening_hurts_nobody(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with listening(str(gone)):
        assert stat.S_ISSOCK(gone.stat().st_mode)

    assert not notify({"NOTIFY_SOCKET": str(gone)}, "READY=1")
    assert not notify({"NOTIFY_SOCKET": str(tmp_path / "never there")}, "READY=1")
    assert not notify({"NOTIFY_SOCKET": "/" + "x" * 200}, "READY=1")


def test_a_reader_who_does_not_read_is_given_up_on(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listening(address) as systemd:
        full = {"NOTIFY_SOCKET": address}
        sent = [notify(full, "STATUS=" + "x" * 50_000) for _ in range(2)]
        while sent[-1]:
            sent.append(notify(full, "STATUS=" + "x" * 50_000))

        assert systemd.recv(100_000).startswith(b"STATUS=x")
        assert notify(full, "WATCHDOG=1")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "17"}, 30),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "18"}, None),
        ({"WATCHDOG_USEC": "5000000"}, 2),
        ({"WATCHDOG_USEC": "1000"}, 1),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": ""}, None),
    ],
)
def test_the_watchdog_is_petted_twice_in_its_time(environ: dict[str, str], seconds: int | None) -> None:
    assert watchdog_seconds(environ, pid=17) == seconds


def test_the_watchdog_is_petted_only_while_the_scheduler_beats(tmp_path: Path) -> None:
    now = 1000.0
    address = str(tmp_path / "notify")
    watchdog = Watchdog({"NOTIFY_SOCKET": address}, lambda: now)
    heard, alive = [], []
    with listening(address) as systemd:
        systemd.setblocking(False)
        for seconds, beats in [(0, False), (19, False), (20, False), (20, True), (39.9, False), (60, False)]:
            now = 1000.0 + seconds
            if beats:
                watchdog.beat()
            asyncio.run(watchdog.pet())
            heard.append(received(systemd))
            alive.append(watchdog.alive())

    assert alive == [True, True, False, True, True, False]
    assert heard == ["WATCHDOG=1", "WATCHDOG=1", "", "WATCHDOG=1", "WATCHDOG=1", ""]


def received(systemd: socket.socket) -> str:
    try:
        return systemd.recv(100).decode()
    except BlockingIOError:
        return ""
