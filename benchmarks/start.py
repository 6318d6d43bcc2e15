"""Starts the daemon over a state of 100 sources and 60 days, and scrapes while 100,000 series are published.

    python -m benchmarks.start [--sources 100] [--days 60] [--people 200]

CPU seconds of the daemon, without what a process needs that imports the same modules: up to the first answer of
/metrics, and until every stored value is served. Nothing answers its polls. Then CPU seconds of short commands. Then a
web server is scraped fifty times a second, first alone and then while a thread beside it publishes the same source all
the time. Exits with 1 for a missed goal.
"""

import argparse
import http.client
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, sleep

from benchmarks.backfill import facts
from benchmarks.claim import Baseline, Figure, report
from benchmarks.publishing import SERIES, source
from benchmarks.scrape import exporter_server, in_python
from exporter.daemon.run import SWITCH_SECONDS
from exporter.model import Reading
from exporter.state.store import Store

# What `run` imports, and the parts that a started daemon has.
IMPORTS = "import exporter.commands.run, exporter.daemon.run, exporter.daemon.exporter, exporter.vendors"
FIRST_ANSWER_CPU = 1.5
RESTORED_CPU = 3.0
HELP_CPU = 0.2
CHECK_CPU = 0.8
FEW = 3
MOST_MS = 50.0
SCRAPES = 400
PAUSE = 0.02

CONFIG = """
web: {{listen_address: "127.0.0.1:0"}}
state: {{url: "sqlite:///{folder}/state.db"}}
sources:
"""
# Port 9 is the discard service, which no machine has any more: a poll is refused at once.
SOURCE = '  source-{number:03}: {{vendor: augment, token: demo-token, base_url: "http://127.0.0.1:9"}}\n'


def configured(folder: Path, sources: int) -> Path:
    """A configuration of so many sources."""
    path = folder / "config.yaml"
    lines = [SOURCE.format(number=number) for number in range(sources)]
    path.write_text(CONFIG.format(folder=folder) + "".join(lines))
    return path


def fill(folder: Path, sources: int, days: int, people: int) -> None:
    """A configuration, and a state with the newest days of every source; all sources have the same days."""
    chance = random.Random(1)
    newest = datetime.now(UTC).date() - timedelta(days=2)
    made = [facts(newest - timedelta(days=back), people, chance) for back in range(days)]
    store = Store.open(f"sqlite:///{folder}/state.db")
    now = datetime.now(UTC)
    for number in range(sources):
        name = f"source-{number:03}"
        store.list_scopes(name, ["all"])
        for back, one in enumerate(made):
            store.replace(name, "all", Reading(newest - timedelta(days=back), one), now=now, requests=1)
    store.close()
    configured(folder, sources)


def cpu_of(process: int) -> float:
    """CPU seconds of a running process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def imports() -> float:
    """CPU seconds of a process that imports what the daemon imports, and ends."""
    code = f"{IMPORTS}; import time; print(time.process_time())"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)


@contextmanager
def daemon(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Runs the exporter until the block ends."""
    command = [sys.executable, "-m", "exporter", "run", "--config.file", str(folder / "config.yaml")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def logged(process: "subprocess.Popen[str]", words: str) -> str:
    """The next line of its log with these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise RuntimeError(f"the daemon ended before it logged {words}")


def start(sources: int, days: int, people: int) -> tuple[float, float, int]:
    """CPU seconds up to the first answer and to the end of the start, and the series that are served then."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, sources, days, people)
        with daemon(folder) as process:
            found = re.search(r"url=http://127\.0\.0\.1:(\d+)", logged(process, "msg=listening"))
            assert found is not None
            scrape(http.client.HTTPConnection("127.0.0.1", int(found[1])))
            first = cpu_of(process.pid)
            logged(process, "msg=started")
            whole = cpu_of(process.pid)
            body = scrape(http.client.HTTPConnection("127.0.0.1", int(found[1])))[1]
    return first, whole, body.count(b"\nadoption_") - body.count(b"\nadoption_exporter_")


def scrape(connection: http.client.HTTPConnection) -> tuple[float, bytes]:
    """How long a scrape took, and what it gave."""
    began = monotonic()
    connection.request("GET", "/metrics")
    body = connection.getresponse().read()
    return monotonic() - began, body


def serve_and_publish(series: int, pipe: Connection) -> None:
    """Serves until the process is ended, and publishes from when it is told to. Sends its port first."""
    sys.setswitchinterval(SWITCH_SECONDS)
    server, listener, cache = exporter_server(series)
    values = [source("one", series, seed) for seed in (2, 3)]

    def publish() -> None:
        pipe.recv()
        while True:
            for samples in values:
                cache.publish("one", samples)

    threading.Thread(target=publish, daemon=True).start()
    pipe.send(listener.getsockname()[1])
    server.run(sockets=[listener])


def waits(connection: http.client.HTTPConnection) -> float:
    """Milliseconds within which 99 of 100 scrapes are answered."""
    took = []
    for _ in range(SCRAPES):
        sleep(PAUSE)
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        began = monotonic()
        connection.getresponse().read()
        took.append(monotonic() - began)
    return 1000 * sorted(took)[SCRAPES * 99 // 100]


def command(*arguments: str) -> float:
    """CPU seconds of a command."""
    process = subprocess.Popen([sys.executable, "-m", "exporter", *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return used.ru_utime + used.ru_stime


def measure(sources: int = 100, days: int = 60, people: int = 200) -> Iterator[Figure]:
    """Starts and publishes, and yields what that takes."""
    first, whole, series = start(sources, days, people)
    baseline = Baseline("the imports alone", imports())
    claim = f"start of {sources} sources of {days} days, after the imports"
    yield Figure(f"{claim}: first answer", first - baseline.value, "s CPU", most=FIRST_ANSWER_CPU, baseline=baseline)
    served = f"{claim}: {series:,} series served"
    yield Figure(served, whole - baseline.value, "s CPU", most=RESTORED_CPU, baseline=baseline)
    for arguments in (["--version"], ["--help"], ["run", "--help"]):
        yield Figure(f"`{' '.join(arguments)}`", command(*arguments), "s CPU", most=HELP_CPU, baseline=baseline)
    with tempfile.TemporaryDirectory() as folder:
        checked = command("check-config", str(configured(Path(folder), FEW)))
    yield Figure(f"`check-config` of {FEW} sources", checked, "s CPU", most=CHECK_CPU, baseline=baseline)
    with in_python(serve_and_publish, SERIES) as (port, pipe):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        alone = Baseline("while nothing is published", waits(connection))
        pipe.send("publish")
        during = waits(connection)
    claim = f"a scrape while {SERIES:,} series are published all the time, 99th percentile"
    yield Figure(claim, during, "ms", most=MOST_MS, baseline=alone)


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="What a start costs.")
    parser.add_argument("--sources", type=int, default=100)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--people", type=int, default=200)
    return report(measure(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
