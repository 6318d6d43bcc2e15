"""What two replicas of the demo's exporter show on chosen days, in one real Prometheus."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from exporter.commands.demo import with_calendar, write_people
from exporter.commands.once import exposition, narrowed, poll_all
from exporter.config.load import Config, load_config
from exporter.daemon.exporter import Exporter
from exporter.publish.self_metrics import SelfMetrics
from exporter.simulator.company import Company
from exporter.simulator.server import build, serve
from exporter.state.store import Store
from exporter.vendors import SETTINGS
from tests.support import real_servers

_DEMO = Path("exporter/commands/demo.yaml")
_REPLICAS = ("adoption-exporter-7c9d-2xkqp", "adoption-exporter-7c9d-9wtzl")
_PROCESS = "process_resident_memory_bytes 1e+08\nprocess_cpu_seconds_total 12"
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """An exporter's exposition at a moment, scraped then and for so many minutes before."""

    moment: datetime
    text: str
    minutes: int = 0


def shown(company: Company, folder: Path, moments: Sequence[datetime], history: timedelta | None = None) -> list[Shown]:
    """What the demo over this company shows at each moment, in one life; first after one scrape, and then after two."""
    clock = [moments[0]]

    def now() -> datetime:
        return clock[0]

    found: list[Shown] = []
    with serve(build(company, now)) as simulators, closing(Store.open()) as store:
        config = _configuration(company, folder, now().date(), simulators.url)
        exporter = Exporter.open(narrowed(config, (), history), store, now=now, self_metrics=SelfMetrics(process=False))
        for moment in moments:
            clock[0] = moment
            assert poll_all(exporter)
            exporter.follow_people(at_once=True)
            found.append(Shown(moment, exposition(exporter, "openmetrics").decode(), minutes=1 if found else 0))
    return found


@contextmanager
def serving(folder: Path, expositions: Sequence[Shown]) -> Iterator[str]:
    """The URL of a Prometheus that scraped these of two replicas in Kubernetes."""
    lines = [line for each in expositions for line in _scraped(each)]
    file = folder / "scraped.txt"
    file.write_text("\n".join([*lines, "# EOF", ""]))
    longer = ["create-blocks-from", "--max-block-duration=960h"]
    made = real_servers.promtool("tsdb", *longer, "openmetrics", file, folder / "prometheus")
    assert made.returncode == 0, made.stdout + made.stderr
    with real_servers.prometheus("scrape_configs: []\n", folder, "--storage.tsdb.retention.time=100y") as url:
        yield url


def _configuration(company: Company, folder: Path, today: date, simulators: str) -> Config:
    write_people(company, today, folder)
    environ = {"SIMULATOR": simulators, "PEOPLE": str(folder)}
    return with_calendar(load_config(_DEMO, SETTINGS, environ=environ), company)


def _scraped(each: Shown) -> Iterator[str]:
    for minute in range(each.minutes, -1, -1):
        at = each.moment.timestamp() - 60 * minute
        for replica in _REPLICAS:
            target = f'job="adoption",namespace="tools",pod="{replica}",instance="{replica}:10723"'
            for name, labels, value in _SAMPLE.findall(f"{each.text}\n{_PROCESS}"):
                yield f"{name}{{{','.join(filter(None, (labels, target)))}}} {value} {at}"
