"""What a teams file says, and what becomes of it when it changes."""

import logging
import os
import re
from pathlib import Path

import pytest

from exporter.config.teams_file import Teams, TeamsFile, parse_teams


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, object]]]:
    """Level, message and fields of every line."""
    return [(record.levelname, record.message, getattr(record, "fields", {})) for record in caplog.records]


def write(path: Path, text: str, *, at: int) -> None:
    """Writes a file as if at a moment, so that two writes within a tick of the clock differ."""
    path.write_text(text)
    os.utime(path, ns=(at, at))


@pytest.mark.parametrize(
    ("text", "team_of"),
    [
        ("user,team\nalice@example.com,platform\nbob,web\n", {"alice@example.com": "platform", "bob": "web"}),
        ("team,user\nplatform,alice@example.com\n", {"alice@example.com": "platform"}),
        ("Site, Team ,USER\nBerlin, web , Bob \n", {"bob": "web"}),
        ("\ufeffuser,team\nbob,web", {"bob": "web"}),
        ("\n\nuser,team\r\n\r\nbob,web\r\n , \r\n,\r\n", {"bob": "web"}),
        ("user,team\nBOB,web\nbob,web\n", {"bob": "web"}),
        ("user,team\nbob,\ncarol,unassigned\n", {"bob": "unassigned", "carol": "unassigned"}),
        ('user,team\n"bob","web, ""new"""\n', {"bob": 'web, "new"'}),
        ("user,team\n", {}),
    ],
)
def test_a_user_has_the_team_of_its_row(tmp_path: Path, text: str, team_of: dict[str, str]) -> None:
    path = tmp_path / "teams.csv"
    path.write_text(text, encoding="utf-8", newline="")
    teams = TeamsFile(path).teams()

    assert teams is not None
    assert teams.team_of == team_of


def test_lines_are_those_of_the_file() -> None:
    assert parse_teams('user,team\n\nbob,"we\nb"\ncarol,web\nBOB,"we\nb"\n') == Teams(
        {"bob": "we\nb", "carol": "web"}, {"bob": 4, "carol": 5}
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty: it needs the columns user and team"),
        ("\n ,\n", "is empty: it needs the columns user and team"),
        ("bob,web\n", "must have the columns user and team in its first line, each once"),
        ("user,team\n\nbob,we\0b\n", "line 3 holds a NUL character"),
        ("user;team\nbob;web\n", "must have the columns user and team in its first line, each once"),
        ("user,team,team\nbob,web,web\n", "must have the columns user and team in its first line, each once"),
        ("user,team\nbob\n", "line 2 has 1 columns and the header 2"),
        ("user,team\nbob,web,platform\n", "line 2 has 3 columns and the header 2"),
        ("user,team\n,web\n", "line 2 has no user"),
        ("user,team\nBob,web\ncarol,web\nbob,platform\n", "line 4 has the user of line 2 in another team"),
        ('user,team\nbob,"web\n', "line 2 is no CSV: unexpected end of data"),
        ('user,team\nbob,"web"x\n', "line 2 is no CSV: ',' expected after '\"'"),
    ],
)
def test_a_mistake_is_told_by_its_line_and_names_no_person(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        parse_teams(text)


def test_a_file_is_read_again_when_it_changes_and_is_the_same_object_while_it_says_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "teams.csv"
    write(path, "user,team\nbob,web\n", at=1)
    file = TeamsFile(path)
    first = file.teams()
    write(path, "user,team\n\nbob,web\n", at=2)
    write(path, "user,team\nbob,web\n", at=3)
    same = file.teams()
    write(path, "user,team\nbob,web\ncarol,app\n", at=4)
    changed = file.teams()

    assert first is same
    assert changed is not None
    assert changed.team_of == {"bob": "web", "carol": "app"}
    assert logged(caplog) == [
        ("INFO", "teams file read", {"file": path, "users": 1, "teams": 1}),
        ("INFO", "teams file read", {"file": path, "users": 2, "teams": 2}),
    ]


def test_a_file_that_is_replaced_by_another_one_of_the_same_size_and_time_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    write(path, "user,team\nbob,web\n", at=1)
    file = TeamsFile(path)
    file.teams()
    write(tmp_path / "new.csv", "user,team\nbob,app\n", at=1)
    (tmp_path / "new.csv").replace(path)
    teams = file.teams()

    assert teams is not None
    assert teams.team_of == {"bob": "app"}


def test_a_file_that_cannot_be_right_keeps_the_teams_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    path = tmp_path / "teams.csv"
    write(path, "user,team\nbob,web\n", at=1)
    file = TeamsFile(path)
    good = file.teams()
    kept = []
    write(path, "user,team\nalice@example.com\n", at=2)
    kept += [file.teams(), file.teams()]
    path.write_bytes(b"user,team\nJos\xe9,web\n")
    kept += [file.teams(), file.teams()]
    path.unlink()
    kept += [file.teams(), file.teams()]
    write(path, "user,team\nbob,app\n", at=2)
    mended = file.teams()
    path.unlink()
    kept_again = file.teams()

    assert all(teams is good for teams in kept)
    assert mended is not None
    assert mended.team_of == {"bob": "app"}
    assert kept_again is mended
    message = "teams file refused, teams stay as they are"
    missing = "cannot be read: No such file or directory"
    assert logged(caplog) == [
        ("ERROR", message, {"file": path, "error": "line 2 has 1 columns and the header 2"}),
        ("ERROR", message, {"file": path, "error": "is not UTF-8 text"}),
        ("ERROR", message, {"file": path, "error": missing}),
        ("ERROR", message, {"file": path, "error": missing}),
    ]


def test_there_are_no_teams_while_a_file_could_never_be_read(tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    file = TeamsFile(path)
    before = file.teams()
    path.write_text("user,team\nbob,web\n")

    assert before is None
    assert file.teams() == Teams({"bob": "web"}, {"bob": 2})
