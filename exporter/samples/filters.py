"""Filters samples before they are published: withholds small groups, limits series, shortens labels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

from exporter.metrics import ADOPTION, CATALOGUE, Sample
from exporter.metrics.metric import Breakdown
from exporter.model import WINDOWS

# In bytes. Mimir refuses a series with a longer label (its default, 2026-11).
LONGEST_LABEL = 2048
_BYTES_OF_A_LETTER = 4

# From the first to be kept, totals, to the first to be dropped.
_DETAIL: tuple[Breakdown | None, ...] = (None, "activity", "team", "client", "language", "model", "user")

# The metric that counts the people of each breakdown. A single user is no group.
_PEOPLE: Mapping[Breakdown, str] = {
    row.breakdown: row.name for row in ADOPTION if row.breakdown is not None and row.unit == "{user}"
}
# What is withheld with a group: its head-count and what it did. The time of an activity is a total and stays.
_OF_GROUPS: Mapping[str, Breakdown] = {
    row.name: row.breakdown
    for row in ADOPTION
    if row.breakdown is not None
    and row.breakdown in _PEOPLE
    and (row.breakdown != "activity" or row.name == _PEOPLE[row.breakdown])
}

Member = TypeVar("Member")


@dataclass(frozen=True)
class Withholding:
    """The samples that may be published, the number of those left out, and the windows in which a team is withheld."""

    samples: list[Sample]
    left_out: int = 0
    teams: Mapping[str, Sequence[str]] = field(default_factory=dict)


def withhold(samples: Sequence[Sample], least: int) -> Withholding:
    """Leaves out the groups of fewer than `least` people from the samples of one scope.

    A group of service accounts or rows without an id alone has no people, so it is withheld too.
    """
    if least <= 1:
        return Withholding(list(samples))
    placed = [_place(sample) for sample in samples]
    members: dict[tuple[Breakdown, str], set[str]] = {}
    for breakdown, window, member in filter(None, placed):
        members.setdefault((breakdown, window), set()).add(member)
    # An absent head-count means nobody: only head-counts above zero have a sample.
    groups = {group: dict.fromkeys(found, 0.0) for group, found in members.items()}
    for sample, place in zip(samples, placed, strict=True):
        if place is not None and sample.metric == _PEOPLE[place[0]]:
            groups[place[:2]][place[2]] = sample.value
    small = {(*group, member) for group, sizes in groups.items() for member in too_small(sizes, least)}
    kept = [sample for sample, place in zip(samples, placed, strict=True) if place not in small]
    return Withholding(kept, len(samples) - len(kept), _teams(small))


def too_small(sizes: Mapping[Member, float], least: int) -> set[Member]:
    """The groups to withhold: those below `least`, and a cover where just one of them has people.

    That one could be computed as the total minus all others, so the next smallest is withheld with it. A group without
    people says nothing of anybody: it needs no cover, and is none.
    """
    ordered = sorted(sizes, key=lambda member: (sizes[member], str(member)))
    small = [member for member in ordered if sizes[member] < least]
    alone = sum(sizes[member] > 0 for member in small) == 1
    return set(ordered[: len(small) + alone])


def _teams(withheld: Iterable[tuple[Breakdown, str, str]]) -> dict[str, tuple[str, ...]]:
    """The teams among the withheld groups, sorted by name, with the windows in which they are withheld."""
    found = {(team, window) for breakdown, window, team in withheld if breakdown == "team"}
    return {
        short_label(team): tuple(window for window in WINDOWS if (team, window) in found)
        for team in sorted({team for team, _ in found})
    }


def limit(samples: Sequence[Sample], most: int) -> tuple[list[Sample], int]:
    """At most `most` samples, in their order, and the number dropped: finest detail first, always the same series."""
    if len(samples) <= most:
        return list(samples), 0
    kept = sorted(range(len(samples)), key=lambda index: (_rank(samples[index].metric), index))[:most]
    return [samples[index] for index in sorted(kept)], len(samples) - most


def shorten(samples: Sequence[Sample]) -> tuple[list[Sample], int]:
    """The samples with labels of at most LONGEST_LABEL bytes, and the number of samples with a cut label.

    A cut label ends with a hash of the whole, so different labels stay different.
    """
    cut = [
        sample if _fits(sample) else sample._replace(labels=tuple(map(short_label, sample.labels)))
        for sample in samples
    ]
    return cut, sum(after is not before and after != before for before, after in zip(samples, cut, strict=True))


def _place(sample: Sample) -> tuple[Breakdown, str, str] | None:
    """The breakdown that a sample belongs to, its window and its member; None where it is never withheld."""
    breakdown = _OF_GROUPS.get(sample.metric)
    if breakdown is None:
        return None
    names = CATALOGUE[sample.metric].labels
    return breakdown, sample.labels[names.index("window")], sample.labels[names.index(breakdown)]


def _fits(sample: Sample) -> bool:
    """Whether no label can be too long, whatever its letters are."""
    return all(len(text) <= LONGEST_LABEL // _BYTES_OF_A_LETTER for text in sample.labels)


def short_label(text: str) -> str:
    """A label as it is published: one of more than LONGEST_LABEL bytes is cut and ends with a hash of the whole."""
    whole = text.encode()
    if len(whole) <= LONGEST_LABEL:
        return text
    mark = f"…{sha256(whole).hexdigest()[:16]}"
    return whole[: LONGEST_LABEL - len(mark.encode())].decode(errors="ignore") + mark


def _rank(metric: str) -> int:
    return _DETAIL.index(CATALOGUE[metric].breakdown)
