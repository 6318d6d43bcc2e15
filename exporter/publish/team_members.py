"""The people of each team as the teams file has them: of no source, so that no source's max_series leaves them out."""

from exporter.config.teams_file import Teams
from exporter.metrics import Sample, sample
from exporter.publish.snapshot import NO_SOURCE, ExpositionCache
from exporter.samples.filters import short_label

# A column that is no team, such as a person's number, would make a series of each person.
MOST_TEAMS = 10_000


def team_members(teams: Teams) -> list[Sample]:
    """The members of each team, sorted by name; of more than MOST_TEAMS teams the largest ones."""
    largest = sorted(teams.members, key=lambda team: (-teams.members[team], team))[:MOST_TEAMS]
    return [sample("adoption_team_members", teams.members[team], team=short_label(team)) for team in sorted(largest)]


def publish_team_members(cache: ExpositionCache, teams: Teams | None) -> None:
    """Publishes the members of each team, or none where there is no teams file, unless that is published already."""
    members = [] if teams is None else team_members(teams)
    if cache.snapshot.samples.get(NO_SOURCE, []) != members:
        cache.publish(NO_SOURCE, members)
