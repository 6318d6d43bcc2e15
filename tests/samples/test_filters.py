"""What is withheld so that nothing is published about a small group."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.metrics import CATALOGUE, Sample, sample
from exporter.samples.filters import withhold

LABELS = {"source": "acme", "vendor": "augment", "scope": "all"}


def made(name: str, value: float, window: str = "7d", **labels: str) -> Sample:
    return sample(f"adoption_{name}", value, **LABELS, window=window, **labels)


def clients(sizes: Mapping[str, int], window: str = "7d") -> list[Sample]:
    """People and usage of two activities by client; a client of size 0 has usage alone."""
    people = [made("client_active_users", size, window, client=client) for client, size in sizes.items() if size]
    usage = [
        made("client_usage", 10, window, client=client, activity=activity)
        for client in sizes
        for activity in ("messages", "tool_calls")
    ]
    return [*people, *usage]


def shown_clients(sizes: Mapping[str, int], least: int) -> set[str]:
    kept, withheld = withhold(clients(sizes), least)
    shown = {found.labels[-1] for found in kept}
    assert kept == [found for found in clients(sizes) if found.labels[-1] in shown]
    assert withheld == len(clients(sizes)) - len(kept)
    return shown


@pytest.mark.parametrize("least", [0, 1])
def test_every_group_is_shown_where_nothing_is_asked(least: int) -> None:
    samples = clients({"vim": 0, "emacs": 1, "code": 9})

    assert withhold(samples, least) == (samples, 0)


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ({"a": 5, "b": 6, "c": 7}, {"a", "b", "c"}),
        ({"a": 4, "b": 3, "c": 7}, {"c"}),
        ({"a": 4, "b": 8, "c": 7}, {"b"}),
        ({"a": 4, "b": 7, "c": 7}, {"c"}),
        ({"a": 4, "b": 7}, set()),
        ({"a": 4}, set()),
        ({"a": 0, "b": 7, "c": 8}, {"c"}),
        ({"a": 0, "b": 0, "c": 8}, {"c"}),
        ({"a": 0, "b": 4, "c": 8, "d": 9}, {"d"}),
        ({"a": 0, "b": 4, "c": 4, "d": 9}, {"d"}),
        ({"a": 0, "b": 4}, set()),
        ({}, set()),
    ],
    ids=[
        "none is too small",
        "two are too small",
        "the next smallest goes with a single one",
        "of two equal ones the first by name",
        "with the only other one",
        "alone",
        "a single one without people",
        "two without people",
        "one without people is no cover",
        "two with people are each other's cover",
        "no other one is left",
        "nothing",
    ],
)
def test_a_group_below_the_least_size_is_withheld_with_all_it_did(sizes: dict[str, int], shown: set[str]) -> None:
    assert shown_clients(sizes, least=5) == shown


def test_windows_and_breakdowns_are_looked_at_one_by_one() -> None:
    samples = [
        *clients({"a": 1, "b": 2, "c": 9}, "1d"),
        *clients({"a": 6, "b": 7, "c": 9}, "7d"),
        made("language_active_users", 8, language="go"),
        made("language_active_users", 2, language="sql"),
        made("language_active_users", 9, language="r"),
        made("language_usage", 2, language="sql", activity="messages"),
        made("team_active_users", 4, team="web"),
        made("team_active_users", 4, team="unassigned"),
        made("team_active_users", 5, team="app"),
        made("team_usage", 5, team="web", activity="messages"),
        made("team_usage", 5, team="app", activity="messages"),
        made("team_active_time_seconds", 5, team="unassigned"),
        made("team_active_time_seconds", 5, team="app"),
        made("activity_active_users", 4, activity="messages"),
        made("activity_active_users", 3, activity="chat_messages"),
        made("activity_active_users", 5, activity="tool_calls"),
    ]

    kept, withheld = withhold(samples, 5)

    assert kept == [
        *(found for found in clients({"a": 1, "b": 2, "c": 9}, "1d") if found.labels[-1] == "c"),
        *clients({"a": 6, "b": 7, "c": 9}, "7d"),
        made("language_active_users", 9, language="r"),
        made("team_active_users", 5, team="app"),
        made("team_usage", 5, team="app", activity="messages"),
        made("team_active_time_seconds", 5, team="app"),
        made("activity_active_users", 5, activity="tool_calls"),
    ]
    assert withheld == len(samples) - len(kept)


SPLIT = {
    *(f"adoption_{split}_active_users" for split in ("activity", "client", "language", "team")),
    *(f"adoption_{split}_usage" for split in ("client", "language", "team")),
    "adoption_team_active_time_seconds",
}


def test_totals_by_activity_too_and_single_users_who_were_asked_for_stay() -> None:
    every = dict.fromkeys(("activity", "user", "window"), "x") | LABELS
    samples = [
        sample(name, 1.0, **{label: every[label] for label in row.labels})
        for name, row in CATALOGUE.items()
        if name.startswith("adoption_") and not name.startswith("adoption_exporter_") and name not in SPLIT
    ]

    assert {"adoption_activity_active_time_seconds", "adoption_user_usage"} <= {found.metric for found in samples}
    assert withhold(samples, 1_000) == (samples, 0)


@settings(max_examples=300, deadline=None)
@given(
    sizes=st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 12), max_size=7),
    least=st.integers(2, 8),
)
def test_nobody_can_take_the_shown_groups_from_the_total_and_be_left_with_a_small_one(
    sizes: dict[str, int], least: int
) -> None:
    shown = shown_clients(sizes, least)
    hidden = {client: size for client, size in sizes.items() if client not in shown}
    small = [size for size in hidden.values() if 0 < size < least]

    assert all(sizes[client] >= least for client in shown)
    assert not shown or len(hidden) != 1
    if shown and small:
        assert len([size for size in hidden.values() if size]) > 1
    assert all(size < least for size in sorted(hidden.values())[:-1])
