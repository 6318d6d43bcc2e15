"""What is withheld so that nothing is published about a small group."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import ADOPTION, Sample, sample
from exporter.samples.filters import Withholding, short_label, withhold
from tests.support.examples import examples

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
    found = withhold(clients(sizes), least)
    shown = {kept.labels[-1] for kept in found.samples}
    kept = [sample for sample in clients(sizes) if sample.labels[-1] in shown]
    assert found == Withholding(kept, len(clients(sizes)) - len(kept))
    return shown


@pytest.mark.parametrize("least", [0, 1])
def test_every_group_is_shown_where_nothing_is_asked(least: int) -> None:
    samples = clients({"vim": 0, "emacs": 1, "code": 9})

    assert withhold(samples, least) == Withholding(samples)


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ({"a": 5, "b": 6, "c": 7}, {"a", "b", "c"}),
        ({"a": 4, "b": 3, "c": 7}, {"c"}),
        ({"a": 4, "b": 8, "c": 7}, {"b"}),
        ({"a": 4, "b": 7, "c": 7}, {"c"}),
        ({"a": 4, "b": 7}, set()),
        ({"a": 4}, set()),
        ({"a": 0, "b": 7, "c": 8}, {"b", "c"}),
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
        "a single one without people needs no cover",
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
        made("team_usage", 5, "1d", team="bots", activity="messages"),
        made("activity_active_users", 4, activity="messages"),
        made("activity_active_users", 3, activity="chat_messages"),
        made("activity_active_users", 5, activity="tool_calls"),
    ]

    kept = [
        *(found for found in clients({"a": 1, "b": 2, "c": 9}, "1d") if found.labels[-1] == "c"),
        *clients({"a": 6, "b": 7, "c": 9}, "7d"),
        made("language_active_users", 9, language="r"),
        made("team_active_users", 5, team="app"),
        made("team_usage", 5, team="app", activity="messages"),
        made("team_active_time_seconds", 5, team="app"),
        made("activity_active_users", 5, activity="tool_calls"),
    ]
    teams = {"bots": ("1d",), "unassigned": ("7d",), "web": ("7d",)}
    assert withhold(samples, 5) == Withholding(kept, len(samples) - len(kept), teams)


def test_a_withheld_team_is_named_as_its_label_would_be() -> None:
    sizes = {"1d": (1, 2), "7d": (9, 9), "28d": (3, 3)}
    names = ("web", "x" * 3_000)
    samples = [
        made("team_active_users", size, window, team=team)
        for window, pair in sizes.items()
        for team, size in zip(names, pair, strict=True)
    ]

    assert withhold(samples, 5).teams == {"web": ("1d", "28d"), short_label("x" * 3_000): ("1d", "28d")}


SPLIT = {
    *(f"adoption_{split}_active_users" for split in ("activity", "client", "language", "model", "team")),
    *(f"adoption_{split}_usage" for split in ("client", "language", "model", "team")),
    *(f"adoption_{split}_{what}" for split in ("model", "team") for what in ("tokens", "spend")),
    "adoption_team_active_time_seconds",
}


def test_totals_by_activity_too_and_single_users_who_were_asked_for_stay() -> None:
    every = dict.fromkeys(("activity", "user", "window", "day", "days", "kind", "currency", "basis"), "x") | LABELS
    samples = [
        sample(row.name, 1.0, **{label: every[label] for label in row.labels})
        for row in ADOPTION
        if row.name not in SPLIT
    ]

    assert {"adoption_activity_active_time_seconds", "adoption_user_usage"} <= {found.metric for found in samples}
    assert withhold(samples, 1_000) == Withholding(samples)


MEMBERS = ("a", "b", "c", "d", "bots")
ACTIVITIES = ("messages", "tool_calls")


@dataclass(frozen=True)
class Account:
    """One account: its only team, whether it is a person, and what it did."""

    team: str
    person: bool
    usage: Mapping[str, int]


ACCOUNTS = st.lists(
    st.builds(
        Account,
        st.sampled_from(MEMBERS),
        st.booleans(),
        st.dictionaries(st.sampled_from(ACTIVITIES), st.integers(1, 3)),
    ),
    max_size=25,
)


def team_samples(accounts: Sequence[Account]) -> list[Sample]:
    """Totals, and the parts of each team above zero."""
    people, usage = Counter[str](), Counter[tuple[str, str]]()
    for account in accounts:
        people[account.team] += account.person
        for activity, number in account.usage.items():
            usage[activity, account.team] += number
    return [
        made("active_users", people.total()),
        *(made("usage", sum_of(usage, activity), activity=activity) for activity in ACTIVITIES),
        *(made("team_active_users", number, team=team) for team, number in people.items() if number),
        *(made("team_usage", number, activity=activity, team=team) for (activity, team), number in usage.items()),
    ]


def sum_of(usage: Mapping[tuple[str, str], int], activity: str) -> int:
    return sum(number for (of, _), number in usage.items() if of == activity)


def hidden_worlds(published: Sequence[Sample], hidden: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """Every way to share out the people of a total that no shown team has among the hidden teams."""
    shown = sum(found.value for found in published if found.metric == "adoption_team_active_users")
    (total,) = (found.value for found in published if found.metric == "adoption_active_users")
    ranges = [range(int(total - shown) + 1)] * len(hidden)
    return (world for world in product(*ranges) if sum(world) == total - shown)


@examples(100)
@given(accounts=ACCOUNTS, least=st.integers(2, 6))
def test_nobody_can_compute_a_withheld_team_from_the_totals_and_the_shown_teams(
    accounts: list[Account], least: int
) -> None:
    samples = team_samples(accounts)
    found = withhold(samples, least)
    people = Counter(account.team for account in accounts if account.person)
    shown = {sample.labels[-1] for sample in found.samples if "team" in sample.metric}
    # Who looks may know which teams are service accounts alone.
    hidden = sorted(people.keys() - shown)
    worlds = list(hidden_worlds(found.samples, hidden))

    assert all(people[team] >= least for team in shown)
    assert tuple(people[team] for team in hidden) in worlds
    if shown:
        assert not any(len({world[place] for world in worlds}) == 1 for place in range(len(hidden)))
    # Each total is of everybody, and each shown team is whole.
    assert found.samples == [sample for sample in samples if "team" not in sample.metric or sample.labels[-1] in shown]
    assert set(found.teams) == {account.team for account in accounts if account.person or account.usage} - shown


@examples(100)
@given(sizes=st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 12), max_size=7), least=st.integers(2, 8))
def test_no_more_than_the_small_groups_and_one_as_their_cover_are_withheld(sizes: dict[str, int], least: int) -> None:
    hidden = {client: size for client, size in sizes.items() if client not in shown_clients(sizes, least)}
    small = [client for client, size in sizes.items() if size < least]
    covers = [size for size in hidden.values() if size >= least]
    with_people = [client for client in small if sizes[client]]
    large = sorted(size for size in sizes.values() if size >= least)

    assert hidden.keys() >= set(small)
    assert covers == (large[:1] if len(with_people) == 1 else [])
