"""When a team is told to have stopped, where small groups are withheld and where not."""

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

import pytest

from tests.support.alert_cases import Heard, Told, check, polled
from tests.support.scripted import HOUR, Instance, Scripted, at
from tests.support.scripted_people import People, regulars

pytestmark = pytest.mark.servers("promtool")

# Of a hundred people; the others are in no team.
TEAMS = {"web": range(9), "data": range(9, 17), "ops": range(17, 30), "docs": range(30, 34)}
WEDNESDAY = date(2026, 3, 11)


def only(people: People, gone: Collection[int]) -> People:
    """The same people, of whom some do not come from Wednesday on."""

    def active(day: date) -> Collection[int]:
        return [person for person in people(day) if day < WEDNESDAY or person not in gone]

    return active


def heard(folder: Path, companies: Mapping[str, People], min_group_size: int) -> Heard:
    lines = [f"person-{person},{team}" for team, members in TEAMS.items() for person in members]
    (folder / "teams.csv").write_text("\n".join(["user,team", *lines]))
    sections = {"teams": {"file": str(folder / "teams.csv")}, "people": {"min_group_size": min_group_size}}
    instances = {name: Instance(people) for name, people in companies.items()}
    settings = {"history": "70d", "cron": "0 3 * * *"}
    return polled(
        Scripted(instances, at(date(2026, 3, 17)), at(date(2026, 3, 19)), folder, settings, sections, 3 * HOUR)
    )


def test_a_team_of_which_nobody_came_for_a_week_has_stopped(tmp_path: Path) -> None:
    people = regulars(100)
    companies = {"of-nine": only(people, TEAMS["web"]), "of-four": only(people, TEAMS["docs"])}

    check(
        heard(tmp_path, companies, min_group_size=1),
        [
            Told(
                "AdoptionTeamStopped",
                at(date(2026, 3, 18), 15),
                scope="of-nine",
                team="web",
                says=(
                    "search (of-nine): nobody of team web in seven days",
                    (
                        "9 people of the team used sourcegraph in the 28 days to 2026-03-17, and none of them in the "
                        "last seven."
                    ),
                ),
            )
        ],
        tmp_path,
    )


def test_a_team_has_not_stopped_that_is_withheld_and_others_are_told(tmp_path: Path) -> None:
    """Docs is always withheld with its four people, and another team to cover it."""
    people = regulars(100)
    companies = {
        "three-are-left": only(people, range(6)),
        "nobody-is-left": only(people, TEAMS["web"]),
        "another-stops": only(people, TEAMS["ops"]),
        "steady": people,
    }

    check(
        heard(tmp_path, companies, min_group_size=5),
        [
            Told("AdoptionTeamStopped", at(date(2026, 3, 18), 15), scope="another-stops", team="ops"),
            Told("AdoptionTeamStopped", at(date(2026, 3, 18), 15), scope="nobody-is-left", team="web"),
        ],
        tmp_path,
    )
