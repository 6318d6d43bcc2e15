"""When each stored day last changed."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from exporter.model import EVERYBODY, DayFacts, Reading
from exporter.state import schema
from exporter.state.store import Store
from tests.support.stores import fresh_store

MONDAY, TUESDAY = date(2026, 3, 9), date(2026, 3, 10)
NOW = datetime(2026, 3, 11, tzinfo=UTC)


@pytest.fixture
def store() -> Store:
    store = fresh_store()
    store.list_scopes("acme", ["all"])
    return store


def put(store: Store, day: date, *accounts: int, hours: int = 0) -> None:
    facts = DayFacts(people={EVERYBODY: BitMap(accounts)})
    store.replace("acme", "all", Reading(day, facts), now=NOW + timedelta(hours=hours), requests=1)


def revised(store: Store) -> dict[date, float]:
    """The hours after NOW at which days were revised."""
    days = store.days("acme", "all").items()
    return {day: (at - NOW.timestamp()) / 3600 for day, stored in days if (at := stored.revised_at) is not None}


def rows(store: Store) -> list[date]:
    with store.database.read() as connection:
        return list(connection.execute(select(schema.revision.c.day)).scalars())


def test_a_day_is_revised_when_its_content_changes_after_the_first_reading(store: Store) -> None:
    put(store, MONDAY, 1)
    put(store, MONDAY, 1, hours=1)
    put(store, TUESDAY, 1, hours=1)
    assert revised(store) == {}

    put(store, MONDAY, 1, 2, hours=2)
    assert revised(store) == {MONDAY: 2}

    put(store, MONDAY, 1, 2, hours=3)
    assert revised(store) == {MONDAY: 2}

    put(store, MONDAY, 1, hours=4)
    assert revised(store) == {MONDAY: 4}


def test_a_day_that_is_forgotten_was_never_revised(store: Store) -> None:
    for accounts in ([1], [1, 2]):
        put(store, MONDAY, *accounts)
    store.forget_day("acme", "all", MONDAY)
    put(store, MONDAY, 1)

    assert revised(store) == {}


def test_revisions_are_pruned_with_their_days(store: Store) -> None:
    for day in (MONDAY, TUESDAY):
        put(store, day, 1)
        put(store, day, 1, 2)

    assert store.prune("acme", TUESDAY) == 1

    assert rows(store) == [TUESDAY]


def test_a_state_that_did_not_note_revisions_notes_them_from_now_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'adoption.db'}"
    old = Store.open(url)
    old.list_scopes("acme", ["all"])
    put(old, MONDAY, 1)
    with old.database.write() as connection:
        schema.revision.drop(connection)
    old.close()

    store = Store.open(url)
    put(store, MONDAY, 1, 2, hours=5)

    assert revised(store) == {MONDAY: 5}
    store.close()
