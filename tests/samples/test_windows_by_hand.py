"""Counts windows by hand, with sets and fractions, day by day and without the exporter's own arithmetic."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.model import EVERYBODY, WINDOWS, Amount, AmountKey, DayFacts, PeopleKey, WindowPeople
from exporter.samples.windows import figures
from tests.support.examples import examples
from tests.support.window_facts import (
    ABOUT,
    CHARACTERS,
    CHATS,
    DATA_DAY,
    GO,
    IDE_TIME,
    LINES,
    SEARCHES,
    SEARCHES_IN_GO,
    SEARCHES_IN_VIM,
    SEARCHING,
    TIME,
    VIM,
    back,
    scope,
    shown,
)


@dataclass(frozen=True)
class Day:
    """What a vendor reported of one day, in plain Python."""

    people: Mapping[PeopleKey, frozenset[int]] = field(default_factory=dict)
    service: frozenset[int] | None = None
    head_count: int | None = None
    amounts: Mapping[AmountKey, int | Decimal] = field(default_factory=dict)
    missing: frozenset[Amount] = frozenset()

    def facts(self) -> DayFacts:
        return DayFacts(
            amounts=self.amounts,
            people={key: BitMap(accounts) for key, accounts in self.people.items()},
            service=None if self.service is None else BitMap(self.service),
            head_count=self.head_count,
            missing=self.missing,
        )

    def humans(self, key: PeopleKey) -> frozenset[int]:
        return frozenset(account for account in self.people.get(key, ()) if account not in (self.service or ()))


ACCOUNTS = st.frozensets(st.integers(0, 6), max_size=5)
PEOPLE_KEYS = [EVERYBODY, VIM, PeopleKey("client", "emacs"), GO, SEARCHING, PeopleKey("activity", "chat_messages")]
COUNT_KEYS = [SEARCHES, CHATS, LINES, CHARACTERS, SEARCHES_IN_VIM, SEARCHES_IN_GO]
TIME_KEYS = [TIME, IDE_TIME, AmountKey(Amount("active_time", "web_terminal"))]
DAYS = st.builds(
    Day,
    people=st.dictionaries(st.sampled_from(PEOPLE_KEYS), ACCOUNTS)
    | st.fixed_dictionaries({EVERYBODY: ACCOUNTS}, optional=dict.fromkeys(PEOPLE_KEYS[1:], ACCOUNTS)),
    service=st.none() | ACCOUNTS | st.just(frozenset({5, 6})),
    head_count=st.none() | st.integers(0, 9),
    amounts=st.builds(
        lambda counts, times: {**counts, **times},
        st.dictionaries(st.sampled_from(COUNT_KEYS), st.integers(0, 3) | st.integers(0, 2**63 - 1)),
        st.dictionaries(st.sampled_from(TIME_KEYS), st.decimals(0, 10**6, places=20) | st.just(Decimal(0))),
    ),
    missing=st.frozensets(st.sampled_from([SEARCHES.amount, CHATS.amount, IDE_TIME.amount])),
)


@st.composite
def histories(draw: st.DrawFn) -> dict[int, Day]:
    """Days by age: a usual day, a few that differ and a few that are unknown, but never the data day."""
    usual = draw(DAYS)
    known: dict[int, Day | None] = dict.fromkeys(range(29), usual)
    known |= draw(st.dictionaries(st.integers(0, 28), DAYS, max_size=5))
    known |= dict.fromkeys(draw(st.sets(st.integers(1, 28), max_size=2) | st.just(set(range(7, 29)))))
    return {age: day for age, day in known.items() if day is not None}


COUNTED = st.fixed_dictionaries(
    {},
    optional={
        name: st.builds(
            WindowPeople, st.just(DATA_DAY), st.just(name), st.integers(0, 99), st.none() | st.integers(0, 9)
        )
        for name in ("1d", "7d", "28d")
    },
)


@examples(100)
@given(days=histories(), counted=COUNTED)
def test_samples_are_what_counting_day_by_day_gives(days: dict[int, Day], counted: dict[str, WindowPeople]) -> None:
    facts = scope({back(age): day.facts() for age, day in days.items()}, windows=counted)
    found = shown(facts)

    assert found == by_hand(days, counted)
    whole = figures(facts)
    assert {window: found.get(f"active_users{{{window}}}") for window in WINDOWS} == {
        window: whole.people.get(window) for window in WINDOWS
    }


def by_hand(days: Mapping[int, Day], counted: Mapping[str, WindowPeople]) -> dict[str, float]:
    expected: dict[str, float] = dict(ABOUT)
    for name, length in (("1d", 1), ("7d", 7), ("28d", 28)):
        window = [days[age] for age in range(length) if age in days]
        complete = len(window) == length
        if complete and all(EVERYBODY in day.people for day in window):
            expected[f"active_users{{{name}}}"] = len(_together(day.humans(EVERYBODY) for day in window))
            if all(day.service is not None for day in window):
                machines = _together(day.people[EVERYBODY] - day.humans(EVERYBODY) for day in window)
                expected[f"active_service_accounts{{{name}}}"] = len(machines)
        elif name in counted:
            expected[f"active_users{{{name}}}"] = counted[name].people
            service = counted[name].service
            if service is not None:
                expected[f"active_service_accounts{{{name}}}"] = service
        elif name == "1d" and window[0].head_count is not None:
            expected["active_users{1d}"] = window[0].head_count
        if complete:
            expected |= _breakdowns(name, window)
            expected |= _sums(name, window)
    return expected


def _breakdowns(name: str, window: list[Day]) -> dict[str, float]:
    found = {}
    for key in PEOPLE_KEYS[1:]:
        people = _together(day.humans(key) for day in window)
        lacked = key.dimension == "activity" and any(Amount("usage", key.member) in day.missing for day in window)
        if people and not lacked:
            found[f"{key.dimension}_active_users{{{name},{key.member}}}"] = float(len(people))
    return found


def _sums(name: str, window: list[Day]) -> dict[str, float]:
    totals = {
        SEARCHES: f"usage{{{name},searches}}",
        CHATS: f"usage{{{name},chat_messages}}",
        LINES: f"code_lines{{{name},written}}",
        CHARACTERS: f"code_characters{{{name},written}}",
        TIME: f"active_time_seconds{{{name}}}",
    }
    parts = {
        SEARCHES_IN_VIM: f"client_usage{{{name},searches,vim}}",
        SEARCHES_IN_GO: f"language_usage{{{name},searches,go}}",
        IDE_TIME: f"activity_active_time_seconds{{{name},ide}}",
        AmountKey(Amount("active_time", "web_terminal")): f"activity_active_time_seconds{{{name},web_terminal}}",
    }
    found = {}
    for key, series in totals.items():
        if all(key in day.amounts for day in window):
            found[series] = float(sum(Fraction(day.amounts[key]) for day in window))
    for key, series in parts.items():
        value = sum(Fraction(day.amounts[key]) for day in window if key in day.amounts)
        if value > 0 and not any(key.amount in day.missing for day in window):
            found[series] = float(value)
    return found


def _together(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*sets)
