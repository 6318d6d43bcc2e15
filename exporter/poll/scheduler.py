"""APScheduler with a job for each source: a first poll at once, then by interval or cron, with jitter, without overlap.

APScheduler keeps the wall-clock time at which each job is due. So a thread compares the wall clock with the monotonic
clock once a second: after a jump it plans every job anew, and a clock that is set, in either direction, neither holds
a job back nor makes it run once for every time that it skipped.
"""

import itertools
import logging
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from exporter.config.cron import cron_trigger
from exporter.log import event

logger = logging.getLogger(__name__)

# Every source has a thread while it is polled, so that a slow one never makes another wait. Idle ones cost nothing.
_THREADS = 256
_JITTER = 0.02
_MAX_JITTER = timedelta(minutes=1)
_CHECK_SECONDS = 1.0
# Smaller jumps, and drift, delay jobs by no more than this.
_TOLERANCE = timedelta(seconds=1)
# Being set back by less is not worth a poll, and must not make a cron run twice.
_SET_BACK = timedelta(minutes=1)


def next_poll(interval: timedelta, cron: str | None, after: datetime) -> datetime:
    """When the first poll after a moment is due at the latest."""
    if cron is None:
        return after + interval
    due: datetime | None = cron_trigger(cron).get_next_fire_time(None, after)
    assert due is not None, "a line that is never due is refused"
    return due


@dataclass(frozen=True)
class Schedule:
    """How often a job runs: by `cron`, else every `interval` plus up to `jitter`; `poll` where it polls a source."""

    interval: timedelta
    jitter: timedelta = timedelta()
    cron: str | None = None
    poll: bool = False

    def after(self, now: datetime) -> datetime:
        """When a job that runs now is due next."""
        if self.cron is not None:
            # A moment later: a time that is now would be due a second time.
            return next_poll(self.interval, self.cron, now + timedelta.resolution)
        return now + self.interval + random.random() * self.jitter  # noqa: S311 - no secret

    def after_jump(self, due: datetime, jump: timedelta, now: datetime) -> datetime:
        """When a job that was due at `due` is due after the clock has jumped, backwards where `jump` is negative.

        An interval is time that passes. A cron keeps its time of day, and is looked up anew when the clock goes back;
        when it goes ahead, the times that it skips are one run. When it goes back sources are polled at once: what was
        read before may have been read by a wrong clock.
        """
        set_back = jump < -_SET_BACK
        if self.cron is not None:
            overdue = due + jump <= now
            return due if not set_back else now if overdue else self.after(now)
        if self.poll and set_back:
            return now
        # A job may have been planned after the jump already.
        return min(max(due + jump, now), now + self.interval)


class _FromNow(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """Plans from now on: APScheduler's triggers list each time that has passed, for a jump of a year for minutes."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return self.schedule.after(now if previous is None else max(previous, now))


class Scheduler:
    """Starts jobs when they are due, each on a thread of its own, and none while it still runs.

    `now` is the wall clock by which APScheduler goes too.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._now = now
        self._monotonic = monotonic
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(_THREADS, {"thread_name_prefix": "job"})},
            # However late a job is, it runs.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._sources: dict[str, str] = {}
        self._numbers = itertools.count()
        self._monotonic_zero = self._read_monotonic_zero()
        self._stopped = threading.Event()
        self._clock_thread = threading.Thread(target=self._watch_clock, name="clock", daemon=True)

    def start(self) -> None:
        """Starts running jobs."""
        self._scheduler.start()
        self._clock_thread.start()

    def stop(self) -> None:
        """Starts no more jobs and does not wait for running ones."""
        self._stopped.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
            self._clock_thread.join()

    def add(self, source: str, job: Callable[[], object], *, interval: timedelta, cron: str | None) -> None:
        """Runs a source's job now and then by its interval or cron, in place of the job that the source had."""
        self.remove(source)
        schedule = Schedule(interval, min(interval * _JITTER, _MAX_JITTER), cron, poll=True)
        # A new id for each: APScheduler skips the run of a job while one with the same id still runs.
        self._sources[source] = f"poll {source} {next(self._numbers)}"
        self._add(self._sources[source], f"poll {source}", job, schedule, self._now())

    def every(self, seconds: float, name: str, job: Callable[[], object]) -> None:
        """Runs something that belongs to no source, for the first time when so many seconds have passed."""
        interval = timedelta(seconds=seconds)
        self._add(name, name, job, Schedule(interval), self._now() + interval)

    def remove(self, source: str) -> None:
        """Removes a source's job; a running poll goes on to its end."""
        job = self._sources.pop(source, None)
        if job is not None:
            with suppress(JobLookupError):
                self._scheduler.remove_job(job)

    def postpone(self, source: str, until: datetime) -> None:
        """Runs a source's job no earlier than `until`, and then as before."""
        due, name = self.next_run(source), self._sources.get(source)
        if due is not None and due < until:
            # A reload may have removed it meanwhile.
            with suppress(JobLookupError):
                self._scheduler.modify_job(name, next_run_time=until)

    def next_run(self, source: str) -> datetime | None:
        """When the source's next poll is due; None where it has none."""
        name = self._sources.get(source)
        job: Any = None if name is None else self._scheduler.get_job(name)
        due: datetime | None = None if job is None else job.next_run_time
        return due

    def follow_clock(self) -> None:
        """Plans every job anew where the wall clock has jumped since the last call."""
        zero = self._read_monotonic_zero()
        jump = zero - self._monotonic_zero
        if abs(jump) <= _TOLERANCE:
            return
        self._monotonic_zero = zero
        now = self._now()
        for job in self._scheduler.get_jobs():
            due = job.trigger.schedule.after_jump(job.next_run_time, jump, now)
            # A reload may have removed it meanwhile.
            with suppress(JobLookupError):
                self._scheduler.modify_job(job.id, next_run_time=due)

    def _add(self, key: str, name: str, job: Callable[[], object], schedule: Schedule, due: datetime) -> None:
        self._scheduler.add_job(partial(_run, name, job), _FromNow(schedule), id=key, name=name, next_run_time=due)

    def _watch_clock(self) -> None:
        # An event waits by the monotonic clock.
        while not self._stopped.wait(_CHECK_SECONDS):
            self.follow_clock()

    def _read_monotonic_zero(self) -> datetime:
        """What the wall clock, as it stands now, would have shown when the monotonic clock was 0."""
        return self._now() - timedelta(seconds=self._monotonic())


def _run(name: str, job: Callable[[], object]) -> None:
    try:
        job()
    except Exception as error:
        event(logger, logging.ERROR, "a bug stopped a job", job=name, exc_info=error)
