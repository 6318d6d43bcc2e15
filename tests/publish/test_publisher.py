import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pyroaring import BitMap

from exporter.errors import Failure
from exporter.metrics import Sample, sample
from exporter.model import EVERYBODY, DayFacts, Reading, WindowPeople
from exporter.publish.prometheus import render_collector
from exporter.publish.publisher import Publisher, PublishPolicy, withdraw_stale
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.state.accounts import AccountBook
from exporter.state.store import PollStatus, Store
from tests.support.daemons import wait_until
from tests.support.sample_options import sample_options_of
from tests.support.stores import fresh_store

MONDAY = date(2026, 3, 9)
TUESDAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 11, 3, tzinfo=UTC)
STALE_AFTER = timedelta(days=3)
MICROSECOND = timedelta(microseconds=1)
WEEK = timedelta(days=7)


@dataclass
class World:
    """A store, a cache that renders only when it must, and a clock that stands still."""

    store: Store = field(default_factory=fresh_store)
    cache: ExpositionCache = field(default_factory=lambda: ExpositionCache(monotonic=lambda: 0.0))
    self_metrics: SelfMetrics = field(default_factory=SelfMetrics)
    now: datetime = NOW

    def publisher(
        self,
        source: str = "acme",
        *,
        max_series: int = 100,
        day_series: int = 0,
        seats: int | None = None,
        next_poll: Callable[[datetime], datetime] = lambda read: read,
    ) -> Publisher:
        return Publisher(
            sample_options=sample_options_of(source, "augment", AccountBook(self.store, source), seats=seats),
            policy=PublishPolicy(STALE_AFTER, max_series, day_series, next_poll),
            store=self.store,
            cache=self.cache,
            self_metrics=self.self_metrics.source(source, "augment"),
            now=lambda: self.now,
            monotonic=lambda: self.now.timestamp(),
        )

    def put(self, day: date, *accounts: int, scope: str = "all", source: str = "acme") -> None:
        facts = DayFacts(people={EVERYBODY: BitMap(accounts)})
        self.store.replace(source, scope, Reading(day, facts), now=self.now, requests=1)

    def series(self) -> dict[str, float]:
        """How many series of each source are published and dropped."""
        lines = render_collector(self.self_metrics.registry, "text").decode().splitlines()
        found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("adoption_exporter_series"))
        return {name.removeprefix("adoption_exporter_"): float(value) for name, value in found.items()}


def poll_status(ended: datetime) -> PollStatus:
    """A poll of a minute, of which some scope may have failed."""
    return PollStatus(ended.timestamp(), duration=60.0, last_success=None, failure=Failure("bug", "IndexError"))


def one_day(day: date, people: int, *, scope: str = "all", source: str = "acme", revised: int = 0) -> list[Sample]:
    """The samples of a scope whose only day, from Monday to Friday, lists so many people."""
    labels = {"source": source, "vendor": "augment", "scope": scope}
    start = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    due = start + timedelta(days=2, hours=3).total_seconds()
    return [
        sample("adoption_data_day_timestamp_seconds", start, **labels),
        sample("adoption_data_revisions_total", revised, **labels),
        sample("adoption_active_users", people, **labels, window="1d"),
        sample("adoption_data_day_due_timestamp_seconds", due, **labels),
        sample("adoption_data_day_workday", 1.0, **labels),
        sample("adoption_workday_timestamp_seconds", start, **labels),
        sample("adoption_workday_active_users", people, **labels),
        sample("adoption_window_workdays", 5, **labels, window="7d"),
        sample("adoption_window_workdays", 20, **labels, window="28d"),
        sample("adoption_window_workdays_before", 5, **labels, window="7d"),
        sample("adoption_window_workdays_before", 20, **labels, window="28d"),
    ]


def flow(*, retained: int, lapsed: int) -> list[Sample]:
    """The people of the day before who are and are not there on the only other day of a scope."""
    labels = {"source": "acme", "vendor": "augment", "scope": "all", "window": "1d"}
    return [
        sample("adoption_retained_users", retained, **labels),
        sample("adoption_lapsed_users", lapsed, **labels),
    ]


def test_every_listed_scope_is_published_by_name() -> None:
    world = World()
    world.store.list_scopes("acme", ["b", "a", "empty"])
    world.put(MONDAY, 1, scope="b")
    world.put(TUESDAY, 1, 2, scope="a")

    world.publisher().publish_all()

    assert world.cache.snapshot.samples == {"acme": [*one_day(TUESDAY, 2, scope="a"), *one_day(MONDAY, 1, scope="b")]}


def test_the_data_day_of_each_scope_is_published_with_its_samples_under_the_name_that_labels_have() -> None:
    world = World()
    world.store.list_scopes("acme", ["b", "a" * 3000, "empty"])
    world.put(MONDAY, 1, scope="b")
    world.put(TUESDAY, 1, 2, scope="a" * 3000)

    world.publisher().publish_all()

    data_days = world.cache.snapshot.data_days["acme"]
    (cut,) = data_days.keys() - {"b"}
    assert data_days == {"b": MONDAY, cut: TUESDAY}
    assert world.cache.snapshot.samples["acme"] == [
        *one_day(TUESDAY, 2, scope=cut),
        *one_day(MONDAY, 1, scope="b"),
    ]


def test_a_source_without_a_stored_day_publishes_nothing() -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])

    world.publisher().publish_all()

    assert world.cache.snapshot.samples == {"acme": []}


def test_one_scope_is_republished_and_the_others_stay() -> None:
    world = World()
    world.store.list_scopes("acme", ["a", "b"])
    world.put(MONDAY, 1, scope="a")
    world.put(MONDAY, 1, scope="b")
    publisher = world.publisher()
    publisher.publish_all()
    world.put(MONDAY, 1, 2, 3, scope="a")
    world.put(MONDAY, 1, 2, 3, scope="b")

    publisher.publish_scope("b")

    assert world.cache.snapshot.samples["acme"] == [
        *one_day(MONDAY, 1, scope="a"),
        *one_day(MONDAY, 3, scope="b", revised=1),
    ]


def test_scopes_wait_until_the_cache_is_due_and_are_not_made_before() -> None:
    rendering_takes_two_seconds = (0.0, 2.0)
    moments = iter((0.0, 0.0, *rendering_takes_two_seconds, 21.9, 22.0, 22.0, 22.0, 22.0))
    world = World(cache=ExpositionCache(monotonic=moments.__next__))
    looks: list[date] = []

    def make(day: date) -> bool:
        looks.append(day)
        return False

    publisher = world.publisher()
    publisher.sample_options = replace(publisher.sample_options, workday=make)
    world.store.list_scopes("acme", ["a", "b", "c"])
    shown = []
    for scope in ("a", "b", "c"):
        world.put(MONDAY, 1, scope=scope)
        publisher.publish_scope(scope)
        scopes = {sample.labels[2] for sample in world.cache.snapshot.all_samples()}
        shown.append((len(looks), sorted(scopes)))

    # Each scope that is made looks at the calendar equally often.
    once, _ = shown[0]
    assert shown == [(once, ["a"]), (once, ["a"]), (3 * once, ["a", "b", "c"])]


def test_a_scope_that_the_source_no_longer_has_is_withdrawn() -> None:
    world = World()
    world.store.list_scopes("acme", ["a", "b"])
    world.put(MONDAY, 1, scope="a")
    world.put(MONDAY, 1, scope="b")
    publisher = world.publisher()
    publisher.publish_all()

    world.store.list_scopes("acme", ["b"])
    publisher.publish_all()

    assert world.cache.snapshot.samples == {"acme": one_day(MONDAY, 1, scope="b")}


def test_a_source_never_touches_the_samples_of_another() -> None:
    world = World()
    for source, people in (("acme", [1, 2]), ("other", [3])):
        world.store.list_scopes(source, ["all"])
        world.put(MONDAY, *people, source=source)
    acme, other = world.publisher("acme"), world.publisher("other", max_series=2)

    acme.publish_all()
    other.publish_all()
    world.put(TUESDAY, source="other")
    other.publish_scope("all")
    world.now += STALE_AFTER + MICROSECOND
    world.put(TUESDAY, 1, source="acme")
    acme.publish_all()
    other.withdraw_stale()

    assert world.cache.snapshot.samples == {
        "acme": [*one_day(TUESDAY, 1), *flow(retained=1, lapsed=1)],
        "other": [],
    }


@pytest.mark.parametrize(
    ("age", "shown"), [(STALE_AFTER - MICROSECOND, True), (STALE_AFTER, True), (STALE_AFTER + MICROSECOND, False)]
)
def test_a_scope_is_shown_until_stale_after_and_no_longer(age: timedelta, shown: bool) -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    world.put(MONDAY, 1)
    publisher = world.publisher()
    publisher.publish_all()

    world.now = NOW + age
    publisher.withdraw_stale()
    while_running = world.cache.snapshot.samples["acme"]
    restarted = world.publisher()
    restarted.publish_all()

    assert while_running == world.cache.snapshot.samples["acme"] == (one_day(MONDAY, 1) if shown else [])


@pytest.mark.parametrize(
    ("polled", "age", "shown"),
    [
        # The poll that read it was the last one, and the next is due in a week.
        (timedelta(), STALE_AFTER * 2, True),
        (timedelta(), WEEK + STALE_AFTER, True),
        # The next poll should have ended long ago.
        (timedelta(), WEEK + STALE_AFTER + MICROSECOND, False),
        # A later poll did not read it.
        (timedelta(hours=1), STALE_AFTER, True),
        (timedelta(hours=1), STALE_AFTER + MICROSECOND, False),
    ],
)
def test_a_scope_that_the_last_poll_read_is_shown_until_the_next_poll_is_late(
    polled: timedelta, age: timedelta, shown: bool
) -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    world.put(MONDAY, 1)
    world.store.record_poll("acme", poll_status(NOW + polled))
    publisher = world.publisher(next_poll=lambda read: read + WEEK)
    publisher.publish_all()

    world.now = NOW + age
    publisher.withdraw_stale()
    while_running = world.cache.snapshot.samples["acme"]
    restarted = world.publisher(next_poll=lambda read: read + WEEK)
    restarted.publish_all()

    assert while_running == world.cache.snapshot.samples["acme"] == (one_day(MONDAY, 1) if shown else [])


def test_a_scope_that_is_read_without_news_does_not_become_stale() -> None:
    world = World()
    world.store.list_scopes("acme", ["all", "failing"])
    world.put(MONDAY, 1)
    world.put(MONDAY, 1, scope="failing")
    world.now = NOW + STALE_AFTER
    world.store.scope_read("acme", "all", now=world.now)
    publisher = world.publisher()
    publisher.publish_all()

    world.now += STALE_AFTER
    publisher.withdraw_stale()

    assert world.cache.snapshot.samples == {"acme": one_day(MONDAY, 1)}


def test_nothing_is_rendered_while_nothing_is_stale_and_once_when_something_is() -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    world.put(MONDAY, 1)
    publisher = world.publisher()
    publisher.publish_all()
    snapshots = [world.cache.snapshot]

    for age in (STALE_AFTER, STALE_AFTER + MICROSECOND, STALE_AFTER * 2):
        world.now = NOW + age
        publisher.withdraw_stale()
        snapshots.append(world.cache.snapshot)

    assert snapshots[1] is snapshots[0]
    assert snapshots[2] is not snapshots[1]
    assert snapshots[3] is snapshots[2]


def test_looking_for_stale_scopes_does_not_wait_for_a_publication() -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    world.put(MONDAY, 1)
    publisher = world.publisher()
    publisher.publish_all()
    looked = []

    def look(day: date) -> bool:
        publisher.withdraw_stale()
        looked.append(day)
        return True

    publisher.sample_options = replace(publisher.sample_options, workday=look)
    publisher.publish_all()

    assert MONDAY in looked


def test_a_stale_scope_is_withdrawn_while_the_state_is_gone() -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    world.put(MONDAY, 1)
    publisher = world.publisher()
    publisher.publish_all()

    world.store.close()
    world.now = NOW + STALE_AFTER + MICROSECOND
    publisher.withdraw_stale()

    assert world.cache.snapshot.samples == {"acme": []}


def test_a_source_that_cannot_be_looked_after_keeps_back_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def no_next_poll(_read: datetime) -> datetime:
        raise ZeroDivisionError

    world = World()
    for source in ("acme", "other"):
        world.store.list_scopes(source, ["all"])
        world.put(MONDAY, 1, source=source)
        world.store.record_poll(source, poll_status(NOW))
    publishers = [world.publisher("acme", next_poll=no_next_poll), world.publisher("other")]
    for publisher in publishers:
        publisher.publish_all()

    world.now = NOW + STALE_AFTER + MICROSECOND
    withdraw_stale(publishers)

    assert world.cache.snapshot.samples == {"acme": one_day(MONDAY, 1), "other": []}
    assert [(record.message, getattr(record, "fields", {})) for record in caplog.records] == [
        ("a bug kept stale values from being withdrawn", {"source": "acme"})
    ]


def test_the_end_of_a_source_does_not_wait_until_all_its_scopes_are_made() -> None:
    world = World()
    world.store.list_scopes("acme", ["a", "b", "c"])
    for scope in ("a", "b", "c"):
        world.put(MONDAY, 1, scope=scope)
    publisher = world.publisher()
    looks: list[date] = []
    ending = threading.Thread(target=publisher.end)

    def look(day: date) -> bool:
        looks.append(day)
        return True

    def end(day: date) -> bool:
        if not publisher.ended:
            ending.start()
            wait_until(lambda: publisher.ended)
        return look(day)

    publisher.sample_options = replace(publisher.sample_options, workday=look)
    publisher.publish_all()
    all_three, snapshot = len(looks), world.cache.snapshot
    publisher.sample_options = replace(publisher.sample_options, workday=end)
    publisher.publish_all()
    ending.join(30)

    assert len(looks) == all_three + all_three / 3
    assert not ending.is_alive()
    assert world.cache.snapshot is snapshot


def test_a_stale_scope_comes_back_with_its_next_reading() -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    world.put(MONDAY, 1)
    publisher = world.publisher()
    publisher.publish_all()
    world.now = NOW + STALE_AFTER * 2
    publisher.withdraw_stale()

    world.put(TUESDAY, 1, 2)
    publisher.publish_scope("all")

    assert world.cache.snapshot.samples["acme"] == [*one_day(TUESDAY, 2), *flow(retained=1, lapsed=0)]


def test_a_source_is_kept_below_its_series_and_the_dropped_ones_are_counted() -> None:
    world = World()
    world.store.list_scopes("acme", ["a", "b"])
    world.put(MONDAY, 1, scope="a")
    world.put(MONDAY, 1, scope="b")

    world.publisher(max_series=12).publish_all()

    assert world.cache.snapshot.samples == {
        "acme": [*one_day(MONDAY, 1, scope="a"), one_day(MONDAY, 1, scope="b")[0]],
    }
    assert world.series() == {
        'series{source="acme",vendor="augment"}': 12.0,
        'series_dropped{reason="day_series",source="acme",vendor="augment"}': 0.0,
        'series_dropped{reason="max_series",source="acme",vendor="augment"}': 10.0,
        'series_dropped{reason="privacy",source="acme",vendor="augment"}': 0.0,
        'series_shortened{source="acme",vendor="augment"}': 0.0,
    }


def days_of(world: World, metric: str = "adoption_day_active_users") -> dict[tuple[str, ...], float]:
    """The series of single days by their labels behind the scope."""
    samples = world.cache.snapshot.samples["acme"]
    return {sample.labels[3:]: sample.value for sample in samples if sample.metric == metric}


def test_the_newest_days_have_series_of_their_own_as_they_are_known_now() -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    for day in (MONDAY - WEEK, MONDAY - 2 * WEEK, MONDAY, TUESDAY):
        world.put(day, 1, 2)
    world.put(MONDAY, 1, 2, 3)

    world.publisher(day_series=2).publish_all()

    assert days_of(world) == {("1d", "2026-03-09"): 3, ("1d", "2026-03-10"): 2}
    assert days_of(world, "adoption_day_workday") == {("2026-03-09",): 1, ("2026-03-10",): 1}
    assert days_of(world, "adoption_day_active_users_baseline") == {("2026-03-09",): 2}
    assert days_of(world, "adoption_day_revised_timestamp_seconds") == {("2026-03-09",): NOW.timestamp()}


def test_single_days_are_dropped_before_anything_else_and_counted_apart() -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    world.put(MONDAY, 1)
    totals = len(one_day(MONDAY, 1))
    shown = {}
    for room in (2, 1, 0, -1):
        world.publisher(max_series=totals + room, day_series=90).publish_all()
        published, dropped = len(world.cache.snapshot.samples["acme"]), world.series()
        shown[room] = (published - totals, *(dropped[_dropped(reason)] for reason in ("day_series", "max_series")))

    assert shown == {2: (2, 0, 0), 1: (1, 1, 0), 0: (0, 2, 0), -1: (-1, 2, 1)}


def _dropped(reason: str) -> str:
    return f'series_dropped{{reason="{reason}",source="acme",vendor="augment"}}'


def test_labels_that_are_too_long_are_cut_and_counted() -> None:
    world = World()
    named = {"a": "all", "b": "g" * 3000, "c": "g" * 3001}
    world.store.list_scopes("acme", list(named.values()))
    for scope in named.values():
        world.put(MONDAY, 1, scope=scope)

    world.publisher().publish_all()

    published, short = world.cache.snapshot.samples["acme"], one_day(MONDAY, 1, scope="all")
    assert published[: len(short)] == short
    assert [len(sample.labels[2].encode()) for sample in published[len(short) :]] == [2048] * 2 * len(short)
    assert len({sample.labels[2] for sample in published}) == 3
    assert world.series()['series_shortened{source="acme",vendor="augment"}'] == 2 * len(short)


@pytest.mark.parametrize(
    ("configured", "registered", "seats"), [(250, 7, 250), (None, 7, 7), (0, 7, 0), (None, None, None)]
)
def test_seats_are_those_of_the_configuration_or_else_those_that_the_vendor_registered(
    configured: int | None, registered: int | None, seats: int | None
) -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    world.put(MONDAY, 1)
    world.store.seats_read("acme", "all", registered, now=world.now)

    world.publisher(seats=configured).publish_all()

    found = [sample.value for sample in world.cache.snapshot.samples["acme"] if sample.metric == "adoption_seats"]
    assert found == ([] if seats is None else [seats])


def test_windows_that_the_vendor_counted_are_those_of_the_data_day_alone() -> None:
    world = World()
    world.store.list_scopes("acme", ["all"])
    world.put(MONDAY, 1)
    world.put(TUESDAY, 1, 2)
    world.store.replace_windows(
        "acme", "all", [WindowPeople(MONDAY, "7d", 90), WindowPeople(MONDAY, "28d", 91), WindowPeople(TUESDAY, "7d", 9)]
    )

    world.publisher().publish_all()

    people = {
        sample.labels[-1]: sample.value
        for sample in world.cache.snapshot.samples["acme"]
        if sample.metric == "adoption_active_users"
    }
    assert people == {"1d": 2, "7d": 9}


def test_seats_of_the_configuration_are_of_the_source_as_a_whole_whatever_its_scopes() -> None:
    world = World()
    world.store.list_scopes("acme", ["a", "b"])
    world.put(TUESDAY, 1, scope="a")
    world.put(TUESDAY, 1, scope="b")
    world.store.seats_read("acme", "a", 7, now=world.now)

    world.publisher(seats=250).publish_all()

    seats = [found for found in world.cache.snapshot.all_samples() if found.metric == "adoption_seats"]
    assert seats == [sample("adoption_seats", 250, source="acme", vendor="augment", scope="all")]
