"""What the state forgets: days beyond the retention, and accounts that are on no day since."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from pyroaring import BitMap
from sqlalchemy import select

from exporter.daemon.exporter import Exporter
from exporter.daemon.upkeep import forget_removed
from exporter.model import EVERYBODY, DayFacts, Holder, Identity, PeopleKey, Reading, Seats, WindowPeople
from exporter.poll.plan import ReadWindow, oldest_kept
from exporter.state import schema
from exporter.state.accounts import AccountBook, plain
from exporter.state.pruning import Forgotten, prune
from exporter.state.store import Store
from tests.support.configurations import load_text
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, people
from tests.support.sample_options import book_of as settled_book_of
from tests.support.sample_options import known_names
from tests.support.stores import fresh_store

MONDAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 20, tzinfo=UTC)
NAMES = ("alice", "bob", "carol", "dave", "erin")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'adoption.db'}")
    opened.list_scopes("acme", ["a", "b"])
    yield opened
    opened.close()


def book_of(store: Store, source: str = "acme") -> tuple[AccountBook, dict[str, int]]:
    """The accounts of a source and their numbers by name."""
    book = settled_book_of(store, source, plain)
    identities = [Identity(key=name, email=f"{name}@example.com", username=name) for name in NAMES]
    return book, dict(zip(NAMES, book.number(identities), strict=True))


def put(store: Store, day: date, facts: DayFacts, *, scope: str = "a", source: str = "acme") -> None:
    store.replace(source, scope, Reading(day, facts), now=NOW, requests=1)


def active(*accounts: int) -> DayFacts:
    return DayFacts(people={EVERYBODY: BitMap(accounts)})


def known(store: Store, source: str = "acme") -> dict[int, str | None]:
    """Every account that the state knows, with its label."""
    table = schema.account
    with store.database.read() as connection:
        rows = connection.execute(select(table.c.number, table.c.label).where(table.c.source == source))
        return {row.number: row.label for row in rows}


@pytest.mark.parametrize(
    ("now", "history", "retention", "oldest"),
    [
        (datetime(2026, 3, 10, 3, tzinfo=UTC), 1, 1, MONDAY),
        (datetime(2026, 3, 10, 2, 59, tzinfo=UTC), 1, 1, MONDAY - timedelta(days=1)),
        (datetime(2026, 3, 10, 3, tzinfo=UTC), 60, 800, MONDAY - timedelta(days=799)),
        (datetime(2026, 3, 10, 3, tzinfo=UTC), 60, 30, MONDAY - timedelta(days=59)),
    ],
)
def test_as_many_ready_days_are_kept_as_retention_says_and_never_fewer_than_are_read(
    now: datetime, history: int, retention: int, oldest: date
) -> None:
    rules = ReadWindow(
        timedelta(hours=3),
        history,
        lookback=0,
        late_grace=timedelta(0),
        retention=retention,
        is_workday=lambda _: True,
    )

    assert oldest_kept(now, rules) == oldest


def test_days_before_are_forgotten_in_every_scope_and_no_other(store: Store) -> None:
    book, _ = book_of(store)
    for back in range(4):
        put(store, MONDAY - timedelta(days=back), active())
        put(store, MONDAY - timedelta(days=back), active(), scope="b")
        put(store, MONDAY - timedelta(days=back), active(), source="other")
        store.replace_windows("acme", "a", [WindowPeople(MONDAY - timedelta(days=back), "7d", back)])

    forgotten = prune(store, book, "acme", MONDAY - timedelta(days=1))

    assert forgotten == Forgotten(days=4, accounts=0)
    assert list(store.days("acme", "a")) == list(store.days("acme", "b")) == [MONDAY - timedelta(days=1), MONDAY]
    assert len(store.days("other", "a")) == 4
    assert [day for day, _ in store.windows("acme", "a")] == [MONDAY - timedelta(days=1), MONDAY]
    assert prune(store, book, "acme", MONDAY - timedelta(days=1)) == Forgotten(0, 0)


def test_accounts_of_forgotten_days_are_forgotten_where_no_other_day_tells_of_them(store: Store) -> None:
    book, numbers = book_of(store)
    alice, bob, carol, dave, erin = numbers.values()
    other, _ = book_of(store, "other")
    used = pl.DataFrame({"account": [carol]}, schema={"account": pl.UInt32})
    put(store, MONDAY, active(alice, bob, carol, dave))
    put(store, MONDAY + timedelta(days=1), DayFacts(people={EVERYBODY: BitMap([bob])}, by_account=used))
    put(store, MONDAY + timedelta(days=40), DayFacts(people={PeopleKey("client", "vim"): BitMap([dave])}), scope="b")

    forgotten = prune(store, book, "acme", MONDAY + timedelta(days=1))

    assert forgotten == Forgotten(days=1, accounts=1)
    assert known(store) == {number: f"{name}@example.com" for name, number in numbers.items() if name != "alice"}
    assert book.labels().keys() == {bob, carol, dave, erin}
    assert known_names(book, ["alice", "alice@example.com", "bob"]) == {"bob"}
    assert known(store, "other") == other.labels()
    assert len(other.labels()) == 5


def test_nothing_of_a_forgotten_account_is_left_in_the_files(store: Store, tmp_path: Path) -> None:
    book, numbers = book_of(store)
    put(store, MONDAY, active(*numbers.values()))
    before = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    put(store, MONDAY + timedelta(days=1), active(numbers["bob"]))
    prune(store, book, "acme", MONDAY + timedelta(days=1))
    after = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert all(name.encode() in before for name in NAMES)
    assert [name for name in NAMES if name.encode() in after] == ["bob"]


def test_whoever_comes_back_after_being_forgotten_is_a_new_account_and_no_number_is_used_twice(store: Store) -> None:
    book, numbers = book_of(store)
    put(store, MONDAY, active(*numbers.values()))
    put(store, MONDAY + timedelta(days=1), active(numbers["bob"]))
    prune(store, book, "acme", MONDAY + timedelta(days=1))

    again = book.number([Identity(key=name) for name in ("bob", "erin", "alice", "zoe")])

    assert again == [numbers["bob"], numbers["erin"], max(numbers.values()) + 1, max(numbers.values()) + 2]


def test_a_poll_forgets_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(Script(), history=2, retention=3, tells_time=True)
    for back in range(6):
        put(bench.store, YESTERDAY - timedelta(days=back), active(), source="tool", scope="all")
    bench.store.list_scopes("tool", ["all"])
    for ahead in (0, 1):
        bench.script.days["all", YESTERDAY + timedelta(days=ahead)] = active()
        bench.script.days["all", YESTERDAY - timedelta(days=1 - ahead)] = active()
    poller = bench.poller()
    # By the first poll of a source nothing is forgotten: it may come after a jump of the clock.
    poller.poll()
    poller.poll()
    put(bench.store, YESTERDAY - timedelta(days=9), active(), source="tool", scope="all")
    poller.poll()
    kept = [list(bench.store.days("tool", "all"))]
    bench.now = NOON + timedelta(days=1)
    poller.poll()
    kept.append(list(bench.store.days("tool", "all")))

    days = [YESTERDAY - timedelta(days=back) for back in (9, 2, 1, 0)]
    assert kept == [days, [*days[2:], YESTERDAY + timedelta(days=1)]]
    assert [getattr(record, "fields", {}) for record in caplog.records if record.message == "old days forgotten"] == [
        {"source": "tool", "before": days[1], "days": 3, "accounts": 0},
        {"source": "tool", "before": days[2], "days": 2, "accounts": 0},
    ]


def test_a_day_that_the_next_poll_would_read_again_is_kept() -> None:
    bench = Bench(Script(), history=3, lookback=1, retention=1)
    for back in range(4):
        bench.script.days["all", YESTERDAY - timedelta(days=back)] = people(1)
    poller = bench.poller()
    poller.poll()
    poller.poll()

    assert [len(days) for _, days in bench.script.asked] == [3, 1]
    assert len(bench.store.days("tool", "all")) == 3


def test_sources_that_are_no_longer_configured_forget_too_and_the_others_are_left_to_their_polls(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store = fresh_store()
    for source in ("acme", "gone"):
        _, numbers = book_of(store, source)
        store.list_scopes(source, ["a"])
        for back, name in enumerate(NAMES):
            put(store, MONDAY - timedelta(days=back), active(numbers[name]), source=source)
    config = load_text(
        tmp_path,
        "state: {url: 'sqlite://', retention: 3d}\n"
        "people: {per_user: plain}\n"
        "sources: {acme: {vendor: augment, token: t0ken}}",
    )
    exporter = Exporter.open(config, store)
    exporter.pollers["acme"].proven = datetime(2026, 3, 10, 0, 30, tzinfo=UTC)

    forget_removed(exporter)
    forget_removed(exporter)

    kept = {name: sorted(store.days(name, "a"), reverse=True) for name in ("acme", "gone")}
    days = [MONDAY - timedelta(days=back) for back in range(5)]
    assert kept == {"acme": days, "gone": days[:3]}
    assert sorted(filter(None, known(store, "gone").values())) == [f"{name}@example.com" for name in NAMES[:3]]
    assert len(known(store, "acme")) == 5
    assert [getattr(record, "fields", {}) for record in caplog.records if record.message == "old days forgotten"] == [
        {"source": "gone", "before": days[2], "days": 2, "accounts": 2}
    ]


def test_who_holds_a_seat_is_not_forgotten_and_who_held_one_is_where_no_day_tells_of_them(store: Store) -> None:
    book, number = book_of(store)
    put(store, MONDAY, active(number["alice"]))
    everybody = Seats.of(map(Holder, number.values()))
    store.seats_read("acme", "a", everybody, now=NOW)
    assert prune(store, book, "acme", MONDAY) == Forgotten(0, 0)

    store.seats_read("acme", "a", Seats.of([Holder(number["bob"]), Holder(number["erin"])]), now=NOW)

    assert prune(store, book, "acme", MONDAY) == Forgotten(0, 2)
    assert {label for label in known(store).values() if label} == {
        f"{name}@example.com" for name in ("alice", "bob", "erin")
    }
    assert prune(store, book, "acme", MONDAY) == Forgotten(0, 0)


def test_a_holder_who_was_active_only_on_forgotten_days_is_kept(store: Store) -> None:
    book, number = book_of(store)
    put(store, MONDAY - timedelta(days=1), active(number["alice"], number["bob"]))
    put(store, MONDAY, active(number["erin"]))
    store.seats_read("acme", "b", Seats.of([Holder(number["alice"])]), now=NOW)

    assert prune(store, book, "acme", MONDAY) == Forgotten(1, 1)
    assert number["bob"] not in known(store)


def test_who_is_only_in_a_team_of_the_vendor_is_forgotten_with_the_last_day_that_has_the_team(store: Store) -> None:
    book, number = book_of(store)
    teams = {"web": BitMap([number["bob"], number["erin"]])}
    put(store, MONDAY - timedelta(days=1), DayFacts(people={EVERYBODY: BitMap()}, teams=teams))
    put(store, MONDAY, DayFacts(people={EVERYBODY: BitMap()}, teams={"web": BitMap([number["erin"]])}))

    assert prune(store, book, "acme", MONDAY) == Forgotten(1, 1)
    assert number["bob"] not in known(store)
    assert number["erin"] in known(store)
