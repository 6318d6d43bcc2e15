"""Ninety days of the simulated company in a real Prometheus: backfilled, and then scraped from a running exporter."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from exporter.commands.demo import write_people
from exporter.simulator.company import Company
from exporter.simulator.server import build, serve
from tests.support import real_servers
from tests.support.companies import utc_now
from tests.support.daemons import daemon, get, wait_until

DAYS = 90
DEMO = Path("exporter/commands/demo.yaml")


@dataclass(frozen=True)
class Servers:
    """Their URLs."""

    prometheus: str
    exporter: str


@contextmanager
def serving(folder: Path, company: Company, today: date, interval: str = "1h") -> Iterator[Servers]:
    """A Prometheus with the company's history up to today that scrapes an exporter, which polls every `interval`."""
    with serve(build(company, utc_now)) as simulators:
        config = configuration(folder, simulators.url, company, today, interval)
        blocks(config, folder, today)
        with daemon(folder, "run", "--config.file", str(config)) as exporter:
            wait_until(lambda: exporter.get("/-/ready").is_success)
            target = exporter.url.removeprefix("http://")
            scraping = f"scrape_configs: [{{job_name: adoption, static_configs: [{{targets: ['{target}']}}]}}]\n"
            # A scrape may take the whole interval: a failed one would leave a gap.
            text = f"global: {{scrape_interval: 5s, scrape_timeout: 5s}}\n{scraping}"
            with real_servers.prometheus(text, folder, "--storage.tsdb.retention.time=10y") as url:
                # Range queries end on a whole step, up to five seconds ago: a rate needs two samples before that.
                scraped = "count_over_time(adoption_exporter_build_info[1m] offset 5s) > 1"
                wait_until(lambda: len(query(url, scraped)) > 0)
                yield Servers(url, exporter.url)


def configuration(folder: Path, simulators: str, company: Company, today: date, interval: str) -> Path:
    """The demo's configuration over these simulators, with the company's people and a state that outlives a process."""
    write_people(company, today, folder)
    text = DEMO.read_text().replace("${SIMULATOR}", simulators).replace("${PEOPLE}", str(folder))
    state = f'state: {{url: "sqlite:///{folder / "state.db"}"}}'
    config = folder / "config.yaml"
    config.write_text(text.replace("interval: 1m", f"interval: {interval}").replace('state: {url: "sqlite://"}', state))
    return config


def blocks(config: Path, folder: Path, today: date) -> None:
    """Writes the history as blocks of the Prometheus that will run in the folder."""
    first, last = today - timedelta(days=DAYS), today - timedelta(days=1)
    file = folder / "history.txt"
    command = [sys.executable, "-m", "exporter", "backfill", "--config.file", str(config), "--log.level", "warn"]
    span = ["--from", first.isoformat(), "--to", last.isoformat(), "--output", str(file)]
    subprocess.run([*command, *span], check=True, timeout=1200)
    # Blocks of two hours would be a hundred folders.
    longer = ["create-blocks-from", "--max-block-duration=960h"]
    made = real_servers.promtool("tsdb", *longer, "openmetrics", file, folder / "prometheus")
    assert made.returncode == 0, made.stdout + made.stderr


def query(url: str, expression: str) -> list[dict[str, Any]]:
    """The result of an instant query."""
    found: list[dict[str, Any]] = ask(url, "query", query=expression)["result"]
    return found


def query_range(url: str, expression: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
    """The result of a range query; points lie on whole steps, as in Grafana's queries."""
    start, end = (moment // step * step for moment in (start, end))
    found: list[dict[str, Any]] = ask(
        url, "query_range", query=expression, start=str(start), end=str(end), step=str(step)
    )["result"]
    return found


def ask(url: str, path: str, **parameters: str) -> Any:
    """The data of a response of Prometheus."""
    answer = get(f"{url}/api/v1/{path}", params=parameters)
    assert answer.is_success, answer.text
    return answer.json()["data"]
