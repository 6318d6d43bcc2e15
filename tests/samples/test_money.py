"""Windows of tokens and money: exact, never over currencies or bases, and ending where they are known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pyroaring import BitMap

from exporter.model import EVERYBODY, AmountKey, DayFacts, PeopleKey, Reading, spend, tokens
from exporter.samples.build import scope_history, scope_samples
from exporter.samples.teams import distinct_names
from tests.support.sample_options import book_of, sample_options_of
from tests.support.stores import fresh_store

DATA_DAY = date(2026, 3, 9)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CHARGED, INCLUDED, EUROS = spend("USD", "charged"), spend("USD", "included"), spend("EUR", "charged")
INPUT = tokens("input")
OPUS = PeopleKey("model", "opus")


def back(days: int) -> date:
    return DATA_DAY - timedelta(days=days)


def of_model(key: AmountKey, model: str) -> AmountKey:
    return key._replace(dimension="model", member=model)


DAY = DayFacts(
    amounts={
        AmountKey(INPUT): 10,
        AmountKey(CHARGED): Decimal("0.1"),
        AmountKey(CHARGED, "model", "opus"): Decimal("0.1"),
        AmountKey(INPUT, "model", "opus"): 10,
    },
    people={EVERYBODY: BitMap([1, 2]), OPUS: BitMap([1])},
)
LATE = replace(DAY, amounts={}, people={EVERYBODY: BitMap([1, 2])}, pending=frozenset({"tokens", "spend", "model"}))


def published(
    days: Mapping[date, DayFacts], words: Sequence[str] = ("tokens", "spend", "model"), **options: Any
) -> dict[str, float]:
    """The samples of metrics with these words in their names, as `metric{window,member}`."""
    store = fresh_store()
    store.list_scopes("tool", ["all"])
    for day, facts in sorted(days.items()):
        reading = Reading(day, facts, team_names={"t1": "web"})
        store.replace("tool", "all", reading, now=NOW, requests=1)
    sample_options = sample_options_of("tool", "made-up", book_of(store, "tool"), **options)
    history = scope_history(sample_options, store, "all", NOW)
    made = scope_samples(sample_options, history, max(history.days), store.scopes("tool")["all"]).samples
    return {
        f"{sample.metric.removeprefix('adoption_')}{{{','.join(sample.labels[3:])}}}": sample.value
        for sample in made
        if any(word in sample.metric for word in words)
    }


def start(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def test_tokens_and_money_of_a_window_are_exact_sums_of_its_days() -> None:
    assert published({back(number): DAY for number in range(7)}) == {
        "spend_data_day_timestamp_seconds{}": start(DATA_DAY),
        **{
            f"{name}{{{window},{labels}}}": value * days
            for window, days in (("1d", 1), ("7d", 7))
            for name, labels, value in (("tokens", "input", 10), ("model_tokens", "input,opus", 10))
        },
        "spend{1d,USD,charged}": 0.1,
        "model_spend{1d,USD,charged,opus}": 0.1,
        # Seven times the float 0.1 is 0.7000000000000001.
        "spend{7d,USD,charged}": 0.7,
        "model_spend{7d,USD,charged,opus}": 0.7,
        "model_active_users{1d,opus}": 1,
        "model_active_users{7d,opus}": 1,
    }


def test_windows_of_money_and_tokens_end_with_the_newest_day_that_has_them() -> None:
    days = {back(number): LATE if number < 2 else DAY for number in range(9)}

    found = published(days)

    assert found == {
        "spend_data_day_timestamp_seconds{}": start(back(2)),
        "tokens{1d,input}": 10,
        "tokens{7d,input}": 70,
        "model_tokens{1d,input,opus}": 10,
        "model_tokens{7d,input,opus}": 70,
        "spend{1d,USD,charged}": 0.1,
        "spend{7d,USD,charged}": 0.7,
        "model_spend{1d,USD,charged,opus}": 0.1,
        "model_spend{7d,USD,charged,opus}": 0.7,
    }


def test_tokens_that_came_with_the_activity_end_with_the_data_day() -> None:
    late = replace(DAY, amounts={AmountKey(INPUT): 3}, pending=frozenset({"spend"}))

    found = published({DATA_DAY: late, back(1): DAY})

    assert found == {
        "spend_data_day_timestamp_seconds{}": start(back(1)),
        "tokens{1d,input}": 3,
        "spend{1d,USD,charged}": 0.1,
        "model_spend{1d,USD,charged,opus}": 0.1,
        "model_active_users{1d,opus}": 1,
    }


def test_a_day_within_a_window_that_lacks_its_money_or_models_hides_that_window_alone() -> None:
    lacking = replace(DAY, amounts={}, people={EVERYBODY: BitMap([1])}, missing=frozenset({"spend", "model"}))
    days = {back(number): DAY for number in range(7)} | {back(3): lacking}

    assert {name for name in published(days) if "7d" in name} == set()
    assert published(days)["model_spend{1d,USD,charged,opus}"] == 0.1


def test_currencies_and_bases_are_never_added_and_a_day_has_nothing_in_a_currency_it_does_not_name() -> None:
    both = replace(DAY, amounts={AmountKey(CHARGED): Decimal("2"), AmountKey(EUROS): Decimal("-0.5")})
    included = replace(DAY, amounts={AmountKey(CHARGED): Decimal("1"), AmountKey(INCLUDED): Decimal("3")})
    days = {back(number): included for number in range(7)}

    assert published(days | {back(2): both}) == {
        "spend_data_day_timestamp_seconds{}": start(DATA_DAY),
        "spend{1d,USD,charged}": 1,
        "spend{1d,USD,included}": 3,
        "spend{7d,USD,charged}": 8,
        # No day of the window names euros but one, which got some back. What that day had included is not known.
        "spend{7d,EUR,charged}": -0.5,
        "model_active_users{1d,opus}": 1,
        "model_active_users{7d,opus}": 1,
    }


def test_vendor_teams_of_a_window_are_those_of_each_day_and_absent_where_one_day_has_none() -> None:
    known = replace(DAY, teams={"t1": BitMap([1, 2])})
    moved = replace(DAY, teams={"t1": BitMap([2]), "t2": BitMap([1, 2])})
    week = {back(number): known for number in range(7)} | {back(3): moved}

    assert published(week, ["team"], vendor_teams=True) == {
        "team_active_users{1d,web}": 2,
        "team_active_users{7d,web}": 2,
        "team_active_users{7d,t2}": 2,
    }
    assert published(week | {back(6): DAY}, ["team"], vendor_teams=True) == {"team_active_users{1d,web}": 2}
    assert published(week, ["team"]) == {}


def test_teams_of_one_name_may_be_several_and_carry_the_end_of_their_ids() -> None:
    names = {"id-0001": "web", "id-0002": "web", "id-0003": "unassigned", "id-0004": "data"}

    assert distinct_names(names) == {
        "id-0001": "web (0001)",
        "id-0002": "web (0002)",
        "id-0003": "unassigned (0003)",
        "id-0004": "data",
    }


def test_people_by_model_may_be_unknown_where_tokens_and_money_by_model_are_known() -> None:
    without = replace(DAY, people={EVERYBODY: BitMap([1, 2])}, missing=frozenset({"model_people"}))

    week = published({back(0): DAY} | {back(number): without for number in range(1, 7)})

    assert week["model_active_users{1d,opus}"] == 1
    assert "model_active_users{7d,opus}" not in week
    assert (week["model_tokens{7d,input,opus}"], week["model_spend{7d,USD,charged,opus}"]) == (70, 0.7)
