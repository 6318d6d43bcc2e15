from collections.abc import Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from pyroaring import BitMap
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError

from exporter.errors import Failure
from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Identity, PeopleKey, Reading, WindowPeople
from exporter.state import codec, schema
from exporter.state.accounts import AccountBook
from exporter.state.database import ROWS_AT_ONCE
from exporter.state.engine import MEMORY
from exporter.state.records import ScopeStatus, StoredDay
from exporter.state.store import PollStatus, Store

MONDAY = date(2026, 3, 9)
TUESDAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)
LARGEST = 2**63 - 1


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(url(tmp_path) if request.param == "file" else MEMORY)
    yield opened
    opened.close()


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'adoption.db'}"


def people(*accounts: int) -> DayFacts:
    return DayFacts(people={EVERYBODY: BitMap(accounts)})


def put(store: Store, day: date, facts: DayFacts, *, source: str = "acme", scope: str = "all") -> str:
    return store.replace(source, scope, Reading(day, facts), now=NOW, requests=1).change


def adopt(store: Store, source: str, vendor: str) -> str:
    with store.database.write() as connection:
        return store.adopt(connection, source, vendor)


def test_a_stored_day_is_read_back_as_it_was(store: Store) -> None:
    table = pl.DataFrame(
        {"account": [1, 7], "usage|searches": [2, 3]}, schema={"account": pl.UInt32, "usage|searches": pl.Int64}
    )
    monday = DayFacts(
        amounts={
            AmountKey(Amount("active_time", "")): Decimal("0.12345678901234567890"),
            AmountKey(Amount("usage", "searches")): LARGEST,
        },
        people={EVERYBODY: BitMap([1, 7]), PeopleKey("client", 'V"S\\ Code\n'): BitMap([7])},
        service=BitMap([7]),
        missing=frozenset({Amount("usage", "chat_messages")}),
        by_account=table,
    )
    later = NOW + timedelta(microseconds=1)

    store.replace("acme", "all", Reading(MONDAY, monday), now=NOW, requests=4)
    store.replace("acme", "all", Reading(TUESDAY, DayFacts(head_count=LARGEST)), now=later, requests=0)

    assert store.days("acme", "all") == {
        MONDAY: StoredDay(people=1, listed=True, requests=4, read_at=NOW.timestamp()),
        TUESDAY: StoredDay(people=LARGEST, listed=False, requests=0, read_at=later.timestamp()),
    }
    assert [type(day.listed) for day in store.days("acme", "all").values()] == [bool, bool]
    read = store.facts("acme", "all", [MONDAY, TUESDAY, date(2026, 3, 11)])
    assert read.keys() == {MONDAY, TUESDAY}
    assert codec.same(read[MONDAY], monday)
    assert codec.same(read[TUESDAY], DayFacts(head_count=LARGEST))
    assert store.facts("acme", "all", [TUESDAY]).keys() == {TUESDAY}
    assert store.people("acme", "all") == {MONDAY: BitMap([1])}


def test_sources_and_scopes_know_nothing_of_each_other(store: Store) -> None:
    put(store, MONDAY, people(1))
    put(store, MONDAY, people(2, 3), scope="other")
    put(store, MONDAY, people(4, 5, 6), source="other")

    assert store.people("acme", "all") == {MONDAY: BitMap([1])}
    assert store.people("acme", "other") == {MONDAY: BitMap([2, 3])}
    assert store.people("other", "all") == {MONDAY: BitMap([4, 5, 6])}
    assert store.days("other", "other") == {}


def test_a_re_read_day_replaces_the_old_one_whole_and_says_whether_it_changed(store: Store) -> None:
    store.list_scopes("acme", ["all", "other"])
    before = DayFacts(people={EVERYBODY: BitMap([1, 2]), PeopleKey("client", "vim"): BitMap([1])})
    after = DayFacts(people={EVERYBODY: BitMap([1, 2])}, amounts={AmountKey(Amount("usage", "searches")): 0})

    changes = [put(store, MONDAY, read) for read in (before, before, after, after, before)]

    assert changes == ["new", "same", "revised", "same", "revised"]
    assert codec.same(store.facts("acme", "all", [MONDAY])[MONDAY], before)
    assert {name: scope.revised for name, scope in store.scopes("acme").items()} == {"all": 2, "other": 0}


def test_a_day_that_is_read_again_unchanged_is_as_young_as_its_last_reading(store: Store) -> None:
    later = NOW + timedelta(hours=1)
    put(store, MONDAY, people(1))

    store.replace("acme", "all", Reading(MONDAY, people(1)), now=later, requests=3)

    assert store.days("acme", "all") == {
        MONDAY: StoredDay(people=1, listed=True, requests=3, read_at=later.timestamp()),
    }


def test_a_re_read_day_keeps_who_was_a_service_account_on_that_day(store: Store) -> None:
    put(store, MONDAY, DayFacts(people={EVERYBODY: BitMap([1, 2])}, service=BitMap([2])))

    change = put(store, MONDAY, DayFacts(people={EVERYBODY: BitMap([1, 2])}, service=BitMap([1])))

    assert change == "same"
    assert store.people("acme", "all") == {MONDAY: BitMap([1])}


def test_a_revised_day_makes_the_windows_that_hold_it_be_forgotten(store: Store) -> None:
    store.list_scopes("acme", ["all", "other"])
    put(store, MONDAY, people(1))
    ends = [MONDAY + timedelta(days=days) for days in (-1, 0, 6, 7, 27, 28)]
    counted = [WindowPeople(day, window, 5) for day in ends for window in ("7d", "28d")]
    for scope in ("all", "other"):
        store.replace_windows("acme", scope, counted)

    put(store, MONDAY, people(1))
    assert len(store.windows("acme", "all")) == len(counted)
    put(store, MONDAY, people(1, 2))

    assert sorted(store.windows("acme", "all")) == [
        (ends[0], "28d"),
        (ends[0], "7d"),
        (ends[3], "7d"),
        (ends[4], "7d"),
        (ends[5], "28d"),
        (ends[5], "7d"),
    ]
    assert len(store.windows("acme", "other")) == len(counted)


def test_the_count_of_revised_days_survives_a_restart_and_a_scope_that_came_back(tmp_path: Path) -> None:
    store = Store.open(url(tmp_path))
    store.list_scopes("acme", ["all"])
    put(store, MONDAY, people(1))
    put(store, MONDAY, people(2))
    store.close()

    store = Store.open(url(tmp_path))
    put(store, MONDAY, people(3))
    store.list_scopes("acme", [])
    store.list_scopes("acme", ["all"])
    revised = store.scopes("acme")["all"].revised
    store.close()

    assert revised == 2


def test_the_days_under_a_sources_name_are_those_of_one_vendor(store: Store) -> None:
    first = adopt(store, "acme", "augment")
    put(store, MONDAY, people(1))
    kept = [adopt(store, "acme", vendor) for vendor in ("coder", "augment", "coder")]

    assert (first, kept) == ("augment", ["augment", "augment", "augment"])
    assert adopt(store, "other", "coder") == "coder"


def test_a_name_without_a_day_is_any_vendors(store: Store) -> None:
    store.list_scopes("acme", ["all"])

    assert [adopt(store, "acme", vendor) for vendor in ("augment", "coder")] == ["augment", "coder"]


def test_days_from_before_vendors_were_kept_are_those_of_the_first_that_asks(store: Store) -> None:
    put(store, MONDAY, people(1))

    assert [adopt(store, "acme", vendor) for vendor in ("augment", "coder")] == ["augment", "augment"]


def test_a_failure_in_the_middle_of_storing_leaves_the_day_as_it_was(store: Store) -> None:
    store.list_scopes("acme", ["all"])
    put(store, MONDAY, people(1))
    with store.database.write() as connection:
        connection.exec_driver_sql("CREATE TRIGGER broken BEFORE UPDATE ON scope BEGIN SELECT RAISE(ABORT, 'no'); END")

    with pytest.raises(IntegrityError, match="no"):
        put(store, MONDAY, people(1, 2))

    with store.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER broken")
    assert store.people("acme", "all") == {MONDAY: BitMap([1])}
    assert store.scopes("acme")["all"].revised == 0
    assert put(store, MONDAY, people(1, 2)) == "revised"


def test_many_rows_are_written_some_at_a_time_in_one_transaction(store: Store) -> None:
    rows = [{"name": f"name-{number:04}", "value": b"%d" % number} for number in range(2 * ROWS_AT_ONCE + 1)]
    sizes: list[int] = []

    def fail() -> None:
        with store.database.write() as connection:

            @event.listens_for(connection, "before_cursor_execute")
            def note(_c: object, _cursor: object, _text: str, rows: Sized, _context: object, many: bool) -> None:
                sizes.append(len(rows) if many else 1)

            store.database.upsert(connection, schema.meta, iter(rows))
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    before = names(store)
    with store.database.write() as connection:
        store.database.upsert(connection, schema.meta, iter(rows))
        store.database.upsert(connection, schema.meta, iter(()))

    assert sizes == [ROWS_AT_ONCE, ROWS_AT_ONCE, 1]
    assert names(store) - before == {row["name"] for row in rows}


def names(store: Store) -> set[str]:
    with store.database.read() as connection:
        return set(connection.execute(select(schema.meta.c.name)).scalars())


def test_an_exception_inside_a_transaction_undoes_all_of_it(store: Store) -> None:
    def fail() -> None:
        with store.database.write() as connection:
            store.database.upsert(
                connection, schema.poll, [{"source": "acme", "success": True, "ended": 1.0, "duration": 1.0}]
            )
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()

    assert store.last_poll("acme") is None


def test_pruning_forgets_days_and_windows_before_a_day_of_one_source_alone(store: Store) -> None:
    for source in ("acme", "other"):
        for back in range(4):
            put(store, TUESDAY - timedelta(days=back), people(back), source=source)
            store.replace_windows(source, "all", [WindowPeople(TUESDAY - timedelta(days=back), "7d", back)])

    assert store.prune("acme", MONDAY) == 2
    assert store.prune("acme", MONDAY) == 0

    assert store.people("acme", "all") == {TUESDAY: BitMap([0]), MONDAY: BitMap([1])}
    assert store.windows("acme", "all").keys() == {(TUESDAY, "7d"), (MONDAY, "7d")}
    assert len(store.days("other", "all")) == len(store.windows("other", "all")) == 4


def test_scopes_that_a_source_no_longer_has_are_unlisted_and_remembered(store: Store) -> None:
    store.list_scopes("other", ["all"])
    store.list_scopes("acme", ["a", "b"])
    store.scope_read("acme", "b", now=NOW)
    store.seats_read("acme", "b", LARGEST, now=NOW)
    store.list_scopes("acme", ["c", "a", "a"])

    assert store.scopes("acme") == {
        "a": ScopeStatus(listed=True, last_success=None, revised=0, seats=None),
        "b": ScopeStatus(listed=False, last_success=NOW.timestamp(), revised=0, seats=LARGEST),
        "c": ScopeStatus(listed=True, last_success=None, revised=0, seats=None),
    }
    assert list(store.scopes("acme")) == ["a", "b", "c"]
    assert store.scopes("other")["all"].listed
    assert store.scopes("nobody") == {}


def test_windows_that_the_vendor_counted_are_kept_by_data_day(store: Store) -> None:
    week = WindowPeople(MONDAY, "7d", people=LARGEST, service=3)
    month = WindowPeople(MONDAY, "28d", people=9)
    store.replace_windows("acme", "all", [week, month, WindowPeople(TUESDAY, "7d", people=6)])

    store.replace_windows("acme", "all", [WindowPeople(TUESDAY, "7d", people=7, service=0)])
    store.replace_windows("acme", "all", [])
    store.forget_window("acme", "all", MONDAY, "28d")

    assert store.windows("acme", "all") == {
        (MONDAY, "7d"): week,
        (TUESDAY, "7d"): WindowPeople(TUESDAY, "7d", people=7, service=0),
    }
    assert store.windows("acme", "other") == {}


def test_how_the_last_poll_went_is_kept(store: Store) -> None:
    failed = PollStatus(NOW.timestamp(), 12.5, None, Failure("rate_limited", "augment GET /x: 429", 429))
    succeeded = PollStatus(NOW.timestamp() + 1e-6, 0.0, NOW.timestamp())

    assert store.last_poll("acme") is None
    store.record_poll("acme", failed)
    assert store.last_poll("acme") == failed
    store.record_poll("acme", succeeded)
    assert store.last_poll("acme") == succeeded
    assert store.last_poll("other") is None


def test_writers_in_many_threads_lose_nothing_and_fail_at_nothing(store: Store) -> None:
    scopes = [f"scope-{number}" for number in range(8)]
    days = [MONDAY - timedelta(days=back) for back in range(50)]
    store.list_scopes("acme", scopes)
    book = AccountBook(store, "acme")

    def write(scope: str) -> list[str]:
        changes = []
        for number, day in enumerate(days):
            numbers = book.number([Identity(f"{scope} {number}"), Identity(f"everywhere {number}")])
            changes.append(put(store, day, people(*numbers), scope=scope))
        changes.append(put(store, MONDAY, people(), scope=scope))
        store.scope_read("acme", scope, now=NOW)
        return changes

    with ThreadPoolExecutor(8) as pool:
        changes = list(pool.map(write, scopes))

    assert changes == [["new"] * 50 + ["revised"]] * 8
    everywhere = dict(zip(days, book.number([Identity(f"everywhere {number}") for number in range(50)]), strict=True))
    for scope in scopes:
        own = dict(zip(days, book.number([Identity(f"{scope} {number}") for number in range(50)]), strict=True))
        wanted = {day: BitMap([own[day], everywhere[day]]) for day in days}
        assert store.people("acme", scope) == {**wanted, MONDAY: BitMap()}
    assert store.scopes("acme") == dict.fromkeys(scopes, ScopeStatus(True, NOW.timestamp(), 1, None))
    assert sorted(book.number([Identity(f"{scope} {number}") for scope in scopes for number in range(50)])) == sorted(
        set(range(450)) - set(everywhere.values())
    )
