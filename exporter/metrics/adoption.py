"""The metrics about adoption: what vendors say of people, usage and time."""

from exporter.metrics.metric import SCOPE, Metric

_WINDOW = "in the window of UTC days that ends with the data day (adoption_data_day_timestamp_seconds)"
_CACHED = "Read from the vendor at each poll and cached in between."
_NEVER_ADD = "Activities overlap and differ in kind: never add them together."
_AS_OF_NOW = "Past days have the teams of now."
_PEOPLE = "Never add these: one person counts in several."

ADOPTION: tuple[Metric, ...] = (
    Metric(
        "adoption_active_users",
        f"Distinct people active {_WINDOW}; service accounts are left out. "
        f"GitLab counts anonymous visitors too. {_CACHED}",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_active_service_accounts",
        f"Distinct service accounts active {_WINDOW}. {_CACHED}",
        "{account}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_activity_active_users",
        f"Distinct people who did the activity {_WINDOW}. {_NEVER_ADD}",
        "{user}",
        (*SCOPE, "window", "activity"),
        breakdown="activity",
    ),
    Metric(
        "adoption_client_active_users",
        f"Distinct people by editor or client {_WINDOW}. {_PEOPLE}",
        "{user}",
        (*SCOPE, "window", "client"),
        breakdown="client",
    ),
    Metric(
        "adoption_language_active_users",
        f"Distinct people by programming language {_WINDOW}. {_PEOPLE}",
        "{user}",
        (*SCOPE, "window", "language"),
        breakdown="language",
    ),
    Metric(
        "adoption_team_active_users",
        f"Distinct people by team of the teams file {_WINDOW}; who is in no team is in unassigned. {_AS_OF_NOW}",
        "{user}",
        (*SCOPE, "window", "team"),
        breakdown="team",
    ),
    Metric(
        "adoption_new_users",
        f"People active {_WINDOW} and never seen in the stored history before it; "
        "absent until the four weeks before the window are known. New, returned and retained people are all of them.",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_returned_users",
        f"People active {_WINDOW}, absent in the window before it, seen earlier; "
        "absent until the four weeks before the window are known.",
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
        f"People active on at least people.frequent_days days {_WINDOW}.",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_usage",
        f"Events of the activity {_WINDOW}, service accounts included. {_NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity"),
    ),
    Metric(
        "adoption_client_usage",
        f"Events of the activity by editor or client {_WINDOW}. {_NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "client"),
        breakdown="client",
    ),
    Metric(
        "adoption_language_usage",
        f"Events of the activity by programming language {_WINDOW}. {_NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "language"),
        breakdown="language",
    ),
    Metric(
        "adoption_team_usage",
        f"Events of the activity by team {_WINDOW}; with unassigned, teams add up to adoption_usage. "
        f"{_AS_OF_NOW} {_NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "team"),
        breakdown="team",
    ),
    Metric(
        "adoption_user_usage",
        f"Events of the activity by person or service account {_WINDOW}; only with people.per_user. {_NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "user"),
        breakdown="user",
    ),
    Metric(
        "adoption_code_lines",
        f"Lines of code of the activity {_WINDOW}. {_NEVER_ADD}",
        "{line}",
        (*SCOPE, "window", "activity"),
    ),
    Metric(
        "adoption_code_characters",
        f"Characters of code of the activity {_WINDOW}. {_NEVER_ADD}",
        "{character}",
        (*SCOPE, "window", "activity"),
    ),
    Metric(
        "adoption_active_time_seconds",
        f"Time spent {_WINDOW}, all people together.",
        "s",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_activity_active_time_seconds",
        f"Time spent in the activity {_WINDOW}, all people together. {_NEVER_ADD}",
        "s",
        (*SCOPE, "window", "activity"),
        breakdown="activity",
    ),
    Metric(
        "adoption_team_active_time_seconds",
        f"Time spent by team {_WINDOW}; with unassigned, teams add up to adoption_active_time_seconds. {_AS_OF_NOW}",
        "s",
        (*SCOPE, "window", "team"),
        breakdown="team",
    ),
    Metric(
        "adoption_user_active_time_seconds",
        f"Time spent by person or service account {_WINDOW}; only with people.per_user.",
        "s",
        (*SCOPE, "window", "user"),
        breakdown="user",
    ),
    Metric(
        "adoption_active_users_baseline",
        "Median of the 1d active people on the data day's weekday in the four weeks before it; needs two known days.",
        "{user}",
        SCOPE,
    ),
    Metric(
        "adoption_seats",
        "Paid or registered human seats: seats in the configuration, else what the vendor's registry says today.",
        "{seat}",
        SCOPE,
    ),
    Metric(
        "adoption_data_day_timestamp_seconds",
        "Start (00:00 UTC) of the data day: the newest day that the vendor has finished publishing.",
        "s",
        SCOPE,
    ),
    Metric(
        "adoption_data_day_workday",
        "1 where the data day is a working day in the source's calendar, else 0.",
        "{day}",
        SCOPE,
    ),
    Metric(
        "adoption_data_revisions_total",
        "Days whose content changed after they were first published.",
        "{day}",
        SCOPE,
        "counter",
    ),
)
