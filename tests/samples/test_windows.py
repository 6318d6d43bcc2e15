from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.metrics import CATALOGUE, Sample
from exporter.model import EVERYBODY, UNASSIGNED, Amount, AmountKey, DayFacts, PeopleKey, WindowPeople
from exporter.samples.amounts import labelled
from exporter.samples.windows import samples
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
    week,
)


def test_the_samples_of_a_scope_are_about_its_day_its_people_and_what_they_did() -> None:
    facts = DayFacts(
        amounts={
            SEARCHES: 5,
            LINES: 0,
            CHARACTERS: 7,
            TIME: Decimal("1.5"),
            IDE_TIME: Decimal("0.25"),
            SEARCHES_IN_VIM: 3,
            SEARCHES_IN_GO: 2,
        },
        people={EVERYBODY: BitMap([1, 2, 3]), VIM: BitMap([1, 3]), GO: BitMap([2]), SEARCHING: BitMap([1])},
        service=BitMap([3]),
    )

    made = samples(scope({DATA_DAY: facts}, seats=10, revised=4))

    labels = ("acme", "augment", "all")
    assert made == [
        Sample("adoption_data_day_timestamp_seconds", labels, 1773014400.0),
        Sample("adoption_data_revisions_total", labels, 4),
        Sample("adoption_seats", labels, 10),
        Sample("adoption_active_users", (*labels, "1d"), 2),
        Sample("adoption_active_service_accounts", (*labels, "1d"), 1),
        Sample("adoption_activity_active_users", (*labels, "1d", "searches"), 1),
        Sample("adoption_client_active_users", (*labels, "1d", "vim"), 1),
        Sample("adoption_language_active_users", (*labels, "1d", "go"), 1),
        Sample("adoption_active_time_seconds", (*labels, "1d"), 1.5),
        Sample("adoption_code_characters", (*labels, "1d", "written"), 7.0),
        Sample("adoption_code_lines", (*labels, "1d", "written"), 0.0),
        Sample("adoption_usage", (*labels, "1d", "searches"), 5.0),
        Sample("adoption_activity_active_time_seconds", (*labels, "1d", "ide"), 0.25),
        Sample("adoption_client_usage", (*labels, "1d", "searches", "vim"), 3.0),
        Sample("adoption_language_usage", (*labels, "1d", "searches", "go"), 2.0),
    ]


@pytest.mark.parametrize(
    ("hole", "windows"), [(None, {"1d", "7d", "28d"}), (27, {"1d", "7d"}), (7, {"1d", "7d"}), (6, {"1d"}), (1, {"1d"})]
)
def test_a_window_with_an_unknown_day_is_absent_and_shorter_ones_are_there(hole: int | None, windows: set[str]) -> None:
    day = DayFacts(
        amounts={SEARCHES: 1, TIME: Decimal(1), IDE_TIME: Decimal(1), SEARCHES_IN_VIM: 1},
        people={EVERYBODY: BitMap([1]), VIM: BitMap([1])},
        service=BitMap(),
    )
    facts = {day_: fact for day_, fact in week(day, days=28).items() if hole is None or day_ != back(hole)}

    found = {name: value for name, value in shown(scope(facts)).items() if "{" in name}

    lengths = {"1d": 1, "7d": 7, "28d": 28}
    assert found == {
        name: value
        for window in windows
        for name, value in {
            f"active_users{{{window}}}": 1,
            f"active_service_accounts{{{window}}}": 0,
            f"client_active_users{{{window},vim}}": 1,
            f"usage{{{window},searches}}": lengths[window],
            f"active_time_seconds{{{window}}}": lengths[window],
            f"activity_active_time_seconds{{{window},ide}}": lengths[window],
            f"client_usage{{{window},searches,vim}}": lengths[window],
        }.items()
    }


def test_a_person_active_on_many_days_is_one_person_of_the_window() -> None:
    sets = [{1, 2}, {2}, {2, 3}, set(), {1}, {2}, {9}]
    facts = {
        back(number): DayFacts(people={EVERYBODY: BitMap(accounts), VIM: BitMap(accounts)})
        for number, accounts in enumerate(sets)
    }

    assert shown(scope(facts)) == {
        **ABOUT,
        "active_users{1d}": 2,
        "client_active_users{1d,vim}": 2,
        "active_users{7d}": 4,
        "client_active_users{7d,vim}": 4,
    }


def test_service_accounts_are_in_no_head_count_and_counted_apart() -> None:
    day = DayFacts(
        people={EVERYBODY: BitMap([1, 8]), VIM: BitMap([1, 8, 9]), GO: BitMap([8]), SEARCHING: BitMap([8, 9])},
        service=BitMap([8, 9]),
    )
    other = DayFacts(people={EVERYBODY: BitMap([2, 7])}, service=BitMap([7]))
    facts = {**week(day), back(3): other}

    assert shown(scope(facts)) == {
        **ABOUT,
        "active_users{1d}": 1,
        "active_service_accounts{1d}": 1,
        "client_active_users{1d,vim}": 1,
        "active_users{7d}": 2,
        "active_service_accounts{7d}": 2,
        "client_active_users{7d,vim}": 1,
    }


def test_service_accounts_of_a_window_are_unknown_where_one_day_does_not_have_them() -> None:
    day = DayFacts(people={EVERYBODY: BitMap([1])}, service=BitMap())
    facts = {**week(day), back(6): replace(day, service=None)}

    assert shown(scope(facts)) == {
        **ABOUT,
        "active_users{1d}": 1,
        "active_service_accounts{1d}": 0,
        "active_users{7d}": 1,
    }


def test_a_field_that_a_row_lacked_takes_the_breakdowns_of_its_activity_and_nothing_else() -> None:
    day = DayFacts(
        amounts={
            SEARCHES: 2,
            SEARCHES_IN_VIM: 1,
            SEARCHES_IN_GO: 1,
            CHATS: 4,
            AmountKey(Amount("usage", "chat_messages"), "client", "vim"): 3,
        },
        people={VIM: BitMap([1]), SEARCHING: BitMap([1]), PeopleKey("activity", "chat_messages"): BitMap([1])},
    )
    facts = {**week(day), back(6): replace(day, missing=frozenset({Amount("usage", "searches")}))}

    assert shown(scope(facts)) == {
        **ABOUT,
        "activity_active_users{1d,chat_messages}": 1,
        "activity_active_users{1d,searches}": 1,
        "client_active_users{1d,vim}": 1,
        "usage{1d,chat_messages}": 4,
        "usage{1d,searches}": 2,
        "client_usage{1d,chat_messages,vim}": 3,
        "client_usage{1d,searches,vim}": 1,
        "language_usage{1d,searches,go}": 1,
        "activity_active_users{7d,chat_messages}": 1,
        "client_active_users{7d,vim}": 1,
        "usage{7d,chat_messages}": 28,
        "usage{7d,searches}": 14,
        "client_usage{7d,chat_messages,vim}": 21,
    }


def test_a_total_that_one_day_lacks_is_absent_from_the_window_and_other_totals_are_not() -> None:
    day = DayFacts(amounts={SEARCHES: 2, LINES: 1, SEARCHES_IN_VIM: 1})
    older = DayFacts(amounts={LINES: 1, TIME: Decimal(3)})
    facts = {**week(day), back(6): older}

    assert shown(scope(facts)) == {
        **ABOUT,
        "code_lines{1d,written}": 1,
        "usage{1d,searches}": 2,
        "client_usage{1d,searches,vim}": 1,
        "code_lines{7d,written}": 7,
        "client_usage{7d,searches,vim}": 6,
    }


def test_totals_of_zero_are_samples_and_breakdowns_of_zero_are_none() -> None:
    day = DayFacts(
        amounts={SEARCHES: 0, LINES: 0, CHARACTERS: 0, TIME: Decimal(0), IDE_TIME: Decimal(0), SEARCHES_IN_VIM: 0},
        people={EVERYBODY: BitMap(), VIM: BitMap(), SEARCHING: BitMap([9])},
        service=BitMap([9]),
    )

    assert shown(scope({DATA_DAY: day})) == {
        **ABOUT,
        "active_users{1d}": 0,
        "active_service_accounts{1d}": 0,
        "active_time_seconds{1d}": 0,
        "code_characters{1d,written}": 0,
        "code_lines{1d,written}": 0,
        "usage{1d,searches}": 0,
    }


def test_a_part_that_a_day_does_not_name_counts_as_none_of_it() -> None:
    quiet = DayFacts(amounts={SEARCHES: 0, TIME: Decimal(0)}, people={EVERYBODY: BitMap()})
    busy = DayFacts(
        amounts={SEARCHES: 6, TIME: Decimal(9), IDE_TIME: Decimal(8), SEARCHES_IN_VIM: 6},
        people={EVERYBODY: BitMap([1]), VIM: BitMap([1])},
    )
    facts = {**week(quiet), back(5): busy}

    assert shown(scope(facts)) == {
        **ABOUT,
        "active_users{1d}": 0,
        "active_time_seconds{1d}": 0,
        "usage{1d,searches}": 0,
        "active_users{7d}": 1,
        "client_active_users{7d,vim}": 1,
        "active_time_seconds{7d}": 9,
        "usage{7d,searches}": 6,
        "activity_active_time_seconds{7d,ide}": 8,
        "client_usage{7d,searches,vim}": 6,
    }


def test_times_add_up_without_rounding_on_the_way() -> None:
    third = Decimal("0.33333333333333333333")
    facts = {back(number): DayFacts(amounts={TIME: third, IDE_TIME: third * 10**9}) for number in range(28)}

    found = shown(scope(facts))

    assert found["active_time_seconds{28d}"] == float(Fraction(third) * 28)
    assert found["activity_active_time_seconds{28d,ide}"] == float(Fraction(third) * 28 * 10**9)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.decimals(0, 10**9, places=20), st.decimals(0, 10**9, places=9), st.integers(0, 10**9)),
        min_size=28,
        max_size=28,
    )
)
def test_a_months_time_is_the_float_nearest_to_the_exact_sum(times: list[Decimal | int]) -> None:
    facts = {back(number): DayFacts(amounts={TIME: time}) for number, time in enumerate(times)}

    found = shown(scope(facts))

    assert found["active_time_seconds{1d}"] == float(Fraction(times[0]))
    assert found["active_time_seconds{7d}"] == float(sum(map(Fraction, times[:7])))
    assert found["active_time_seconds{28d}"] == float(sum(map(Fraction, times)))


def test_days_that_are_counted_and_not_listed_give_the_day_alone() -> None:
    assert shown(scope(week(DayFacts(head_count=4)))) == {**ABOUT, "active_users{1d}": 4}


def test_windows_that_the_vendor_counted_are_used_where_days_are_not_listed() -> None:
    windows = {
        "7d": WindowPeople(DATA_DAY, "7d", people=9, service=0),
        "28d": WindowPeople(DATA_DAY, "28d", people=12),
    }

    assert shown(scope(week(DayFacts(head_count=4), days=3), windows=windows)) == {
        **ABOUT,
        "active_users{1d}": 4,
        "active_users{7d}": 9,
        "active_service_accounts{7d}": 0,
        "active_users{28d}": 12,
    }


def test_windows_that_the_vendor_counted_give_way_to_complete_lists() -> None:
    windows = {name: WindowPeople(DATA_DAY, name, people=99, service=98) for name in ("1d", "7d", "28d")}

    assert shown(scope(week(DayFacts(people={EVERYBODY: BitMap([1])})), windows=windows)) == {
        **ABOUT,
        "active_users{1d}": 1,
        "active_users{7d}": 1,
        "active_users{28d}": 99,
        "active_service_accounts{28d}": 98,
    }


def test_a_metric_with_the_labels_of_its_row_is_its_name() -> None:
    assert labelled("adoption_seats", "source", "vendor", "scope") == "adoption_seats"


@pytest.mark.parametrize("labels", [("source", "vendor"), ("vendor", "source", "scope"), ("source", "vendor", "team")])
def test_a_metric_with_other_labels_is_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"^adoption_seats has labels \('source', 'vendor', 'scope'\), got \('"):
        labelled("adoption_seats", *labels)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(KeyError, match="adoption_moods"):
        labelled("adoption_moods", "source")


def test_every_label_of_a_window_holds_what_its_name_says() -> None:
    parts = [
        AmountKey(Amount("usage", "the activity"), "client", "the client"),
        AmountKey(Amount("usage", "the activity"), "language", "the language"),
        AmountKey(Amount("usage", "the activity"), "team", "the team"),
        AmountKey(Amount("active_time", ""), "team", "the team"),
        AmountKey(Amount("active_time", "the activity")),
    ]
    totals = [AmountKey(Amount("usage", "the activity")), AmountKey(Amount("code_lines", "the activity")), TIME]
    rest = {
        AmountKey(Amount("usage", "the activity"), "team", UNASSIGNED): 0,
        AmountKey(Amount("active_time", ""), "team", UNASSIGNED): 0,
    }
    groups = [PeopleKey(dimension, f"the {dimension}") for dimension in ("activity", "client", "language", "team")]
    facts = DayFacts(
        amounts={**dict.fromkeys([*parts, *totals, AmountKey(Amount("code_characters", "the activity"))], 1), **rest},
        people=dict.fromkeys([EVERYBODY, *groups], BitMap([1])),
        service=BitMap(),
    )

    made = samples(replace(scope({DATA_DAY: facts}), source="the source", vendor="the vendor", name="the scope"))

    in_a_window = [one for one in made if "window" in CATALOGUE[one.metric].labels]
    assert len(in_a_window) == len({one.metric for one in in_a_window}) == 15
    for one in in_a_window:
        names = CATALOGUE[one.metric].labels
        assert one.labels == tuple("1d" if name == "window" else f"the {name}" for name in names)
