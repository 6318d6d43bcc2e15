"""The CPU time of the company's samples: many large sources, one of which publishes.

python -m benchmarks.company [--sources 20] [--people 20000] [--days 28]
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyroaring import BitMap

from benchmarks.claim import Baseline, Figure, cpu_seconds, peak_mib, report
from exporter.config.identities_file import identities_file
from exporter.config.teams_file import teams_file
from exporter.model import EVERYBODY, DayFacts, Identity, Reading
from exporter.publish.company import Company, CompanyOptions
from exporter.publish.people_watch import PeopleWatch
from exporter.publish.publisher import Publisher, PublishPolicy
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.samples.directory import Directory
from exporter.state.store import Store
from tests.support.sample_options import book_of, sample_options_of

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
GOAL_SECONDS = 1.0
TEAMS = 500


def measure(sources: int = 20, people: int = 20_000, days: int = 28) -> Iterator[Figure]:
    """Fills a state, publishes every source, and yields what the company costs then."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/adoption.db")
        names = [f"tool-{number:02}" for number in range(sources)]
        everybody = [f"person-{number}" for number in range(2 * people)]
        _write_files(Path(folder), everybody)
        for name in names:
            _fill(store, name, chance.sample(everybody, people), days, chance)
        directory = Directory(store)
        files = identities_file(Path(folder) / "identities.csv"), teams_file(Path(folder) / "teams.csv")
        directory.become(names, *files)
        cache = ExpositionCache()
        watch = PeopleWatch(directory, cache, Company(store, cache, CompanyOptions(names, 5, 50_000)), time.monotonic)
        publishers = [_publisher(store, name, directory, cache) for name in names]
        for publisher in publishers:
            publisher.publish_all()

        def look() -> None:
            watch.look(publishers, tried=True, at_once=True)

        about = f"{sources} sources of {people:,} people each, {TEAMS} teams"
        yield Figure(f"the company of {about}: first look after a start", cpu_seconds(look), "s CPU")
        publishers[0].publish_all()
        yield Figure("one source published the same", cpu_seconds(look), "s CPU")
        _put(store, names[0], 0, range(people // 2))
        publishers[0].publish_all()
        yield Figure("one source published other people", cpu_seconds(look), "s CPU")
        book_of(store, names[0], joins=True).number([_identity(f"new-{number}") for number in range(100)])
        _put(store, names[0], 0, range(people + 100))
        publishers[0].publish_all()
        worst = cpu_seconds(look)
        beside = Baseline("the publication of one source", cpu_seconds(publishers[1].publish_all))
        yield Figure("one source published 100 new accounts", worst, "s CPU", most=GOAL_SECONDS, baseline=beside)
        store.close()
    yield Figure("memory at the peak", peak_mib(), "MiB")


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="What the company costs.")
    parser.add_argument("--sources", type=int, default=20)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=28)
    return report(measure(**vars(parser.parse_args(arguments))))


def _identity(name: str) -> Identity:
    # One in ten has no e-mail, and is found in the identities file.
    number = int(name.rpartition("-")[2])
    return Identity(name, email=f"{name}@example.com" if number % 10 else "", username=name, vendor_id=f"id-{name}")


def _write_files(folder: Path, everybody: list[str]) -> None:
    rows = [f"{name}@example.com,tool-{number % 20:02}:{name}" for number, name in enumerate(everybody)]
    (folder / "identities.csv").write_text("\n".join(["person,identity", *rows]))
    teams = [f"{name}@example.com,team {number % TEAMS}" for number, name in enumerate(everybody)]
    (folder / "teams.csv").write_text("\n".join(["user,team", *teams]))


def _fill(store: Store, source: str, people: list[str], days: int, chance: random.Random) -> None:
    numbers = book_of(store, source, joins=True).number([_identity(name) for name in people])
    store.list_scopes(source, ["all"])
    for back in range(days):
        _put(store, source, back, chance.sample(numbers, len(numbers) * 6 // 10))


def _put(store: Store, source: str, back: int, accounts: object) -> None:
    facts = DayFacts(people={EVERYBODY: BitMap(accounts)}, service=BitMap())
    day = NOW.date() - timedelta(days=back + 1)
    store.replace(source, "all", Reading(day, facts), now=NOW, requests=1)


def _publisher(store: Store, source: str, directory: Directory, cache: ExpositionCache) -> Publisher:
    return Publisher(
        sample_options=sample_options_of(source, "augment", book_of(store, source, joins=True), directory=directory),
        policy=PublishPolicy(timedelta(days=3), 50_000, 90, lambda read: read),
        store=store,
        cache=cache,
        self_metrics=SelfMetrics().source(source, "augment"),
        now=lambda: NOW,
        monotonic=time.monotonic,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
