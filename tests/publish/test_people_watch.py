"""A changed teams file: stored days are republished without a request to the vendor, and nobody is named in the log."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pyroaring import BitMap

from exporter.config.identities_file import identities_file
from exporter.config.teams_file import teams_file
from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Identity, Reading
from exporter.publish.company import Company
from exporter.publish.people_watch import PeopleWatch
from exporter.publish.publisher import Publisher
from exporter.publish.snapshot import NO_SOURCE
from exporter.state.accounts import AccountBook
from exporter.state.database import StateError
from exporter.state.store import Store
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script
from tests.support.sample_options import directory_of

PEOPLE = [
    Identity(key="1", email="Alice@Example.com", username="alice", vendor_id="u1"),
    Identity(key="2", email="bob@example.com", username="Bob", vendor_id="u2"),
    Identity(key="3", username="carol", vendor_id="U3"),
    Identity(key="4", username="ci-bot"),
]


def day(numbers: list[int]) -> DayFacts:
    table = pl.DataFrame(
        {"account": numbers, "usage|messages": [1, 2, 4, 8]}, schema={"account": pl.UInt32, "usage|messages": pl.Int64}
    )
    return DayFacts(
        amounts={AmountKey(Amount("usage", "messages")): 16},
        people={EVERYBODY: BitMap(numbers)},
        service=BitMap([numbers[3]]),
        by_account=table,
    )


class World:
    """One day of four accounts, published with teams."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "teams.csv"
        self.bench = Bench(Script())
        self.bench.script.days["all", YESTERDAY] = day(AccountBook(self.bench.store, "tool").number(PEOPLE))
        self._time = 0
        self.write("user,team\n")
        self.file = teams_file(self.path)
        self.directory = directory_of(self.bench.store, "tool", "other", teams=self.file)
        company = Company(self.bench.store, self.bench.cache)
        self.watch = PeopleWatch(self.directory, self.bench.cache, company, lambda: 0.0)
        poller = self.bench.poller()
        self.publisher: Publisher = poller.publisher
        self.publisher.sample_options = replace(self.publisher.sample_options, directory=self.directory)
        poller.poll()

    def write(self, text: str) -> None:
        self._time += 1
        self.path.write_text(text)
        os.utime(self.path, ns=(self._time, self._time))

    def look(self, *, tried: bool = True) -> None:
        self.watch.look([self.publisher], tried=tried)

    def members(self) -> Mapping[tuple[str, ...], float]:
        return {labels: value for _, labels, value in self.bench.cache.snapshot.samples[NO_SOURCE]}

    def published(self) -> Mapping[tuple[str, ...], float]:
        return {
            labels[2:]: value
            for metric in ("adoption_team_active_users", "adoption_team_usage")
            for labels, value in self.bench.published(metric).items()
        }


@contextmanager
def refusing(store: Store) -> Iterator[None]:
    """A state that cannot be reached until the block ends."""

    def refuse() -> None:
        raise StateError("the state cannot be used: connection refused")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.database, "read", refuse)
        yield


def warnings(caplog: pytest.LogCaptureFixture) -> list[object]:
    return [
        (record.message, getattr(record, "fields", {})) for record in caplog.records if record.levelname == "WARNING"
    ]


def test_users_match_by_e_mail_username_or_id_in_any_case_and_the_vendor_is_not_asked(tmp_path: Path) -> None:
    world = World(tmp_path)
    before = world.published()
    world.write("user,team\nALICE@example.com,web\nbOB,web\nu3,app\nci-bot,app\n")
    world.look()

    assert before == {("unassigned",): 3, ("messages", "unassigned"): 16}
    assert world.members() == {("app",): 2, ("web",): 2}
    assert world.published() == {
        ("web",): 2,
        ("app",): 1,
        ("messages", "web"): 3,
        ("messages", "app"): 4,
        ("messages", "unassigned"): 9,
    }
    assert len(world.bench.script.asked) == 1


def test_nothing_is_republished_while_the_file_stays_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)
    snapshot = world.bench.cache.snapshot
    world.look()
    world.write("user,team\n")
    world.look()

    assert world.bench.cache.snapshot is snapshot


def test_users_who_match_nobody_are_logged_once_by_their_lines_and_never_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)
    world.write("user,team\nmallory,web\nalice,web\nmallory@example.com,web\n")
    for tried in (False, False, True, True):
        world.look(tried=tried)

    message = "users of the teams file match nobody"
    assert warnings(caplog) == [(message, {"file": world.path, "users": 2, "lines": "2, 4"})]

    world.write("user,team\n" + "".join(f"nobody{number},web\n" for number in range(30)))
    world.look()

    lines = ", ".join(map(str, range(2, 22)))
    assert warnings(caplog)[1:] == [(message, {"file": world.path, "users": 30, "lines": f"{lines}, ..."})]
    assert "mallory" not in caplog.text


def test_who_is_known_to_one_of_the_sources_is_known(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path)
    other = Bench(Script(), store=world.bench.store).poller().publisher
    other.sample_options = replace(
        other.sample_options, source="other", accounts=AccountBook(world.bench.store, "other")
    )
    other.sample_options.accounts.number([Identity(key="9", username="mallory")])
    world.write("user,team\nmallory,web\nalice,web\n")
    world.watch.look([world.publisher, other], tried=True)

    assert warnings(caplog) == []


def test_it_is_logged_once_how_many_people_of_each_source_the_file_knows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    world = World(tmp_path)
    empty = Bench(Script(), store=world.bench.store).poller().publisher
    world.write("user,team\nalice,web\nALICE@example.com,web\nbob,\nci-bot,web\nmallory,web\n")
    for tried in (False, True, True):
        world.watch.look([world.publisher, empty], tried=tried)

    message = "people of the source that the teams file knows"
    assert [getattr(record, "fields", {}) for record in caplog.records if record.message == message] == [
        {"source": "tool", "people": 3, "known": 2}
    ]

    options = replace(world.publisher.sample_options, min_group_size=3)
    world.publisher.sample_options = options
    world.write("user,team\nalice,web\n")
    world.look()
    assert [getattr(record, "fields", {}) for record in caplog.records if record.message == message][1:] == [
        {"source": "tool", "people": 3, "known": "withheld"}
    ]


def test_a_file_with_very_many_teams_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path)
    world.write("user,team\n" + "".join(f"user-{number},team-{number}\n" for number in range(10_001)))
    world.look()

    message = "the members of the smallest teams are not published"
    assert (message, {"file": world.path, "teams": 10_001, "published": 10_000}) in warnings(caplog)


def test_a_file_that_was_never_good_changes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    snapshot = world.bench.cache.snapshot
    directory = directory_of(world.bench.store, "tool", teams=teams_file(tmp_path / "nothing.csv"))
    company = Company(world.bench.store, world.bench.cache)
    PeopleWatch(directory, world.bench.cache, company, lambda: 0.0).look([], tried=True)

    assert world.bench.cache.snapshot is snapshot


def test_a_change_that_the_state_refuses_is_published_and_reported_once_it_can_be_reached(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)
    world.write("user,team\nalice,web\nmallory,web\n")
    with refusing(world.bench.store):
        world.look()
        meanwhile = world.published(), warnings(caplog)
    world.look()
    snapshot = world.bench.cache.snapshot
    world.look()

    assert meanwhile == ({("unassigned",): 3, ("messages", "unassigned"): 16}, [])
    assert world.published() == {
        ("web",): 1,
        ("unassigned",): 2,
        ("messages", "web"): 1,
        ("messages", "unassigned"): 15,
    }
    assert warnings(caplog) == [
        ("users of the teams file match nobody", {"file": world.path, "users": 1, "lines": "3"})
    ]
    assert world.bench.cache.snapshot is snapshot


def test_a_source_that_cannot_be_published_keeps_back_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_day: date) -> bool:
        raise ZeroDivisionError

    world = World(tmp_path)
    store, book = world.bench.store, AccountBook(world.bench.store, "other")
    store.list_scopes("other", ["all"])
    store.replace("other", "all", Reading(YESTERDAY, day(book.number(PEOPLE))), now=NOON, requests=1)
    broken = Bench(Script(), store=store).poller().publisher
    broken.sample_options = replace(broken.sample_options, source="other", accounts=book, directory=world.directory)
    broken.publish_all()
    broken.sample_options = replace(broken.sample_options, workday=fail)
    world.write("user,team\nalice,web\n")
    for _ in range(3):
        world.watch.look([broken, world.publisher], tried=False)

    assert world.published()["web",] == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "a bug kept a source from following the teams file"
    ]


def test_identities_that_fit_several_accounts_or_nobody_are_told_by_their_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)
    path = tmp_path / "identities.csv"
    path.write_text("person,identity\nalice@example.com,carol\nbob@example.com,mallory\nzoe,tool:mallory\n")
    world.directory.become(["tool", "other"], identities_file(path), world.file)
    for _ in range(2):
        world.look()
    other = AccountBook(world.bench.store, "other")
    other.number([Identity("9", username="carol")])
    world.publisher.publish_all()
    world.directory.follow(["other"])
    for _ in range(2):
        world.look()

    assert warnings(caplog) == [
        ("identities match nobody", {"file": path, "identities": 2, "lines": "3, 4"}),
        (
            "identities that fit several accounts are refused: name the source",
            {"file": path, "identities": 1, "lines": "2"},
        ),
    ]
    assert "carol" not in caplog.text
    assert "mallory" not in caplog.text
