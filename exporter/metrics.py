"""The catalogue: every metric once, with its help, unit and labels; everything else is derived from these rows."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["gauge", "counter"]

SCOPE = ("source", "vendor", "scope")
SOURCE = ("source", "vendor")

_WINDOW = "in the window of UTC days that ends with the data day (adoption_data_day_timestamp_seconds)"
_CACHED = "Read from the vendor at each poll and cached in between."
_NEVER_ADD = "Activities overlap and differ in kind: never add them together."
_AS_OF_NOW = "Past days have the teams of now."
_PEOPLE = "Never add these: one person counts in several."


@dataclass(frozen=True)
class Metric:
    """One row of the catalogue. `unit` is UCUM, as OpenTelemetry writes it."""

    name: str
    help: str
    unit: str
    labels: tuple[str, ...]
    kind: Kind = "gauge"


class Sample(NamedTuple):
    """One value: `labels` in the order of the metric's row."""

    metric: str
    labels: tuple[str, ...]
    value: float


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
    ),
    Metric(
        "adoption_client_active_users",
        f"Distinct people by editor or client {_WINDOW}. {_PEOPLE}",
        "{user}",
        (*SCOPE, "window", "client"),
    ),
    Metric(
        "adoption_language_active_users",
        f"Distinct people by programming language {_WINDOW}. {_PEOPLE}",
        "{user}",
        (*SCOPE, "window", "language"),
    ),
    Metric(
        "adoption_team_active_users",
        f"Distinct people by team of the teams file {_WINDOW}; who is in no team is in unassigned. {_AS_OF_NOW}",
        "{user}",
        (*SCOPE, "window", "team"),
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
    ),
    Metric(
        "adoption_language_usage",
        f"Events of the activity by programming language {_WINDOW}. {_NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "language"),
    ),
    Metric(
        "adoption_team_usage",
        f"Events of the activity by team {_WINDOW}; with unassigned, teams add up to adoption_usage. "
        f"{_AS_OF_NOW} {_NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "team"),
    ),
    Metric(
        "adoption_user_usage",
        f"Events of the activity by person or service account {_WINDOW}; only with people.per_user. {_NEVER_ADD}",
        "{event}",
        (*SCOPE, "window", "activity", "user"),
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
    ),
    Metric(
        "adoption_team_active_time_seconds",
        f"Time spent by team {_WINDOW}; with unassigned, teams add up to adoption_active_time_seconds. {_AS_OF_NOW}",
        "s",
        (*SCOPE, "window", "team"),
    ),
    Metric(
        "adoption_user_active_time_seconds",
        f"Time spent by person or service account {_WINDOW}; only with people.per_user.",
        "s",
        (*SCOPE, "window", "user"),
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

EXPORTER: tuple[Metric, ...] = (
    Metric(
        "adoption_exporter_build_info", "Always 1; the labels say what runs.", "{info}", ("version", "python_version")
    ),
    Metric(
        "adoption_exporter_poll_success",
        "1 where the source's last poll read every scope, else 0; absent before the first poll.",
        "{bool}",
        SOURCE,
    ),
    Metric("adoption_exporter_poll_duration_seconds", "How long the source's last poll took.", "s", SOURCE),
    Metric("adoption_exporter_last_poll_timestamp_seconds", "When the source's last poll ended.", "s", SOURCE),
    Metric(
        "adoption_exporter_last_success_timestamp_seconds",
        "When the source's last successful poll ended.",
        "s",
        SOURCE,
    ),
    Metric("adoption_exporter_next_poll_timestamp_seconds", "When the source's next poll is due.", "s", SOURCE),
    Metric("adoption_exporter_polls_total", "Polls that ended, failed ones too.", "{poll}", SOURCE, "counter"),
    Metric(
        "adoption_exporter_poll_failures_total",
        "Polls that failed, by reason: unreachable, rate_limited, rejected (a human is needed), payload, bug.",
        "{poll}",
        (*SOURCE, "reason"),
        "counter",
    ),
    Metric(
        "adoption_exporter_vendor_requests_total",
        "HTTP requests to the vendor by status code, retries too; error where no answer came.",
        "{request}",
        (*SOURCE, "code"),
        "counter",
    ),
    Metric("adoption_exporter_series", "Adoption series that are published for the source.", "{series}", SOURCE),
    Metric(
        "adoption_exporter_series_dropped",
        "Adoption series that are withheld: max_series (the limit is reached) or privacy (a group is too small).",
        "{series}",
        (*SOURCE, "reason"),
    ),
    Metric(
        "adoption_exporter_series_shortened", "Adoption series with a label cut to 2,048 bytes.", "{series}", SOURCE
    ),
    Metric(
        "adoption_exporter_token_expiry_timestamp_seconds",
        "When the source's token expires, as token_expires_at in the configuration says.",
        "s",
        SOURCE,
    ),
    Metric("adoption_exporter_state_up", "1 where the state can be used; else 0, and polls fail.", "{bool}", ()),
    Metric(
        "adoption_exporter_config_last_reload_successful",
        "1 where the configuration was last read without a mistake, else 0.",
        "{bool}",
        (),
    ),
    Metric(
        "adoption_exporter_config_last_reload_success_timestamp_seconds",
        "When the configuration was last read without a mistake.",
        "s",
        (),
    ),
)

# Only where the configuration has an `otlp` section.
OTLP: tuple[Metric, ...] = (
    Metric(
        "adoption_exporter_otlp_exports_total",
        "Requests to the OTLP collector, failed ones too; what is tried again within otlp.timeout counts once.",
        "{request}",
        (),
        "counter",
    ),
    Metric(
        "adoption_exporter_otlp_export_failures_total",
        "Requests that the OTLP collector did not take, or took without some of their data.",
        "{request}",
        (),
        "counter",
    ),
    Metric(
        "adoption_exporter_otlp_rejected_items_total",
        "Data points and spans that the OTLP collector rejected while it took the rest of their request.",
        "{item}",
        (),
        "counter",
    ),
)

CATALOGUE: dict[str, Metric] = {metric.name: metric for metric in (*ADOPTION, *EXPORTER, *OTLP)}


def sample(name: str, value: float, **labels: str) -> Sample:
    """A sample with its labels in the catalogue's order; KeyError or ValueError where they do not fit."""
    wanted = CATALOGUE[name].labels
    if len(labels) != len(wanted):
        raise ValueError(f"{name} has labels {wanted}, got {tuple(labels)}")
    return Sample(name, tuple([labels[label] for label in wanted]), value)
