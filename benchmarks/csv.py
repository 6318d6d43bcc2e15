"""Reads Sourcegraph reports of five million rows with the exporter, with a bare Polars scan and with the csv module.

    python -m benchmarks.csv [--days 60] [--long]

The first way is a whole poll: from HTTP through a fresh SQLite file to samples, and then the poll of an hour later. The
second parses the same columns from memory with Polars, the third downloads one report of the same days and counts
distinct users per day, the fourth downloads it and adds up what the exporter does. Each runs in a process of its own
against a server on loopback. Then the daemon polls while its /metrics is scraped. `--long` adds a poll of ten times as
many days. Exits with 1 where a goal is missed.
"""

import argparse
import csv
import multiprocessing
import random
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from shutil import copyfileobj
from time import monotonic, process_time

import polars as pl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from benchmarks.claim import Baseline, Figure, peak_mib, report
from benchmarks.daemon import first_poll
from exporter.config.load import load_config
from exporter.daemon.exporter import Exporter
from exporter.simulator.server import serve
from exporter.simulator.sourcegraph import REPORT
from exporter.state.store import Store
from exporter.vendors import SETTINGS

PEOPLE = 10_420
ROWS_OF_A_PERSON = 8

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
SETTINGS_OF_SOURCE = (
    "vendor: sourcegraph, instances: [bench.example.com], requests_per_minute: 100000, history: {days}d"
)
CONFIG = """
state: {{url: "sqlite:///{folder}/state.db"}}
sources: {{cody: {{{settings}, token: demo-token, base_url: "{url}"}}}}
"""


@dataclass(frozen=True)
class Cost:
    """What a way took: seconds of wall and CPU time, MiB of memory at its peak; and what it counted."""

    wall: float
    cpu: float
    memory: float
    counted: float | None


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


def vendor(newest: date, days: int) -> Starlette:
    """A server of reports. The end date is inclusive."""
    rows = one_day()

    def body(first: date, last: date) -> Iterator[bytes]:
        yield HEADER
        for offset in range((last - first).days + 1):
            yield rows.replace(BEGUN, (first + offset * DAY).isoformat().encode())

    def answer(request: Request) -> StreamingResponse:
        asked = request.query_params
        first = max(date.fromisoformat(asked["startDate"]), newest - (days - 1) * DAY)
        last = min(date.fromisoformat(asked["endDate"]), newest)
        return StreamingResponse(body(first, last), media_type="text/csv")

    return Starlette(routes=[Route(REPORT, answer)])


def served(newest: date, days: int, pipe: Connection) -> None:
    """Serves reports until the process is ended; sends its address first."""
    with serve(vendor(newest, days)) as running:
        pipe.send(running.url)
        pipe.recv()


def with_the_exporter(url: str, newest: date, days: int, folder: Path) -> Iterator[float | None]:
    """A poll into a fresh state; then how many reports the poll of an hour later downloads."""
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(url=url, settings=SETTINGS_OF_SOURCE.format(days=days), folder=folder))
    exporter = Exporter.open(load_config(path, SETTINGS), Store.open(f"sqlite:///{folder}/state.db"))
    labels = {"source": "cody", "vendor": "sourcegraph", "code": "200"}

    def downloads() -> float:
        return exporter.self_metrics.registry.get_sample_value("adoption_exporter_vendor_requests_total", labels) or 0

    assert exporter.poll("cody")
    assert len(exporter.store.days("cody", "bench.example.com")) == days
    yield None
    before = downloads()
    assert exporter.poll("cody")
    yield downloads() - before


def with_polars(url: str, newest: date, days: int, folder: Path) -> Iterator[float | None]:
    """The same columns from memory, four days at a time; how much CPU that takes."""
    rows = one_day().replace(BEGUN, newest.isoformat().encode()) * 4
    columns = [ID, FLAG, CLIENT, DATE, LANGUAGE, *COUNTED]
    kinds = {f"column_{number + 1}": pl.UInt32 if number in COUNTED else pl.String for number in columns}
    for _ in range(days // 4):
        table = pl.read_csv(rows, has_header=False, columns=sorted(columns), schema_overrides=kinds)
        assert table.shape == (4 * PEOPLE * ROWS_OF_A_PERSON, len(columns))
    yield None


def with_a_scan(url: str, newest: date, days: int, folder: Path) -> Iterator[float | None]:
    """Nothing but distinct users per day."""
    users = pl.col("Instance user ID").n_unique()
    active = pl.scan_csv(downloaded(url, newest, days, folder)).filter(pl.col("Active Sourcegraph User"))
    assert active.group_by("Timestamp Date").agg(users).collect().height == days
    yield None


def with_csv(url: str, newest: date, days: int, folder: Path) -> Iterator[float | None]:
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
    yield None


WAYS: dict[str, Callable[[str, date, int, Path], Iterator[float | None]]] = {
    "the exporter": with_the_exporter,
    "Polars from memory": with_polars,
    "a Polars scan": with_a_scan,
    "the csv module": with_csv,
}


def downloaded(url: str, newest: date, days: int, folder: Path) -> Path:
    """One report of all days."""
    path = folder / "report.csv"
    span = f"startDate={newest - (days - 1) * DAY}&endDate={newest + DAY}"
    with urllib.request.urlopen(f"{url}{REPORT}?{span}") as answer, path.open("wb") as file:
        copyfileobj(answer, file, 2**20)
    return path


def go(way: str, url: str, newest: date, days: int, pipe: Connection) -> None:
    """Goes one way and sends what it cost, up to where it yields nothing; and what it yields then."""
    with tempfile.TemporaryDirectory() as folder:
        began, worked = monotonic(), process_time()
        steps = WAYS[way](url, newest, days, Path(folder))
        next(steps)
        wall, cpu, memory = monotonic() - began, process_time() - worked, peak_mib()
        pipe.send((wall, cpu, memory, next(steps, None)))


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
    """What a way costs."""
    with process(go, way, url, newest, days) as pipe:
        return Cost(*pipe.recv())


def measure(days: int = 60, *, long: bool = False) -> Iterator[Figure]:
    """The figures of a first poll of so many days, and of one of ten times as many."""
    newest = (datetime.now(UTC) - timedelta(hours=2)).date() - DAY
    with process(served, newest, 10 * days) as server:
        url: str = server.recv()
        ours, parsed, scan, plain = (cost(way, url, newest, days) for way in WAYS)
        claim = f"a first poll of {days} days, {PEOPLE * ROWS_OF_A_PERSON * days:,} rows of {PEOPLE:,} people"
        in_memory = Baseline("parsing the same columns from memory with Polars", parsed.cpu)
        yield Figure(claim, ours.cpu, "s CPU", most_ratio=3.5, baseline=in_memory)
        yield Figure(claim, ours.cpu, "s CPU", most_ratio=0.4, baseline=Baseline("the csv module", plain.cpu))
        quiet = "wall-clock time, for a quiet machine"
        yield Figure(claim, ours.wall, "s", most_ratio=4.5, baseline=Baseline("a Polars scan", scan.wall), note=quiet)
        yield Figure("memory at its peak", ours.memory, "MiB", most=350)
        yield Figure("reports that the poll of an hour later downloads", ours.counted, "", most=1)
        if long:
            much = cost("the exporter", url, newest, 10 * days).memory
            first = Baseline("the first poll", ours.memory)
            yield Figure(
                "memory for ten times the days", much, "MiB", least=0.8 * ours.memory, most_ratio=1.2, baseline=first
            )
    yield from first_poll(SETTINGS_OF_SOURCE.format(days=days), vendor, newest, days).figures()


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="How fast Sourcegraph's reports are read.")
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--long", action="store_true", help="also ten times as many days, which takes minutes")
    asked = parser.parse_args(arguments)
    return report(measure(asked.days, long=asked.long))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
