"""A job for each source: first poll at start, then by interval or cron, with jitter and without overlap.

Intervals go by the monotonic clock: a clock that is set, in either direction, neither holds a job back nor makes it
run for every interval that seems to have passed. A cron is about the time of day, and is looked up anew when that goes
back. Then sources with an interval are polled at once: what was read before may have been read by a wrong clock.
"""

import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.config.cron import cron_trigger
from exporter.log import event

logger = logging.getLogger(__name__)

# Every source has a thread while it is polled, so that a slow one never makes another wait. Idle ones cost nothing.
_THREADS = 256
_JITTER = 0.02
_JITTER_MOST = 60
# How long a cron may be late, and a stop of the scheduler take.
_TICK_SECONDS = 1.0
# A clock that is put right by less is not worth a poll, and must not make a cron run twice.
_SET_BACK = timedelta(minutes=1)


@dataclass(eq=False)
class _Job:
    """What runs, and when it is due next: `due` is by the monotonic clock, None where `cron` says `at` which time."""

    name: str
    run: Callable[[], object]
    interval: float
    jitter: float
    cron: str | None
    due: float | None
    at: datetime
    running: bool = False


class Scheduler:
    """Starts jobs when they are due, each on a thread of the pool, and none while it still runs."""

    def __init__(
        self, now: Callable[[], datetime], monotonic: Callable[[], float], pool: Executor | None = None
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        self._sources: dict[str, _Job] = {}
        self._others: list[_Job] = []
        self._latest = now()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = False
        self._pool = pool or ThreadPoolExecutor(_THREADS, "job")
        self._thread = threading.Thread(target=self._loop, name="scheduler", daemon=True)

    def start(self) -> None:
        """Starts running jobs."""
        self._thread.start()

    def stop(self) -> None:
        """Starts no more jobs; those that run are not waited for."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def add(self, source: str, job: Callable[[], object], *, interval: timedelta, cron: str | None) -> None:
        """Runs a source's job now and then by its interval or cron, in place of the job that the source had."""
        seconds, now = interval.total_seconds(), self._now()
        jitter = min(seconds * _JITTER, _JITTER_MOST)
        with self._lock:
            self._sources[source] = _Job(f"poll {source}", job, seconds, jitter, cron, due=self._monotonic(), at=now)
        self._wake.set()

    def every(self, seconds: float, name: str, job: Callable[[], object]) -> None:
        """Runs something that belongs to no source, for the first time when so many seconds have passed."""
        made = _Job(name, job, seconds, 0.0, None, due=self._monotonic() + seconds, at=self._now())
        with self._lock:
            self._others.append(made)

    def remove(self, source: str) -> None:
        """Forgets a source's job; a poll that runs comes to its end."""
        with self._lock:
            self._sources.pop(source, None)

    def next_run(self, source: str) -> datetime | None:
        """When the source's next poll is due; None where it has none."""
        with self._lock:
            job = self._sources.get(source)
            if job is None:
                return None
            if job.due is None:
                return job.at
            return self._now() + timedelta(seconds=max(0.0, job.due - self._monotonic()))

    def start_due(self) -> float:
        """Starts every job that is due, and gives the seconds until the next look."""
        now, monotonic = self._now(), self._monotonic()
        with self._lock:
            if now < self._latest - _SET_BACK:
                for job in self._sources.values():
                    _start_over(job, now, monotonic)
            self._latest = now
            jobs = [*self._sources.values(), *self._others]
            due = [job for job in jobs if _is_due(job, now, monotonic)]
            for job in due:
                _plan_next(job, now, monotonic)
            pauses = [job.due - monotonic for job in jobs if job.due is not None]
        for job in due:
            self._begin(job)
        return max(0.0, min([_TICK_SECONDS, *pauses]))

    def _loop(self) -> None:
        while not self._stopped:
            self._wake.clear()
            self._wake.wait(self.start_due())

    def _begin(self, job: _Job) -> None:
        if job.running:
            return
        job.running = True
        try:
            self._pool.submit(_run, job)
        except RuntimeError as error:
            # The machine has no thread left, or the scheduler stops; the next time may be better.
            job.running = False
            if not self._stopped:
                event(logger, logging.ERROR, "a job could not be started", job=job.name, error=str(error))


def next_poll(interval: timedelta, cron: str | None, after: datetime) -> datetime:
    """When the first poll after a moment is due at the latest."""
    if cron is None:
        return after + interval
    due: datetime | None = cron_trigger(cron).get_next_fire_time(None, after)
    assert due is not None, "a line that is never due is refused"
    return due


def _is_due(job: _Job, now: datetime, monotonic: float) -> bool:
    if job.due is not None:
        return monotonic >= job.due
    return now >= job.at


def _start_over(job: _Job, now: datetime, monotonic: float) -> None:
    """When a source is due after the clock has gone back."""
    if job.due is None:
        job.at = _next_time(job, now)
    else:
        job.due = monotonic


def _plan_next(job: _Job, now: datetime, monotonic: float) -> None:
    """When a job that is due now is due again. Jitter keeps many exporters from asking in the same second."""
    if job.cron is None:
        job.due = monotonic + job.interval + random.uniform(0, job.jitter)  # noqa: S311 - no secret
    else:
        job.due, job.at = None, _next_time(job, now)


def _next_time(job: _Job, now: datetime) -> datetime:
    # A moment later, since a time that is now would be due a second time.
    return next_poll(timedelta(0), job.cron, now + timedelta.resolution)


def _run(job: _Job) -> None:
    try:
        job.run()
    except Exception as error:
        event(logger, logging.ERROR, "a bug stopped a job", job=job.name, exc_info=error)
    finally:
        job.running = False
