"""Reads a GitHub Copilot report of 200 MB, of 50,000 people, and scrapes the exporter all the while.

    python -m benchmarks.copilot [--people 50000] [--days 2] [--files 8]

The daemon runs in a process of its own. Prints how much memory it has at most and by how much it grew, and how long
scrapes of /metrics took during the poll. Exits with 1 above 300 MB or 50 ms at the 99th percentile.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from benchmarks.coder_classic import MOST_MEGABYTES, MOST_SECONDS, run
from exporter.simulator.server import serve

AT_ONCE = 500
COUNTERS = (
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_suggested_to_add_sum",
    "loc_suggested_to_delete_sum",
    "loc_added_sum",
    "loc_deleted_sum",
)
FEATURES = ("code_completion", "chat_panel_ask_mode", "chat_panel_agent_mode", "agent_edit")
LANGUAGES = ("go", "python", "typescript", "markdown", "yaml", "shellscript")

CONFIG = """
web: {{listen_address: "127.0.0.1:0"}}
state: {{url: "sqlite:///{folder}/adoption.db"}}
sources:
  hub: {{vendor: copilot, token: demo-token, base_url: "{url}", organizations: [acme], seats: 9, history: {days}d}}
"""


def line(user_id: int, day: date) -> bytes:
    """A row as GitHub writes it: some 4 kB."""

    def part(number: int, **names: str) -> dict[str, Any]:
        return {**names, **dict.fromkeys(COUNTERS, user_id * number % 97)}

    models = ("claude-sonnet-4.6", "gpt-5.4", "auto", f"model-{user_id % 7}")
    row = {
        "day": str(day),
        "organization_id": "999",
        "user_id": user_id,
        "user_login": f"person-{user_id}_acme",
        **dict.fromkeys(COUNTERS, 400),
        "totals_by_ide": [part(1, ide="vscode"), part(2, ide="jetbrains")],
        "totals_by_feature": [part(number, feature=feature) for number, feature in enumerate(FEATURES, start=1)],
        "totals_by_language_feature": [
            part(number, language=language, feature=FEATURES[number % 2]) for number, language in enumerate(LANGUAGES)
        ],
        "totals_by_model_feature": [
            part(number, model=model, feature=FEATURES[2]) for number, model in enumerate(models)
        ],
        "used_chat": True,
        "used_agent": True,
        "used_cli": False,
        "ai_credits_used": user_id % 1000 / 100,
    }
    return json.dumps(row).encode() + b"\n"


def serve_github(people: int, files: int, go: Event, pipe: Connection) -> None:
    """Serves until it is told to end; sends its address and the size of a report first, and waits for `go`."""

    async def envelope(request: Request) -> Response:
        await run_in_threadpool(go.wait)
        day, host = request.query_params["day"], request.headers["host"]
        links = [f"http://{host}/files/{day}/{number}?sig=x" for number in range(files)]
        return JSONResponse({"download_links": links, "report_day": day})

    async def part(request: Request) -> Response:
        day, number = date.fromisoformat(request.path_params["day"]), int(request.path_params["number"])

        def chunks() -> Iterator[bytes]:
            mine = range(1 + number, people + 1, files)
            for begin in range(0, len(mine), AT_ONCE):
                yield b"".join(line(user_id, day) for user_id in mine[begin : begin + AT_ONCE])

        return StreamingResponse(chunks(), media_type="application/octet-stream")

    routes = [
        Route("/orgs/acme/copilot/metrics/reports/users-1-day", envelope),
        Route("/files/{day}/{number}", part),
    ]
    size = sum(len(line(user_id, date(2026, 11, 1))) for user_id in range(1, people + 1, 50)) * 50
    with serve(Starlette(routes=routes)) as running:
        pipe.send((running.url, size))
        pipe.recv()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--files", type=int, default=8)
    options = parser.parse_args(arguments)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    go = spawn.Event()
    server = spawn.Process(target=serve_github, args=(options.people, options.files, go, theirs), daemon=True)
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
        f"{size / 1e6:.0f} MB a day; memory grew by {grown:.0f} MB at most; "
        f"{len(took)} scrapes, p50 {took[len(took) // 2] * 1000:.1f} ms, p99 {worst * 1000:.1f} ms, "
        f"max {took[-1] * 1000:.1f} ms"
    )
    return 0 if grown < MOST_MEGABYTES and worst < MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
