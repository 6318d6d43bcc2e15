"""When jobs run: by how much time passes, whatever happens to the clock meanwhile."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.poll.scheduler import Scheduler
from tests.support.daemons import wait_until

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
# Jitter is up to a minute of it.
HOUR_AND_JITTER = 3660


class Later(Executor):
    """Runs what was submitted when it is told to, on the thread of whoever tells it."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        self.waiting.append(lambda: function(*arguments, **named))
        return Future()

    def run(self) -> None:
        waiting, self.waiting = self.waiting, []
        for function in waiting:
            function()


@dataclass
class World:
    """A scheduler with two clocks, and the names of the jobs that ran, in their order."""

    now: datetime = NOON
    monotonic: float = 5000.0
    runs: list[str] = field(default_factory=list)
    pool: Later = field(default_factory=Later)
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(lambda: self.now, lambda: self.monotonic, self.pool)

    def passes(self, seconds: float) -> None:
        """Time passes, for both clocks."""
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds

    def ran(self, *names: str) -> bool:
        """Whether a look at what is due now makes exactly these jobs run."""
        self.runs.clear()
        self.scheduler.start_due()
        self.pool.run()
        return self.runs == list(names)

    def poll(self, name: str, *, cron: str | None = None) -> None:
        """Adds a source that is polled every hour or by a cron."""
        self.scheduler.add(name, lambda: self.runs.append(name), interval=HOUR, cron=cron)


JUMPS = [timedelta(days=-905), timedelta(days=-400), timedelta(hours=-2), timedelta(hours=2), timedelta(days=905)]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_an_interval_is_time_that_passes_wherever_the_clock_is_set_to(jump: timedelta) -> None:
    world = World()
    world.poll("tool")
    world.scheduler.every(5, "heartbeat", lambda: world.runs.append("heartbeat"))
    heard = [world.ran("tool")]
    world.now += jump
    # What was read before may have been read by a clock that was ahead.
    heard.append(world.ran("tool") if jump < timedelta(0) else world.ran())
    world.passes(5)
    heard.append(world.ran("heartbeat"))
    world.passes(3594)
    heard.append(world.ran("heartbeat"))
    world.passes(HOUR_AND_JITTER - 3599)
    heard.append(world.ran("tool", "heartbeat"))

    assert heard == [True] * 5


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_the_next_poll_is_shown_by_the_clock_as_it_stands(jump: timedelta) -> None:
    world = World()
    world.poll("tool")
    first = world.scheduler.next_run("tool")
    assert world.ran("tool")
    world.now += jump
    world.scheduler.start_due()
    world.passes(600)

    due = world.scheduler.next_run("tool")
    assert first == NOON
    assert due is not None
    assert timedelta(minutes=50) <= due - world.now <= timedelta(minutes=52)


@pytest.mark.parametrize("back", [timedelta(days=905), timedelta(days=400), timedelta(hours=2)], ids=str)
def test_a_cron_is_looked_up_anew_when_the_clock_goes_back(back: timedelta) -> None:
    world = World()
    world.poll("tool", cron="30 12 * * *")
    heard = [world.ran("tool")]
    world.now -= back
    heard.append(world.ran())
    due = world.scheduler.next_run("tool")
    assert due is not None
    world.passes((due - world.now).total_seconds() - 1)
    heard.append(world.ran())
    world.passes(1)
    heard.append(world.ran("tool"))

    assert (heard, due.time().isoformat()) == ([True] * 4, "12:30:00")
    assert timedelta(0) < due - (NOON - back) <= timedelta(days=1)


def test_a_cron_runs_once_for_all_the_times_that_a_clock_which_is_set_ahead_skips() -> None:
    world = World()
    world.poll("tool", cron="30 12 * * *")
    heard = [world.ran("tool")]
    world.now += timedelta(days=400)
    heard.append(world.ran("tool"))
    world.passes(1)
    heard.append(world.ran())

    assert heard == [True] * 3
    assert world.scheduler.next_run("tool") == datetime(2027, 4, 14, 12, 30, tzinfo=UTC)


def test_a_clock_that_is_put_right_by_a_second_does_not_make_a_cron_run_twice() -> None:
    world = World(now=datetime(2026, 3, 10, 12, 30, tzinfo=UTC))
    world.poll("tool", cron="30 12 * * *")
    heard = [world.ran("tool"), world.ran()]
    world.now -= timedelta(seconds=1)
    heard.append(world.ran())
    world.passes(1)
    heard.append(world.ran())

    assert heard == [True] * 4


def test_a_job_that_still_runs_is_not_started_a_second_time() -> None:
    world = World()
    world.poll("slow")
    world.scheduler.start_due()
    world.passes(HOUR_AND_JITTER)
    world.scheduler.start_due()
    world.passes(1)
    while_it_runs = len(world.pool.waiting)
    world.pool.run()
    world.passes(HOUR_AND_JITTER)

    assert while_it_runs == 1
    assert world.ran("slow")


def test_a_job_that_raises_is_told_and_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    def broken() -> None:
        world.runs.append("broken")
        raise ZeroDivisionError

    world.scheduler.every(1, "broken", broken)
    for _ in range(2):
        world.passes(1)
        assert world.ran("broken")

    assert [(record.levelno, record.message, record.__dict__["fields"]["job"]) for record in caplog.records] == [
        (logging.ERROR, "a bug stopped a job", "broken")
    ] * 2


def test_the_next_look_is_when_the_first_job_is_due_and_never_far_away() -> None:
    world = World()
    idle = world.scheduler.start_due()
    world.scheduler.every(0.25, "soon", lambda: None)

    assert (idle, world.scheduler.start_due()) == (1.0, 0.25)


def test_a_source_has_one_job_which_another_replaces() -> None:
    world = World()
    world.poll("tool")
    world.scheduler.add("tool", lambda: world.runs.append("new"), interval=HOUR, cron=None)
    replaced = world.ran("new")
    world.scheduler.remove("tool")
    world.scheduler.remove("tool")
    world.passes(HOUR_AND_JITTER)

    assert replaced
    assert world.ran()
    assert world.scheduler.next_run("tool") is None


def test_a_started_scheduler_runs_what_is_added_at_once_and_a_stopped_one_nothing() -> None:
    scheduler = Scheduler(lambda: NOON, lambda: 0.0)
    scheduler.start()
    runs: list[str] = []
    scheduler.add("tool", lambda: runs.append("before"), interval=HOUR, cron=None)
    wait_until(lambda: runs == ["before"])
    scheduler.stop()
    scheduler.add("tool", lambda: runs.append("after"), interval=HOUR, cron=None)
    scheduler.start_due()

    assert runs == ["before"]
