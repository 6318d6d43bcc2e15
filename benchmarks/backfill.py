"""730 days of a 20,000-person company from the state: days a second, against a daily poll's own way of publishing them.

Run: python -m benchmarks.backfill [--people N] [--days N]
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
from pyroaring import BitMap

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


def main() -> None:
    """Fills a state, then prints both ways' days a second and their ratio."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--people", type=int, default=20_000)
    arguments.add_argument("--days", type=int, default=730)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/state.db")
        fill(store, given.people, given.days)
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
        print(f"state: {given.days} days, {given.people} people, {size:.0f} MB")
        sample_options = sample_options_of("big", "augment", AccountBook(store, "big"))
        few = min(given.days, 30)
        started = time.process_time()
        samples = sum(each_alone(sample_options, store, few))
        alone = few / (time.process_time() - started)
        print(f"each day alone (baseline): {alone:.0f} days a second of one core, {samples // few} samples a day")
        first = LAST - timedelta(days=given.days - 1)
        started = time.process_time()
        written = write_file(
            past_days(sample_options, store, 50_000, first, LAST, datetime.now(UTC)), Path(folder) / "history.om"
        )
        together = given.days / (time.process_time() - started)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"backfill to a file: {together:.0f} days a second of one core, {written} samples, peak {peak:.0f} MB")
        print(
            f"ratio: {together / alone:.1f}; goal {GOAL:.0f} days a second: {'met' if together >= GOAL else 'missed'}"
        )
        store.close()


if __name__ == "__main__":
    main()
