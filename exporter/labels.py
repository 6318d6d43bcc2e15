"""The labels of metrics, checked once by whoever makes many samples."""

from exporter.metrics import CATALOGUE


def labelled(name: str, *labels: str) -> str:
    """The name of a metric; KeyError or ValueError where its row has other labels, or has them in another order."""
    if CATALOGUE[name].labels != labels:
        raise ValueError(f"{name} has labels {CATALOGUE[name].labels}, got {labels}")
    return name
