"""Keeps a source within what monitoring takes: its max_series, and the length of a label."""

from collections.abc import Sequence
from hashlib import sha256

from exporter.metrics import Sample

# In bytes. Mimir refuses a series with a longer label (its default, 2026-11).
LONGEST_LABEL = 2048
_BYTES_OF_A_LETTER = 4

# From the first to be kept to the first to be dropped; what is not named is a total and always comes first.
_DETAIL = ("activity", "team", "client", "language", "user")


def limit(samples: Sequence[Sample], most: int) -> tuple[list[Sample], int]:
    """At most so many samples, in their order, and how many were dropped: the finest detail, always the same series."""
    if len(samples) <= most:
        return list(samples), 0
    kept = sorted(range(len(samples)), key=lambda index: (_rank(samples[index].metric), index))[:most]
    return [samples[index] for index in sorted(kept)], len(samples) - most


def shorten(samples: Sequence[Sample]) -> tuple[list[Sample], int]:
    """The samples with labels of at most LONGEST_LABEL bytes, and how many of them have one that was cut.

    A cut label ends with a hash of the whole, so that labels that differ stay different.
    """
    cut = [sample if _fits(sample) else sample._replace(labels=tuple(map(_short, sample.labels))) for sample in samples]
    return cut, sum(after is not before and after != before for before, after in zip(samples, cut, strict=True))


def _fits(sample: Sample) -> bool:
    """Whether no label can be too long, however its letters are encoded."""
    return all(len(text) <= LONGEST_LABEL // _BYTES_OF_A_LETTER for text in sample.labels)


def _short(text: str) -> str:
    whole = text.encode()
    if len(whole) <= LONGEST_LABEL:
        return text
    mark = f"…{sha256(whole).hexdigest()[:16]}"
    return whole[: LONGEST_LABEL - len(mark.encode())].decode(errors="ignore") + mark


def _rank(metric: str) -> int:
    for rank, detail in enumerate(_DETAIL, start=1):
        if metric.startswith(f"adoption_{detail}_"):
            return rank
    return 0
