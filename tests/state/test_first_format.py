"""A state that was written before there were tokens, money and teams of the vendor (2026-11), as SQL."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Identity, PeopleKey, Reading
from exporter.state.accounts import AccountBook
from exporter.state.codec import same
from exporter.state.records import ScopeStatus, StoredDay
from exporter.state.store import PollStatus, Store

OLD = Path(__file__).parents[1] / "recorded" / "state" / "first.sql"
APPLICATION_ID = 0x41646F70
SCOPE = "cody", "acme.example.com"
READ_AT = datetime(2026, 3, 10, 4, tzinfo=UTC)
SUNDAY, MONDAY = date(2026, 3, 8), date(2026, 3, 9)
SEARCHES = AmountKey(Amount("usage", "searches"))
FACTS = DayFacts(
    amounts={
        SEARCHES: 7,
        SEARCHES._replace(dimension="client", member="vim"): 4,
        AmountKey(Amount("code_lines", "written")): 0,
        AmountKey(Amount("active_time", "")): Decimal("90.000000001"),
        AmountKey(Amount("active_time", "ide")): Decimal("60.5"),
    },
    people={
        EVERYBODY: BitMap([0, 1, 2]),
        PeopleKey("client", "vim"): BitMap([0]),
        PeopleKey("activity", "searches"): BitMap([0, 2]),
    },
    service=BitMap([2]),
    missing=frozenset({Amount("usage", "chat_messages")}),
    by_account=pl.DataFrame(
        {"account": [0, 1, 2], "usage|searches": [4, 0, 3], "active_time|": [60_000_000_001, 30_000_000_000, 0]},
        schema={"account": pl.UInt32, "usage|searches": pl.Int64, "active_time|": pl.Int64},
    ),
)


def old_state(folder: Path) -> Store:
    file = folder / "adoption.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.executescript(OLD.read_text())
    return Store.open(f"sqlite:///{file}")


def test_an_old_state_opens_and_reads_the_same(tmp_path: Path) -> None:
    with closing(old_state(tmp_path)) as store:
        found = store.facts(*SCOPE, [SUNDAY, MONDAY])
        assert store.days(*SCOPE) == {
            SUNDAY: StoredDay(12, listed=False, requests=1, read_at=1773115200.0, empty_since=1773115200.0),
            MONDAY: StoredDay(2, listed=True, requests=2, read_at=1773115200.0),
        }
        assert store.people(*SCOPE) == {MONDAY: BitMap([0, 1])}
        assert store.scopes("cody") == {"acme.example.com": ScopeStatus(True, 1773115200.0, 0, 250)}
        assert store.last_poll("cody") == PollStatus(1773115200.0, 1.5, 1773115200.0)
        assert AccountBook(store, "cody").number([Identity("2", username="bob"), Identity("new")]) == [1, 3]

    assert found.keys() == {SUNDAY, MONDAY}
    assert same(found[SUNDAY], DayFacts(head_count=12))
    assert same(found[MONDAY], FACTS)


def test_a_day_of_an_old_state_that_is_read_again_alike_is_the_same_day(tmp_path: Path) -> None:
    with closing(old_state(tmp_path)) as store:
        assert store.replace(*SCOPE, Reading(MONDAY, FACTS), now=READ_AT, requests=1).change == "same"
        assert store.scopes("cody")["acme.example.com"].revised == 0
