import pytest
from pyroaring import BitMap

from exporter.model import EVERYBODY, DayFacts
from tests.support.window_facts import ABOUT, DATA_DAY, back, scope, shown


@pytest.mark.parametrize(
    ("weeks", "baseline"),
    [
        ({}, None),
        ({1: 10}, None),
        ({1: 10, 2: 20}, 15),
        ({3: 10, 4: 21}, 15.5),
        ({1: 30, 2: 10, 4: 20}, 20),
        ({1: 40, 2: 10, 3: 20, 4: 31}, 25.5),
        ({1: 0, 2: 0}, 0),
        ({1: 0, 2: 0, 3: 9}, 0),
        ({5: 10, 6: 20}, None),
    ],
)
def test_the_baseline_is_the_median_of_at_least_two_known_days_of_the_same_weekday(
    weeks: dict[int, int], baseline: float | None
) -> None:
    facts = {back(7 * number): DayFacts(head_count=people) for number, people in weeks.items()}
    others = {back(days): DayFacts(head_count=1_000) for days in (1, 2, 6, 8, 13, 15, 20, 22, 27)}

    found = shown(scope({DATA_DAY: DayFacts(), **facts, **others}))

    assert found.get("active_users_baseline") == baseline


def test_the_baseline_counts_people_alone_and_leaves_out_days_whose_people_are_unknown() -> None:
    listed = DayFacts(people={EVERYBODY: BitMap([1, 2, 3])}, service=BitMap([3]))
    facts = {back(7): listed, back(14): DayFacts(head_count=5), back(21): DayFacts(), back(28): DayFacts()}

    assert shown(scope({DATA_DAY: DayFacts(), **facts})) == {**ABOUT, "active_users_baseline": 3.5}
