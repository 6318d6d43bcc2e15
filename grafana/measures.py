"""What is measured on more than one dashboard: expressions, the words that explain them, and their colors."""

from grafana.colors import BAD, GOOD, GREY, LOOK
from grafana.panels import NEUTRAL, Steps
from grafana.queries import DATA_DAY, ON, Facts

BY_DAY = (
    " Each day is drawn on the day that it is about (UTC), as it is known now: after the first scrape the "
    "days are there, "
    "and a late or a revised day stands where it belongs. A day that no vendor has finished is not drawn."
)
AS_SEEN = (
    " Drawn when it was known, a few hours after the vendor has finished the day that it is about. Where nothing was "
    "scraped or backfilled there is no line."
)
NEWEST = " Of the newest day that the vendor has finished, a weekend too: the windows end with it."
ON_WORKDAY = " On the newest working day that the vendor has finished: never a weekend or a holiday."
LIVE = " Live series only: backfilled history has none of the exporter itself."

# In whole percents: what an alert calls a drop (-25), and half of it.
AGAINST_USUAL: Steps = ((None, BAD), (-24, LOOK), (-12, GOOD))
# A fall of -10 % in four weeks is an alert.
CHANGE: Steps = ((None, BAD), (-9, LOOK), (0, GOOD))
# Half of the seats and nearly all of them are alerts.
SEATS: Steps = ((None, LOOK), (0.5, GOOD), (0.95, BAD))
LATE: Steps = ((None, GREY), (0, LOOK))
NONE_IS_GOOD: Steps = ((None, GOOD), (1, BAD))
NONE_IS_BETTER: Steps = ((None, GOOD), (1, LOOK))

PLAIN = NEUTRAL


def people(facts: Facts, window: str) -> str:
    """Distinct people of the newest window."""
    return facts.now("adoption_active_users", window=window)


def on_workday(facts: Facts) -> str:
    """Distinct people of the newest working day."""
    return facts.now("adoption_workday_active_users")


def usual_now(facts: Facts) -> str:
    """How far people of the newest working day are above or below what is usual on its weekday, in percents."""
    return _percents(f"{on_workday(facts)}\n/ {facts.now('adoption_workday_active_users_baseline')}")


def change_now(facts: Facts, window: str = "28d") -> str:
    """How far people of the window are above or below those of the window before it, in percents."""
    return _percents(f"{people(facts, window)}\n/ {facts.now('adoption_active_users_before', window=window)}")


def stickiness_now(facts: Facts) -> str:
    """People of the newest working day ÷ people of 28 days."""
    return f"{on_workday(facts)}\n/ {people(facts, '28d')}"


def seats_used(facts: Facts) -> str:
    """People of 28 days ÷ seats."""
    return f"{people(facts, '28d')}\n/ {facts.now('adoption_seats')}"


def seats_unused(facts: Facts) -> str:
    """Seats whose holders were idle for 28 days; where holders are not known, those beyond the people of 28 days."""
    idle = facts.now("adoption_seats_idle", window="28d")
    return f"({idle}\nor clamp_min({facts.now('adoption_seats')} - {people(facts, '28d')}, 0))"


def cost_unused(facts: Facts) -> str:
    """What the unused seats cost in a month, by currency."""
    price = facts.now("adoption_seat_price", "currency")
    return f"{price}\n* {ON} group_left () {seats_unused(facts)}"


def late(facts: Facts) -> str:
    """For how long the next day has been due, in seconds, where a poll since then did not bring it."""
    due = facts.now("adoption_data_day_due_timestamp_seconds")
    polled = f"max by (source, vendor) (adoption_exporter_last_poll_timestamp_seconds{{{facts.health}}})"
    return f"time() - ({due} < on (source, vendor) group_left {polled})"


def data_day(facts: Facts) -> str:
    """The newest finished day, in milliseconds."""
    return f"{facts.now(DATA_DAY)} * 1000"


def accepted_now(facts: Facts, window: str, by: str = "") -> str:
    """Accepted ÷ suggested completions of the newest window, `by` client, language or team."""
    metric, labels = _usage(by)
    accepted = facts.now(metric, *labels, activity="completions_accepted", window=window)
    return f"{accepted}\n/ {facts.now(metric, *labels, activity='completions_suggested', window=window)}"


def accepted_trend(facts: Facts, by: str = "") -> str:
    """Accepted ÷ suggested completions of 28 days, as it was known at each moment."""
    metric, labels = _usage(by)
    accepted = facts.trend(metric, *labels, activity="completions_accepted", window="28d")
    return f"{accepted}\n/ {facts.trend(metric, *labels, activity='completions_suggested', window='28d')}"


def usual_by_day(facts: Facts) -> str:
    """How far people of each working day are above or below what is usual on its weekday, in percents."""
    day, usual = facts.days("adoption_day_active_users", window="1d"), facts.days("adoption_day_active_users_baseline")
    return facts.on_workdays(_percents(f"{day}\n/ {usual}"))


def stickiness_by_day(facts: Facts) -> str:
    """People of each working day ÷ people of the 28 days that end with it."""
    day, month = (facts.days("adoption_day_active_users", window=window) for window in ("1d", "28d"))
    return facts.on_workdays(f"{day}\n/ {month}")


def _percents(ratio: str) -> str:
    return f"round(100 * ({ratio} - 1))"


def _usage(by: str) -> tuple[str, tuple[str, ...]]:
    return (f"adoption_{by}_usage", (by,)) if by else ("adoption_usage", ())
