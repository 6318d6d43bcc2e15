"""The people of each team as the teams file has them, published once for the whole exporter."""

from exporter.config.teams_file import Teams, parse_teams
from exporter.metrics import Sample, sample
from exporter.publish.snapshot import ExpositionCache
from exporter.publish.team_members import publish_team_members, team_members
from exporter.samples.filters import short_label

FILE = b"user,team\nalice,web\nBOB,web\nbob,web\ncarol,app\ndave,\n"


def members(**teams: int) -> list[Sample]:
    return [sample("adoption_team_members", number, team=team) for team, number in teams.items()]


def test_a_user_counts_once_for_the_team_of_the_file_and_without_one_for_unassigned() -> None:
    assert team_members(parse_teams(FILE)) == members(app=1, unassigned=1, web=2)


def test_of_very_many_teams_the_largest_are_published() -> None:
    teams = Teams({f"user-{number}": f"team-{min(number, 10_100)}" for number in range(10_103)}, {})
    made = team_members(teams)

    assert len(made) == 10_000
    assert Sample("adoption_team_members", ("team-10100",), 3) in made
    assert made == sorted(made, key=lambda sample: sample.labels)


def test_a_long_name_is_cut_as_in_every_other_label() -> None:
    name = "x" * 3_000

    assert team_members(Teams({"alice": name}, {"alice": 2})) == [
        Sample("adoption_team_members", (short_label(name),), 1)
    ]


def test_what_is_published_already_is_not_published_again() -> None:
    cache = ExpositionCache()
    snapshots = []
    for teams in (None, parse_teams(FILE), parse_teams(FILE), parse_teams(b"user,team\neve,web\n"), None, None):
        publish_team_members(cache, teams)
        snapshots.append(cache.snapshot)
    empty, first, same, other, none, still_none = snapshots

    assert empty.all_samples() == []
    assert first.all_samples() == members(app=1, unassigned=1, web=2)
    assert same is first
    assert other.all_samples() == members(web=1)
    assert none.all_samples() == []
    assert still_none is none
