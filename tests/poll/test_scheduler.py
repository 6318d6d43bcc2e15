"""When jobs run: by how much time passes, whatever happens to the wall clock meanwhile."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from exporter.poll.scheduler import Schedule, Scheduler, _FromNow
from tests.support.companies import utc_now
from tests.support.daemons import PATIENCE, wait_until

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
HOURLY = Schedule(HOUR, poll=True)
HEARTBEAT = Schedule(5 * SECOND)
HALF_PAST_TWELVE = Schedule(HOUR, cron="30 12 * * *", poll=True)

BACK = [timedelta(days=-905), timedelta(days=-400), timedelta(hours=-2)]
AHEAD = [timedelta(hours=2), timedelta(days=400), timedelta(days=905)]


@pytest.mark.parametrize("jump", [*BACK, -30 * SECOND, 30 * SECOND, *AHEAD], ids=str)
def test_an_interval_is_time_that_passes_wherever_the_clock_is_set_to(jump: timedelta) -> None:
    now = NOON + jump

    assert HEARTBEAT.after_jump(NOON + 3 * SECOND, jump, now) == now + 3 * SECOND


@pytest.mark.parametrize(
    ("jump", "due_in"),
    # What was read before may have been read by a clock that was ahead.
    [*((jump, timedelta()) for jump in BACK), *((jump, 40 * MINUTE) for jump in (-30 * SECOND, 30 * SECOND, *AHEAD))],
    ids=str,
)
def test_a_source_is_polled_at_once_when_the_clock_goes_back_and_else_by_its_interval(
    jump: timedelta, due_in: timedelta
) -> None:
    now = NOON + jump

    assert HOURLY.after_jump(NOON + 40 * MINUTE, jump, now) == now + due_in


@pytest.mark.parametrize("jump", AHEAD, ids=str)
def test_a_job_that_ran_between_the_jump_and_its_notice_is_due_after_one_interval(jump: timedelta) -> None:
    now = NOON + jump

    assert HOURLY.after_jump(HOURLY.after(now), jump, now + SECOND) == now + SECOND + HOUR


@pytest.mark.parametrize("schedule", [HOURLY, HEARTBEAT, HALF_PAST_TWELVE])
@pytest.mark.parametrize("jump", BACK, ids=str)
def test_a_job_that_is_added_between_the_jump_and_its_notice_runs_at_once(schedule: Schedule, jump: timedelta) -> None:
    now = NOON + jump

    assert schedule.after_jump(now, jump, now + SECOND) == now + SECOND


@pytest.mark.parametrize(
    ("jump", "due"),
    [
        (timedelta(days=-905), datetime(2023, 9, 18, 12, 30, tzinfo=UTC)),
        (-2 * HOUR, datetime(2026, 3, 10, 12, 30, tzinfo=UTC)),
        # What a clock that is put right by a second has just run does not run again.
        (-2 * SECOND, datetime(2026, 3, 11, 12, 30, tzinfo=UTC)),
        (HOUR, datetime(2026, 3, 11, 12, 30, tzinfo=UTC)),
        # The times that were skipped are one run, which is overdue.
        (timedelta(days=400), datetime(2026, 3, 11, 12, 30, tzinfo=UTC)),
    ],
    ids=str,
)
def test_a_cron_is_looked_up_anew_only_when_the_clock_goes_back(jump: timedelta, due: datetime) -> None:
    ran = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)

    assert HALF_PAST_TWELVE.after_jump(HALF_PAST_TWELVE.after(ran), jump, ran + jump) == due


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        (HEARTBEAT, datetime(2027, 4, 14, 12, 0, 5, tzinfo=UTC)),
        (HALF_PAST_TWELVE, datetime(2027, 4, 14, 12, 30, tzinfo=UTC)),
    ],
)
def test_times_that_a_clock_which_is_set_ahead_skips_are_not_listed(schedule: Schedule, due: datetime) -> None:
    now = NOON + timedelta(days=400)

    assert _FromNow(schedule).get_next_fire_time(NOON, now) == due


def test_jitter_is_added_to_an_interval_and_never_to_a_cron() -> None:
    jittered = [Schedule(HOUR, jitter=MINUTE).after(NOON) - NOON for _ in range(100)]

    assert HOUR <= min(jittered) < max(jittered) < HOUR + MINUTE
    assert Schedule(HOUR, MINUTE, cron="30 12 * * *").after(NOON) == NOON + HOUR / 2


@dataclass
class World:
    """A scheduler over APScheduler and the real clocks, until `jump` sets the wall clock as the scheduler sees it.

    To a scheduler a wall clock that goes back by an hour is a monotonic clock that goes ahead by one.
    """

    jump: timedelta = timedelta()
    runs: list[str] = field(default_factory=list)
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(utc_now, lambda: utc_now().timestamp() - self.jump.total_seconds())

    def poll(self, source: str, name: str, *, cron: str | None = None, interval: timedelta = HOUR) -> None:
        """Adds a source whose job notes a name."""
        self.scheduler.add(source, lambda: self.runs.append(name), interval=interval, cron=cron)

    def due_in(self, source: str) -> timedelta:
        """In how much time the source is due."""
        due = self.scheduler.next_run(source)
        assert due is not None
        return due - utc_now()


@contextmanager
def running() -> Iterator[World]:
    world = World()
    world.scheduler.start()
    try:
        yield world
    finally:
        world.scheduler.stop()


def test_a_source_is_polled_at_once_and_again_after_its_interval_and_its_jitter() -> None:
    with running() as world:
        world.poll("tool", "polled")
        wait_until(lambda: world.runs == ["polled"])

        assert timedelta(minutes=50) < world.due_in("tool") <= HOUR + MINUTE


def test_a_source_may_be_put_off_once_and_never_brought_forward() -> None:
    with running() as world:
        world.poll("tool", "polled")
        wait_until(lambda: world.runs == ["polled"])
        world.scheduler.postpone("tool", utc_now() + MINUTE)
        hourly = world.due_in("tool")
        world.scheduler.postpone("tool", utc_now() + 5 * HOUR)
        world.scheduler.postpone("unknown", utc_now() + 5 * HOUR)

        assert hourly > 50 * MINUTE
        assert 4 * HOUR < world.due_in("tool") <= 5 * HOUR
        world.poll("tool", "again")
        wait_until(lambda: world.runs == ["polled", "again"])


def test_a_clock_that_is_set_back_has_sources_polled_within_moments() -> None:
    with running() as world:
        world.poll("tool", "polled")
        wait_until(lambda: world.runs == ["polled"])
        world.jump = timedelta(days=-400)
        wait_until(lambda: world.runs == ["polled", "polled"])

        assert timedelta(minutes=50) < world.due_in("tool") <= HOUR + MINUTE


def test_a_clock_that_is_set_ahead_does_not_put_off_polls() -> None:
    with running() as world:
        world.poll("tool", "polled")
        wait_until(lambda: world.runs == ["polled"])
        world.jump = timedelta(days=905)
        world.scheduler.follow_clock()

        assert timedelta(minutes=50) < world.due_in("tool") <= HOUR + MINUTE


def test_jobs_run_again_and_again_and_one_that_raises_is_reported_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running() as world:

        def broken() -> None:
            world.runs.append("broken")
            raise ZeroDivisionError

        world.scheduler.every(0.05, "broken", broken)
        wait_until(lambda: len(world.runs) > 2)
    logged = [record for record in caplog.records if record.name.startswith("exporter")]

    assert {(record.levelno, record.message, record.__dict__["fields"]["job"]) for record in logged} == {
        (logging.ERROR, "a bug stopped a job", "broken")
    }
    assert len(logged) >= 2


def test_a_job_that_still_runs_is_not_started_a_second_time() -> None:
    go_on = threading.Event()
    with running() as world:

        def slow() -> None:
            world.runs.append("slow")
            go_on.wait(PATIENCE)

        world.scheduler.every(0.05, "slow", slow)
        world.scheduler.every(0.05, "other", lambda: world.runs.append("other"))
        wait_until(lambda: world.runs.count("other") >= 5)
        while_it_runs = world.runs.count("slow")
        go_on.set()
        wait_until(lambda: world.runs.count("slow") >= 2)

    assert while_it_runs == 1


def test_a_source_has_one_job_which_another_replaces_even_while_it_runs() -> None:
    go_on = threading.Event()
    with running() as world:

        def slow() -> None:
            world.runs.append("old")
            go_on.wait(PATIENCE)

        world.scheduler.add("tool", slow, interval=HOUR, cron=None)
        wait_until(lambda: world.runs == ["old"])
        world.poll("tool", "new")
        wait_until(lambda: world.runs == ["old", "new"])
        go_on.set()
        world.scheduler.remove("tool")
        world.scheduler.remove("tool")

        assert world.scheduler.next_run("tool") is None


def test_jobs_wait_for_the_start_and_none_begins_after_the_stop() -> None:
    world = World()
    world.poll("tool", "before")
    waiting = (list(world.runs), world.due_in("tool") <= timedelta())
    world.scheduler.start()
    wait_until(lambda: world.runs == ["before"])
    world.scheduler.stop()
    world.poll("tool", "after")
    world.scheduler.remove("tool")
    world.scheduler.stop()

    assert waiting == ([], True)
    assert world.runs == ["before"]


def test_a_scheduler_that_never_started_can_be_stopped() -> None:
    Scheduler(lambda: NOON, lambda: 0.0).stop()
