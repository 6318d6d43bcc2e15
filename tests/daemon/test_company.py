"""The company in a running exporter: restored at the start, and as another configuration wants it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyroaring import BitMap
from sqlalchemy import func, select

from exporter.config.diff import changes
from exporter.config.load import Config
from exporter.daemon.exporter import Exporter
from exporter.daemon.upkeep import update_publication
from exporter.model import EVERYBODY, ONE_DAY, DayFacts, Identity, Reading
from exporter.publish.snapshot import COMPANY
from exporter.state.schema import joint
from exporter.state.store import Store
from tests.support.configurations import load_text
from tests.support.stores import fresh_store

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ALICE = Identity("1", email="alice@example.com")


def config(folder: Path, head: str = "", *sources: str) -> Config:
    blocks = "".join(f"  {source}: {{vendor: augment, token: t0ken}}\n" for source in sources or ("chat", "ide"))
    return load_text(folder, f"{head}sources:\n{blocks}")


def read(exporter: Exporter, *sources: str) -> None:
    """As first polls do, which find one day."""
    for source in sources:
        exporter.store.list_scopes(source, ["all"])
        numbers = exporter.pollers[source].accounts.number([ALICE, Identity(f"only in {source}")])
        facts = DayFacts(people={EVERYBODY: BitMap(numbers)}, service=BitMap())
        exporter.store.replace(source, "all", Reading(NOON.date() - ONE_DAY, facts), now=exporter.now(), requests=1)
        exporter.pollers[source].publisher.publish_all()


def running(configuration: Config, store: Store) -> Exporter:
    return Exporter.open(configuration, store, now=lambda: NOON)


def apply(exporter: Exporter, new: Config) -> None:
    exporter.apply(new, changes(exporter.config, new))
    update_publication(exporter)


def people(exporter: Exporter) -> float | None:
    samples = exporter.cache.snapshot.samples.get(COMPANY, [])
    return next((one.value for one in samples if one.metric == "adoption_company_active_users"), None)


@pytest.fixture
def exporter(tmp_path: Path) -> Exporter:
    exporter = running(config(tmp_path), fresh_store())
    read(exporter, "chat", "ide")
    update_publication(exporter)
    assert people(exporter) == 3
    return exporter


def test_what_the_state_holds_is_there_when_the_daemon_is_ready(exporter: Exporter, tmp_path: Path) -> None:
    again = running(config(tmp_path), exporter.store)
    again.start()
    found = people(again)
    again.end()

    assert found == 3


def test_a_new_source_makes_the_company_absent_until_it_is_read(exporter: Exporter, tmp_path: Path) -> None:
    apply(exporter, config(tmp_path, "", "chat", "ide", "search"))
    without = people(exporter)
    read(exporter, "search")
    exporter.follow_people(at_once=True)

    assert without is None
    assert people(exporter) == 4


def test_a_removed_source_leaves_the_others(exporter: Exporter, tmp_path: Path) -> None:
    apply(exporter, config(tmp_path, "", "chat", "ide", "search"))
    read(exporter, "search")
    apply(exporter, config(tmp_path, "", "ide", "search"))
    two = people(exporter)
    apply(exporter, config(tmp_path, "", "ide"))

    assert two == 3
    assert people(exporter) is None


def test_chosen_sources_alone_are_counted(exporter: Exporter, tmp_path: Path) -> None:
    apply(exporter, config(tmp_path, "people: {company: [ide, chat]}\n", "chat", "ide", "search"))

    assert people(exporter) == 3


def test_switched_off_there_is_none_and_the_state_forgets_who_is_who(exporter: Exporter, tmp_path: Path) -> None:
    apply(exporter, config(tmp_path, "people: {company: false}\n"))
    off = people(exporter)
    with exporter.store.database.read() as connection:
        kept = connection.execute(select(func.count()).select_from(joint)).scalar_one()
    apply(exporter, config(tmp_path))
    not_yet = people(exporter)
    # The polls read the days once more.
    read(exporter, "chat", "ide")
    exporter.follow_people(at_once=True)

    assert (off, kept, not_yet) == (None, 0, None)
    assert people(exporter) == 3


def test_a_changed_identities_file_counts_without_a_poll(exporter: Exporter, tmp_path: Path) -> None:
    (tmp_path / "identities.csv").write_text("person,identity\n")
    exporter.pollers["chat"].accounts.number([Identity("only in chat", username="al")])
    apply(exporter, config(tmp_path, "people: {identities: {file: identities.csv}}\n"))
    before = people(exporter)
    (tmp_path / "identities.csv").write_text("person,identity\nalice@example.com,al\n")
    exporter.follow_people(at_once=True)

    assert before == 3
    assert people(exporter) == 2


def test_a_clock_that_is_ahead_for_a_while_shows_no_day_that_is_not_over(exporter: Exporter) -> None:
    exporter.now = lambda: NOON - timedelta(days=2)
    for poller in exporter.pollers.values():
        poller.publisher.now = exporter.now
    for poller in exporter.pollers.values():
        poller.publisher.withdraw_stale()
    exporter.follow_people(at_once=True)

    assert people(exporter) is None
