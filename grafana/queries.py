"""PromQL of the dashboards: the same answer from live and from backfilled series, on the day that it is about.

A series is about its data day D, and Prometheus has its samples from D + 1 day + ready_at on, until the next day's
value takes its place: every minute where they were scraped, one where they were backfilled. So the value of D is the
last sample of the day after D, taken a minute before that day ends, because a day may be ready at midnight.
A negative offset moves it to 00:00 of D. Grafana's own time shift cannot: it moves the axis along.
"""

from dataclasses import dataclass

DATA_DAY = "adoption_data_day_timestamp_seconds"
KEYS = ("source", "vendor", "scope")

_DAY_AFTER = "[1d] offset -47h59m"
# The same of the day four weeks earlier.
_FOUR_WEEKS_BEFORE = "[1d] offset 624h1m"
# As far back as a backfilled day can be, with two hours for a ready_at that was changed.
_LATEST = "[26h]"


@dataclass(frozen=True)
class Facts:
    """Series of the chosen sources; `chosen` stands in the braces of every selector.

    `by` are the labels that are kept beside source, vendor and scope, `equal` are labels with their values, and `where`
    is any other matcher.
    """

    chosen: str

    def of_day(self, metric: str, *by: str, where: str = "", **equal: str) -> str:
        """The metric's value of each day, at 00:00 of it; for `daily`."""
        return f"{_max(*by)} (last_over_time({self._series(metric, where, **equal)}{_DAY_AFTER}))"

    def four_weeks_before(self, metric: str, *by: str, where: str = "", **equal: str) -> str:
        """The metric's value of the day 28 days before each day; for `daily`."""
        return f"{_max(*by)} (last_over_time({self._series(metric, where, **equal)}{_FOUR_WEEKS_BEFORE}))"

    def daily(self, expression: str) -> str:
        """The expression on days that were the data day: a day that came late is a gap, not its predecessor again."""
        day = f"last_over_time({self._series(DATA_DAY)}{_DAY_AFTER})"
        return f"({expression})\nand on ({', '.join(KEYS)}) {day} == time()"

    def each_day(self, metric: str, *by: str, where: str = "", **equal: str) -> str:
        """`daily` of a metric as it is."""
        return self.daily(self.of_day(metric, *by, where=where, **equal))

    def now(self, metric: str, *by: str, where: str = "", **equal: str) -> str:
        """The metric's newest value: the live one; where a source has none, what was backfilled last."""
        series, live = self._series(metric, where, **equal), self._series(DATA_DAY)
        last = f"last_over_time({series}{_LATEST}) unless on ({', '.join(KEYS)}) {live}"
        return f"{_max(*by)} ({series} or ({last}))"

    def _series(self, metric: str, where: str = "", **equal: str) -> str:
        matchers = [self.chosen, *(f'{label}="{value}"' for label, value in equal.items()), where]
        return f"{metric}{{{', '.join(matcher for matcher in matchers if matcher)}}}"


def _max(*by: str) -> str:
    # One of several replicas of the exporter, and of the live and the backfilled series; never a sum of people.
    return f"max by ({', '.join((*KEYS, *by))})"
