"""The metrics of seats, tokens and money."""

from exporter.metrics.metric import SCOPE, Metric
from exporter.metrics.sentences import AS_OF_NOW, VENDOR_TEAMS, WINDOW

_TOKEN_WINDOW = (
    f"{WINDOW}, or, where tokens come as late as money, with that of adoption_spend_data_day_timestamp_seconds"
)
_MONEY_WINDOW = (
    f"{WINDOW}, or, where money comes later, with that of adoption_spend_data_day_timestamp_seconds; "
    "basis is estimated (at list price, which nobody is billed), included (covered by the plan) or charged (on top)"
)
_NO_SUM = "Never add currencies or bases together."

SEATS: tuple[Metric, ...] = (
    Metric(
        "adoption_seats",
        "Paid or registered human seats: seats in the configuration, else what the vendor's registry says today.",
        "{seat}",
        SCOPE,
    ),
    Metric(
        "adoption_seats_idle",
        f"Holders of a seat who were not active {WINDOW}, those of adoption_seats_never_used among them; "
        "only where the vendor names the holders and the configuration gives no seats. "
        "Copilot's list of seats also knows of activity that its reports leave out: who has any is not idle.",
        "{seat}",
        (*SCOPE, "window"),
    ),
    Metric(
        "adoption_seats_never_used",
        "Holders of a seat who were active on no day of the stored history; absent while fewer than 28 days are known. "
        "Copilot: of seats younger than 90 days or than that history, since it forgets older activity.",
        "{seat}",
        SCOPE,
    ),
    Metric(
        "adoption_seat_price",
        "Price of one seat for a month, as seat_price in the configuration says.",
        "{currency}",
        (*SCOPE, "currency"),
    ),
)

MONEY: tuple[Metric, ...] = (
    Metric(
        "adoption_tokens",
        f"Tokens of the AI models by kind {_TOKEN_WINDOW}; service accounts included. "
        "Copilot tells those of its CLI and its app alone, not those of editors.",
        "{token}",
        (*SCOPE, "window", "kind"),
    ),
    Metric(
        "adoption_model_tokens",
        f"Tokens by kind and AI model {_TOKEN_WINDOW}.",
        "{token}",
        (*SCOPE, "window", "kind", "model"),
        breakdown="model",
    ),
    Metric(
        "adoption_team_tokens",
        f"Tokens by kind and team {_TOKEN_WINDOW}; with unassigned, teams add up to adoption_tokens. "
        f"{AS_OF_NOW} {VENDOR_TEAMS}",
        "{token}",
        (*SCOPE, "window", "kind", "team"),
        breakdown="team",
    ),
    Metric(
        "adoption_spend",
        f"Money for usage {_MONEY_WINDOW}. {_NO_SUM}",
        "{currency}",
        (*SCOPE, "window", "currency", "basis"),
    ),
    Metric(
        "adoption_model_spend",
        f"Money for usage by AI model {_MONEY_WINDOW}. {_NO_SUM}",
        "{currency}",
        (*SCOPE, "window", "currency", "basis", "model"),
        breakdown="model",
    ),
    Metric(
        "adoption_team_spend",
        f"Money for usage by team {_MONEY_WINDOW}. With unassigned, teams add up to adoption_spend. "
        f"{_NO_SUM} {AS_OF_NOW} {VENDOR_TEAMS}",
        "{currency}",
        (*SCOPE, "window", "currency", "basis", "team"),
        breakdown="team",
    ),
    Metric(
        "adoption_spend_data_day_timestamp_seconds",
        "Start (00:00 UTC) of the newest day of which the money is known: windows of spend end with it, and those of "
        "tokens where these come with the money.",
        "s",
        SCOPE,
    ),
)
