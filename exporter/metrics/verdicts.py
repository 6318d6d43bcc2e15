"""The metrics that judge: what is usual, what was before, what the calendar says of the newest days."""

from exporter.metrics.metric import SCOPE, Metric

_WINDOW = "the window of UTC days that ends with the data day"
_COMPARABLE = "the newest four known working days of the same weekday in the ten weeks before it; needs two such days"
_WORKDAY = "the newest working day up to the data day (adoption_workday_timestamp_seconds)"

VERDICTS: tuple[Metric, ...] = (
    Metric(
        "adoption_active_users_baseline",
        f"Median of the 1d active people on the days that the data day is compared with: {_COMPARABLE}, and is absent "
        "where the data day is no working day.",
        "{user}",
        SCOPE,
    ),
    Metric(
        "adoption_data_day_due_timestamp_seconds",
        "When the day after the data day is due: at the end of that UTC day plus the source's ready_at.",
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
        "adoption_workday_timestamp_seconds",
        "Start (00:00 UTC) of the newest working day up to the data day; absent where ten weeks have none.",
        "s",
        SCOPE,
    ),
    Metric("adoption_workday_active_users", f"Distinct people active on {_WORKDAY}.", "{user}", SCOPE),
    Metric(
        "adoption_workday_active_users_baseline",
        f"Median of the people on the days that {_WORKDAY} is compared with: {_COMPARABLE}.",
        "{user}",
        SCOPE,
    ),
    Metric(
        "adoption_active_users_before",
        f"Distinct people active in the days before {_WINDOW}, as many days as it has.",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_active_users_best",
        f"The most people of {_WINDOW} over the data days of 26 weeks, this one included, as far as they are known.",
        "{user}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_window_workdays",
        f"Working days of the source's calendar in {_WINDOW}.",
        "{day}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_window_workdays_before",
        f"Working days of the source's calendar in the days before {_WINDOW}, as many days as it has.",
        "{day}",
        (*SCOPE, "window"),
    ),
)
