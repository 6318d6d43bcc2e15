"""Withholds what would tell of small groups: by activity, client, language and team, in each window by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.metrics import CATALOGUE, Sample


@dataclass(frozen=True)
class _Breakdown:
    """How people are split: the metric that counts them, and those that tell what they did."""

    people: str
    others: tuple[str, ...] = ()


# Usage and time by activity are totals and stay.
_BREAKDOWNS: Mapping[str, _Breakdown] = {
    "activity": _Breakdown("adoption_activity_active_users"),
    "client": _Breakdown("adoption_client_active_users", ("adoption_client_usage",)),
    "language": _Breakdown("adoption_language_active_users", ("adoption_language_usage",)),
    "team": _Breakdown("adoption_team_active_users", ("adoption_team_usage", "adoption_team_active_time_seconds")),
}
_LABEL_OF = {metric: label for label, split in _BREAKDOWNS.items() for metric in (split.people, *split.others)}


def withhold(samples: Sequence[Sample], least: int) -> tuple[list[Sample], int]:
    """The samples of one scope without those of groups of fewer than `least` people, and how many those were.

    A group that only service accounts or rows without an id belong to has no people, so it is withheld as well.
    """
    if least <= 1:
        return list(samples), 0
    placed = [_place(sample) for sample in samples]
    members: dict[tuple[str, str], set[str]] = {}
    for label, window, member in filter(None, placed):
        members.setdefault((label, window), set()).add(member)
    # A head-count that is not there is one that is not above zero.
    groups = {group: dict.fromkeys(found, 0.0) for group, found in members.items()}
    for sample, place in zip(samples, placed, strict=True):
        if place is not None and sample.metric == _BREAKDOWNS[place[0]].people:
            groups[place[:2]][place[2]] = sample.value
    small = {(*group, member) for group, sizes in groups.items() for member in _too_small(sizes, least)}
    kept = [sample for sample, place in zip(samples, placed, strict=True) if place not in small]
    return kept, len(samples) - len(kept)


def _too_small(sizes: Mapping[str, float], least: int) -> set[str]:
    """The groups to withhold.

    Where a single one would be, its people are the total less all others, so the next smallest goes with it. A group
    without people is no cover for one that has some.
    """
    ordered = sorted(sizes, key=lambda member: (sizes[member], member))
    small = [member for member in ordered if sizes[member] < least]
    if len(small) == 1 or sum(sizes[member] > 0 for member in small) == 1:
        small = ordered[: len(small) + 1]
    return set(small)


def _place(sample: Sample) -> tuple[str, str, str] | None:
    """The label by which a sample splits people, its window, and whose it is."""
    label = _LABEL_OF.get(sample.metric)
    if label is None:
        return None
    names = CATALOGUE[sample.metric].labels
    return label, sample.labels[names.index("window")], sample.labels[names.index(label)]
