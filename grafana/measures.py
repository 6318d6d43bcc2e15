"""What is measured on more than one dashboard: expressions, the words that explain them, and their colors."""

from grafana.panels import Steps
from grafana.queries import Facts

LATE = (
    " Each day is drawn on the day that it is about (UTC). A vendor finishes a day in the first hours of the next one; "
    "a day that came later than that is a gap, never a drop."
)
NEWEST = " Of the newest day that the vendor has finished: yesterday or, for some hours, the day before."

# What an alert calls a drop, and half of it.
AGAINST_USUAL: Steps = ((None, "red"), (-0.25, "orange"), (-0.12, "green"))
# Half of the seats and nearly all of them are alerts.
SEATS: Steps = ((None, "orange"), (0.5, "green"), (0.95, "red"))
# In hours. A day is 24 to 51 hours old until the next one is finished; from 54 hours on it is late.
AGE: Steps = ((None, "green"), (51, "orange"), (54, "red"))

_KEYS = "on (source, vendor, scope)"


def people(facts: Facts, window: str) -> str:
    """Distinct people of the newest window."""
    return facts.now("adoption_active_users", window=window)


def usual_now(facts: Facts) -> str:
    """How far people of the newest day are above or below what is usual on its weekday."""
    return f"{people(facts, '1d')}\n/ {facts.now('adoption_active_users_baseline')} - 1"


def stickiness_now(facts: Facts) -> str:
    """People of the newest day ÷ people of 28 days."""
    return f"{people(facts, '1d')}\n/ {people(facts, '28d')}"


def seats_used(facts: Facts) -> str:
    """People of 28 days ÷ seats."""
    return f"{people(facts, '28d')}\n/ {facts.now('adoption_seats')}"


def accepted_now(facts: Facts, window: str, by: str = "") -> str:
    """Accepted ÷ suggested completions of the newest window, `by` client, language or team."""
    metric, labels = _usage(by)
    accepted = facts.now(metric, *labels, activity="completions_accepted", window=window)
    return f"{accepted}\n/ {facts.now(metric, *labels, activity='completions_suggested', window=window)}"


def accepted_each_day(facts: Facts, by: str = "") -> str:
    """Accepted ÷ suggested completions of the chosen window, each day."""
    metric, labels = _usage(by)
    accepted = facts.of_day(metric, *labels, activity="completions_accepted", window="$window")
    suggested = facts.of_day(metric, *labels, activity="completions_suggested", window="$window")
    return facts.daily(f"{accepted}\n/ {suggested}")


def usual_each_day(facts: Facts) -> str:
    """How far people of each working day are above or below what is usual on its weekday."""
    day = facts.of_day("adoption_active_users", window="1d")
    return facts.daily(f"{day}\n/ {facts.of_day('adoption_active_users_baseline')} - 1\n{_on_workdays(facts)}")


def stickiness_each_day(facts: Facts) -> str:
    """People of each working day ÷ people of the 28 days that end with it."""
    day, month = (facts.of_day("adoption_active_users", window=window) for window in ("1d", "28d"))
    return facts.daily(f"{day}\n/ {month}\n{_on_workdays(facts)}")


def change_each_day(facts: Facts) -> str:
    """How far people of the chosen window are above or below those of the same window four weeks earlier."""
    now = facts.of_day("adoption_active_users", window="$window")
    return facts.daily(f"{now}\n/ {facts.four_weeks_before('adoption_active_users', window='$window')} - 1")


def _on_workdays(facts: Facts) -> str:
    return f"and {_KEYS} {facts.of_day('adoption_data_day_workday')} == 1"


def _usage(by: str) -> tuple[str, tuple[str, ...]]:
    return (f"adoption_{by}_usage", (by,)) if by else ("adoption_usage", ())
