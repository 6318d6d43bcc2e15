"""What `check-config` says of a configuration that is right."""

from datetime import date
from pathlib import Path

import pytest

from exporter.commands.understood import understood
from exporter.poll.online_check import OnlineCheck
from exporter.vendors import SETTINGS
from exporter.vendors.augment.settings import AugmentSettings
from tests.support.configurations import load_text

WEDNESDAY = date(2026, 12, 23)
SOURCES = """\
calendar: {country: DE, closed: [2026-12-24..2026-12-31], half: [2026-12-23]}
sources:
  assistant: {vendor: augment, token: t0ken, seats: 250}
  cody: {vendor: sourcegraph, token: t0ken, instances: [acme.example.com], calendar: {country: US}}
"""
TEAMS = "teams: {file: teams.csv}\n"
SPRING = date(2026, 5, 1)


def lines(
    folder: Path,
    text: str,
    today: date = WEDNESDAY,
    *,
    rows: str = "alice,web\nBob@example.com,web\ncarol,app\n",
    **checks: OnlineCheck,
) -> list[str]:
    (folder / "teams.csv").write_text(f"user,team\n{rows}")
    return list(understood(load_text(folder, text, SETTINGS), today, checks))


def test_it_names_the_next_ten_days_off_and_the_seats_of_each_source(tmp_path: Path) -> None:
    assert lines(tmp_path, SOURCES) == [
        "  assistant (augment)",
        "    seats: 250",
        "    next days that are not working days:",
        "      Wed 2026-12-23  half day",
        "      Thu 2026-12-24  closed",
        "      Fri 2026-12-25  closed",
        "      Sat 2026-12-26  closed",
        "      Sun 2026-12-27  closed",
        "      Mon 2026-12-28  closed",
        "      Tue 2026-12-29  closed",
        "      Wed 2026-12-30  closed",
        "      Thu 2026-12-31  closed",
        "      Fri 2027-01-01  New Year's Day",
        "  cody (sourcegraph)",
        "    seats: those that the vendor registers",
        "    next days that are not working days:",
        "      Wed 2026-12-23  half day",
        "      Thu 2026-12-24  closed",
        "      Fri 2026-12-25  closed",
        "      Sat 2026-12-26  closed",
        "      Sun 2026-12-27  closed",
        "      Mon 2026-12-28  closed",
        "      Tue 2026-12-29  closed",
        "      Wed 2026-12-30  closed",
        "      Thu 2026-12-31  closed",
        "      Fri 2027-01-01  New Year's Day",
        "  company: the people of assistant, cody together",
    ]


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        ("{weekend: [fri, sat]}", ["Fri 2026-05-01  weekend", "Sat 2026-05-02  weekend", "Fri 2026-05-08  weekend"]),
        ("{country: DE}", ["Fri 2026-05-01  Labor Day", "Sat 2026-05-02  weekend", "Sun 2026-05-03  weekend"]),
    ],
)
def test_today_may_be_one_of_the_days_off(tmp_path: Path, calendar: str, expected: list[str]) -> None:
    text = f"sources: {{a: {{vendor: augment, token: t0ken, calendar: {calendar}}}}}\n"

    assert [line.strip() for line in lines(tmp_path, text, SPRING)][3:6] == expected


def test_a_calendar_may_have_no_day_off(tmp_path: Path) -> None:
    text = "sources: {a: {vendor: augment, token: t0ken, calendar: {weekend: []}}}\n"

    assert lines(tmp_path, text) == [
        "  a (augment)",
        "    seats: not known: set seats",
        "    every day is a working day",
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("alice,web\nBob@example.com,web\n\ncarol,app\n", "3 users in 2 teams, on lines 2 to 5"),
        ("\nalice,web\n", "1 user in 1 team, on line 3"),
        ("", "0 users"),
    ],
)
def test_it_counts_the_lines_teams_and_users_of_the_teams_file(tmp_path: Path, rows: str, said: str) -> None:
    assert lines(tmp_path, TEAMS + SOURCES, rows=rows)[0] == f"  teams file {tmp_path}/teams.csv: {said}"


@pytest.mark.parametrize(
    ("people", "said"),
    [
        (
            [frozenset({"alice", "a@example.com"}), frozenset({"bob@example.com"}), frozenset({"eve"})],
            "knows 2 of 3 people of 2026-12-22",
        ),
        ([frozenset({"carol"})], "knows 1 of 1 person of 2026-12-22"),
        ([], "nobody was active on 2026-12-22"),
        (None, "the vendor names no people, so that it has no teams"),
    ],
)
def test_it_counts_whom_of_a_source_the_teams_file_knows(
    tmp_path: Path, people: list[frozenset[str]] | None, said: str
) -> None:
    check = OnlineCheck(date(2026, 12, 22), people=people, remarks=["there is nothing of seats: 403"])
    made = lines(tmp_path, TEAMS + SOURCES, assistant=check)

    assert made[1:5] == [
        "  assistant (augment)",
        "    seats: 250",
        "    remark: there is nothing of seats: 403",
        f"    teams file: {said}",
    ]
    assert not [line for line in made if "teams file" in line][2:]


def test_it_names_the_price_of_a_seat(tmp_path: Path) -> None:
    text = SOURCES.replace("seats: 250", 'seats: 250, seat_price: {amount: "39.50", currency: USD}')

    assert lines(tmp_path, text)[1] == "    seats: 250, each for 39.50 USD a month"


class Own(AugmentSettings):
    """A vendor with teams of its own."""

    has_teams = True


def test_where_the_teams_are_the_vendors_own_the_file_is_not_asked_for_them(tmp_path: Path) -> None:
    text = TEAMS + "sources: {a: {vendor: augment, token: t0ken, teams: {from: vendor}}}\n"
    check = OnlineCheck(date(2026, 12, 22), people=[frozenset({"alice"})])
    (tmp_path / "teams.csv").write_text("user,team\nalice,web\n")
    config = load_text(tmp_path, text, {"augment": Own})

    assert list(understood(config, WEDNESDAY, {"a": check}))[1:4] == [
        "  a (augment)",
        "    seats: not known: set seats",
        "    teams: the vendor's own, not those of the teams file",
    ]


def test_without_a_teams_file_nothing_is_said_of_one(tmp_path: Path) -> None:
    check = OnlineCheck(date(2026, 12, 22), people=[frozenset({"alice"})])

    assert "teams" not in "\n".join(lines(tmp_path, SOURCES, assistant=check))


def test_it_says_what_the_identities_file_has_and_counts_people_by_every_name(tmp_path: Path) -> None:
    (tmp_path / "identities.csv").write_text(
        "person,identity\nalice,al\nalice,cody:17\nalice@example.com,alice\nzoe,z@example.com\n"
    )
    people = [frozenset(names) for names in ({"al"}, {"17"}, {"alice@example.com"}, {"z@example.com"}, {"bob"})]
    check = OnlineCheck(SPRING, people=people)
    head = f"people: {{identities: {{file: identities.csv}}, company: false}}\n{TEAMS}"
    made = lines(tmp_path, head + SOURCES, rows="alice,web\n", assistant=check, cody=check)

    assert made[1] == f"  identities file {tmp_path}/identities.csv: 4 names of 3 people, on lines 2 to 5"
    assert [line for line in made if "knows" in line or "company" in line] == [
        # To this source "17" is nobody.
        "    teams file: knows 2 of 5 people of 2026-05-01",
        "    teams file: knows 3 of 5 people of 2026-05-01",
    ]


@pytest.mark.parametrize(("rows", "said"), [("", "0 names"), ("al,a\n", "1 name of 1 person, on line 2")])
def test_it_says_how_many_names_there_are(tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "identities.csv").write_text(f"person,identity\n{rows}")
    made = lines(tmp_path, "people: {identities: {file: identities.csv}}\n" + SOURCES)

    assert made[0] == f"  identities file {tmp_path}/identities.csv: {said}"
