"""A job for each source: first poll at start, then by interval or cron, with jitter and without overlap."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from exporter.cron import cron_trigger

# Every source has a thread while it is polled, so that a slow one never makes another wait. Idle ones cost nothing.
_THREADS = 256
_JITTER = 0.02
_JITTER_MOST = 60


class Scheduler:
    """APScheduler, told about sources."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(_THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._jobs: dict[str, str] = {}
        self._numbers = itertools.count()

    def start(self) -> None:
        """Starts running jobs."""
        self._scheduler.start()

    def stop(self) -> None:
        """Starts no more jobs; those that run are not waited for."""
        self._scheduler.shutdown(wait=False)

    def add(
        self, source: str, job: Callable[[], object], *, interval: timedelta, cron: str | None, now: datetime
    ) -> None:
        """Runs a source's job now and then by its interval or cron, in place of the job that the source had."""
        self.remove(source)
        # Another name for each: a first run is skipped while a job of the same name runs.
        self._jobs[source] = f"poll {source} {next(self._numbers)}"
        self._scheduler.add_job(job, trigger(interval, cron), id=self._jobs[source], next_run_time=now)

    def every(self, seconds: float, name: str, job: Callable[[], object]) -> None:
        """Runs something that belongs to no source."""
        self._scheduler.add_job(job, IntervalTrigger(seconds=seconds, timezone=UTC), id=name)

    def remove(self, source: str) -> None:
        """Forgets a source's job; a poll that runs comes to its end."""
        job = self._jobs.pop(source, None)
        if job is not None:
            self._scheduler.remove_job(job)

    def next_run(self, source: str) -> datetime | None:
        """When the source's next poll is due; None where it has none."""
        name = self._jobs.get(source)
        job: Any = None if name is None else self._scheduler.get_job(name)
        due: datetime | None = None if job is None else job.next_run_time
        return due


def next_poll(interval: timedelta, cron: str | None, after: datetime) -> datetime:
    """When the first poll after a moment is due at the latest."""
    if cron is None:
        return after + interval
    due: datetime | None = cron_trigger(cron).get_next_fire_time(None, after)
    assert due is not None, "a line that is never due is refused"
    return due


def trigger(interval: timedelta, cron: str | None) -> BaseTrigger:
    """The trigger of a source. Jitter keeps many exporters from asking in the same second."""
    if cron is not None:
        return cron_trigger(cron)
    seconds = interval.total_seconds()
    return IntervalTrigger(seconds=seconds, jitter=min(seconds * _JITTER, _JITTER_MOST), timezone=UTC)
