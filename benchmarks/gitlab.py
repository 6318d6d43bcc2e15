"""Polls a thousand GitLab projects within their budget of requests, and compares the time with what the budget needs.

    python -m benchmarks.gitlab [--projects 1000] [--requests-per-minute 600] [--days 60] [--latency 0.1]

A first poll reads the whole history into a fresh SQLite file, a second one, a day later, the new day and the lookback.
The simulated GitLab runs in a process of its own and answers `--latency` seconds late. Exits with 1 where a poll takes
more than 5 % longer than its budget.
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, sleep

from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.claim import Baseline, Figure, report
from exporter.config.load import load_config
from exporter.daemon.exporter import Exporter
from exporter.simulator.company import Company
from exporter.simulator.cube import Row
from exporter.simulator.gitlab import gitlab_app
from exporter.simulator.gitlab_products import Project
from exporter.simulator.server import serve
from exporter.simulator.stream import Stream
from exporter.state.store import Store
from exporter.transport.rate_limit import BURST
from exporter.vendors import SETTINGS

MOST = 1.05
DAY = timedelta(days=1)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OLDEST = NOW.date() - timedelta(days=120)

CONFIG = """
poll: {{history: {days}d}}
sources:
  product:
    vendor: gitlab
    token: demo-token
    base_url: {url}
    groups: [bench]
    requests_per_minute: {per_minute}
"""


def rows(path: str, start: date, end: date) -> Iterable[Row]:
    """One to ten users a day."""
    day = max(start, OLDEST)
    while day <= min(end, NOW.date()):
        stream = Stream(f"{path}/{day}")
        for _ in range(stream.whole(1, 10)):
            user, number, minutes = f"user-{stream.whole(1, 50)}", stream.whole(1, 30), Decimal(stream.whole(1, 90))
            yield Row(day, user, number, minutes, {"event": "page_view", "eventName": None, "agentName": "Firefox"})
        day += DAY


def project(number: int) -> Project:
    """A project of the group `bench`."""
    path = f"bench/app-{number:04d}"
    return Project(number, path, lambda start, end: rows(path, start, end), lambda start, end: rows(path, start, end))


def delayed(app: ASGIApp, seconds: float) -> ASGIApp:
    """The same answers, later."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(seconds)
        await app(scope, receive, send)

    return answer


def serve_gitlab(projects: int, latency: float, pipe: Connection) -> None:
    """Serves until it is told to end; sends its address first."""
    made = [project(number) for number in range(1, projects + 1)]
    with serve(delayed(gitlab_app(Company(people=1), lambda: NOW, projects=lambda: made), latency)) as running:
        pipe.send(running.url)
        pipe.recv()


def poll(exporter: Exporter, name: str, per_minute: int) -> Figure:
    """Polls once, and compares how long that took with what the budget needs."""
    before = requests(exporter)
    began = monotonic()
    succeeded = exporter.poll("product")
    took = monotonic() - began
    assert succeeded, f"the {name} failed"
    asked = requests(exporter) - before
    budget = Baseline(f"{asked:,.0f} requests at {per_minute} a minute", max(0.0, asked - BURST) * 60 / per_minute)
    return Figure(name, took, "s", most_ratio=MOST, baseline=budget)


def requests(exporter: Exporter) -> float:
    """How many requests were made so far."""
    return sum(
        sample.value
        for family in exporter.self_metrics.registry.collect()
        for sample in family.samples
        if sample.name == "adoption_exporter_vendor_requests_total"
    )


def measure(
    projects: int = 1_000, requests_per_minute: int = 600, days: int = 60, latency: float = 0.1
) -> Iterator[Figure]:
    """Polls twice, and yields how long each took."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=serve_gitlab, args=(projects, latency, theirs), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(CONFIG.format(days=days, url=ours.recv(), per_minute=requests_per_minute))
        moment = NOW
        store = Store.open(f"sqlite:///{folder}/adoption.db")
        exporter = Exporter.open(load_config(file, SETTINGS), store, now=lambda: moment)
        about = f"of {projects:,} projects, {latency:g} s an answer"
        yield poll(exporter, f"first poll {about}, {days} days", requests_per_minute)
        moment = NOW + DAY
        # A burst of requests is free again by then.
        sleep(BURST * 60 / requests_per_minute)
        yield poll(exporter, f"poll a day later {about}", requests_per_minute)
        store.close()
    ours.send("end")
    server.join()


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="Whether polls keep up with their budget of requests.")
    parser.add_argument("--projects", type=int, default=1_000)
    parser.add_argument("--requests-per-minute", type=int, default=600)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--latency", type=float, default=0.1)
    return report(measure(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
