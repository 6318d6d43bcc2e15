"""How large the state of a company grows: two years of facts of every simulated day, through rollup and store.

Run: python -m benchmarks.state_size [--people N] [--days N]
"""

import argparse
import random
import tempfile
import time
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Identity, Reading, column
from exporter.state.store import Store
from exporter.vendors.augment.parse import FIELDS
from exporter.vendors.rollup import rollup
from exporter.vendors.sourcegraph.columns import COUNTS
from tests.support.sample_options import book_of

LAST = date(2026, 6, 30)
GOAL_MB = 200.0
EDITORS = ("VSCode", "JetBrains", "Vim", "CLI")
LANGUAGES = [f"language {number}" for number in range(30)]
MOST_ROWS = 3
NANOSECONDS = 10**9


def wide(chance: random.Random, active: Sequence[int], amounts: Collection[Amount]) -> DayFacts:
    """A day of a vendor that tells many counts by editor and language, each of them as if drawn by lot."""
    accounts = [account for account in active for _ in range(chance.randint(1, MOST_ROWS))]
    columns = {column(amount): chance.choices(range(200), k=len(accounts)) for amount in amounts}
    table = {
        "account": accounts,
        "client": chance.choices(EDITORS, k=len(accounts)),
        "language": chance.choices(LANGUAGES, k=len(accounts)),
        **columns,
    }
    types = {"account": pl.UInt32, **dict.fromkeys(columns, pl.Int64)}
    rolled = rollup(pl.DataFrame(table, schema_overrides=types), amounts, "benchmark")
    return DayFacts(
        amounts={**rolled.totals, **rolled.breakdowns},
        people={EVERYBODY: BitMap(active), **rolled.people},
        service=BitMap(),
        by_account=rolled.by_account,
    )


def timed(chance: random.Random, active: Sequence[int]) -> DayFacts:
    """A day of a vendor that tells everybody's time."""
    spent = Amount("active_time", "")
    name = column(spent)
    rows = pl.DataFrame(
        {"account": active, name: [chance.randrange(8 * 3600) * NANOSECONDS for _ in active]},
        schema={"account": pl.UInt32, name: pl.Int64},
    )
    rolled = rollup(rows, [spent], "benchmark")
    total = AmountKey(spent)
    return DayFacts(
        amounts={total: Decimal(rolled.totals[total]).scaleb(-9)},
        people={EVERYBODY: BitMap(active)},
        by_account=rolled.by_account,
    )


SOURCES = {
    "assistant": lambda chance, active: wide(chance, active, FIELDS.values()),
    "search": lambda chance, active: wide(chance, active, COUNTS.values()),
    "workspaces": timed,
    "workspaces-classic": timed,
}


def main() -> None:
    """Fills a state source by source and prints how large its files become."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--people", type=int, default=2_000)
    arguments.add_argument("--days", type=int, default=730)
    given = arguments.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/state.db")
        before = 0.0
        for source, facts_of in SOURCES.items():
            started = time.process_time()
            store.list_scopes(source, ["all"])
            people = book_of(store, source).number(
                [
                    Identity(key=f"{n}", email=f"person-{n}@example.com", username=f"person-{n}")
                    for n in range(given.people)
                ]
            )
            for back in range(given.days):
                day = LAST - timedelta(days=back)
                # The most that can be: everybody works on every working day.
                active = people if day.weekday() < 5 else people[: given.people // 25]
                store.replace(source, "all", Reading(day, facts_of(chance, active)), now=datetime.now(UTC), requests=1)
            megabytes = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
            print(f"{source}: {megabytes - before:.1f} MB, {time.process_time() - started:.0f} s")
            before = megabytes
        store.close()
        megabytes = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
        print(f"state of {given.people} people over {given.days} days: {megabytes:.1f} MB")
        print(f"goal below {GOAL_MB:.0f} MB: {'met' if megabytes < GOAL_MB else 'missed'}")


if __name__ == "__main__":
    main()
