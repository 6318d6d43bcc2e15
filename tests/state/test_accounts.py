import gc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.model import Identity
from exporter.state.accounts import AccountBook, Label, Match, plain, pseudonym, sources
from exporter.state.store import Store
from tests.support.sample_options import book_of
from tests.support.stores import fresh_store

ALICE = Identity(key="1", email="Alice@Example.com", username="alice", vendor_id="u-1")
BOB = Identity(key="2", username="bob")
CAROL = Identity(key="3", vendor_id="u-3")
# More people than fit on one page of the file.
CROWD = [
    Identity(f"key of person-{number}", f"person-{number}@example.com", f"person-{number}") for number in range(300)
]


def test_accounts_are_numbered_in_the_order_in_which_they_are_first_seen() -> None:
    book = book_of(fresh_store(), "acme")

    assert book.number([BOB, ALICE, BOB]) == [0, 1, 0]
    assert book.number([CAROL, ALICE]) == [2, 1]
    assert book.number([]) == []


def test_an_account_is_its_key_whatever_else_changes() -> None:
    book = book_of(fresh_store(), "acme")
    renamed = Identity(key="1", email="alice.smith@example.com")

    assert book.number([ALICE, renamed, Identity("1"), Identity("4", email=ALICE.email)]) == [0, 0, 0, 1]


def test_numbers_stay_across_restarts_and_are_each_sources_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'adoption.db'}"
    store = Store.open(url)
    book_of(store, "other").number([CAROL, BOB])
    first = book_of(store, "acme").number([ALICE, BOB])
    store.close()

    store = Store.open(url)
    book = book_of(store, "acme")
    again = book.number([CAROL, BOB, ALICE])
    store.close()

    assert first == [0, 1]
    assert again == [2, 1, 0]


def test_two_books_of_one_source_give_an_account_the_same_number() -> None:
    store = fresh_store()
    one, other = book_of(store, "acme"), book_of(store, "acme")

    assert one.number([ALICE]) == [0]
    assert other.number([BOB, ALICE, CAROL]) == [1, 0, 2]
    assert one.number([CAROL, BOB, ALICE]) == [2, 1, 0]
    assert book_of(store, "acme").number([ALICE, BOB, CAROL]) == [0, 1, 2]


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=3), max_size=8), max_size=8))
def test_the_same_key_has_the_same_number_and_another_key_another(batches: list[list[str]]) -> None:
    store = fresh_store()
    numbers: dict[str, int] = {}
    for batch in batches:
        given_out = book_of(store, "acme").number([Identity(key) for key in batch])
        for key, number in zip(batch, given_out, strict=True):
            assert numbers.setdefault(key, number) == number
    store.close()

    assert sorted(numbers.values()) == list(range(len(numbers)))


def test_accounts_are_found_by_any_of_their_names_in_any_case() -> None:
    store = fresh_store()
    book = book_of(store, "acme")
    book.number([ALICE, BOB, CAROL, Identity("5", username="ALICE", former=("al",))])
    book_of(store, "other").number([Identity("9", username="nobody")])
    names = ["ALICE@example.COM", "Alice", "U-3", "bob", "AL", "nobody"]

    assert sorted(book.names(names).matches) == [
        Match("AL", 3, 3),
        Match("ALICE@example.COM", 0, 0),
        Match("Alice", 1, 0),
        Match("Alice", 1, 3),
        Match("U-3", 2, 2),
        Match("bob", 1, 1),
    ]


def test_the_version_changes_with_every_name_that_comes_or_goes() -> None:
    store = fresh_store()
    book, other = book_of(store, "acme"), book_of(store, "acme")
    versions = [book.version()]
    for identity in (Identity("1", username="alice"), BOB, Identity("1", username="alice", email="alice@example.com")):
        book.number([identity])
        versions.append(book.version())
    other.forget(BitMap([0]))
    other.number([Identity("4", username="dave")])
    versions.append(book.version())

    assert book.version() == book.names([]).version == versions[-1]
    assert len(set(versions)) == len(versions)


def test_a_plain_label_is_the_email_or_else_the_username_or_else_the_id() -> None:
    assert [plain(identity) for identity in (ALICE, BOB, CAROL)] == ["Alice@Example.com", "bob", "u-3"]


def test_a_pseudonym_is_16_digits_of_hmac_sha_256_over_the_lower_case_name() -> None:
    label = pseudonym(b"secret")

    assert [
        label(identity) for identity in (ALICE, Identity("1", username="Alice"), Identity("1", vendor_id="u-1"))
    ] == [
        "a398d49ce1980b36",
        "4360c67bc8102511",
        "8a756f7a5508f73f",
    ]


def test_labels_are_kept_only_where_a_label_is_wanted() -> None:
    store = fresh_store()
    book_of(store, "other").number([BOB])
    book = book_of(store, "acme", plain)
    book.number([ALICE, BOB])

    assert book.labels() == {0: "Alice@Example.com", 1: "bob"}
    assert book_of(store, "other").labels() == {}


def test_a_label_is_that_of_the_newest_name() -> None:
    store = fresh_store()
    book = book_of(store, "acme", plain)
    book.number([ALICE, BOB])
    book.number([Identity("1", email="alice.smith@example.com")])

    assert book.labels() == {0: "alice.smith@example.com", 1: "bob"}


@pytest.mark.parametrize("label", [plain, pseudonym(b"one")])
def test_labels_survive_a_restart_that_changes_nothing(label: Label) -> None:
    store = fresh_store()
    book_of(store, "acme", label).number([ALICE, BOB])

    assert book_of(store, "acme", label).labels() == {0: label(ALICE), 1: label(BOB)}


@pytest.mark.parametrize(
    ("before", "after"),
    [(plain, None), (plain, pseudonym(b"one")), (pseudonym(b"one"), pseudonym(b"two")), (pseudonym(b"one"), plain)],
)
def test_labels_of_another_kind_are_removed_and_come_back_as_accounts_are_seen(
    before: Label, after: Label | None
) -> None:
    store = fresh_store()
    book_of(store, "acme", before).number([ALICE, BOB])
    book_of(store, "other", plain).number([ALICE])

    book = book_of(store, "acme", after)

    assert book.labels() == {}
    assert book.number([CAROL, BOB, ALICE]) == [2, 1, 0]
    assert book.labels() == ({} if after is None else {2: after(CAROL), 1: after(BOB), 0: after(ALICE)})
    assert book_of(store, "other", plain).labels() == {0: "Alice@Example.com"}


@pytest.mark.parametrize("label", [None, pseudonym(b"secret")])
def test_no_name_is_in_the_files_of_a_state_that_needs_none(tmp_path: Path, label: Label | None) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'adoption.db'}")
    book_of(store, "acme", label).number(CROWD)

    while_open = names_in(tmp_path)
    store.close()

    assert while_open == {"adoption.db": 0, "adoption.db-shm": 0, "adoption.db-wal": 0}
    assert names_in(tmp_path) == {"adoption.db": 0}


@pytest.mark.parametrize("label", [None, pseudonym(b"secret")])
def test_no_name_stays_in_the_files_once_names_are_no_longer_wanted(tmp_path: Path, label: Label | None) -> None:
    url = f"sqlite:///{tmp_path / 'adoption.db'}"
    store = Store.open(url)
    book_of(store, "acme", plain).number(CROWD)
    store.close()
    before = names_in(tmp_path)

    store = Store.open(url)
    book_of(store, "acme", label)
    after = names_in(tmp_path)
    store.close()

    assert before == {"adoption.db": 300}
    assert after == {"adoption.db": 0, "adoption.db-shm": 0, "adoption.db-wal": 0}


def names_in(folder: Path) -> dict[str, int]:
    """How often something of a person of the crowd occurs in each file of the state."""
    return {path.name: path.read_bytes().count(b"person-") for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("label", [None, pseudonym(b"0123456789abcdef")])
def test_a_poll_that_began_before_names_were_unwanted_adds_none(label: Label | None) -> None:
    store = fresh_store()
    old = book_of(store, "acme", plain)
    book_of(store, "acme", label)

    old.number([ALICE, BOB])

    assert old.labels() == {}


def test_sources_that_ever_had_accounts_are_known() -> None:
    store = fresh_store()
    book_of(store, "one", plain)
    book_of(store, "other")

    assert sources(store) == ["one", "other"]


def test_a_book_keeps_no_name_in_memory() -> None:
    # Names that no other test holds in this process.
    names = "erin of the memory", "frank of the memory"

    def number(book: AccountBook) -> list[int]:
        return book.number([Identity(f"key {name}", f"{name}@example.com", name) for name in names])

    book = book_of(fresh_store(), "acme")
    numbers = number(book)

    held = [one for one in gc.get_objects() if isinstance(one, Identity) and one.username in names]
    assert (numbers, held, number(book)) == ([0, 1], [], [0, 1])
    assert names[0] not in repr(vars(book))


def test_an_id_alone_does_not_take_the_name_of_an_account_away() -> None:
    book = book_of(fresh_store(), "acme", plain)
    number = book.number([ALICE])[0]

    assert book.number([Identity(key="1", vendor_id="u-1"), CAROL]) == [number, number + 1]
    assert book.labels() == {number: "Alice@Example.com", number + 1: "u-3"}
