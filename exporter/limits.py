"""Keeps a source below its max_series: what goes first is the finest detail, always the same series."""

from collections.abc import Sequence

from exporter.metrics import Sample

# From the first to be kept to the first to be dropped; what is not named is a total and always comes first.
_DETAIL = ("activity", "team", "client", "language", "user")


def limit(samples: Sequence[Sample], most: int) -> tuple[list[Sample], int]:
    """At most so many samples, in their order, and how many were dropped."""
    if len(samples) <= most:
        return list(samples), 0
    kept = sorted(range(len(samples)), key=lambda index: (_rank(samples[index].metric), index))[:most]
    return [samples[index] for index in sorted(kept)], len(samples) - most


def _rank(metric: str) -> int:
    for rank, detail in enumerate(_DETAIL, start=1):
        if metric.startswith(f"adoption_{detail}_"):
            return rank
    return 0
