"""PromQL of the dashboards.

A series is about its data day, and says of the newest days one by one what the state knows of them: what is drawn by
day comes from those, in one instant query whose label `day` becomes the time axis. It is whole after the first scrape,
and a late or a revised day stands where it belongs. What has no such series is drawn as Prometheus saw it.
"""

from dataclasses import dataclass

DATA_DAY = "adoption_data_day_timestamp_seconds"
WORKDAY = "adoption_workday_timestamp_seconds"
KEYS = ("source", "vendor", "scope")
ON = f"on ({', '.join(KEYS)})"
ON_DAY = f"on ({', '.join(KEYS)}, day)"

# As far back as a backfilled sample can be, with two hours for a ready_at that was changed.
_LATEST = "[26h]"
# In every time zone from -11 to +11 hours noon of a UTC day lies in the day of that name.
_NOON = "${1}T12:00:00Z"


@dataclass(frozen=True)
class Facts:
    """Series of the chosen sources; `chosen` stands in the braces of every selector.

    `by` are the labels that are kept beside source, vendor and scope, `equal` are labels with their values, and `where`
    is any other matcher. `max by` makes one series of several replicas of the exporter; people are never added.
    """

    chosen: str

    @property
    def health(self) -> str:
        """The matchers for series of whole sources, which have no scope."""
        return ", ".join(each for each in self.chosen.split(", ") if not each.startswith("scope"))

    def now(self, metric: str, *by: str, where: str = "", **equal: str) -> str:
        """The metric's value of now."""
        return f"max by ({', '.join((*KEYS, *by))}) ({self._series(metric, where, **equal)})"

    def days(self, metric: str, **equal: str) -> str:
        """A series of each of the newest days."""
        return self.now(metric, "day", **equal)

    def on_workdays(self, days: str, *, closed: bool = False) -> str:
        """Those of `days` that are working days, or those that are not."""
        return f"({days})\nand {ON_DAY} {self.days('adoption_day_workday')} == {0 if closed else 1}"

    def trend(self, metric: str, *by: str, where: str = "", **equal: str) -> str:
        """The metric's value as it was known at each moment, live or backfilled."""
        return f"max by ({', '.join((*KEYS, *by))}) (last_over_time({self._series(metric, where, **equal)}{_LATEST}))"

    def _series(self, metric: str, where: str = "", **equal: str) -> str:
        matchers = [self.chosen, *(f'{label}="{value}"' for label, value in equal.items()), where]
        return f"{metric}{{{', '.join(matcher for matcher in matchers if matcher)}}}"


def tool(expression: str) -> str:
    """The expression with a label `tool`: the source, and the scope where a source is not one whole."""
    named = f'label_join({expression}, "tool", " · ", "source", "scope")'
    return f'label_replace({named}, "tool", "$1", "tool", "(.*) · all")'


def at_noon(days: str, *by: str) -> str:
    """The series of days with nothing but the labels `by`, and with noon of it as their day."""
    moments = f'label_replace({days}, "day", "{_NOON}", "day", "(.+)")'
    return f"max by ({', '.join((*by, 'day'))}) ({moments})"
