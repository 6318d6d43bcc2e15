"""The daemon as an operator runs it: a process with a configuration, an address and signals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

# Seconds to wait: far more than anything takes that works, on a busy machine too.
PATIENCE = 120.0


def get(url: str, **options: Any) -> httpx.Response:
    """A request over plain HTTP: loading certificates, which it does not need, would take longer than all else."""
    return httpx.get(url, timeout=PATIENCE, verify=False, trust_env=False, **options)


@dataclass
class Daemon:
    """A running process, its URL and its log file."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str, **headers: str) -> httpx.Response:
        """One request."""
        return get(f"{self.url}{path}", headers=headers)

    def values(self, metric: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The values of a metric on /metrics by their labels, sorted."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        return {
            tuple(sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
            if sample.name == metric
        }

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@dataclass
class Starting:
    """A process that may not serve yet."""

    process: subprocess.Popen[bytes]
    log: Path
    log_before: int

    def listening(self) -> Daemon:
        """The daemon, once it listens and serves what its state holds."""
        return Daemon(self.process, _url(self.process, self.log, self.log_before), self.log)


@contextmanager
def starting(folder: Path, *arguments: str, **environ: str) -> Iterator[Starting]:
    """Starts `adoption-exporter` with the arguments on a free port; it is killed when the block ends."""
    log = folder / "daemon.log"
    before = log.stat().st_size if log.exists() else 0
    command = [sys.executable, "-m", "exporter", *arguments, "--web.listen-address", "127.0.0.1:0"]
    with log.open("ab") as stream:
        process = subprocess.Popen(command, stderr=stream, cwd=Path.cwd(), env={**os.environ, **environ})
    try:
        yield Starting(process, log, before)
    finally:
        process.kill()
        process.wait()


@contextmanager
def daemon(folder: Path, *arguments: str, **environ: str) -> Iterator[Daemon]:
    """Runs `adoption-exporter` with the arguments on a free port until the block ends."""
    with starting(folder, *arguments, **environ) as process:
        yield process.listening()


def wait_until(happened: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Waits until a condition holds, which another process brings about."""
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _url(process: subprocess.Popen[bytes], log: Path, before: int) -> str:
    def lines() -> list[str]:
        assert process.poll() is None, log.read_text()
        return log.read_bytes()[before:].decode().splitlines()

    wait_until(lambda: any("msg=started" in line for line in lines()))
    return next(line.rpartition("url=")[2].split()[0] for line in lines() if "msg=listening" in line)
