"""The metrics about the exporter itself: polls, requests, series, state, configuration, OTLP."""

from exporter.metrics.metric import SCOPE, SOURCE, Metric

EXPORTER: tuple[Metric, ...] = (
    Metric(
        "adoption_exporter_build_info", "Always 1; the labels say what runs.", "{info}", ("version", "python_version")
    ),
    Metric(
        "adoption_exporter_poll_success",
        "1 where the source's last poll read a scope, 0 where every scope failed; absent before the first poll.",
        "{bool}",
        SOURCE,
    ),
    Metric(
        "adoption_exporter_scope_success",
        "1 where the last reading of the scope went well, else 0; there while the scope is configured or listed.",
        "{bool}",
        SCOPE,
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
        "Adoption series that are withheld: day_series (of single days, which max_series drops first), max_series (of "
        "anything else) or privacy (a group is too small).",
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
