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
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, process_time

from starlette.types import ASGIApp, Receive, Scope, Send

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


def poll(exporter: Exporter, name: str, per_minute: int) -> bool:
    """Polls once and prints how long that took; says whether it kept up with the budget."""
    before = requests(exporter)
    wall, cpu = monotonic(), process_time()
    succeeded = exporter.poll("product")
    wall, cpu = monotonic() - wall, process_time() - cpu
    asked = requests(exporter) - before
    needed = max(0.0, asked - BURST) * 60 / per_minute
    ratio = wall / needed
    print(
        f"{name:>12}  {asked:6.0f} requests  budget {needed:7.1f} s  took {wall:7.1f} s  {ratio:6.3f}  CPU {cpu:6.1f} s"
        f"  {len(exporter.cache.snapshot.all_samples())} series  {'ok' if succeeded else 'FAILED'}",
        flush=True,
    )
    return succeeded and ratio <= MOST


def requests(exporter: Exporter) -> float:
    """How many requests were made so far."""
    return sum(
        sample.value
        for family in exporter.self_metrics.registry.collect()
        for sample in family.samples
        if sample.name == "adoption_exporter_vendor_requests_total"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=1_000)
    parser.add_argument("--requests-per-minute", type=int, default=600)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--latency", type=float, default=0.1)
    options = parser.parse_args(arguments)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=serve_gitlab, args=(options.projects, options.latency, theirs), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(CONFIG.format(days=options.days, url=ours.recv(), per_minute=options.requests_per_minute))
        moment = NOW
        store = Store.open(f"sqlite:///{folder}/adoption.db")
        exporter = Exporter.open(load_config(file, SETTINGS), store, now=lambda: moment)
        kept_up = [poll(exporter, "first poll", options.requests_per_minute)]
        moment = NOW + DAY
        # A burst of requests is free again by then.
        asyncio.run(asyncio.sleep(BURST * 60 / options.requests_per_minute))
        kept_up.append(poll(exporter, "a day later", options.requests_per_minute))
        store.close()
    ours.send("end")
    server.join()
    return 0 if all(kept_up) else 1


if __name__ == "__main__":
    sys.exit(main())
