"""The metrics of single days, the only ones with a date among their labels."""

from exporter.metrics.metric import SCOPE, Metric

_AS_OF_NOW = "Of the newest poll.day_series days up to the data day, as the state knows them now."

DAYS: tuple[Metric, ...] = (
    Metric(
        "adoption_day_active_users",
        f"Distinct people active in the window of UTC days that ends with the day. {_AS_OF_NOW}",
        "{user}",
        (*SCOPE, "window", "day"),
    ),
    Metric(
        "adoption_day_active_users_baseline",
        f"What is usual on the day, as adoption_active_users_baseline says of the data day. {_AS_OF_NOW}",
        "{user}",
        (*SCOPE, "day"),
    ),
    Metric(
        "adoption_day_workday",
        f"1 where the UTC day is a working day in the source's calendar, else 0. {_AS_OF_NOW}",
        "{day}",
        (*SCOPE, "day"),
    ),
    Metric(
        "adoption_day_revised_timestamp_seconds",
        f"When the day last changed after it was first published; only days that did. {_AS_OF_NOW}",
        "s",
        (*SCOPE, "day"),
    ),
)
