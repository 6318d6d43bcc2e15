"""Reads Sourcegraph reports of five million rows with the exporter, with a bare Polars scan and with the csv module.

    python -m benchmarks.csv [--days 60] [--long]

The first way is a whole poll: from HTTP through a fresh SQLite file to samples. The second downloads one report of the
same days and counts distinct users per day, the third downloads it and adds up what the exporter does. Each runs in a
process of its own against a server on loopback. Then the daemon polls while its /metrics is scraped. `--long` adds a
poll of ten times as many days. Exits with 1 where a goal is missed.
"""

import argparse
import csv
import multiprocessing
import random
import resource
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from shutil import copyfileobj
from threading import Event
from time import monotonic, process_time
from urllib.parse import parse_qs, urlsplit

import polars as pl

from exporter.config.load import load_config
from exporter.daemon.exporter import Exporter
from exporter.simulator.sourcegraph import REPORT
from exporter.state.store import Store
from exporter.vendors import SETTINGS

PEOPLE = 10_420
ROWS_OF_A_PERSON = 8
MOST_OF_SCAN = 3.0
LEAST_OF_CSV = 2.5
MOST_MEMORY = 500
MOST_GROWTH = 0.2
MOST_LATENCY = 0.050

DAY = timedelta(days=1)
BEGUN = b"2026-00-00"

ID, FLAG, CLIENT, DATE, LANGUAGE = 0, 3, 4, 5, 6
USAGE = (7, 8, 9, 10, 11, 12, 13, 20, 21)
COUNTED = (*USAGE, 14, 17, 18, 23, 24)
HEADER = (
    b"Instance user ID,User Email,Username,Active Sourcegraph User,Client Name,Timestamp Date,Language,Searches,"
    b"Code Navigation Events,Code Insight Views,Chat Events,Command Events,Combined Completion Suggestions,"
    b"Combined Completion Acceptances,Total Accepted Char Count,Combined CAR,Weighted CAR,"
    b"Total Characters Written by Cody,Total Characters Written,Percentage of Code Written by Cody,"
    b"Auto-edit suggested events,Auto-edit accepted events,Auto-edit acceptance rate,"
    b"Lines changed by chats and commands,Lines changed by completions and auto-edits\n"
)
CONFIG = """
poll: {{history: {days}d}}
state: {{url: "sqlite:///{folder}/state.db"}}
sources:
  cody:
    vendor: sourcegraph
    token: demo-token
    base_url: {url}
    instances: [bench.example.com]
    requests_per_minute: 100000
"""


@dataclass(frozen=True)
class Cost:
    """What a way took: seconds of wall and CPU time, and MiB of memory at its peak."""

    wall: float
    cpu: float
    memory: float


def one_day() -> bytes:
    """Rows of everybody on a day that is to be filled in; most cells are blank, as in real exports."""
    number = random.Random(1)
    languages = ("Go", "TypeScript", "Python", "Java", "Rust", "", "markdown", "yaml", "C++", "Kotlin")

    def some(most: int) -> str:
        return str(number.randrange(most)) if number.random() < 0.45 else ""

    lines = []
    for person in range(1, PEOPLE + 1):
        for place in range(ROWS_OF_A_PERSON):
            suggested = number.randrange(1, 60)
            accepted = number.randrange(suggested)
            rate = f"{accepted / suggested:.2f}"
            completions = f"{suggested},{accepted},{accepted * 30},{rate},{rate}" if place < 4 else ",,,,"
            cells = (
                *(person, f"u{person}@example.com", f"u{person}", "true" if number.random() < 0.9 else "false"),
                *(("vscode.cody", "server.web")[place % 2], BEGUN.decode(), languages[(person + place) % 10]),
                *(some(20), some(60), some(3), some(15), some(3), completions, some(2_000), some(5_000), ""),
                *(some(9), some(5), "", some(50), some(80)),
            )
            lines.append(",".join(map(str, cells)))
    return "\n".join([*lines, ""]).encode()


def serve(newest: date, days: int, pipe: Connection) -> None:
    """Serves reports until the process is ended; sends its address first. The end date is inclusive."""
    rows = one_day()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            asked = parse_qs(address.query)
            if address.path != REPORT:
                self.send_error(404)
                return
            first = max(date.fromisoformat(asked["startDate"][0]), newest - (days - 1) * DAY)
            last = min(date.fromisoformat(asked["endDate"][0]), newest)
            number = max(0, (last - first).days + 1)
            self.send_response(200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(len(HEADER) + number * len(rows)))
            self.end_headers()
            self.wfile.write(HEADER)
            for offset in range(number):
                self.wfile.write(rows.replace(BEGUN, (first + offset * DAY).isoformat().encode()))

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        pipe.send(f"http://127.0.0.1:{server.server_port}")
        server.serve_forever()


def with_the_exporter(url: str, newest: date, days: int, folder: Path) -> None:
    """A poll into a fresh state."""
    exporter = Exporter.open(
        load_config(configured(url, days, folder), SETTINGS), Store.open(f"sqlite:///{folder}/state.db")
    )
    assert exporter.poll("cody")
    assert len(exporter.store.days("cody", "bench.example.com")) == days


def with_a_scan(url: str, newest: date, days: int, folder: Path) -> None:
    """Nothing but distinct users per day."""
    users = pl.col("Instance user ID").n_unique()
    active = pl.scan_csv(downloaded(url, newest, days, folder)).filter(pl.col("Active Sourcegraph User"))
    assert active.group_by("Timestamp Date").agg(users).collect().height == days


def with_csv(url: str, newest: date, days: int, folder: Path) -> None:
    """The sums and sets of each day with the standard library."""
    sums: dict[tuple[str, ...], int] = defaultdict(int)
    people: dict[tuple[str, ...], set[str]] = defaultdict(set)
    with downloaded(url, newest, days, folder).open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for row in rows:
            day, user = row[DATE], row[ID]
            if row[FLAG] == "true":
                people[day, "total"].add(user)
            people[day, "client", row[CLIENT]].add(user)
            people[day, "language", row[LANGUAGE]].add(user)
            for column in COUNTED:
                text = row[column]
                if text:
                    count = int(text)
                    sums[day, str(column)] += count
                    sums[day, str(column), "user", user] += count
                    if column in USAGE:
                        sums[day, str(column), "client", row[CLIENT]] += count
                        sums[day, str(column), "language", row[LANGUAGE]] += count
    assert len({day for day, *_ in people}) == days


WAYS: dict[str, Callable[[str, date, int, Path], None]] = {
    "exporter": with_the_exporter,
    "Polars scan": with_a_scan,
    "csv module": with_csv,
}


def configured(url: str, days: int, folder: Path) -> Path:
    """A configuration with its state beside it."""
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(url=url, days=days, folder=folder))
    return path


def downloaded(url: str, newest: date, days: int, folder: Path) -> Path:
    """One report of all days."""
    path = folder / "report.csv"
    span = f"startDate={newest - (days - 1) * DAY}&endDate={newest + DAY}"
    with urllib.request.urlopen(f"{url}{REPORT}?{span}") as answer, path.open("wb") as file:
        copyfileobj(answer, file, 2**20)
    return path


def measure(way: str, url: str, newest: date, days: int, pipe: Connection) -> None:
    """Goes one way and sends what it cost."""
    with tempfile.TemporaryDirectory() as folder:
        began, worked = monotonic(), process_time()
        WAYS[way](url, newest, days, Path(folder))
        pipe.send((monotonic() - began, process_time() - worked, peak()))


def peak() -> float:
    """MiB of this process at its peak."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


@contextmanager
def process(target: Callable[..., None], *given: object) -> Iterator[Connection]:
    """Runs a function in a fresh process until the block ends, and gives what it sends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=target, args=(*given, theirs), daemon=True)
    worker.start()
    try:
        yield ours
    finally:
        worker.terminate()
        worker.join()


def cost(way: str, url: str, newest: date, days: int) -> Cost:
    """What a way costs, printed as a line."""
    with process(measure, way, url, newest, days) as pipe:
        took = Cost(*pipe.recv())
    print(
        f"{way:<12} {days:>5} days  {took.wall:7.2f} s wall  {took.cpu:7.2f} s CPU  {took.memory:6.0f} MiB", flush=True
    )
    return took


def latencies(url: str, days: int) -> list[float]:
    """Seconds that each scrape of a daemon took while it was reading the history."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "exporter", "run", "--config.file", str(configured(url, days, Path(folder)))]
        daemon = subprocess.Popen([*command, "--web.listen-address", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        try:
            assert daemon.stderr is not None
            line = next(line for line in daemon.stderr if "msg=listening" in line)
            address = line.rpartition("url=")[2].split()[0]
            return list(scrapes(f"{address}/metrics"))
        finally:
            daemon.terminate()
            daemon.communicate()


def scrapes(url: str) -> Iterator[float]:
    """Scrapes fifty times a second until the poll has succeeded."""
    body = b""
    while b"\nadoption_exporter_poll_success{" not in body:
        began = monotonic()
        with urllib.request.urlopen(url) as answer:
            body = answer.read()
        yield monotonic() - began
        Event().wait(0.02)


def goals(ours: Cost, scan: Cost, plain: Cost, waits: Sequence[float]) -> Iterator[tuple[str, bool]]:
    """What was reached, in words, and whether it is enough."""
    slower, faster = ours.wall / scan.wall, plain.wall / ours.wall
    yield f"{slower:.1f} times the scan, at most {MOST_OF_SCAN}", slower <= MOST_OF_SCAN
    yield f"{faster:.1f} times as fast as csv, at least {LEAST_OF_CSV}", faster >= LEAST_OF_CSV
    yield f"{ours.memory:.0f} MiB at the peak, below {MOST_MEMORY}", ours.memory < MOST_MEMORY
    slow = sorted(waits)[len(waits) * 99 // 100]
    words = f"99 % of {len(waits)} scrapes within {slow * 1000:.0f} ms, below {MOST_LATENCY * 1000:.0f} ms"
    yield words, slow < MOST_LATENCY


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="How fast Sourcegraph's reports are read.")
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--long", action="store_true", help="also ten times as many days, which takes minutes")
    asked = parser.parse_args(arguments)
    days: int = asked.days
    newest = (datetime.now(UTC) - timedelta(hours=2)).date() - DAY
    size = len(one_day()) * days / 2**20
    print(f"{PEOPLE * ROWS_OF_A_PERSON * days:,} rows of {PEOPLE:,} people, {size:,.0f} MiB; with the download")
    with process(serve, newest, 10 * days) as server:
        url: str = server.recv()
        ours, scan, plain = (cost(way, url, newest, days) for way in WAYS)
        found = list(goals(ours, scan, plain, latencies(url, days)))
        if asked.long:
            growth = cost("exporter", url, newest, 10 * days).memory / ours.memory - 1
            words = f"{growth:+.0%} memory for ten times the days, at most {MOST_GROWTH:.0%} more or less"
            found.append((words, abs(growth) <= MOST_GROWTH))
    for words, met in found:
        print(f"{'met' if met else 'MISSED':<6}  {words}")
    return 0 if all(met for _, met in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
