"""Stored days that are cut short, junk or of a newer format: read from the vendor again, with one line."""

import json
import logging
import random
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlalchemy import select

from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Reading
from exporter.state.codec import UnreadableError, decode, encode, encode_accounts, pack_accounts, same, unpack_accounts
from exporter.state.schema import day as table
from exporter.state.store import Store
from tests.support.examples import examples
from tests.support.made_up_vendor import YESTERDAY, Bench, Script, people
from tests.support.past_readers import past_reader
from tests.support.stores import fresh_store

pytestmark = pytest.mark.slow

LINE = "a stored day cannot be read and counts as not stored"
FACTS = DayFacts(
    amounts={AmountKey(Amount("usage", "messages")): 7},
    people={EVERYBODY: BitMap(range(40, 90))},
    service=BitMap([41]),
    by_account=pl.DataFrame(
        {"account": list(range(40, 90)), "usage|messages": list(range(50))},
        schema={"account": pl.UInt32, "usage|messages": pl.Int64},
    ),
)
TABLE = encode_accounts(FACTS)
assert TABLE is not None
WHOLE = encode(FACTS, TABLE)


def newer_format(data: bytes) -> bytes:
    return zlib.compress(json.dumps({**json.loads(zlib.decompress(data)), "format": 3}).encode())


DAMAGES: dict[str, tuple[str, Callable[[bytes], object]]] = {
    "facts cut short": ("facts", lambda data: data[: len(data) // 2]),
    "no facts": ("facts", lambda _data: b""),
    "junk for facts": ("facts", lambda _data: b"a letter to alice"),
    "something else for facts": ("facts", lambda _data: zlib.compress(b"[]")),
    "text for facts": ("facts", lambda _data: "text"),
    "facts of a newer format": ("facts", newer_format),
    "amounts cut short": ("by_account", lambda data: data[:-30]),
    "junk for amounts": ("by_account", lambda _data: b"junk"),
    "people cut short": ("people", lambda data: data[:-1]),
    "no people": ("people", lambda _data: b""),
    "junk for people": ("people", lambda _data: b"junk"),
}


def damage(store: Store, what: str, day: date = YESTERDAY) -> None:
    column, change = DAMAGES[what]
    where = (table.c.source == "tool", table.c.day == day)
    with store.database.write() as connection:
        before: bytes = connection.execute(select(table.c[column]).where(*where)).scalar_one()
        statement = f"UPDATE day SET {column} = ? WHERE source = 'tool' AND day = ?"
        connection.exec_driver_sql(statement, (change(before), day.isoformat()))


def stored_bench(days: int) -> Bench:
    """A source of which so many days are stored, by another process."""
    script = Script({("all", YESTERDAY - timedelta(days=back)): FACTS for back in range(days)})
    bench = Bench(script, history=days, lookback=1)
    bench.poller().poll()
    script.asked.clear()
    return Bench(script, store=Store(bench.store.database), history=days, lookback=1)


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize("what", DAMAGES)
@pytest.mark.parametrize("back", [0, 3, 35])
def test_a_day_that_cannot_be_read_is_read_from_the_vendor_again_with_one_line(
    what: str, back: int, caplog: pytest.LogCaptureFixture
) -> None:
    bench = stored_bench(40)
    day = YESTERDAY - timedelta(days=back)
    damage(bench.store, what, day)
    caplog.set_level(logging.INFO)
    poller = bench.poller()
    poller.restore()
    statuses = [poller.poll(), poller.poll()]

    assert [status is not None and status.success for status in statuses] == [True, True]
    assert bench.script.asked == [("all", tuple(sorted({YESTERDAY, day}, reverse=True))), ("all", (YESTERDAY,))]
    assert same(bench.store.facts("tool", "all", [day])[day], FACTS)
    assert bench.store.people("tool", "all")[day] == FACTS.people[EVERYBODY] - BitMap([41])
    assert bench.published("adoption_active_users") == {("all", window): 49.0 for window in ("1d", "7d", "28d")}
    assert lines(caplog) == [("WARNING", LINE), ("INFO", "poll finished"), ("INFO", "poll finished")]


def test_a_check_gives_the_facts_of_readable_days_once_without_amounts_by_account() -> None:
    store = stored_bench(3).store
    days = [YESTERDAY - timedelta(days=back) for back in range(3)]
    damage(store, "amounts cut short", days[1])
    checked = store.check("tool", "all", days)

    assert checked == {day: replace(FACTS, by_account=None) for day in (days[2], days[0])}
    assert store.check("tool", "all", days) == {}
    assert store.days("tool", "all").keys() == {days[0], days[2]}


@pytest.mark.parametrize(
    ("back", "data_day", "windows"),
    [(0, YESTERDAY - timedelta(days=1), {"1d", "7d", "28d"}), (3, YESTERDAY, {"1d"}), (20, YESTERDAY, {"1d", "7d"})],
)
def test_until_then_the_day_is_one_that_is_not_stored(back: int, data_day: date, windows: set[str]) -> None:
    bench = stored_bench(40)
    damage(bench.store, "facts of a newer format", YESTERDAY - timedelta(days=back))
    bench.poller().restore()

    moment = datetime.combine(data_day, time(), UTC).timestamp()
    assert bench.published("adoption_data_day_timestamp_seconds") == {("all",): moment}
    assert bench.published("adoption_active_users") == {("all", window): 49.0 for window in windows}


def test_a_day_that_is_damaged_later_is_read_again_by_the_poll_after_it_was_noticed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = stored_bench(5)
    poller = bench.poller()
    poller.poll()
    day = YESTERDAY - timedelta(days=3)
    damage(bench.store, "facts cut short", day)
    caplog.set_level(logging.WARNING)
    poller.publisher.publish_all()
    asked = len(bench.script.asked)
    poller.poll()

    assert bench.script.asked[asked:] == [("all", (YESTERDAY, day))]
    assert lines(caplog) == [("WARNING", LINE)]


def test_backfill_reads_a_day_that_cannot_be_read_again() -> None:
    bench = stored_bench(40)
    day = YESTERDAY - timedelta(days=35)
    damage(bench.store, "amounts cut short", day)
    poller = bench.poller()
    reader = past_reader(bench, poller, YESTERDAY, YESTERDAY)

    assert reader.missing() == {"all": [day]}
    assert reader.read() == {}
    assert reader.missing() == {"all": []}


def test_a_re_read_day_that_could_not_be_compared_is_new() -> None:
    store = fresh_store()
    store.list_scopes("tool", ["all"])
    changes = []
    for facts in (people(1), people(1, 2)):
        changes.append(
            store.replace("tool", "all", Reading(YESTERDAY, facts), now=Bench(Script()).now, requests=1).change
        )
        damage(store, "junk for facts")

    assert changes == ["new", "new"]


def broken(data: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return data[: chance.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def inflated(data: bytes) -> bytes | None:
    with suppress(zlib.error):
        return zlib.decompress(data)
    return None


@examples(100)
@given(st.randoms(use_true_random=False))
def test_whatever_becomes_of_the_bytes_of_a_day_is_noticed(chance: Any) -> None:
    assert TABLE is not None
    facts, by_account = broken(WHOLE, chance), broken(TABLE, chance)

    for data, accounts in ((facts, TABLE), (WHOLE, by_account), (facts, by_account)):
        # A few bits of a compressed text say nothing, so the text may be whole though its bytes are not.
        if (inflated(data), accounts) != (inflated(WHOLE), TABLE):
            with pytest.raises(UnreadableError):
                decode(data, accounts)


@examples(100)
@given(st.binary(max_size=200))
def test_junk_is_no_day_and_no_set_of_accounts(junk: bytes) -> None:
    with pytest.raises(UnreadableError):
        decode(junk, None)
    with pytest.raises(UnreadableError):
        decode(encode(FACTS), junk)


@pytest.mark.parametrize("length", range(0, len(pack_accounts(BitMap(range(40, 90)))), 7))
def test_a_set_of_accounts_that_is_cut_short_is_noticed(length: int) -> None:
    with pytest.raises(UnreadableError):
        unpack_accounts(pack_accounts(BitMap(range(40, 90)))[:length])
