"""Polls a vendor by a daemon, and scrapes the daemon all the while: for the benchmarks of one vendor each.

The daemon and the vendor run in processes of their own. The vendor's yields to the others, as if it had a machine of
its own: what is measured is how long the daemon takes, not how two cores are shared.
"""

import http.client
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from time import monotonic, sleep

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.claim import Baseline, Figure, peak_mib
from exporter.simulator.server import serve

IDLE_SCRAPES = 200
PAUSE = 0.02
YIELDING = 19

CONFIG = """
web: {{listen_address: "127.0.0.1:0"}}
state: {{url: "sqlite:///{folder}/adoption.db"}}
sources: {{polled: {{{settings}, token: demo-token, base_url: "{url}"}}}}
"""


@dataclass(frozen=True)
class Poll:
    """Seconds of each scrape before and during a poll, sorted, and the MiB that the daemon grew by at most."""

    before: Sequence[float]
    during: Sequence[float]
    grown: float

    def figures(self, note: str = "") -> Iterator[Figure]:
        """What is promised of any poll."""
        yield self._scrapes("median", 0.5, None)
        yield self._scrapes("99th percentile", 0.99, 50)
        yield Figure("memory that the poll takes at most", self.grown, "MiB", most=300, note=note)

    def _scrapes(self, name: str, share: float, most: float | None) -> Figure:
        before, during = (1000 * times[int(len(times) * share)] for times in (self.before, self.during))
        return Figure(
            f"a scrape during the poll, {name}", during, "ms", most=most, baseline=Baseline("before the poll", before)
        )


def first_poll(settings: str, vendor: Callable[..., ASGIApp], *about: object) -> Poll:
    """Lets a daemon make its first poll of a source with these settings. `vendor` makes the vendor of `about`."""
    go = multiprocessing.get_context("spawn").Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        _served(vendor, about, go) as url,
        _daemon(Path(folder), CONFIG.format(folder=folder, settings=settings, url=url)) as daemon,
    ):
        connection = http.client.HTTPConnection("127.0.0.1", _port(daemon))
        before = sorted(_scrape(connection)[0] for _ in range(IDLE_SCRAPES))
        held = _resident_mib(daemon.pid)
        go.set()
        during = sorted(_until_polled(connection))
        return Poll(before, during, peak_mib(daemon.pid) - held)


def _resident_mib(process: int) -> float:
    """The memory that a process holds now."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def _until_polled(connection: http.client.HTTPConnection) -> Iterator[float]:
    succeeded = None
    while succeeded is None:
        seconds, text = _scrape(connection)
        yield seconds
        succeeded = re.search(r"^adoption_exporter_poll_success\{.*\} (\S+)$", text, flags=re.MULTILINE)
    if float(succeeded[1]) != 1:
        raise RuntimeError("the poll failed")


def _scrape(connection: http.client.HTTPConnection) -> tuple[float, str]:
    """How long a scrape took, and what it gave. Pauses before it."""
    sleep(PAUSE)
    began = monotonic()
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    return monotonic() - began, text


@contextmanager
def _daemon(folder: Path, config: str) -> Iterator["subprocess.Popen[str]"]:
    file = folder / "config.yaml"
    file.write_text(config)
    command = [sys.executable, "-m", "exporter", "run", "--config.file", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            yield daemon
        finally:
            daemon.terminate()


def _port(daemon: "subprocess.Popen[str]") -> int:
    assert daemon.stderr is not None
    for line in daemon.stderr:
        if found := re.search(r"url=http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise RuntimeError("the daemon did not start")


@contextmanager
def _served(vendor: Callable[..., ASGIApp], about: Sequence[object], go: Event) -> Iterator[str]:
    """Serves a vendor in a process of its own until the block ends; its address. It answers once `go` is set."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=_serve, args=(vendor, about, go, theirs), daemon=True)
    server.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        server.join()


def _serve(vendor: Callable[..., ASGIApp], about: Sequence[object], go: Event, pipe: Connection) -> None:
    os.nice(YIELDING)
    app = vendor(*about)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await run_in_threadpool(go.wait)
        await app(scope, receive, send)

    with serve(answer) as running:
        pipe.send(running.url)
        pipe.recv()
