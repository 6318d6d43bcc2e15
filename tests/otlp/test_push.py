"""The push loop over a sender that keeps what it gets, on a clock that the test sets."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest

from exporter.metrics import Sample, sample
from exporter.otlp.client import ExportSummary, Sender
from exporter.otlp.points import Point, nanoseconds, otel_name
from exporter.otlp.push import Pusher
from exporter.otlp.response import ExportFailure
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import COMPANY, NO_SOURCE, ExpositionCache
from tests.support.daemons import PATIENCE

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DATA_DAY = datetime(2026, 3, 9, tzinfo=UTC)
DATA_DAYS = {"all": DATA_DAY.date()}
DUE = datetime(2026, 3, 10, 3, tzinfo=UTC)
DOWN = ExportSummary(failure=ExportFailure("unreachable", "ConnectionRefusedError"))
FINE = ExportSummary(taken=1)


def of(source: str, scope: str = "all", *, users: int = 7, day: datetime = DATA_DAY) -> list[Sample]:
    labels = {"source": source, "vendor": "coder", "scope": scope}
    return [
        sample("adoption_data_day_timestamp_seconds", day.timestamp(), **labels),
        sample("adoption_active_users", users, window="1d", **labels),
        sample("adoption_data_revisions_total", 1, **labels),
    ]


@dataclass
class Bench:
    """A pusher and everything around it. `answers` are the outcomes of the exports in order; the last one repeats."""

    answers: list[ExportSummary] = field(default_factory=lambda: [FINE])
    now: datetime = NOON
    ready_at: Callable[[str], timedelta] | None = None
    before_send: Callable[[], None] = lambda: None
    cache: ExpositionCache = field(default_factory=ExpositionCache)
    self_metrics: SelfMetrics = field(default_factory=SelfMetrics)
    stop: threading.Event = field(default_factory=threading.Event)
    sent: list[list[Point]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    endpoint: str = "http://localhost:4318/v1/metrics"

    def publish(self, source: str, samples: list[Sample], data_days: Mapping[str, date] = DATA_DAYS) -> None:
        self.cache.publish(source, samples, data_days)

    def send_points(self, points: Iterable[Point]) -> ExportSummary:
        self.before_send()
        self.sent.append(list(points))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def close(self) -> None:
        self.closed.append("sender")

    def pusher(self, interval: float = 60) -> Pusher:
        return Pusher(
            sender=cast("Sender", self),
            cache=self.cache,
            self_metrics=self.self_metrics,
            interval=interval,
            ready_at=self.ready_at,
            now=lambda: self.now,
            monotonic=lambda: self.now.timestamp(),
            stop=self.stop,
            at_end=lambda: self.closed.append("tracing"),
        )

    def adoption(self, push: int = -1) -> list[tuple[str, str, float, datetime]]:
        """The adoption points of a push: name, source, value and moment."""
        return [
            (otel_name(point.row), point.attributes["source"], point.value, moment(point.time))
            for point in self.sent[push]
            if not point.row.name.startswith(("adoption_exporter", "process_", "python_"))
        ]


def moment(time: int) -> datetime:
    return datetime.fromtimestamp(time // 10**9, UTC)


def test_a_push_holds_the_snapshot_and_the_registry_at_the_time_of_the_push() -> None:
    bench = Bench()
    bench.publish("a", of("a"))
    bench.pusher().push()

    assert bench.adoption() == [
        ("adoption.data_day_timestamp", "a", DATA_DAY.timestamp(), NOON),
        ("adoption.active_users", "a", 7.0, NOON),
        ("adoption.data_revisions", "a", 1.0, NOON),
    ]
    (info,) = [point for point in bench.sent[0] if point.row.name == "adoption_exporter_build_info"]
    assert (info.value, moment(info.time)) == (1.0, NOON)


def test_what_is_of_no_source_has_the_time_of_the_push_whenever_days_were_published() -> None:
    bench = Bench(ready_at=lambda _source: timedelta(hours=3))
    shared = {"window": "7d", "source": "a", "other_source": "b"}
    bench.publish(NO_SOURCE, [sample("adoption_team_members", 3, team="web")], {})
    bench.publish(COMPANY, [sample("adoption_company_shared_users", 2, **shared)], {})
    pusher = bench.pusher()
    pusher.push()
    bench.now += timedelta(minutes=1)
    pusher.push()

    names = ("adoption_team_members", "adoption_company_shared_users")
    sent = [[point for point in push if point.row.name in names] for push in bench.sent]
    assert [[(point.attributes, point.value, moment(point.time)) for point in push] for push in sent] == [
        [({"team": "web"}, 3.0, at), (shared, 2.0, at)] for at in (NOON, NOON + timedelta(minutes=1))
    ]


def test_counters_of_the_process_began_with_it_and_those_of_the_state_at_an_unknown_time() -> None:
    bench = Bench(now=datetime(2100, 1, 1, tzinfo=UTC))
    bench.self_metrics.source("a", "coder")
    bench.publish("a", of("a"))
    bench.pusher().push()

    began = bench.self_metrics.registry.get_sample_value("process_start_time_seconds")
    starts = {point.row.name: point.start for point in bench.sent[0] if point.row.kind == "counter"}
    assert began is not None
    assert starts["adoption_exporter_polls_total"] == nanoseconds(datetime.fromtimestamp(began, UTC))
    assert starts["adoption_data_revisions_total"] == 0


def test_no_counter_begins_after_the_moment_that_it_is_of_though_the_clock_was_ahead_at_the_start() -> None:
    # The process did not start before this, as its clock said then.
    bench = Bench(now=NOON)
    bench.self_metrics.source("a", "coder")
    pusher = bench.pusher()
    for _ in range(2):
        pusher.push()
        bench.now += timedelta(minutes=1)

    starts = [{point.start for point in push if point.row.kind == "counter"} for push in bench.sent]
    assert starts == [{nanoseconds(NOON)}] * 2


def test_a_withdrawn_series_stops() -> None:
    bench = Bench()
    bench.publish("a", of("a"))
    bench.publish("b", of("b"))
    pusher = bench.pusher()
    pusher.push()
    bench.cache.withdraw("a")
    pusher.push()

    assert {source for _, source, _, _ in bench.adoption(0)} == {"a", "b"}
    assert {source for _, source, _, _ in bench.adoption(1)} == {"b"}


def test_published_gauges_have_the_moment_when_their_data_day_was_due() -> None:
    ready_at = {"a": timedelta(hours=3), "b": timedelta(hours=1)}
    bench = Bench(ready_at=lambda source: ready_at[source])
    two_days_ago = DATA_DAY - timedelta(days=2)
    bench.publish("a", of("a") + of("a", "old", day=two_days_ago), {**DATA_DAYS, "old": two_days_ago.date()})
    bench.publish("b", of("b"))
    bench.pusher().push()

    old, early = DUE - timedelta(days=2), DUE - timedelta(hours=2)
    assert [(name, at) for name, _, _, at in bench.adoption()] == [
        ("adoption.data_day_timestamp", DUE),
        ("adoption.active_users", DUE),
        ("adoption.data_revisions", NOON),
        ("adoption.data_day_timestamp", old),
        ("adoption.active_users", old),
        ("adoption.data_revisions", NOON),
        ("adoption.data_day_timestamp", early),
        ("adoption.active_users", early),
        ("adoption.data_revisions", NOON),
    ]


def test_a_published_gauge_of_no_data_day_has_the_time_of_the_push() -> None:
    bench = Bench(ready_at=lambda _: timedelta(hours=3))
    seats = sample("adoption_seats", 250, source="a", vendor="coder", scope="all")
    bench.publish("a", [*of("a", "acme"), seats], {"acme": DATA_DAY.date()})
    pusher = bench.pusher()
    pusher.push()
    pusher.push()

    assert bench.adoption(0)[-1] == bench.adoption(1)[-1] == ("adoption.seats", "a", 250.0, NOON)


def test_a_source_that_a_reload_removes_while_a_push_is_under_way_is_pushed_with_the_rest() -> None:
    ready_at = {"a": timedelta(hours=3), "b": timedelta(hours=3)}
    bench = Bench(ready_at=lambda source: ready_at[source], before_send=ready_at.clear)
    bench.publish("a", of("a"))
    bench.publish("b", of("b"))
    bench.pusher().push()

    assert [(name, source, at) for name, source, _, at in bench.adoption()] == [
        (name, source, at)
        for source in ("a", "b")
        for name, at in (
            ("adoption.data_day_timestamp", DUE),
            ("adoption.active_users", DUE),
            ("adoption.data_revisions", NOON),
        )
    ]


def test_a_source_that_a_reload_removed_just_before_a_push_has_the_time_of_the_push() -> None:
    ready_at = {"a": timedelta(hours=3)}
    bench = Bench(ready_at=lambda source: ready_at[source])
    bench.publish("a", of("a"))
    bench.publish("b", of("b"))
    bench.pusher().push()

    users = [(source, at) for name, source, _, at in bench.adoption() if name == "adoption.active_users"]
    assert users == [("a", DUE), ("b", NOON)]


def test_published_gauges_are_sent_again_only_when_their_source_has_changed() -> None:
    bench = Bench(ready_at=lambda _: timedelta(hours=3))
    bench.publish("a", of("a"))
    bench.publish("b", of("b"))
    pusher = bench.pusher()
    pusher.push()
    bench.publish("a", of("a"))
    pusher.push()
    bench.publish("a", of("a", users=8))
    pusher.push()

    revised = "adoption.data_revisions"
    assert [(name, source) for name, source, _, _ in bench.adoption(1)] == [(revised, "a"), (revised, "b")]
    assert [(source, value) for name, source, value, _ in bench.adoption(2) if name == "adoption.active_users"] == [
        ("a", 8.0)
    ]


def test_published_gauges_that_did_not_arrive_are_sent_again() -> None:
    bench = Bench(ready_at=lambda _: timedelta(hours=3), answers=[DOWN, FINE])
    bench.publish("a", of("a"))
    pusher = bench.pusher()
    pusher.push()
    pusher.push()

    assert bench.adoption(0) == bench.adoption(1)


def test_an_unreachable_collector_is_tried_again_sooner_than_the_interval_and_then_ever_later() -> None:
    bench = Bench(answers=[*[DOWN] * 5, FINE, DOWN])
    pusher = bench.pusher(interval=60)

    assert [pusher.push() for _ in range(7)] == [5, 10, 20, 40, 60, 60, 5]


@pytest.mark.parametrize("reason", ["busy", "refused"])
def test_a_busy_or_refusing_collector_is_left_alone_for_the_interval(reason: str) -> None:
    failure = ExportFailure("busy" if reason == "busy" else "refused", "no")

    assert Bench(answers=[ExportSummary(failure=failure)]).pusher(interval=60).push() == 60


def test_an_outage_is_logged_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    other = ExportSummary(failure=ExportFailure("unreachable", "503"))
    bench = Bench(answers=[FINE, DOWN, other, DOWN, FINE, FINE, DOWN])
    pusher = bench.pusher()
    for _ in range(7):
        pusher.push()

    where = {"signal": "metrics", "endpoint": "http://localhost:4318/v1/metrics"}
    down = {**where, "reason": "unreachable", "error": "ConnectionRefusedError"}
    assert logged(caplog) == [
        ("ERROR", "otlp export failed", down),
        ("INFO", "otlp export recovered", where),
        ("ERROR", "otlp export failed", down),
    ]


def test_rejected_points_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    partly = ExportSummary(taken=5, rejected=2, remark="too old")
    bench = Bench(answers=[partly, partly, FINE])
    pusher = bench.pusher()
    for _ in range(3):
        pusher.push()

    where = {"signal": "metrics", "endpoint": "http://localhost:4318/v1/metrics"}
    assert logged(caplog) == [
        ("ERROR", "otlp export taken in part", {**where, "rejected": 2, "error": "too old"}),
        ("INFO", "otlp export recovered", where),
    ]


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, object]]:
    return [(record.levelname, record.message, record.__dict__["fields"]) for record in caplog.records]


def test_the_first_push_is_made_at_once_and_a_last_one_at_the_end() -> None:
    bench = Bench()
    first = threading.Event()
    bench.before_send = first.set
    bench.publish("a", of("a"))
    pusher = bench.pusher(interval=3600)
    pusher.start()
    assert first.wait(PATIENCE)
    bench.publish("a", of("a", users=8))
    bench.stop.set()
    pusher.wait(PATIENCE)

    users = [[value for name, _, value, _ in bench.adoption(push) if name.endswith("users")] for push in (0, -1)]
    assert users == [[7.0], [8.0]]
    assert len(bench.sent) == 2
    assert bench.closed == ["tracing", "sender"]


def test_the_last_push_leaves_out_what_was_taken_already() -> None:
    bench = Bench()
    bench.publish("a", of("a"))
    bench.publish("b", of("b"))
    pusher = bench.pusher()
    pusher.push()
    bench.publish("a", of("a"))
    bench.publish("b", of("b", users=8))
    pusher.push(only_changed=True)

    assert {source for _, source, _, _ in bench.adoption()} == {"b"}
    assert "adoption_exporter_build_info" in {point.row.name for point in bench.sent[-1]}


def test_the_last_push_holds_what_did_not_arrive() -> None:
    bench = Bench(answers=[DOWN, FINE])
    bench.publish("a", of("a"))
    pusher = bench.pusher()
    pusher.push()
    pusher.push(only_changed=True)

    assert bench.adoption(0) == bench.adoption(1)


def test_a_push_that_hangs_is_not_waited_for() -> None:
    bench = Bench()
    hanging, released = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        released.wait(PATIENCE)

    bench.before_send = hang
    pusher = bench.pusher()
    pusher.start()
    assert hanging.wait(PATIENCE)
    bench.stop.set()
    pusher.wait(0.05)

    assert bench.sent == []
    released.set()
    pusher.wait(PATIENCE)
    assert bench.closed == ["tracing", "sender"]


def test_a_bug_in_a_push_is_logged_and_does_not_end_the_pushes(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    calls = iter([True, False, False])

    def break_once() -> None:
        if next(calls):
            bench.stop.set()
            raise RuntimeError("a bug")

    bench.before_send = break_once
    pusher = bench.pusher()
    pusher.start()
    pusher.wait(PATIENCE)

    assert [record.message for record in caplog.records] == ["a bug stopped an otlp export"]
    assert len(bench.sent) == 1
