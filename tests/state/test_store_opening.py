import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, event

from exporter.model import Identity
from exporter.state import schema
from exporter.state.accounts import plain
from exporter.state.database import StateError
from exporter.state.engine import sqlite_obstacle
from exporter.state.store import Store
from tests.support.sample_options import book_of
from tests.support.stores import fresh_store


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


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("application", [0, 252006675])
def test_a_database_of_another_program_is_refused_untouched(path: Path, journal: str, application: int) -> None:
    foreign = sqlite3.connect(path)
    foreign.execute(f"PRAGMA application_id = {application}")
    foreign.execute(f"PRAGMA journal_mode = {journal}")
    foreign.execute("CREATE TABLE account (source TEXT, hash BLOB)")
    foreign.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB)")
    foreign.commit()
    foreign.close()
    path.chmod(0o644)
    before = path.read_bytes()

    with pytest.raises(StateError, match=r"^the file is a database of another program \(sqlite:///.*/adoption\.db\)$"):
        Store.open(f"sqlite:///{path}")

    assert (path.read_bytes(), mode(path)) == (before, 0o644)
    assert list(path.parent.iterdir()) == [path]


def test_a_database_of_another_program_that_works_with_it_is_refused_untouched(path: Path) -> None:
    foreign = sqlite3.connect(path)
    foreign.execute("PRAGMA journal_mode = wal")
    foreign.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB)")
    foreign.commit()
    before = contents(path.parent)

    with pytest.raises(StateError, match=r"^the file is a database of another program "):
        Store.open(f"sqlite:///{path}")

    assert contents(path.parent) == before
    foreign.execute("INSERT INTO meta VALUES ('still', 'theirs')")
    foreign.close()


def test_an_empty_file_becomes_a_state(path: Path) -> None:
    path.touch(0o644)
    Store.open(f"sqlite:///{path}").close()

    assert (application_of(path), mode(path)) == (0x41646F70, 0o600)


def test_a_state_from_before_files_said_whose_they_are_is_one(path: Path) -> None:
    store = Store.open(f"sqlite:///{path}")
    key = store.database.hash_key()
    store.close()
    old = sqlite3.connect(path)
    old.execute("PRAGMA application_id = 0")
    old.close()
    path.chmod(0o644)
    keys = []
    for _ in range(2):
        store = Store.open(f"sqlite:///{path}")
        keys.append(store.database.hash_key())
        store.close()

    assert (keys, mode(path)) == ([key, key], 0o600)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
@pytest.mark.parametrize("uri", ["sqlite:///{}", "sqlite:///file:{}?uri=true"])
def test_a_state_is_its_owners_alone_from_the_first_byte_on(path: Path, umask: int, uri: str) -> None:
    script = f"""
import os, sys
from pathlib import Path
from exporter.state.store import Store
path = Path({str(path)!r})
sys.addaudithook(lambda event, _: event == "sqlite3.connect" and print(f"{{path.stat().st_mode & 0o777:o}}"))
os.umask({umask})
store = Store.open({uri.format(path)!r})
store.list_scopes("tool", ["all"])
store.database.claim()
for file in sorted(path.parent.iterdir()):
    print(file.name, f"{{file.stat().st_mode & 0o777:o}}")
sys.stdout.flush()
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    connected, files = done.stdout.splitlines()[:-4], done.stdout.splitlines()[-4:]

    assert set(connected) == {"600"}
    assert files == ["adoption.db 600", "adoption.db-lock 600", "adoption.db-shm 600", "adoption.db-wal 600"]


def test_what_somebody_who_reads_keeps_in_the_files_is_wiped_later(path: Path) -> None:
    store = Store.open(f"sqlite:///{path}")
    book = book_of(store, "tool", plain)
    book.number([Identity("1", email="alice@example.com")])
    event.listen(store.database._engine, "connect", lambda driver, _: driver.execute("PRAGMA busy_timeout = 10"))
    store.database._engine.dispose()
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM account").fetchall()
    book_of(store, "tool")
    log = path.with_name("adoption.db-wal")
    kept = b"alice@example.com" in path.read_bytes() + log.read_bytes()
    reader.close()
    store.database.probe()
    left = b"alice@example.com" in path.read_bytes() + log.read_bytes()
    store.close()

    assert (kept, left) == (True, False)


def test_a_second_daemon_on_one_file_is_refused_with_words_until_the_first_has_ended(path: Path) -> None:
    url = f"sqlite:///{path}"
    script = f"import sys\nfrom exporter.state.store import Store\nStore.open({url!r}).database.claim()\n"
    first = subprocess.Popen(
        [sys.executable, "-c", f"{script}print('runs', flush=True)\nsys.stdin.readline()\n"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == b"runs\n"
    second = Store.open(url)
    with pytest.raises(StateError) as raised:
        second.database.claim()
    first.kill()
    first.communicate()
    second.database.claim()
    second.close()

    assert str(raised.value) == (
        f"another adoption-exporter runs on this state ({url}): on SQLite there can be one, "
        "several replicas need PostgreSQL"
    )


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file's mode and content; of the index of SQLite's log, which says who reads what, the mode alone."""
    return {
        file.name: (mode(file), b"" if file.name.endswith("-shm") else file.read_bytes()) for file in folder.iterdir()
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def application_of(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[68:72])


def test_a_file_in_a_folder_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(StateError) as raised:
        Store.open(f"sqlite:///{path / 'adoption.db'}")

    assert str(raised.value) == (
        f"the state cannot be used: unable to open database file (sqlite:///{path / 'adoption.db'}): "
        f"there is no folder {path} that user {os.geteuid()} may enter"
    )


@pytest.mark.parametrize("closed", ["folder", "file"])
def test_what_this_user_may_not_write_is_named_in_full(
    closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "adoption.db"
    if closed == "file":
        Store.open("sqlite:///adoption.db").close()
    obstacle = file if closed == "file" else tmp_path
    # root may write everything: what the file system answers another user.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or path != obstacle)

    assert sqlite_obstacle("sqlite:///adoption.db") == f"user {os.geteuid()} may not write {obstacle}"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///new.db", "postgresql://127.0.0.1/adoption"])
def test_nothing_is_in_the_way_of_a_state_that_can_be_written_or_is_no_file(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert sqlite_obstacle(url) == ""


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
