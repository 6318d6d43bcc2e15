"""730 days of a 20,000-person company from the state: days a second, against a daily poll's own way of publishing them.

python -m benchmarks.backfill [--people 20000] [--days 730]
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
from pyroaring import BitMap

from benchmarks.claim import Baseline, Figure, cpu_seconds, peak_mib, report
from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Reading, column
from exporter.publish.backfill import past_days, write_file
from exporter.samples.build import SampleOptions, scope_history, scope_samples
from exporter.state.accounts import AccountBook
from exporter.state.store import Store
from exporter.vendors.rollup import rollup
from tests.support.sample_options import sample_options_of

LAST = date(2026, 6, 30)
AMOUNTS = [Amount("usage", f"activity_{number}") for number in range(9)]
CLIENTS = [f"client {number}" for number in range(8)]
LANGUAGES = [f"language {number}" for number in range(30)]
GOAL = 100.0


def facts(day: date, people: int, chance: random.Random) -> DayFacts:
    """A working day of the company: three of five people are active, each in one to three languages."""
    share = 0.6 if day.weekday() < 5 else 0.04
    active = [number for number in range(people) if chance.random() < share]
    rows = [number for number in active for _ in range(1 + number % 3)]
    size = len(rows)
    table = {
        "account": rows,
        "client": chance.choices(CLIENTS, k=size),
        "language": chance.choices(LANGUAGES, k=size),
        **{column(amount): chance.choices(range(40), k=size) for amount in AMOUNTS},
    }
    types = {"account": pl.UInt32, **{column(amount): pl.Int64 for amount in AMOUNTS}}
    rolled = rollup(pl.DataFrame(table, schema_overrides=types), AMOUNTS, "benchmark")
    return DayFacts(
        amounts={**rolled.totals, **rolled.breakdowns, AmountKey(Amount("code_lines", "modified")): size},
        people={EVERYBODY: BitMap(active), **rolled.people},
        service=BitMap(),
        by_account=rolled.by_account,
    )


def fill(store: Store, people: int, days: int) -> None:
    """Two years of days; a month of different ones, again and again, since making them is not what is measured."""
    chance = random.Random(1)
    made = [facts(LAST - timedelta(days=back), people, chance) for back in range(28)]
    store.list_scopes("big", ["all"])
    now = datetime.now(UTC)
    for back in range(days):
        store.replace("big", "all", Reading(LAST - timedelta(days=back), made[back % 28]), now=now, requests=1)


def each_alone(sample_options: SampleOptions, store: Store, days: int) -> Iterator[int]:
    """The baseline: each day made as a poll makes its data day, with a history of its own."""
    (status,) = store.scopes("big").values()
    for back in range(days):
        history = scope_history(sample_options, store, "all", datetime.now(UTC))
        yield len(scope_samples(sample_options, history, LAST - timedelta(days=back), status).samples)


def measure(people: int = 20_000, days: int = 730) -> Iterator[Figure]:
    """Fills a state, and yields how fast its history is written."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/state.db")
        fill(store, people, days)
        sample_options = sample_options_of("big", "augment", AccountBook(store, "big"))
        few = min(days, 30)
        alone = few / cpu_seconds(lambda: sum(each_alone(sample_options, store, few)))
        first, file = LAST - timedelta(days=days - 1), Path(folder) / "history.om"
        made = past_days(sample_options, store, 50_000, first, LAST, datetime.now(UTC))
        together = days / cpu_seconds(lambda: write_file(made, file))
        store.close()
    yield Figure(
        f"history of {days} days of {people:,} people, from the state to a file",
        together,
        "days a second of CPU",
        least=GOAL,
        baseline=Baseline("each day made alone, as by a poll", alone),
    )
    yield Figure("memory at the peak, with making the state", peak_mib(), "MiB")


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="How fast history is written.")
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=730)
    return report(measure(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
