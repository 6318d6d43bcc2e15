"""Reads Analytics over spans of days: what is refused costs its metrics, what fails leaves the days without them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from exporter.errors import BadPayload, VendorError
from exporter.model import ONE_DAY
from exporter.vendors.cursor.analytics import Told, UserRow, read_metric
from exporter.vendors.cursor.api import METRICS, RANGE
from exporter.vendors.cursor.session import Context
from exporter.vendors.optional_read import optional


@dataclass
class AnalyticsDays:
    """What Analytics tells of days in one poll. `failed` is the first failure, with which the poll fails at its end.

    After an outage, and where the first metric is refused, nothing more is asked.
    """

    context: Context
    failed: VendorError | None = None
    _told: dict[date, dict[str, Sequence[UserRow]]] = field(default_factory=dict)
    _ended: bool = False

    def of(self, day: date, older: Sequence[date]) -> Told:
        """What is known of a day. `older` are the days that will be asked for next, newest first."""
        if day not in self._told:
            asked = [day, *(other for other in older if other > day - RANGE * ONE_DAY)]
            self._told |= {one: {} for one in asked}
            for metric in METRICS:
                if self.context.settings.analytics and not self._ended:
                    self._ask(metric, asked)
        return self._told[day]

    def _ask(self, metric: str, asked: Sequence[date]) -> None:
        first = metric == METRICS[0]
        what = "what Analytics tells by user" if first else f"{metric} of Analytics"
        try:
            found = optional(self.context, what, partial(read_metric, self.context.client, metric, asked))
        except VendorError as error:
            self.failed = self.failed or error
            self._ended = not isinstance(error, BadPayload)
            return
        if found is None:
            self._ended = first
            return
        if found.absent:
            remark = f"{found.absent} users that Analytics counts did not come in {metric}"
            self.context.warn("absent users of Analytics", remark)
        for day in asked:
            self._told[day][metric] = found.rows[day]
