"""Joint hashes: the same in every source, made only where they are wanted, erased where they no longer are."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pyroaring import BitMap

from exporter.daemon.sources import commit
from exporter.model import DayFacts, Identity, Reading, spend
from exporter.state import joints
from exporter.state.accounts import AccountBook
from exporter.state.joints import Joint, email_hash
from exporter.state.store import Store
from exporter.vendors import SETTINGS
from tests.support.configurations import load_text
from tests.support.made_up_vendor import YESTERDAY, Bench, Script, people
from tests.support.past_readers import past_reader
from tests.support.sample_options import book_of as settled_book_of
from tests.support.stores import fresh_store

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MONDAY = date(2026, 3, 9)
SUNDAY = date(2026, 3, 8)
ALICE = Identity("1", email="Alice@Example.com", username="alice")


def book_of(store: Store, source: str, *, joins: bool = True) -> AccountBook:
    return settled_book_of(store, source, joins=joins)


def joints_of(store: Store, source: str) -> list[Joint]:
    with store.database.read() as connection:
        return joints.find(connection, source)


def put(store: Store, day: date, *accounts: int) -> None:
    store.replace("chat", "all", Reading(day, people(*accounts)), now=NOW, requests=1)


def unjoined(store: Store) -> list[date]:
    return [day for day, stored in sorted(store.days("chat", "all").items()) if stored.unjoined]


def test_an_e_mail_has_the_same_hash_in_every_source_and_another_one_in_another_state() -> None:
    store, other = fresh_store(), fresh_store()
    book_of(store, "chat").number([ALICE, Identity("2", username="bob"), Identity("3", joint_id="github 7")])
    book_of(store, "search").number([Identity("9", email="alice@example.COM", joint_id="github 7")])
    book_of(other, "chat").number([ALICE])
    alice, github = joints_of(store, "chat")

    assert alice == Joint(0, email_hash(store.database, "ALICE@example.com"), email=True)
    assert (github.number, github.email) == (2, False)
    assert joints_of(store, "search") == [alice, github._replace(number=0)]
    assert joints_of(other, "chat") != [alice]


def test_an_account_keeps_every_e_mail_that_it_had() -> None:
    store = fresh_store()
    book = book_of(store, "chat")
    for email in ("alice@example.com", "", "alice.smith@example.com", "alice@example.com"):
        book.number([Identity("1", email=email)])

    assert {joint.hash for joint in joints_of(store, "chat")} == {
        email_hash(store.database, "alice@example.com"),
        email_hash(store.database, "alice.smith@example.com"),
    }


def test_there_are_none_where_nothing_needs_them() -> None:
    store = fresh_store()
    book_of(store, "chat", joins=False).number([ALICE])
    AccountBook(store, "search", joins=True).number([ALICE])

    assert joints_of(store, "chat") == joints_of(store, "search") == []


def test_they_are_erased_from_the_file_where_nothing_needs_them_any_more(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'adoption.db'}")
    book_of(store, "chat").number([ALICE])
    hashed = email_hash(store.database, ALICE.email)
    store.database.wipe()
    before = hashed in (tmp_path / "adoption.db").read_bytes()
    book_of(store, "chat", joins=False)
    after = [hashed in path.read_bytes() for path in tmp_path.iterdir()]
    store.close()

    assert before
    assert not any(after)


def test_a_poll_that_outlives_the_configuration_records_no_more() -> None:
    store = fresh_store()
    running = book_of(store, "chat")
    book_of(store, "chat", joins=False)
    running.number([ALICE])

    assert joints_of(store, "chat") == []


def test_forgotten_accounts_leave_none_behind() -> None:
    store = fresh_store()
    book = book_of(store, "chat")
    book.number([ALICE, Identity("2", email="bob@example.com")])
    book.forget(BitMap([0, 1]))

    assert joints_of(store, "chat") == []


def test_days_with_people_that_were_read_without_them_are_marked_until_they_are_read_whole() -> None:
    store = fresh_store()
    book_of(store, "chat", joins=False)
    for day, accounts in ((MONDAY, (1,)), (SUNDAY, (1, 2)), (SUNDAY - timedelta(days=1), ())):
        put(store, day, *accounts)
    store.replace("chat", "b", Reading(MONDAY, DayFacts(head_count=3)), now=NOW, requests=1)
    book_of(store, "chat")
    first = unjoined(store)
    book_of(store, "chat")
    later = Reading(SUNDAY, people(), only=frozenset({spend("USD", "charged")}))
    store.replace("chat", "all", later, now=NOW, requests=1)
    put(store, MONDAY, 1)

    assert first == [SUNDAY, MONDAY]
    assert unjoined(store) == [SUNDAY]
    assert not store.days("chat", "b")[MONDAY].unjoined
    book_of(store, "chat", joins=False)
    assert unjoined(store) == []


def test_marks_go_with_the_days() -> None:
    store = fresh_store()
    book_of(store, "chat", joins=False)
    put(store, SUNDAY, 1)
    book_of(store, "chat")
    store.prune("chat", MONDAY)
    put(store, SUNDAY, 1)

    assert unjoined(store) == []


def test_a_poll_reads_marked_days_of_five_weeks_again_once() -> None:
    bench = Bench(Script(), history=60, lookback=0)
    days = [YESTERDAY - timedelta(days=back) for back in range(60)]
    bench.script.days = {("all", day): people(1) for day in days}
    bench.poller().poll()
    with bench.store.database.write() as connection:
        AccountBook(bench.store, "tool", joins=True).take_effect(connection)
    for _ in range(2):
        bench.poller().poll()

    assert [asked for _, asked in bench.script.asked] == [tuple(days), tuple(days[:35]), ()]
    assert [day for day, stored in bench.store.days("tool", "all").items() if stored.unjoined] == days[:34:-1]


def test_a_backfill_reads_marked_days_again_and_makes_none_of_them_empty() -> None:
    bench = Bench(Script(), history=3)
    days = [YESTERDAY - timedelta(days=back) for back in range(31)]
    bench.script.days = {("all", day): people(1) for day in days}
    poller = bench.poller()
    past_reader(bench, poller, days[2], days[0]).read()
    with bench.store.database.write() as connection:
        AccountBook(bench.store, "tool", joins=True).take_effect(connection)
    bench.script.days["all", days[20]] = None
    failed = past_reader(bench, poller, days[2], days[0]).read()

    assert failed == {}
    assert [asked for _, asked in bench.script.asked] == [tuple(days), tuple(days)]
    stored = bench.store.days("tool", "all")
    assert [day for day in days if stored[day].unjoined] == [days[20]]
    assert bench.store.people("tool", "all")[days[20]] == BitMap([1])


def test_the_configuration_says_which_sources_have_them(tmp_path: Path) -> None:
    sources = (
        "sources:\n"
        "  chat: {vendor: augment, token: t0ken}\n"
        "  other: {vendor: augment, token: t0ken}\n"
        "  product: {vendor: gitlab, token: t0ken, projects: [1]}\n"
    )
    (tmp_path / "teams.csv").write_text("user,team\n")

    def have(text: str) -> list[str]:
        store = fresh_store()
        commit(load_text(tmp_path, text + sources, SETTINGS), store)
        with store.database.read() as connection:
            return [name for name in ("chat", "other", "product") if joints.has(connection, name)]

    assert have("") == ["chat", "other"]
    assert have("people: {company: [other]}\n") == ["other"]
    assert have("people: {company: false}\n") == []
    assert have("people: {company: false}\nteams: {file: teams.csv}\n") == ["chat", "other"]


def test_a_source_that_is_not_configured_for_now_keeps_them_while_others_need_them(tmp_path: Path) -> None:
    store = fresh_store()
    both = "sources: {chat: {vendor: augment, token: t0ken}, other: {vendor: augment, token: t0ken}}\n"
    one = "sources: {other: {vendor: augment, token: t0ken}}\n"
    commit(load_text(tmp_path, both), store)
    AccountBook(store, "chat").number([ALICE])
    commit(load_text(tmp_path, one), store)
    kept = joints_of(store, "chat")
    commit(load_text(tmp_path, f"people: {{company: false}}\n{one}"), store)

    assert len(kept) == 1
    assert joints_of(store, "chat") == []
