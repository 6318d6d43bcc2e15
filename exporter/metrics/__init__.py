"""The catalogue: every metric once, with its help, unit and labels; everything else is derived from these rows."""

from exporter.metrics.adoption import ADOPTION
from exporter.metrics.company import COMPANY
from exporter.metrics.exporter import EXPORTER, OTLP
from exporter.metrics.metric import SCOPE, SOURCE, Kind, Metric, Sample

__all__ = [
    "ADOPTION",
    "CATALOGUE",
    "COMPANY",
    "EXPORTER",
    "OTLP",
    "SCOPE",
    "SOURCE",
    "Kind",
    "Metric",
    "Sample",
    "sample",
]

CATALOGUE: dict[str, Metric] = {metric.name: metric for metric in (*ADOPTION, *COMPANY, *EXPORTER, *OTLP)}


def sample(name: str, value: float, **labels: str) -> Sample:
    """A sample with its labels in the catalogue's order; KeyError or ValueError where they do not fit."""
    wanted = CATALOGUE[name].labels
    if len(labels) != len(wanted):
        raise ValueError(f"{name} has labels {wanted}, got {tuple(labels)}")
    return Sample(name, tuple([labels[label] for label in wanted]), value)
