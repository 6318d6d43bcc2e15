import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import BigInteger

from exporter import schema
from exporter.database import StateError
from exporter.store import Store
from tests.stores import fresh_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "adoption.db"


def test_the_states_own_key_is_random_and_stays(path: Path) -> None:
    keys = []
    for _ in range(2):
        store = Store.open(f"sqlite:///{path}")
        keys.append(store.database.hash_key())
        store.close()

    assert keys[0] == keys[1] != fresh_store().database.hash_key()
    assert len(keys[0]) == 32


def test_a_file_is_written_ahead_and_wiped_where_it_is_deleted(path: Path) -> None:
    store = Store.open(f"sqlite:///{path}")
    with store.database.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "secure_delete")
        }
    store.close()

    assert settings == {"journal_mode": "wal", "synchronous": 1, "secure_delete": 1}


def test_a_state_of_another_schema_version_is_refused_and_left_alone(path: Path) -> None:
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL)")
    foreign.execute("INSERT INTO meta VALUES ('schema_version', CAST('2' AS BLOB))")
    foreign.commit()

    with pytest.raises(
        StateError,
        match=r"^the state has schema version 2, this version of adoption-exporter reads 1 \(sqlite:///.*\)$",
    ):
        Store.open(f"sqlite:///{path}")

    assert foreign.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("meta",)]
    foreign.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"a letter to alice" * 300)

    with pytest.raises(
        StateError, match=r"^the state cannot be used: file is not a database \(sqlite:///.*/adoption\.db\)$"
    ):
        Store.open(f"sqlite:///{path}")

    assert path.read_bytes() == b"a letter to alice" * 300


def test_a_file_in_a_folder_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(StateError, match=r"^the state cannot be used: unable to open database file \(sqlite:///.*\)$"):
        Store.open(f"sqlite:///{path / 'adoption.db'}")


def test_a_server_that_does_not_answer_is_said_in_one_line() -> None:
    with pytest.raises(StateError) as raised:
        Store.open("postgresql://alice:s3cret@127.0.0.1:1/adoption")

    assert str(raised.value) == (
        'the state cannot be used: connection failed: connection to server at "127.0.0.1", port 1 failed: '
        "Connection refused Is the server running on that host and accepting TCP/IP connections? "
        "(postgresql://alice:***@127.0.0.1:1/adoption)"
    )


def test_an_error_names_the_variables_of_the_url_and_shows_no_value() -> None:
    with pytest.raises(StateError) as raised:
        Store.open("postgresql://alice:s3cret@127.0.0.1:1/adoption", {"DB": "127.0.0.1:1", "DB_USER": "alice"})

    assert str(raised.value) == (
        'the state cannot be used: connection failed: connection to server at "${DB}", port 1 failed: Connection '
        "refused Is the server running on that host and accepting TCP/IP connections? (state.url)"
    )


def test_parameters_of_the_url_are_not_shown() -> None:
    with pytest.raises(StateError, match=r" \(postgresql://127\.0\.0\.1:1/adoption\)$"):
        Store.open("postgresql://127.0.0.1:1/adoption?application_name=s3cret")


@pytest.mark.parametrize("host", ["a..b", "\udcff"])
def test_a_host_of_the_environment_that_cannot_be_looked_up_is_said_in_one_line(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", host)

    with pytest.raises(StateError, match=r"^the state cannot be used: PGHOST is no host that can be looked up$"):
        Store.open("postgresql:///adoption")


def test_the_url_may_say_how_long_sqlite_waits_for_another_process(path: Path) -> None:
    Store.open(f"sqlite:///{path}").close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StateError, match=r"^the state cannot be used: database is locked "):
        Store.open(f"sqlite:///{path}?timeout=0.01")

    other.close()


def test_every_count_has_room_for_the_largest_whole_number_in_postgresql_too() -> None:
    columns = (
        schema.day.c.people_total,
        schema.scope.c.seats,
        schema.window.c.people,
        schema.window.c.service,
    )

    assert {str(column): isinstance(column.type, BigInteger) for column in columns} == {
        "day.people_total": True,
        "scope.seats": True,
        "window_people.people": True,
        "window_people.service": True,
    }
