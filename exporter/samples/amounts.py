"""Samples of usage, code, time, tokens and money: totals, and their parts by client, language, model and team."""

from collections.abc import Collection, Iterator

from exporter.metrics import CATALOGUE, SCOPE, Sample
from exporter.model import UNASSIGNED, Amount, AmountKey, Dimension, Measure
from exporter.samples.aggregate import Aggregate


def labelled(name: str, *labels: str) -> str:
    """The name of a metric; KeyError or ValueError where its row has other labels or another order of them."""
    if CATALOGUE[name].labels != labels:
        raise ValueError(f"{name} has labels {CATALOGUE[name].labels}, got {labels}")
    return name


# Checked once here, because each metric has many samples.
WINDOW = (*SCOPE, "window")
_TOTALS: dict[Measure, str] = {
    "usage": labelled("adoption_usage", *WINDOW, "activity"),
    "code_lines": labelled("adoption_code_lines", *WINDOW, "activity"),
    "code_characters": labelled("adoption_code_characters", *WINDOW, "activity"),
    "active_time": labelled("adoption_active_time_seconds", *WINDOW),
    "tokens": labelled("adoption_tokens", *WINDOW, "kind"),
    "spend": labelled("adoption_spend", *WINDOW, "currency", "basis"),
}
_PARTS: dict[tuple[Measure, Dimension], str] = {
    ("usage", "client"): labelled("adoption_client_usage", *WINDOW, "activity", "client"),
    ("usage", "language"): labelled("adoption_language_usage", *WINDOW, "activity", "language"),
    ("usage", "model"): labelled("adoption_model_usage", *WINDOW, "activity", "model"),
    ("usage", "team"): labelled("adoption_team_usage", *WINDOW, "activity", "team"),
    ("active_time", "team"): labelled("adoption_team_active_time_seconds", *WINDOW, "team"),
    ("tokens", "model"): labelled("adoption_model_tokens", *WINDOW, "kind", "model"),
    ("tokens", "team"): labelled("adoption_team_tokens", *WINDOW, "kind", "team"),
    ("spend", "model"): labelled("adoption_model_spend", *WINDOW, "currency", "basis", "model"),
    ("spend", "team"): labelled("adoption_team_spend", *WINDOW, "currency", "basis", "team"),
}
_ACTIVITY_TIME = labelled("adoption_activity_active_time_seconds", *WINDOW, "activity")

# The values of WINDOW.
Labels = tuple[str, str, str, str]


def amount_samples(aggregate: Aggregate, labels: Labels, measures: Collection[Measure]) -> Iterator[Sample]:
    """The totals of these measures, then their parts."""
    parts = []
    for (amount, dimension, member), value in sorted(aggregate.amounts.items()):
        measure = amount.measure
        if measure not in measures:
            continue
        of_activity = measure == "active_time" and amount.activity != ""
        if dimension == "total" and not of_activity:
            yield Sample(_TOTALS[measure], (*labels, *_told(amount)), float(value))
        # Money may be paid back.
        elif value == 0 or (value < 0 and measure != "spend") or aggregate.lacks(amount, dimension):
            continue
        elif of_activity and dimension == "total":
            parts.append(Sample(_ACTIVITY_TIME, (*labels, amount.activity), float(value)))
        elif _is_known(aggregate, amount, dimension):
            parts.append(Sample(_PARTS[measure, dimension], (*labels, *_told(amount), member), float(value)))
    yield from parts


def _told(amount: Amount) -> tuple[str, ...]:
    """What tells the amounts of a measure apart; nothing where time is of all activities together."""
    return tuple(word for word in amount.words()[1:] if word)


def _is_known(aggregate: Aggregate, amount: Amount, dimension: Dimension) -> bool:
    """Whether parts that exist are all that there are: where they must add up, the total of every day is known."""
    if dimension == "team":
        return AmountKey(amount, "team", UNASSIGNED) in aggregate.amounts
    return amount.measure not in ("tokens", "spend") or AmountKey(amount) in aggregate.amounts
