"""Polls a Coder v1 whose answers are 40 MB each, and scrapes the exporter all the while.

    python -m benchmarks.coder_classic [--people 5000] [--days 90] [--exact]

The daemon runs in a process of its own. Every answer of the server holds all the days, whatever range is asked for;
with `--exact` it holds what was asked for, so that the exporter's own ranges keep answers small. Prints by how much the
daemon's memory grew at most, and how long scrapes of /metrics took during the poll. Exits with 1 above 300 MB or 50 ms
at the 99th percentile.
"""

import argparse
import http.client
import multiprocessing
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from time import monotonic, sleep

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporter.simulator.coder_classic import PATH
from exporter.simulator.server import serve

MOST_MEGABYTES = 300
MOST_SECONDS = 0.05
PAUSE = 0.02
DAY = timedelta(days=1)

CONFIG = """
web: {{listen_address: "127.0.0.1:0"}}
state: {{url: "sqlite:///{folder}/adoption.db"}}
sources:
  dev-old: {{vendor: coder-classic, token: demo-token, base_url: "{url}", history: {days}d, requests_per_minute: 600}}
"""


def bodies(people: int, days: Sequence[date]) -> tuple[dict[date, bytes], bytes]:
    """A bucket for each day, and the map of users, as a server writes them."""
    digits = [blake2b(str(number).encode(), digest_size=16).hexdigest() for number in range(people)]
    ids = [f"{text[:8]}-{text[8:]}" for text in digits]
    rows = ",".join(
        f'{{"user_id":"{user}","duration":{number % 480 * 60 * 10**9},"count":{number % 480}}}'
        for number, user in enumerate(ids, start=1)
    )
    users = ",".join(
        f'"{user}":{{"id":"{user}","name":"Person {number}","username":"person-{number}","roles":["site-member"],'
        f'"avatar_hash":"{user * 2}","total_count":4713,"total_duration":282780000000000}}'
        for number, user in enumerate(ids)
    )
    bucket = '{{"time":"{day}T00:00:00Z","duration":86400000000000,"user_activity":[{rows}]}}'
    return {day: bucket.format(day=day, rows=rows).encode() for day in days}, users.encode()


def serve_coder(people: int, days: Sequence[date], exact: bool, go: Event, pipe: Connection) -> None:
    """Serves until it is told to end; sends its address and the size of an answer first, and waits for `go`."""
    buckets, users = bodies(people, days)

    def body(shown: Sequence[date]) -> bytes:
        return b'{"activity":[' + b",".join(buckets[day] for day in shown) + b'],"users":{' + users + b"}}"

    everything = body(days)

    async def activity(request: Request) -> Response:
        await run_in_threadpool(go.wait)
        start, end = (date.fromisoformat(request.query_params[name][:10]) for name in ("start", "end"))
        return Response(
            body([day for day in days if start <= day < end]) if exact else everything, media_type="application/json"
        )

    with serve(Starlette(routes=[Route(PATH, activity)])) as running:
        pipe.send((running.url, len(everything)))
        pipe.recv()


def megabytes(daemon: int, name: str) -> float:
    """A line of the daemon's memory from /proc: VmRSS is the memory now, VmHWM the most that it ever was."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{daemon}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def scrape(connection: http.client.HTTPConnection) -> tuple[float, str]:
    """How long a scrape took, and what it gave."""
    began = monotonic()
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    return monotonic() - began, text


def value(text: str, metric: str) -> float | None:
    """The first sample of a metric."""
    found = re.search(rf"^{metric}(?:\{{.*\}})? (\S+)$", text, flags=re.MULTILINE)
    return None if found is None else float(found[1])


def run(daemon: subprocess.Popen[str], go: Event, days: int) -> tuple[float, list[float]]:
    """Lets the first poll begin and scrapes to its end: megabytes that the poll took, and seconds that scrapes did."""
    assert daemon.stderr is not None
    address = next(found for line in daemon.stderr if (found := re.search(r"url=http://127\.0\.0\.1:(\d+)", line)))
    connection = http.client.HTTPConnection("127.0.0.1", int(address[1]))
    for _ in range(50):
        scrape(connection)
    before = megabytes(daemon.pid, "VmRSS")
    go.set()
    began = monotonic()
    took = []
    text = ""
    while value(text, "adoption_exporter_poll_success") is None:
        seconds, text = scrape(connection)
        took.append(seconds)
        sleep(PAUSE)
    print(
        f"poll of {days} days: {monotonic() - began:.1f} s, success {value(text, 'adoption_exporter_poll_success')}, "
        f"{value(text, 'adoption_active_users')} people"
    )
    return megabytes(daemon.pid, "VmHWM") - before, sorted(took)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--exact", action="store_true", help="answer what was asked for, and no more")
    options = parser.parse_args(arguments)
    today = datetime.now(UTC).date()
    days = [today - back * DAY for back in range(options.days + 1, 0, -1)]
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    go = spawn.Event()
    asked = (options.people, days, options.exact, go, theirs)
    server = spawn.Process(target=serve_coder, args=asked, daemon=True)
    server.start()
    url, size = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(CONFIG.format(folder=folder, url=url, days=options.days))
        command = [sys.executable, "-m", "exporter", "run", "--config.file", str(file)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
            grown, took = run(daemon, go, options.days)
            daemon.terminate()
    ours.send("end")
    server.join()
    worst = took[len(took) * 99 // 100]
    print(
        f"whole history {size / 1e6:.0f} MB a category; memory grew by {grown:.0f} MB at most; "
        f"{len(took)} scrapes, p50 {took[len(took) // 2] * 1000:.1f} ms, p99 {worst * 1000:.1f} ms, "
        f"max {took[-1] * 1000:.1f} ms"
    )
    return 0 if grown < MOST_MEGABYTES and worst < MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
