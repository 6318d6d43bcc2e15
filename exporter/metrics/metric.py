"""A row of the catalogue, and a sample of one."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["gauge", "counter"]
# The label by which a metric splits people or what they did.
Breakdown = Literal["activity", "client", "language", "model", "team", "user"]

SCOPE = ("source", "vendor", "scope")
SOURCE = ("source", "vendor")


@dataclass(frozen=True)
class Metric:
    """One row of the catalogue. `unit` is UCUM, as OpenTelemetry writes it.

    `breakdown` is the label that makes the metric a part of a total that is published too, None for a total. Usage and
    code by activity are totals: activities are never added up, so nothing stands above them.
    """

    name: str
    help: str
    unit: str
    labels: tuple[str, ...]
    kind: Kind = "gauge"
    breakdown: Breakdown | None = None


class Sample(NamedTuple):
    """One value: `labels` in the order of the metric's row."""

    metric: str
    labels: tuple[str, ...]
    value: float
