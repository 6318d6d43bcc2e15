"""The demo, a real Prometheus with the rules, a real Alertmanager with the example's inhibitions, and a webhook."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep

import pytest
import yaml

from tests.support import real_servers
from tests.support.daemons import daemon, get, wait_until

pytestmark = [pytest.mark.servers("prometheus", "alertmanager"), pytest.mark.real_clock]

RULES = Path(__file__).parents[2] / "prometheus"
# As long as it takes an alert that should not be there to follow the one that should.
QUIET_SECONDS = 5
_FOR = "3s"


@pytest.mark.parametrize(
    ("scenario", "alerts", "told"),
    [
        ("drop", {"AdoptionDropped"}, r"assistant \(all\): \d\d\.?\d*% fewer people than usual on a working day"),
        ("slide", {"AdoptionSliding"}, r"assistant \(all\): \d\d?\.?\d*% fewer people in four weeks than before"),
        # Of a vendor that says nothing about a day, nobody came once the grace is over.
        ("late-data", {"AdoptionDataLate", "AdoptionDayEmpty"}, r"assistant \(all\): augment is late by .*"),
    ],
    ids=["drop", "slide", "late-data"],
)
def test_what_happens_at_the_demo_arrives_at_a_webhook_and_nothing_else(
    scenario: str, alerts: set[str], told: str, tmp_path: Path
) -> None:
    with (
        daemon(tmp_path, "demo", "--scenario", scenario) as exporter,
        webhook() as (address, received),
        real_servers.alertmanager(alertmanager_config(address), tmp_path) as alertmanager,
    ):
        wait_until(lambda: exporter.get("/-/ready").is_success)
        # It is there, and a scrape that takes long on a busy machine is no outage.
        with prometheus(exporter.url, alertmanager, tmp_path, down_for="10m"):
            wait_until(lambda: any(re.fullmatch(told, summary) for summary in received.values()))
            sleep(QUIET_SECONDS)

    assert {name for name, _ in received} == alerts, received


def test_holidays_at_the_demo_are_not_told(tmp_path: Path) -> None:
    with (
        daemon(tmp_path, "demo", "--scenario", "holidays") as exporter,
        webhook() as (address, received),
        real_servers.alertmanager(alertmanager_config(address), tmp_path) as alertmanager,
    ):
        wait_until(lambda: exporter.get("/-/ready").is_success)
        with prometheus(exporter.url, alertmanager, tmp_path, down_for="10m") as url:
            scraped = f"{url}/api/v1/query?query=scope:adoption_workday_active_users_baseline:last30m"
            wait_until(lambda: bool(get(scraped).json()["data"]["result"]))
            sleep(QUIET_SECONDS)

    assert received == {}


def test_an_exporter_that_is_gone_is_told_once_and_its_sources_are_not(tmp_path: Path) -> None:
    with (
        webhook() as (address, received),
        real_servers.alertmanager(alertmanager_config(address), tmp_path) as alertmanager,
        prometheus("http://127.0.0.1:9", alertmanager, tmp_path),
    ):
        wait_until(lambda: bool(received))
        sleep(QUIET_SECONDS)

    assert list(received) == [("AdoptionExporterDown", "")]


@contextmanager
def webhook() -> Iterator[tuple[str, dict[tuple[str, str], str]]]:
    """An address that takes notifications, and the summary of each firing alert by its name and source."""
    received: dict[tuple[str, str], str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for alert in body["alerts"]:
                labels = alert["labels"]
                # What the demo's unused seats cost is told in every scenario.
                if labels["alertname"] == "AdoptionSeatsCostly":
                    continue
                received[labels["alertname"], labels.get("source", "")] = alert["annotations"]["summary"]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", received
        finally:
            server.shutdown()
            thread.join()


def alertmanager_config(webhook_url: str) -> str:
    """The example with another receiver, told after seconds."""
    config = yaml.safe_load((RULES / "alertmanager.yml").read_text())
    # As long as it takes an alert that inhibits others to be noticed.
    config["route"] |= {"group_wait": "3s", "group_interval": "1s"}
    config["receivers"][0]["webhook_configs"] = [{"url": webhook_url}]
    return yaml.safe_dump(config)


@contextmanager
def prometheus(exporter: str, alertmanager: str, folder: Path, down_for: str = _FOR) -> Iterator[str]:
    """The URL of a Prometheus with the rules as they are, but that seconds are as good as the hours of their `for`."""
    alerts = folder / "alerts.yaml"
    rules = yaml.safe_load((RULES / "alerts.yaml").read_text())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        rule["for"] = down_for if rule["alert"] == "AdoptionExporterDown" else _FOR
    alerts.write_text(yaml.safe_dump(rules))
    config = {
        "global": {"scrape_interval": "2s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES / "recording.yaml"), str(alerts)],
        "scrape_configs": [{"job_name": "adoption", "static_configs": [at(exporter)]}],
        "alerting": {"alertmanagers": [{"static_configs": [at(alertmanager)]}]},
    }
    # What fires before the Alertmanager is discovered would be sent again after a minute.
    with real_servers.prometheus(yaml.safe_dump(config), folder, "--rules.alert.resend-delay=1s") as url:
        yield url


def at(url: str) -> dict[str, list[str]]:
    return {"targets": [url.removeprefix("http://")]}
