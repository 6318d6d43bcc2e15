"""Resident memory of the daemon after its polls, with one source and with twenty, over the simulators.

    python -m benchmarks.memory

Every source reads the default history of 60 days from a company of 200 people, and is polled once more a minute later.
Printed is what /proc says of the process then, and what giving memory back after a poll takes. Exits with 1 where a
goal is missed. It needs Linux.
"""

import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

from benchmarks.claim import Baseline, Figure, report
from exporter.daemon.memory import give_back

VENDORS = ("sourcegraph", "augment", "gitlab", "coder", "coder-classic", "copilot")
OWN = {
    "sourcegraph": "instances: [acme.sourcegraphcloud.com]",
    "gitlab": "groups: [platform]",
    "copilot": "organizations: [acme]",
}
# MiB by how many sources there are.
GOALS = {1: 120, 20: 150}
POLLS = 2
GARBAGE = 2**20


def configuration(url: str, sources: int, folder: Path) -> Path:
    """A configuration with so many sources, of all vendors in turn."""
    lines = ["poll: {interval: 1m}", f'state: {{url: "sqlite:///{folder}/state.db"}}', "sources:"]
    for number in range(sources):
        vendor = VENDORS[number % len(VENDORS)]
        lines += [
            f"  {vendor}-{number}:",
            f"    vendor: {vendor}",
            f"    base_url: {url}/{vendor}",
            "    token: demo-token",
            "    requests_per_minute: 1000000",
            *([f"    {OWN[vendor]}"] if vendor in OWN else []),
        ]
    path = folder / "config.yaml"
    path.write_text("\n".join(lines))
    return path


@contextmanager
def running(*arguments: str, until: str) -> Iterator[tuple[int, str]]:
    """Runs the command line; gives its process and the word behind `until` in what it logs."""
    command = [sys.executable, "-m", "exporter", *arguments]
    with tempfile.TemporaryFile("w+") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            found = None
            while found is None:
                Event().wait(0.1)
                assert process.poll() is None, "it ended"
                log.seek(0)
                found = re.search(rf"{until}(\S+)", log.read())
            yield process.pid, found[1]
        finally:
            process.terminate()


def resident(process: int) -> dict[str, float]:
    """MiB of a process by what /proc calls it: VmHWM is the peak, RssAnon what is mapped from no file."""
    status = Path(f"/proc/{process}/status").read_text()
    return {name: int(size) / 1024 for name, size in re.findall(r"(VmHWM|VmRSS|RssAnon):\s+(\d+)", status)}


def after_polls(url: str, sources: int) -> dict[str, float]:
    """What the daemon holds when every source has been polled."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(configuration(url, sources, Path(folder)))
        command = ("run", "--config.file", path, "--web.listen-address", "127.0.0.1:0")
        with running(*command, until="msg=listening url=") as (process, address):
            polled: Sequence[str] = ()
            while len(polled) < sources:
                Event().wait(0.5)
                with urllib.request.urlopen(f"{address}/metrics") as answer:
                    text = answer.read().decode()
                numbers = re.findall(r"^adoption_exporter_polls_total\{.*\} (\S+)$", text, re.MULTILINE)
                polled = [number for number in numbers if float(number) >= POLLS]
            assert not re.search(r"^adoption_exporter_poll_success\{.*\} 0", text, re.MULTILINE), "a poll failed"
            # What a poll leaves is given back behind it.
            Event().wait(2)
            return resident(process)


def trimmed() -> tuple[float, float]:
    """How long it takes to give 100 MiB in small pieces back, and how long where there is nothing to give."""
    pieces = [bytes(100) for _ in range(GARBAGE)]
    del pieces
    times = []
    for _ in range(2):
        began = monotonic()
        give_back()
        times.append(monotonic() - began)
    return times[0], times[1]


def measure() -> Iterator[Figure]:
    """What is resident after polls, and what giving memory back takes."""
    with running("simulate", "--listen", "127.0.0.1:0", until="base_url: (?=http)") as (_, first):
        url = first.rpartition("/")[0]
        for sources, most in GOALS.items():
            found = after_polls(url, sources)
            words = (
                f"{found['RssAnon']:.0f} MiB are mapped from no file, {found['VmHWM']:.0f} MiB were held at the peak"
            )
            claim = f"resident after two polls of {sources} source{'s' if sources > 1 else ''}"
            yield Figure(claim, found["VmRSS"], "MiB", most=most, note=words)
    much, nothing = trimmed()
    yield Figure("giving 100 MiB back", 1000 * much, "ms", baseline=Baseline("giving nothing back", 1000 * nothing))


if __name__ == "__main__":
    sys.exit(report(measure()))
