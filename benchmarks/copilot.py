"""Reads GitHub Copilot's reports of 50,000 people, 244 MB of NDJSON a day, and scrapes the exporter meanwhile.

    python -m benchmarks.copilot [--people 50000] [--days 2] [--files 8]

Exits with 1 where a goal is missed.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from benchmarks.claim import Figure, report
from benchmarks.daemon import first_poll

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

SETTINGS = "vendor: copilot, organizations: [acme], seats: 9, history: {days}d"


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


def github(people: int, files: int) -> Starlette:
    """A GitHub that has a report for any day, in so many files."""

    async def envelope(request: Request) -> Response:
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

    return Starlette(
        routes=[
            Route("/orgs/acme/copilot/metrics/reports/users-1-day", envelope),
            Route("/files/{day}/{number}", part),
        ]
    )


def measure(people: int = 50_000, days: int = 2, files: int = 8) -> Iterator[Figure]:
    """Polls, and yields what scrapes and memory did meanwhile."""
    size = sum(len(line(user_id, date(2026, 11, 1))) for user_id in range(1, people + 1, 50)) * 50
    about = f"{people:,} people, {size / 1e6:.0f} MB a day, history of {days}d"
    yield from first_poll(SETTINGS.format(days=days), github, people, files).figures(about)


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="Scrapes while reports of Copilot are read.")
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--files", type=int, default=8, help="in how many files a report comes")
    return report(measure(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
