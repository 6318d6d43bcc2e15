"""The metrics about the company as a whole, which belong to no source."""

from exporter.metrics.metric import Metric
from exporter.metrics.sentences import AS_OF_NOW

_WINDOW = "in the window of UTC days that ends with the newest day that every source has"
_PERSON = (
    "Accounts with one e-mail, or of one person in people.identities, are one person; an account without either is a "
    "person of its own (adoption_company_unmatched_accounts)."
)
_ABSENT = "Absent while any source does not know a day of it."

COMPANY: tuple[Metric, ...] = (
    Metric(
        "adoption_team_members",
        "People in the teams file by team; those whose team it leaves empty are in unassigned. "
        "people.min_group_size does not withhold these: they say who belongs to a team, not who is active.",
        "{user}",
        ("team",),
    ),
    Metric(
        "adoption_company_active_users",
        f"Distinct people active {_WINDOW}, over all sources that list people. {_PERSON} {_ABSENT}",
        "{user}",
        ("window",),
    ),
    Metric(
        "adoption_company_users_by_tools",
        f"People by how many sources they used {_WINDOW}; they add up to adoption_company_active_users. {_ABSENT}",
        "{user}",
        ("window", "tools"),
    ),
    Metric(
        "adoption_company_shared_users",
        f"People who used both sources {_WINDOW}, each pair once. Never add these: one person may use many. {_ABSENT}",
        "{user}",
        ("window", "source", "other_source"),
    ),
    Metric(
        "adoption_company_team_active_users",
        f"Distinct people by team of the teams file {_WINDOW}, over all sources that list people; with unassigned they "
        f"add up to adoption_company_active_users. {AS_OF_NOW} {_ABSENT}",
        "{user}",
        ("window", "team"),
        breakdown="team",
    ),
    Metric(
        "adoption_company_unmatched_accounts",
        "People of the source in its 28d window of the company who have no e-mail and no row in people.identities: "
        "whoever has accounts in other sources too counts once for each.",
        "{user}",
        ("source",),
    ),
    Metric(
        "adoption_company_data_day_timestamp_seconds",
        "Start (00:00 UTC) of the newest day that every source which lists people has: the windows of the company end "
        "with it.",
        "s",
        (),
    ),
)
