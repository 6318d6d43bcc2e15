"""Who is who over several sources: by e-mail, by the identities file, and in which team."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.config.identities_file import identities_file
from exporter.config.teams_file import teams_file
from exporter.model import Identity
from exporter.samples.directory import Directory
from exporter.samples.persons import Group
from exporter.state.accounts import AccountBook
from exporter.state.store import Store
from tests.support.brute_persons import Account, BrutePersons, Row
from tests.support.stores import fresh_store

SOURCES = ("chat", "search", "ide")


class World:
    """Sources whose accounts may be joined, with both files."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self._time = 0
        self.restart()
        self.write()

    def restart(self) -> None:
        """As a new process does."""
        self.books = {source: AccountBook(self.store, source, joins=True) for source in SOURCES}
        with self.store.database.write() as connection:
            for book in self.books.values():
                book.take_effect(connection)
        self.directory = Directory(self.store)

    def write(self, rows: Sequence[Row] = (), teams: Sequence[Row] = ()) -> None:
        """Writes both files anew."""
        self._time += 1
        for name, header, lines in (("identities", "person,identity", rows), ("teams", "user,team", teams)):
            path = self.folder / f"{name}.csv"
            path.write_text("\n".join([header, *(",".join(line) for line in lines), ""]))
            os.utime(path, ns=(self._time, self._time))
        if self.directory.identities is None:
            self.directory.become(
                SOURCES, identities_file(self.folder / "identities.csv"), teams_file(self.folder / "teams.csv")
            )

    def follow(self) -> None:
        self.directory.follow(SOURCES)

    def number(self, source: str, *identities: Identity) -> list[int]:
        return self.books[source].number(identities)

    def person(self, source: str, account: int) -> object:
        """Something that is equal for accounts of one person."""
        group = self.directory.persons().group(source, [account])
        return (source, account) if group.alone else tuple(group.persons)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, fresh_store())


def test_an_e_mail_in_any_case_makes_accounts_of_several_sources_one_person(world: World) -> None:
    world.number("chat", Identity("1", email="Alice@Example.com"), Identity("2", email="bob@example.com"))
    world.number("search", Identity("7", username="bob"), Identity("8", email="alice@example.com"))
    world.follow()
    persons = world.directory.persons()
    chat, search = persons.group("chat", [0, 1]), persons.group("search", [0, 1])

    assert (len(chat.persons), chat.alone, chat.unmatched) == (2, BitMap(), 0)
    assert (len(chat.persons & search.persons), search.alone, search.unmatched) == (1, BitMap([0]), 1)
    assert persons.group("ide", [0, 5]) == Group(BitMap(), BitMap([0, 5]), 2)


def test_a_row_gives_an_account_to_a_person_and_another_file_takes_it_back(world: World) -> None:
    world.number("chat", Identity("1", email="alice@example.com"))
    world.number("search", Identity("7", username="Al"))
    world.number("ide", Identity("u-7", vendor_id="U-7"))
    world.write([("Alice@example.com", "al"), ("alice@example.com", "ide:u-7")])
    world.follow()
    joined = {world.person("chat", 0), world.person("search", 0), world.person("ide", 0)}
    world.write([("alice@example.com", "al")])
    world.follow()

    assert len(joined) == 1
    assert world.person("chat", 0) == world.person("search", 0)
    assert world.directory.persons().group("ide", [0]).unmatched == 1


def test_a_row_joins_two_e_mails_and_whoever_has_either(world: World) -> None:
    for source, email in zip(SOURCES, ("alice@old.example", "alice@new.example", "alice@home.example"), strict=True):
        world.number(source, Identity("1", email=email, username=f"alice-{source}"))
    world.write([("alice", "alice@old.example"), ("alice", "alice@new.example"), ("alice@new.example", "alice-ide")])
    world.follow()

    assert len({world.person(source, 0) for source in SOURCES}) == 1


def test_a_user_name_that_fits_several_accounts_is_refused_and_a_source_before_it_helps(world: World) -> None:
    for source in SOURCES:
        world.number(source, Identity("1", username="sam"))
    world.write([("sam@example.com", "sam"), ("sam", "nobody"), ("kim", "ide:kim")])
    world.follow()
    before = world.directory.persons()
    world.write([("sam@example.com", "sam"), ("sam@example.com", "chat:sam"), ("sam@example.com", "search:sam")])
    world.follow()
    after = world.directory.persons()

    assert (before.refused, before.strangers) == ([2], [3, 4])
    assert [before.group(source, [0]).unmatched for source in SOURCES] == [1, 1, 1]
    # What is left of the name fits one account.
    assert (after.refused, after.strangers) == ([], [])
    assert [after.group(source, [0]).unmatched for source in SOURCES] == [0, 0, 0]


def test_an_id_that_sources_share_joins_accounts_without_naming_anybody(world: World) -> None:
    world.number("chat", Identity("1", joint_id="github 1"), Identity("2", joint_id="github 2"))
    world.number("search", Identity("1", joint_id="github 1", email="alice@example.com"))
    world.number("ide", Identity("2", joint_id="github 2"))
    world.follow()
    persons = world.directory.persons()

    assert world.person("chat", 0) == world.person("search", 0)
    assert world.person("chat", 1) == world.person("ide", 0)
    assert [
        persons.group(source, range(number)).unmatched for source, number in zip(SOURCES, (2, 1, 1), strict=True)
    ] == [
        1,
        0,
        1,
    ]


def test_a_team_holds_for_the_person_whichever_name_the_teams_file_has(world: World) -> None:
    world.number("chat", Identity("1", email="alice@example.com"), Identity("2", email="bob@example.com"))
    world.number("search", Identity("7", username="al"), Identity("8", email="bob@example.com", username="Bobby"))
    world.number("ide", Identity("9", username="alice-9"))
    world.write(
        [("alice@example.com", "al"), ("Alice Smith", "alice@example.com")], [("alice smith", "web"), ("bobby", "app")]
    )
    world.follow()

    assert {source: world.directory.members(source) for source in SOURCES} == {
        "chat": {0: "web", 1: "app"},
        "search": {0: "web", 1: "app"},
        "ide": {},
    }


def test_an_e_mail_decides_before_a_username_and_that_before_a_vendor_id(world: World) -> None:
    world.number("chat", Identity("1", email="alice@example.com", username="alice", vendor_id="u-1"))
    found = []
    teams = [("u-1", "green"), ("alice", "blue"), ("alice@example.com", "red")]
    while teams:
        world.write(teams=teams)
        world.follow()
        found.append(world.directory.members("chat"))
        teams.pop()

    assert found == [{0: "red"}, {0: "blue"}, {0: "green"}]


def test_the_teams_of_accounts_are_the_same_object_while_they_do_not_change(world: World) -> None:
    world.number("chat", Identity("1", username="alice"))
    world.write(teams=[("alice", "web")])
    world.follow()
    first = world.directory.members("chat")
    world.number("search", Identity("1", username="bob"))
    world.write(teams=[("alice", "web"), ("bob", "web")])
    world.follow()
    same = world.directory.members("chat")
    world.number("chat", Identity("2", username="bob"))

    assert same is first
    assert world.directory.members("chat") == {0: "web", 1: "web"}


def test_nobody_has_a_team_without_a_file() -> None:
    directory = Directory(fresh_store())
    directory.become(["chat"], None, None)

    assert directory.members("chat") is None


def test_the_lines_of_the_teams_file_that_name_somebody_are_known(world: World) -> None:
    world.number("chat", Identity("1", email="alice@example.com", username="alice"))
    world.write(
        [("carol", "alice@example.com"), ("dave", "nobody")],
        [("alice@example.com", "web"), ("alice", "web"), ("bob", "web"), ("carol", "web"), ("dave", "web")],
    )
    world.follow()

    assert set(world.directory.persons().lines) == {2, 3, 5}


names = st.sampled_from(["al", "bo", "cy", "di"])
emails = st.sampled_from(["al@x", "bo@x", "cy@x", "di@x"])
identities = st.builds(
    Identity,
    key=st.sampled_from("123"),
    email=st.one_of(st.just(""), emails, emails.map(str.upper)),
    username=st.one_of(st.just(""), names),
    vendor_id=st.one_of(st.just(""), names),
    joint_id=st.sampled_from(["", "", "", "j1", "j2"]),
)
files = st.tuples(
    st.dictionaries(
        st.one_of(names, emails, st.builds("{}:{}".format, st.sampled_from(SOURCES), st.one_of(names, emails))),
        st.one_of(emails, st.sampled_from(["al", "zoe"])),
        max_size=5,
    ),
    st.dictionaries(st.one_of(names, emails, st.just("zoe")), st.sampled_from(["red", "blue"]), max_size=4),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(SOURCES), st.lists(identities, min_size=1, max_size=3)),
        files,
        st.just("restart"),
        st.tuples(st.just("forget"), st.sampled_from(SOURCES)),
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(script=steps)
def test_persons_and_their_teams_are_those_that_brute_force_finds(
    tmp_path_factory: pytest.TempPathFactory, script: list[Any]
) -> None:
    store = Store.open()
    world = World(tmp_path_factory.mktemp("files"), store)
    seen: dict[Account, list[Identity]] = {}
    rows: list[Row] = []
    teams: list[Row] = []
    for step in script:
        match step:
            case "restart":
                world.restart()
                world.write(rows, teams)
            case ("forget", str(source)):
                gone = [account for account in seen if account[0] == source][:1]
                world.books[source].forget(BitMap(number for _, number in gone))
                # The newest number stays taken; whoever has it is somebody without names until they are read again.
                for account in gone:
                    del seen[account]
            case (str(source), [*read]):
                for identity, number in zip(read, world.number(source, *read), strict=True):
                    seen.setdefault((source, number), []).append(identity)
            case (dict(by_identity), dict(by_user)):
                rows = [(person, identity) for identity, person in by_identity.items()]
                teams = list(by_user.items())
                world.write(rows, teams)
        world.follow()
        expected = BrutePersons(seen, rows, teams, SOURCES)
        persons = world.directory.persons()

        assert (list(persons.refused), list(persons.strangers)) == (expected.refused, expected.strangers)
        same = {one: {other for other in seen if world.person(*one) == world.person(*other)} for one in seen}
        assert same == {one: set(expected.person(one)) for one in seen}
        for source in SOURCES:
            accounts = [number for where, number in seen if where == source]
            unmatched = [number for number in accounts if not expected.is_matched((source, number))]
            assert persons.group(source, accounts).unmatched == len(unmatched)
            of_accounts = {number: expected.team((source, number)) for number in accounts}
            assert world.directory.members(source) == {number: team for number, team in of_accounts.items() if team}
        of_persons = {team: set(group) for team, group in persons.teams.items()}
        for account in seen:
            group = persons.group(account[0], [account[1]])
            team = [name for name, roots in of_persons.items() if set(group.persons) & roots]
            if group.persons:
                assert team == [expected.team_of_person(account)] or (not team and not expected.team_of_person(account))
    store.close()
