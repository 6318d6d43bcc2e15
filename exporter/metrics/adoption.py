"""The metrics about adoption: what vendors say of people, usage and time."""

from exporter.metrics.days import DAYS
from exporter.metrics.metric import SCOPE, Metric
from exporter.metrics.money import MONEY, SEATS
from exporter.metrics.sentences import AS_OF_NOW, CACHED, NEVER_ADD, PEOPLE, VENDOR_TEAMS, WINDOW
from exporter.metrics.verdicts import VERDICTS

ADOPTION: tuple[Metric, ...] = (
    Metric(
        "adoption_active_users",
        f"Distinct people active {WINDOW}; service accounts are left out. Never add scopes of a source: somebody may "
        f"be in several. GitLab counts anonymous visitors too. {CACHED}",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_active_service_accounts",
        f"Distinct service accounts active {WINDOW}. {CACHED}",
        "{account}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_activity_active_users",
        f"Distinct people who did the activity {WINDOW}. {NEVER_ADD}",
        "{user}",
        (*SCOPE, "window", "activity"),
        breakdown="activity",
    ),
    Metric(
        "adoption_client_active_users",
        f"Distinct people by editor or client {WINDOW}. {PEOPLE}",
        "{user}",
        (*SCOPE, "window", "client"),
        breakdown="client",
    ),
    Metric(
        "adoption_language_active_users",
        f"Distinct people by programming language {WINDOW}. {PEOPLE}",
        "{user}",
        (*SCOPE, "window", "language"),
        breakdown="language",
    ),
    Metric(
        "adoption_model_active_users",
        f"Distinct people by AI model {WINDOW}. {PEOPLE}",
        "{user}",
        (*SCOPE, "window", "model"),
        breakdown="model",
    ),
    Metric(
        "adoption_team_active_users",
        f"Distinct people by team of the teams file {WINDOW}; who is in no team is in unassigned. {AS_OF_NOW} "
        f"{VENDOR_TEAMS}",
        "{user}",
        (*SCOPE, "window", "team"),
        breakdown="team",
    ),
    Metric(
        "adoption_new_users",
        f"People active {WINDOW} and never seen in the stored history before it; "
        "absent until the four weeks before the window are known. New, returned and retained people are all of them.",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_returned_users",
        f"People active {WINDOW}, absent in the window before it, seen earlier; "
        "absent until the four weeks before the window are known.",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_retained_users",
        f"People active {WINDOW} and in the window before it; absent until both are known.",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_lapsed_users",
        "People active in the window before, and not in the window of UTC days that ends with the data day; "
        "absent until both are known.",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_frequent_users",
        f"People active on at least people.frequent_days days {WINDOW}.",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_active_users_depth",
        f"People by the number of days on which they were active {WINDOW}; "
        "1, 2-4, 5-9, 10-14 and 15-28 add up to the active users.",
        "{user}",
        (*SCOPE, "window", "days"),
    ),
    Metric(
        "adoption_usage",
        f"Events of the activity {WINDOW}, service accounts included; accepted edits include those that Claude Code's "
        f"permission mode accepts by itself. {NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity"),
    ),
    Metric(
        "adoption_client_usage",
        f"Events of the activity by editor or client {WINDOW}. {NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "client"),
        breakdown="client",
    ),
    Metric(
        "adoption_language_usage",
        f"Events of the activity by programming language {WINDOW}. {NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "language"),
        breakdown="language",
    ),
    Metric(
        "adoption_model_usage",
        f"Events of the activity by AI model {WINDOW}. Copilot tells no completions by model, and its models do not "
        f"add up to adoption_usage. {NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "model"),
        breakdown="model",
    ),
    Metric(
        "adoption_team_usage",
        f"Events of the activity by team {WINDOW}; with unassigned, teams add up to adoption_usage. "
        f"{AS_OF_NOW} {VENDOR_TEAMS} {NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "team"),
        breakdown="team",
    ),
    Metric(
        "adoption_user_usage",
        f"Events of the activity by person or service account {WINDOW}; only with people.per_user. {NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "user"),
        breakdown="user",
    ),
    Metric(
        "adoption_code_lines",
        f"Lines of code of the activity {WINDOW}. {NEVER_ADD}",
        "{line}",
        (*SCOPE, "window", "activity"),
    ),
    Metric(
        "adoption_code_characters",
        f"Characters of code of the activity {WINDOW}. {NEVER_ADD}",
        "{character}",
        (*SCOPE, "window", "activity"),
    ),
    Metric(
        "adoption_active_time_seconds",
        f"Time spent {WINDOW}, all people together.",
        "s",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_activity_active_time_seconds",
        f"Time spent in the activity {WINDOW}, all people together. {NEVER_ADD}",
        "s",
        (*SCOPE, "window", "activity"),
        breakdown="activity",
    ),
    Metric(
        "adoption_team_active_time_seconds",
        f"Time spent by team {WINDOW}; with unassigned, teams add up to adoption_active_time_seconds. {AS_OF_NOW} "
        f"{VENDOR_TEAMS}",
        "s",
        (*SCOPE, "window", "team"),
        breakdown="team",
    ),
    Metric(
        "adoption_user_active_time_seconds",
        f"Time spent by person or service account {WINDOW}; only with people.per_user.",
        "s",
        (*SCOPE, "window", "user"),
        breakdown="user",
    ),
    *MONEY,
    *SEATS,
    Metric(
        "adoption_data_day_timestamp_seconds",
        "Start (00:00 UTC) of the data day: the newest day that the vendor has finished publishing.",
        "s",
        SCOPE,
    ),
    Metric(
        "adoption_data_revisions_total",
        "Days whose content changed after they were first published.",
        "{day}",
        SCOPE,
        "counter",
    ),
    *VERDICTS,
    *DAYS,
)
