"""Sourcegraph's reports for tests: rows with the published headers, and a server of such reports."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.support.vendor_polls import VendorPolls

SAMPLES = Path(__file__).parents[1] / "recorded" / "sourcegraph"
SAMPLE = (SAMPLES / "report.csv").read_text()
# All columns of the documentation's table (2026-11), in its order, with the header that real reports have for the day.
HEADERS = SAMPLE.splitlines()[0].split(",")
ACME = "acme.sourcegraphcloud.com"
REPORT = "/api/reports/by-user-client-date"
REGISTRY = "/api/reports/user-registry"
# Two days are ready and a third has begun.
NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAY = "2026-11-19"


def row(user: str = "1", **cells: object) -> dict[str, object]:
    """A row of a user's day in an editor; cells by header, with underscores for spaces."""
    spelled = {name.replace(" ", "_").replace("-", "_"): name for name in HEADERS}
    given = {spelled[name]: value for name, value in cells.items()}
    return {
        "Instance user ID": user,
        "Active Sourcegraph User": "true",
        "Client Name": "vscode.cody",
        "Timestamp Date": DAY,
        "Language": "Go",
        **given,
    }


def report(*rows: Mapping[str, object], headers: Sequence[str] = HEADERS, end: str = "\n") -> str:
    """A report with these rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(headers)
    writer.writerows([cells.get(name, "") for name in headers] for cells in rows)
    return text.getvalue()


Answer = str | bytes | httpx.Response | Callable[[dict[str, str]], str | httpx.Response]


@dataclass
class Server:
    """Answers each path with its body and records the requests; without a registry it is an old server."""

    report: Answer = SAMPLE
    registry: Answer = field(default_factory=lambda: httpx.Response(404))
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        params = dict(request.url.params)
        self.asked.append((request.url.path, params))
        answer = {REPORT: self.report, REGISTRY: self.registry}[request.url.path]
        if callable(answer):
            answer = answer(params)
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return httpx.Response(200, content=answer)

    def reports_asked(self) -> list[tuple[str, str]]:
        """The first and last day of every requested report."""
        return [(params["startDate"], params["endDate"]) for path, params in self.asked if path == REPORT]

    def polls(self, **settings: Any) -> VendorPolls:
        """A source at this server; two days are ready."""
        given = {"history": timedelta(days=2), "instances": [ACME], **settings}
        return VendorPolls("sourcegraph", given, NOW, httpx.MockTransport(self))
