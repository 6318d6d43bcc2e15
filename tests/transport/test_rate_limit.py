import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.transport.rate_limit import Budget


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_full_bucket_gives_its_burst_at_once_and_then_one_token_per_interval() -> None:
    budget = Budget(10, monotonic=Clock(), burst=3)

    assert [budget.reserve() for _ in range(6)] == [0.0, 0.0, 0.0, 6.0, 12.0, 18.0]


def test_an_idle_bucket_fills_up_to_its_burst_and_no_further() -> None:
    clock = Clock()
    budget = Budget(60, monotonic=clock, burst=2)
    for _ in range(2):
        budget.reserve()

    clock.seconds = 3600.0

    assert [budget.reserve() for _ in range(4)] == [0.0, 0.0, 1.0, 2.0]


def test_a_thousand_requests_at_600_a_minute_take_what_the_budget_needs() -> None:
    clock = Clock()
    budget = Budget(600, monotonic=clock)

    for _ in range(1000):
        clock.seconds += budget.reserve()

    assert clock.seconds == pytest.approx((1000 - 20) / 10)


@given(
    per_minute=st.integers(1, 1000),
    burst=st.integers(1, 30),
    idle=st.lists(st.floats(0, 300), min_size=1, max_size=60),
)
def test_no_interval_sees_more_than_the_burst_and_what_the_rate_adds(
    per_minute: int, burst: int, idle: list[float]
) -> None:
    clock = Clock()
    budget = Budget(per_minute, monotonic=clock, burst=burst)
    grants = []
    for seconds in idle:
        clock.seconds += seconds
        grants.append(clock.seconds + budget.reserve())

    assert grants == sorted(grants)
    for first, start in enumerate(grants):
        for last, end in enumerate(grants[first:], first):
            assert last - first + 1 <= burst + (end - start) * per_minute / 60 + 1e-6


@given(per_minute=st.integers(1, 1000), burst=st.integers(1, 30), count=st.integers(1, 100))
def test_a_client_that_always_asks_loses_nothing_of_its_budget(per_minute: int, burst: int, count: int) -> None:
    clock = Clock()
    budget = Budget(per_minute, monotonic=clock, burst=burst)
    for _ in range(count):
        clock.seconds += budget.reserve()

    assert clock.seconds == pytest.approx(max(0, count - burst) * 60 / per_minute)
