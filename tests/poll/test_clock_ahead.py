"""A clock that is ahead, or behind, for some polls: what it leaves in the state is not published and harms nothing."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.daemon.exporter import Exporter
from exporter.daemon.upkeep import forget_removed
from exporter.errors import Rejected, Unreachable
from exporter.metrics import Sample
from exporter.model import EVERYBODY, ONE_DAY, DayFacts, Identity, Reading, WindowPeople
from exporter.poll.poller import Poller
from exporter.samples.build import scope_history, scope_samples
from exporter.state.accounts import AccountBook, plain
from exporter.state.records import ScopeStatus
from exporter.state.store import Store
from exporter.transport.vendor_clock import Told
from tests.support.configurations import load_text
from tests.support.examples import examples
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, counted, people
from tests.support.sample_options import book_of, sample_options_of
from tests.support.stores import fresh_store

pytestmark = pytest.mark.slow

AHEAD = [timedelta(days=1), timedelta(days=3), timedelta(days=400), timedelta(days=905)]
DAYS = [YESTERDAY - timedelta(days=back) for back in range(40)]


class Everyday(dict[tuple[str, date], DayFacts | None]):
    """A vendor's days by the right time: people up to yesterday, some of them today, and silence (no rows) after it."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench

    def get(self, key: tuple[str, date], default: object = None) -> DayFacts | None:
        today = (self._bench.now - self._bench.wrong).date()
        if key[1] == today:
            return people(1, messages=1)
        return people(1, 2, messages=5) if key[1] < today else None


def bench_of(*, tells_time: bool, history: int = 10, retention: int = 800) -> Bench:
    bench = Bench(Script(), history=history, retention=retention, tells_time=tells_time)
    bench.script.days = Everyday(bench)  # type: ignore[assignment]  # a vendor that has an answer for every day
    return bench


def set_clock(bench: Bench, wrong: timedelta) -> None:
    """Makes the clock wrong by so much from now on; no time passes."""
    bench.now += wrong - bench.wrong
    bench.wrong = wrong


def pass_time(bench: Bench, time: timedelta) -> None:
    bench.now += time


def shown(bench: Bench) -> Sequence[Sample]:
    return bench.cache.snapshot.samples.get("tool", [])


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_days_that_were_read_in_time_by_a_clock_that_was_ahead_stay_where_the_vendor_tells_the_time(
    ahead: timedelta,
) -> None:
    bench = bench_of(tells_time=True)
    bench.lookback = 7
    set_clock(bench, ahead)
    poller = bench.poller()
    poller.poll()
    by_the_wrong_clock = bench.published("adoption_data_day_timestamp_seconds")
    set_clock(bench, timedelta())
    poller.publisher.withdraw_stale()

    newest = datetime.combine(YESTERDAY, datetime.min.time(), UTC).timestamp()
    in_reach = ahead < timedelta(days=10)
    assert by_the_wrong_clock == ({("all",): newest} if in_reach else {})
    assert bench.published("adoption_data_day_timestamp_seconds") == by_the_wrong_clock


@pytest.mark.parametrize("tells_time", [True, False])
@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_after_a_poll_by_a_clock_that_was_ahead_the_same_is_published_as_before(
    ahead: timedelta, tells_time: bool
) -> None:
    bench = bench_of(tells_time=tells_time)
    poller = bench.poller()
    poller.poll()
    before = shown(bench)
    set_clock(bench, ahead)
    poller.poll()
    set_clock(bench, timedelta())

    poller.publisher.withdraw_stale()
    at_once = shown(bench)
    poller.poll()
    after_a_poll = shown(bench)
    restarted = bench.poller()
    restarted.restore()

    assert at_once == before
    assert after_a_poll == before
    assert shown(bench) == before
    assert bench.published("adoption_active_users") == {("all", "1d"): 2.0, ("all", "7d"): 2.0}


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_a_day_that_is_not_over_by_the_vendors_clock_is_not_stored(ahead: timedelta) -> None:
    bench = bench_of(tells_time=True)
    poller = bench.poller()
    poller.poll()
    before = list(bench.store.days("tool", "all"))
    set_clock(bench, ahead)
    status = poller.poll()

    assert list(bench.store.days("tool", "all")) == before
    assert status is not None
    assert status.success


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_days_that_were_still_to_come_are_read_when_they_are_due_and_are_no_revisions(ahead: timedelta) -> None:
    bench = bench_of(tells_time=False, history=5)
    # So that no stored day is read again for another reason.
    bench.lookback = 0
    poller = bench.poller()
    poller.poll()
    set_clock(bench, ahead)
    poller.poll()
    set_clock(bench, timedelta())
    poller.poll()
    wrong = [day for day, stored in bench.store.days("tool", "all").items() if stored.people != 2]
    last = (NOON + ahead).date()
    # Most of the time nothing happens; the days of the wrong clock become due one after the other.
    for back in range(6, -1, -1):
        pass_time(bench, datetime.combine(last, NOON.time(), UTC) - back * ONE_DAY - bench.now)
        if bench.now > NOON:
            poller.poll()

    assert wrong
    assert {stored.people for stored in bench.store.days("tool", "all").values()} == {2}
    assert bench.published("adoption_data_revisions_total") == {("all",): 0.0}
    assert bench.published("adoption_active_users")["all", "1d"] == 2.0


def test_a_window_that_was_counted_for_a_day_still_to_come_is_asked_anew() -> None:
    bench = Bench(Script(), history=2, windows=True)
    tomorrow = YESTERDAY + 2 * ONE_DAY
    for day in (YESTERDAY, YESTERDAY + ONE_DAY):
        bench.script.days["all", day] = counted(5)
        bench.script.windows[day, "7d"] = WindowPeople(day, "7d", 7)
    bench.script.days["all", YESTERDAY - ONE_DAY] = counted(5)
    poller = bench.poller()
    set_clock(bench, ONE_DAY)
    poller.poll()
    set_clock(bench, timedelta())
    poller.publisher.withdraw_stale()
    meanwhile = bench.published("adoption_active_users")
    bench.script.days["all", YESTERDAY + ONE_DAY] = counted(9)
    bench.script.windows[YESTERDAY + ONE_DAY, "7d"] = WindowPeople(YESTERDAY + ONE_DAY, "7d", 19)
    pass_time(bench, ONE_DAY)
    poller.poll()

    assert meanwhile == {("all", "1d"): 5.0}
    assert bench.published("adoption_active_users") == {("all", "1d"): 9.0, ("all", "7d"): 19.0}
    assert tomorrow not in bench.store.days("tool", "all")


def test_a_costly_lookback_is_read_again_after_a_clock_that_was_ahead() -> None:
    bench = bench_of(tells_time=False, history=5)
    bench.lookback = 3
    bench.script.requests_a_day = 15
    poller = bench.poller()
    set_clock(bench, timedelta(hours=20))
    poller.poll()
    set_clock(bench, timedelta())
    poller.poll()

    # The clock that was ahead took the history for a day shorter.
    assert bench.script.asked[-1][1] == (*DAYS[:3], DAYS[4])


@pytest.mark.parametrize("tells_time", [True, False])
def test_a_clock_that_is_behind_withdraws_what_is_still_to_come_and_shows_it_again(tells_time: bool) -> None:
    bench = bench_of(tells_time=tells_time)
    poller = bench.poller()
    poller.poll()
    before = shown(bench)
    set_clock(bench, timedelta(days=-400))
    poller.publisher.withdraw_stale()
    withdrawn = shown(bench)
    stored = bench.store.days("tool", "all")
    set_clock(bench, timedelta())
    poller.publisher.withdraw_stale()

    assert withdrawn == []
    assert len(stored) == 10
    assert shown(bench) == before


def test_a_day_is_known_though_another_replicas_clock_is_ahead_by_a_moment() -> None:
    bench = bench_of(tells_time=False)
    poller = bench.poller()
    bench.now = datetime(2026, 3, 11, 3, 0, 1, tzinfo=UTC)
    poller.poll()
    before = shown(bench)
    set_clock(bench, timedelta(seconds=-30))
    other = bench.poller()
    other.restore()

    assert bench.published("adoption_data_day_timestamp_seconds") == {
        ("all",): datetime(2026, 3, 10, tzinfo=UTC).timestamp()
    }
    assert shown(bench) == before


@pytest.mark.slow
@given(
    days=st.lists(st.integers(1, 800), max_size=40, unique=True),
    accounts=st.sets(st.integers(0, 9)),
    window=st.integers(0, 800),
)
@examples(30)
def test_days_still_to_come_count_nowhere(days: Sequence[int], accounts: set[int], window: int) -> None:
    clean, poisoned = fresh_store(), fresh_store()
    for store in (clean, poisoned):
        store.list_scopes("tool", ["all"])
        for number, day in enumerate(DAYS):
            put(store, day, {number % 7, number % 5}, NOON)
    for after in days:
        put(poisoned, YESTERDAY + after * ONE_DAY, accounts, NOON + (after + 1) * ONE_DAY)
    poisoned.replace_windows("tool", "all", [WindowPeople(YESTERDAY + (window + 1) * ONE_DAY, "1d", 3)])

    assert samples(poisoned) == samples(clean)


def put(store: Store, day: date, accounts: set[int], now: datetime) -> None:
    facts = DayFacts(people={EVERYBODY: BitMap(accounts)})
    store.replace("tool", "all", Reading(day, facts), now=now, requests=1)


def samples(store: Store) -> tuple[list[Sample], Mapping[date, int | None]]:
    """What is published of a scope at noon, and the days that are known."""
    sample_options = sample_options_of("tool", "augment", AccountBook(store, "tool"))
    history = scope_history(sample_options, store, "all", NOON)
    status = ScopeStatus(listed=True, last_success=None, revised=0, seats=None)
    return scope_samples(sample_options, history, max(history.days), status).samples, history.head_counts


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_what_a_clock_that_was_ahead_has_read_becomes_stale_when_the_time_has_passed(ahead: timedelta) -> None:
    bench = bench_of(tells_time=False)
    bench.poller().poll()
    set_clock(bench, ahead)
    bench.poller().poll()
    set_clock(bench, timedelta())
    poller = bench.poller()
    bench.script.scopes_error = Unreachable("no answer")
    poller.restore()
    poller.poll()
    fresh = bench.published("adoption_active_users")
    pass_time(bench, bench.stale_after - timedelta(minutes=1))
    poller.publisher.withdraw_stale()
    still = bench.published("adoption_active_users")
    pass_time(bench, timedelta(minutes=10))
    poller.publisher.withdraw_stale()

    assert fresh.keys() == still.keys() != set()
    assert bench.published("adoption_active_users") == {}


def test_what_is_stale_by_a_clock_that_is_ahead_is_shown_again_when_it_is_right() -> None:
    bench = bench_of(tells_time=True)
    poller = bench.poller()
    poller.poll()
    before = shown(bench)
    set_clock(bench, timedelta(days=400))
    bench.script.scopes_error = Unreachable("no answer")
    poller.poll()
    poller.publisher.withdraw_stale()
    withdrawn = shown(bench)
    set_clock(bench, timedelta())
    poller.publisher.withdraw_stale()

    assert withdrawn == []
    assert shown(bench) == before


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_a_success_is_never_told_to_be_still_to_come(ahead: timedelta) -> None:
    bench = bench_of(tells_time=True)
    poller = bench.poller()
    set_clock(bench, ahead)
    poller.poll()
    set_clock(bench, timedelta())
    bench.script.scopes_error = Unreachable("no answer")
    poller.poll()
    pass_time(bench, timedelta(hours=1))
    poller.poll()

    assert bench.own("last_success_timestamp_seconds") == NOON.timestamp()


# Pruning


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def forgotten(log: pytest.LogCaptureFixture) -> int:
    """How often old days were forgotten."""
    return sum(record.message == "old days forgotten" for record in log.records)


def running(bench: Bench, days: int) -> Poller:
    """A poller that has run for some days, with a poll each day, and so many days stored."""
    poller = bench.poller()
    pass_time(bench, -days * ONE_DAY)
    for _ in range(days):
        poller.poll()
        pass_time(bench, ONE_DAY)
    poller.poll()
    return poller


def test_days_beyond_the_retention_go_once_a_day_while_the_vendor_tells_the_same_time(
    log: pytest.LogCaptureFixture,
) -> None:
    bench = bench_of(tells_time=True, history=2, retention=3)
    poller = running(bench, 6)
    poller.poll()

    assert sorted(bench.store.days("tool", "all"), reverse=True) == DAYS[:3]
    # After the first two of seven polls there are three days.
    assert forgotten(log) == 5


@pytest.mark.parametrize("refused", [True, False])
@pytest.mark.parametrize("tells_time", [True, False])
@pytest.mark.parametrize("ahead", [timedelta(minutes=6), *AHEAD, timedelta(days=-400)], ids=str)
def test_nothing_is_forgotten_by_a_clock_that_the_vendor_does_not_bear_out(
    ahead: timedelta, tells_time: bool, refused: bool, log: pytest.LogCaptureFixture
) -> None:
    bench = bench_of(tells_time=tells_time, history=2, retention=3)
    poller = running(bench, 6)
    before, told = bench.store.days("tool", "all").keys(), forgotten(log)
    # Were the clock right, the oldest day would go.
    set_clock(bench, ahead)
    pass_time(bench, ONE_DAY)
    if refused:
        bench.script.scopes_error = Rejected("401", status=401)
    for _ in range(3):
        poller.poll()
        pass_time(bench, timedelta(hours=1))

    assert before <= bench.store.days("tool", "all").keys()
    assert forgotten(log) == told


def test_a_vendor_that_refuses_bears_nothing_out(log: pytest.LogCaptureFixture) -> None:
    bench = bench_of(tells_time=True, history=2, retention=3)
    poller = running(bench, 6)
    told = forgotten(log)
    bench.script.scopes_error = Rejected("401", status=401)
    pass_time(bench, ONE_DAY)
    poller.poll()
    bench.script.scopes_error = None
    poller.poll()

    assert (told, forgotten(log)) == (5, 6)


@pytest.mark.parametrize("jump", [timedelta(days=905), timedelta(days=-905)], ids=str)
def test_a_jump_of_both_clocks_for_one_poll_forgets_nothing(jump: timedelta, log: pytest.LogCaptureFixture) -> None:
    bench = bench_of(tells_time=True, history=2, retention=3)
    poller = running(bench, 6)
    before, told = bench.store.days("tool", "all").keys(), forgotten(log)
    pass_time(bench, jump)
    poller.poll()
    pass_time(bench, -jump)
    poller.poll()

    assert before <= bench.store.days("tool", "all").keys()
    assert forgotten(log) == told


def test_after_a_long_stop_the_second_poll_forgets(log: pytest.LogCaptureFixture) -> None:
    bench = bench_of(tells_time=True, history=2, retention=3)
    running(bench, 6)
    told = forgotten(log)
    pass_time(bench, timedelta(days=100))
    restarted = bench.poller()
    restarted.poll()
    first = forgotten(log) - told
    restarted.poll()

    assert (first, forgotten(log) - told) == (0, 1)
    assert len(bench.store.days("tool", "all")) == 2


@pytest.mark.parametrize(
    ("told", "proven", "gone"),
    [
        ([None, None], [None, None], []),
        ([timedelta(), None], [NOON, None], [2]),
        ([timedelta(), timedelta()], [NOON, NOON - ONE_DAY], [1]),
        ([timedelta(), timedelta(days=905)], [NOON, None], []),
        ([timedelta(), timedelta(days=-905)], [NOON, None], []),
    ],
    ids=["nobody tells", "one tells", "both tell", "one disagrees", "one is behind"],
)
def test_sources_that_are_no_longer_configured_forget_by_what_the_others_vendors_tell(
    told: Sequence[timedelta | None], proven: Sequence[datetime | None], gone: Sequence[int], tmp_path: Path
) -> None:
    store = fresh_store()
    book = book_of(store, "gone", plain)
    store.list_scopes("gone", ["a"])
    for back, number in enumerate(book.number([Identity(key=str(back)) for back in range(5)])):
        facts = DayFacts(people={EVERYBODY: BitMap([number])})
        store.replace("gone", "a", Reading(DAYS[back], facts), now=NOON, requests=1)
    config = load_text(
        tmp_path,
        "state: {url: 'sqlite://', retention: 3d}\n"
        "people: {per_user: plain}\n"
        "sources: {one: {vendor: augment, token: t0ken}, two: {vendor: augment, token: t0ken}}",
    )
    exporter = Exporter.open(config, store, now=lambda: NOON + timedelta(days=905))
    for poller, ahead, moment in zip(exporter.pollers.values(), told, proven, strict=True):
        poller.vendor_time = None if ahead is None else Told(NOON, ahead)
        poller.proven = moment

    forget_removed(exporter)

    left = 5 - sum(gone)
    assert len(store.days("gone", "a")) == left
    assert len(book.labels()) == left


# What is logged


def logged(log: pytest.LogCaptureFixture) -> list[tuple[str, str, object]]:
    return [
        (record.levelname, record.message, record.__dict__["fields"].get("by"))
        for record in log.records
        if "clock" in record.message
    ]


@pytest.mark.parametrize(
    ("wrong", "words", "by"),
    [
        (timedelta(days=400), "ahead of", "400d"),
        (timedelta(minutes=6), "ahead of", "6m"),
        (timedelta(hours=-2), "behind", "2h"),
        (timedelta(days=-905), "behind", "905d"),
    ],
    ids=str,
)
def test_a_clock_that_differs_from_the_vendors_is_said_once_and_its_end_once(
    wrong: timedelta, words: str, by: str, log: pytest.LogCaptureFixture
) -> None:
    bench = bench_of(tells_time=True)
    poller = bench.poller()
    poller.poll()
    set_clock(bench, wrong)
    poller.poll()
    bench.script.scopes_error = Unreachable("no answer")
    poller.poll()
    bench.script.scopes_error = None
    poller.poll()
    set_clock(bench, timedelta())
    poller.poll()
    poller.poll()

    assert logged(log) == [
        ("WARNING", f"the clock of this machine is {words} the vendor's", by),
        ("INFO", "the clock of this machine agrees with the vendor's again", None),
    ]


@pytest.mark.parametrize("wrong", [timedelta(), timedelta(minutes=5), timedelta(minutes=-5)], ids=str)
def test_a_clock_that_may_be_right_is_not_worth_a_line(wrong: timedelta, log: pytest.LogCaptureFixture) -> None:
    bench = bench_of(tells_time=True)
    set_clock(bench, wrong)
    poller = bench.poller()
    poller.poll()
    poller.poll()

    assert logged(log) == []
