"""What a teams file says, and what becomes of it when it changes."""

import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.config.teams_file import Teams, parse_teams, teams_file
from tests.support.examples import examples


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
        ("Team;Email;;\r\nweb;bob;;\r\n;carol;;\r\n", {"bob": "web", "carol": "unassigned"}),
        ("user,team\rbob,web\rcarol,app", {"bob": "web", "carol": "app"}),
        ("Login\tTeam\tName\nbob\tweb\tDoe, Bob\ncarol\tweb\n", {"bob": "web", "carol": "web"}),
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
    teams = teams_file(path).content()

    assert teams is not None
    assert teams.team_of == team_of


def test_lines_are_those_of_the_file() -> None:
    assert parse_teams(b'user,team\n\nbob,"we\nb"\ncarol,web\nBOB,"we\nb"\n') == Teams(
        {"bob": "we\nb", "carol": "web"}, {"bob": 3, "carol": 5}
    )


HEADER = "must be a header with the columns user (or email, username, login) and team, each once"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty: it needs the columns user (or email, username, login) and team"),
        ("\n ,\n", "is empty: it needs the columns user (or email, username, login) and team"),
        ("\nbob,web\n", f"line 2 {HEADER}"),
        ("user|team\nbob|web\n", f"line 1 {HEADER}"),
        ("user,team,team\nbob,web,web\n", f"line 1 {HEADER}"),
        ("login,email,team\nbob,bob@example.com,web\n", f"line 1 {HEADER}"),
        ('"user,team\nbob,web\n', "line 1 is no CSV: unexpected end of data"),
        ("user,team\n\nbob,we\0b\n", "line 3 holds a NUL character"),
        ("user,team\nbob\n", "line 2 has 1 column and the header 2"),
        ("user;team\nbob,web\n", "line 2 has 1 column and the header 2"),
        ("user,team\nDoe, Bob,web\n", "line 2 has 3 columns and the header 2"),
        ("user,team\n,web\n", "line 2 has no user"),
        ("user,team\nBob,web\ncarol,web\nbob,platform\n", "line 4 has the user of line 2 in another team"),
        ('user,team\nbob,web\ncarol,"web\ndave,web\n', "line 3 is no CSV: unexpected end of data"),
        ('user,team\nbob,"web"x\n', "line 2 is no CSV: ',' expected after '\"'"),
        (
            'user,team\n,web\nbob\nbob,web\nBOB,app\n,app\neve,"',
            "; ".join(
                (
                    "line 2 has no user",
                    "line 3 has 1 column and the header 2",
                    "line 5 has the user of line 4 in another team",
                    "line 6 has no user",
                    "line 7 is no CSV: unexpected end of data",
                )
            ),
        ),
        (
            "user,team\n" + ",web\n" * 22,
            "; ".join(f"line {line} has no user" for line in range(2, 22)) + "; 2 more mistakes",
        ),
    ],
)
def test_each_mistake_is_told_by_its_line_and_names_no_person(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        parse_teams(text.encode())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("user,team\r\nbob,web\r\nJosé,web\r\n".encode("cp1252"), "line 3 is not UTF-8 text"),
        ("user,team\nbob,web\n".encode("utf-16")[:-1], "line 2 is not UTF-16 text"),
    ],
)
def test_a_file_in_another_encoding_is_told_with_what_to_do(content: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}: save it as UTF-8 "):
        parse_teams(content)


# What a user or a team may be; white space around it is not part of it.
TEXTS = st.text(st.sampled_from("ab@.-ÄßéЖ中 ,;\t\"'\n"), min_size=1, max_size=8).map(str.strip).filter(bool)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
OTHERS = ("Site", "", 'Full "name"', "team name")


@dataclass(frozen=True)
class Dialect:
    """How a program writes a table."""

    encoding: str
    delimiter: str
    line_end: str
    quote_all: bool
    user: str
    swap: bool
    before: str | None
    after: int

    def written(self, rows: Iterable[tuple[str, str]]) -> tuple[bytes, list[int]]:
        """The file, and the line in which each row begins."""
        text, lines = "", []
        for number, row in enumerate([(self.user, "TEAM"), *rows]):
            lines.append(1 + text.count("\n"))
            cells = [*(reversed(row) if self.swap else row), *[""] * self.after]
            if self.before is not None:
                cells.insert(0, self.before if number == 0 else "Berlin, Mitte")
            text += self.delimiter.join(self._cell(cell) for cell in cells) + self.line_end
        return text.encode(self.encoding), lines[1:]

    def _cell(self, text: str) -> str:
        if self.quote_all or any(letter in text for letter in (self.delimiter, '"', "\n", "\r")):
            return '"' + text.replace('"', '""') + '"'
        return text


DIALECTS = st.builds(
    Dialect,
    encoding=st.sampled_from(ENCODINGS),
    delimiter=st.sampled_from(",;\t"),
    line_end=st.sampled_from(("\r\n", "\n")),
    quote_all=st.booleans(),
    user=st.sampled_from(("user", "USER", "Email", "username", " Login ")),
    swap=st.booleans(),
    before=st.none() | st.sampled_from(OTHERS),
    after=st.integers(0, 3),
)


@examples(100)
@given(team_of=st.dictionaries(TEXTS.map(str.lower), TEXTS | st.just(""), max_size=6), dialect=DIALECTS)
def test_a_table_says_the_same_however_it_is_written(team_of: dict[str, str], dialect: Dialect) -> None:
    content, lines = dialect.written([(user.upper(), team) for user, team in team_of.items()])
    expected = {user.upper().lower(): team or "unassigned" for user, team in team_of.items()}
    assume(len(expected) == len(team_of))
    teams = parse_teams(content)

    assert teams == Teams(expected, dict(zip(expected, lines, strict=True)))
    assert teams.members == {team: list(expected.values()).count(team) for team in sorted(set(expected.values()))}


def test_a_file_is_read_again_when_it_changes_and_is_the_same_object_while_it_says_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "teams.csv"
    write(path, "user,team\nbob,web\n", at=1)
    file = teams_file(path)
    first = file.content()
    write(path, "user,team\n\nbob,web\n", at=2)
    write(path, "user,team\nbob,web\n", at=3)
    same = file.content()
    write(path, "user,team\nbob,web\ncarol,app\n", at=4)
    changed = file.content()

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
    file = teams_file(path)
    file.content()
    write(tmp_path / "new.csv", "user,team\nbob,app\n", at=1)
    (tmp_path / "new.csv").replace(path)
    teams = file.content()

    assert teams is not None
    assert teams.team_of == {"bob": "app"}


def test_a_file_that_cannot_be_right_keeps_the_teams_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    path = tmp_path / "teams.csv"
    write(path, "user,team\nbob,web\n", at=1)
    file = teams_file(path)
    good = file.content()
    kept = []
    write(path, "user,team\nalice@example.com\n", at=2)
    kept += [file.content(), file.content()]
    path.write_bytes(b"user,team\nJos\xe9,web\n")
    kept += [file.content(), file.content()]
    path.unlink()
    kept += [file.content(), file.content()]
    write(path, "user,team\nbob,app\n", at=2)
    mended = file.content()
    path.unlink()
    kept_again = file.content()

    assert all(teams is good for teams in kept)
    assert mended is not None
    assert mended.team_of == {"bob": "app"}
    assert kept_again is mended
    message = "teams file refused, teams stay as they are"
    missing = "cannot be read: No such file or directory"
    assert logged(caplog) == [
        ("ERROR", message, {"file": path, "error": "line 2 has 1 column and the header 2"}),
        (
            "ERROR",
            message,
            {"file": path, "error": "line 2 is not UTF-8 text: save it as UTF-8 (in Excel “CSV UTF-8”)"},
        ),
        ("ERROR", message, {"file": path, "error": missing}),
        ("ERROR", message, {"file": path, "error": missing}),
    ]


def test_there_are_no_teams_while_a_file_could_never_be_read(tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    file = teams_file(path)
    before = file.content()
    path.write_text("user,team\nbob,web\n")

    assert before is None
    assert file.content() == Teams({"bob": "web"}, {"bob": 2})
