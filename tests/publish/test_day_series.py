"""Series of single days: whole from the first scrape and right after gaps, late days, revisions and restarts."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.config.calendar import Calendar
from exporter.metrics import Sample
from exporter.model import EVERYBODY, DayFacts, Reading, WindowPeople
from exporter.publish.publisher import Publisher, PublishPolicy
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.samples.calendar import workdays
from exporter.state.accounts import AccountBook
from exporter.state.store import Store
from tests.support.examples import examples
from tests.support.sample_options import sample_options_of
from tests.support.stores import fresh_store

FIRST = date(2026, 1, 1)
SPAN = 90
DAY_SERIES = 40
NOW = datetime(2026, 6, 1, tzinfo=UTC)
LENGTHS = {"1d": 1, "7d": 7, "28d": 28}

# A reading: the number of the day, its people and the service accounts among them.
Read = tuple[int, frozenset[int], frozenset[int]]


def put(store: Store, read: Read, now: datetime) -> None:
    number, accounts, service = read
    facts = DayFacts(people={EVERYBODY: BitMap(accounts)}, service=BitMap(service))
    store.replace("acme", "all", Reading(FIRST + timedelta(days=number), facts), now=now, requests=1)


def published(store: Store, calendar: Calendar) -> list[Sample]:
    """What a process that has just started publishes."""
    cache = ExpositionCache()
    publisher = Publisher(
        sample_options=sample_options_of("acme", "augment", AccountBook(store, "acme"), workday=workdays(calendar)),
        policy=PublishPolicy(timedelta(days=3650), 50_000, DAY_SERIES, lambda read: read),
        store=store,
        cache=cache,
        self_metrics=SelfMetrics().source("acme", "augment"),
        now=lambda: NOW,
        monotonic=lambda: 0.0,
    )
    publisher.publish_all()
    return list(cache.snapshot.samples["acme"])


def by_day(samples: list[Sample]) -> dict[tuple[str, ...], float]:
    """The series of single days by metric and labels behind the scope."""
    return {
        (sample.metric.removeprefix("adoption_"), *sample.labels[3:]): sample.value
        for sample in samples
        if sample.metric.startswith("adoption_day_")
    }


PEOPLE = st.frozensets(st.integers(0, 7), max_size=5)
READS = st.lists(st.tuples(st.integers(0, SPAN), PEOPLE, st.frozensets(st.integers(5, 7), max_size=2)), max_size=15)
USUAL = st.lists(PEOPLE, min_size=1, max_size=9)
GAPS = st.sets(st.integers(0, SPAN), max_size=4)
CALENDARS = st.builds(
    lambda weekend, off, half: {"weekend": weekend, "closed": [str(day) for day in off], "half": sorted(half - off)},
    st.sampled_from([["sat", "sun"], ["fri", "sat"], []]),
    st.sets(st.integers(0, SPAN).map(lambda number: FIRST + timedelta(days=number)), max_size=8),
    st.sets(st.integers(0, SPAN).map(lambda number: FIRST + timedelta(days=number)), max_size=4),
)


@examples(40)
@given(usual=USUAL, gaps=GAPS, again=READS, calendar=CALENDARS)
@pytest.mark.slow
def test_the_series_of_days_are_what_counting_by_hand_gives(
    usual: list[frozenset[int]], gaps: set[int], again: list[Read], calendar: dict[str, Any]
) -> None:
    store = fresh_store()
    store.list_scopes("acme", ["all"])
    reads = [(day, usual[day % len(usual)], frozenset[int]()) for day in range(SPAN) if day not in gaps]
    stored: dict[int, tuple[frozenset[int], frozenset[int]]] = {}
    revised: dict[int, float] = {}
    for number, read in enumerate([*reads, *again]):
        now = NOW - timedelta(days=20) + timedelta(minutes=number)
        put(store, read, now)
        day, accounts, service = read
        # A person of the stored day stays one.
        known = stored.get(day)
        kept = service if known is None else (service - known[0]) | (known[1] & accounts)
        if known is not None and known != (accounts, kept):
            revised[day] = now.timestamp()
        stored[day] = accounts, kept
    people = {FIRST + timedelta(days=day): accounts - service for day, (accounts, service) in stored.items()}
    moments = {FIRST + timedelta(days=day): at for day, at in revised.items()}
    made = Calendar.model_validate(calendar)

    samples = published(store, made)

    assert by_day(samples) == by_hand(people, moments, calendar)
    assert published(store, made) == samples
    at_once = fresh_store()
    at_once.list_scopes("acme", ["all"])
    for day, (accounts, service) in stored.items():
        put(at_once, (day, accounts, service), NOW)
    assert unrevised(published(at_once, made)) == unrevised(samples)
    windows = {sample.labels[-1]: sample.value for sample in samples if sample.metric == "adoption_active_users"}
    last = {labels[1]: value for labels, value in by_day(samples).items() if labels[2:] == (str(max(people)),)}
    assert last == windows


def unrevised(samples: list[Sample]) -> list[Sample]:
    """The samples but those about revisions."""
    return [sample for sample in samples if "revis" not in sample.metric]


def by_hand(
    people: Mapping[date, frozenset[int]], revised: Mapping[date, float], calendar: Mapping[str, Any]
) -> dict[tuple[str, ...], float]:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    off = {date.fromisoformat(str(day)) for key in ("closed", "half") for day in calendar[key]}

    def works(day: date) -> bool:
        return names[day.weekday()] not in calendar["weekend"] and day not in off

    expected: dict[tuple[str, ...], float] = {}
    data_day = max(people)
    for back in range(DAY_SERIES):
        day = data_day - timedelta(days=back)
        if day < min(people):
            break
        expected["day_workday", str(day)] = works(day)
        if day in revised:
            expected["day_revised_timestamp_seconds", str(day)] = revised[day]
        for window, length in LENGTHS.items():
            days = [day - timedelta(days=number) for number in range(length)]
            if all(other in people for other in days):
                expected["day_active_users", window, str(day)] = len(set().union(*(people[other] for other in days)))
        before = [day - timedelta(weeks=weeks) for weeks in range(1, 11)]
        compared = [len(people[other]) for other in before if other in people and works(other)][:4]
        if works(day) and len(compared) > 1:
            expected["day_active_users_baseline", str(day)] = median(compared)
    return expected


def test_windows_that_a_vendor_counted_are_shown_for_the_days_that_they_were_asked_for() -> None:
    store = fresh_store()
    store.list_scopes("acme", ["all"])
    for number in range(3):
        day = FIRST + timedelta(days=number)
        store.replace("acme", "all", Reading(day, DayFacts(head_count=number)), now=NOW, requests=1)
        store.replace_windows("acme", "all", [WindowPeople(day, "7d", 10 + number)])
    # The vendor revised the second day: what it counted over the days since is unknown.
    store.replace("acme", "all", Reading(FIRST + timedelta(days=1), DayFacts(head_count=5)), now=NOW, requests=1)

    found = by_day(published(store, Calendar()))

    assert {labels[1:]: value for labels, value in found.items() if labels[0] == "day_active_users"} == {
        ("1d", "2026-01-01"): 0,
        ("7d", "2026-01-01"): 10,
        ("1d", "2026-01-02"): 5,
        ("1d", "2026-01-03"): 2,
    }


def test_a_day_that_comes_late_fills_its_gap_and_every_window_that_holds_it() -> None:
    store = fresh_store()
    store.list_scopes("acme", ["all"])
    everybody = frozenset({1})
    for number in (0, 1, 2, 4, 5, 6):
        put(store, (number, everybody, frozenset()), NOW)
    before = by_day(published(store, Calendar()))
    put(store, (3, frozenset({2}), frozenset()), NOW)
    after = by_day(published(store, Calendar()))

    assert {labels: value for labels, value in after.items() if labels not in before} == {
        ("day_active_users", "1d", "2026-01-04"): 1,
        ("day_active_users", "7d", "2026-01-07"): 2,
    }
    assert {labels: after[labels] for labels in before} == before
