"""The metrics about the company as a whole, which belong to no source."""

from exporter.metrics.metric import Metric

COMPANY: tuple[Metric, ...] = (
    Metric(
        "adoption_team_members",
        "People in the teams file by team; those whose team it leaves empty are in unassigned. "
        "people.min_group_size does not withhold these: they say who belongs to a team, not who is active.",
        "{user}",
        ("team",),
    ),
)
