"""Days made by hand, and requests to the simulated Augment API about them, without a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
from starlette.applications import Starlette

from exporter.simulator.company import PersonDay
from exporter.simulator.work import Metrics, Work
from tests.support.asgi import request
from tests.support.simulated_people import somebody

NOW = datetime(2025, 10, 21, 10, 30, 0, 723335, tzinfo=UTC)
DAY = timedelta(days=1)
RANGES = ("dau-count", "daily-usage", "user-activity")


@dataclass(frozen=True)
class Days:
    """A test's own days, each published `after` its end."""

    days: Mapping[date, Sequence[PersonDay]] = field(default_factory=dict)

    def published(self, day: date, now: datetime, after: timedelta) -> Sequence[PersonDay] | None:
        if now < datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY + after:
            return None
        return self.days.get(day, ())


ALICE, BOB, BOT = somebody("alice"), somebody("bob"), somebody("ci-bot", service=True)
ONE, TWO, FOUR = (date(2025, 10, 15) + offset * DAY for offset in (0, 1, 3))
PYTHON = Metrics(completions_count=8, completions_accepted=6, completions_suggested_lines_of_code=9, chat_messages=1)
RUST = Metrics(total_modified_lines_of_code=5, total_messages=2, total_tool_calls=4, chat_messages=2)
SCRIPTS = Metrics(cli_agent_non_interactive_messages=50, cli_agent_non_interactive_lines_of_code=200)
DAYS = Days(
    {
        ONE: [
            PersonDay(BOT, ONE, (Work("CLI", "Unknown", SCRIPTS),)),
            PersonDay(BOB, ONE, (Work("VSCode", "Rust", RUST),)),
            PersonDay(ALICE, ONE, (Work("VSCode", "Rust", RUST), Work("VSCode", "Python", PYTHON))),
        ],
        TWO: [PersonDay(ALICE, TWO, (Work("JetBrains", "Python", PYTHON),))],
        FOUR: [PersonDay(BOT, FOUR, (Work("CLI", "Unknown", SCRIPTS),))],
    }
)


def get(app: Starlette, path: str, params: Mapping[str, str] | None = None, **headers: str) -> httpx.Response:
    """Asks the simulated API for a page."""
    return request(app, "GET", f"/analytics/v0/{path}", params=params, headers=headers)


def page_of(app: Starlette, path: str, **params: str) -> httpx.Response:
    """Asks for a page with the token that the simulator wants."""
    return get(app, path, params, authorization="Bearer demo-token")


def every_row(app: Starlette, path: str, key: str, **params: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = page_of(app, path, **params, **cursor).json()
        rows += answer[key]
        if not answer["pagination"]["has_more"]:
            assert answer["pagination"]["next_cursor"] == ""
            return rows
        assert answer[key]
        cursor = {"cursor": answer["pagination"]["next_cursor"]}
