"""Several replicas on one state: one of them reads a source, the others publish what it has stored."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from exporter.errors import Failure
from exporter.log import event
from exporter.model import CLOCK_TOLERANCE
from exporter.poll.outcome import Outcome
from exporter.poll.poller import Poller
from exporter.state.database import Database, LeaderLockLostError, StateError
from exporter.state.store import PollStatus, Store

logger = logging.getLogger(__name__)

# A success counts for all replicas for most of the interval; jitter brings the polls of one replica 4 % closer.
_SHARE = 0.9
# A cron has at most one poll a minute, and all replicas have it in the same one.
_CRON = timedelta(minutes=1)
# What was read before this process took its configuration up may have been read by an older one. A process that is
# started again and again must not cost a poll each time, though.
_BEFORE_START = timedelta(minutes=5)


def poll_if_leader(
    store: Store,
    poller: Poller,
    poll: Callable[[], PollStatus | None],
    *,
    interval: timedelta,
    cron: str | None,
    now: Callable[[], datetime],
) -> PollStatus | None:
    """Polls, or publishes from the state where another replica polls now or has just done so.

    None where nothing is known of the source yet. A poll that stood still for so long that another process has the
    turn by now is left to that one. A state that cannot be used is a failed poll: what is published stays.
    """
    name, started, began = poller.source.name, now(), poller.monotonic()
    share = _SHARE * (interval if cron is None else _CRON)
    try:
        try:
            with store.database.leader_lock(name) as ours:
                if ours and not (store.database.shared and _is_read(store.last_poll(name), poller, started, share)):
                    return poll()
                if not ours and not store.database.shared:
                    event(logger, logging.INFO, "poll left out, another process reads the source", source=name)
        except LeaderLockLostError:
            event(logger, logging.WARNING, "poll ended, another process reads the source by now", source=name)
        return _take_over(poller, store.last_poll(name))
    except StateError as error:
        failure = Failure("state", str(error), of_state=True)
        status = PollStatus(
            ended=now().timestamp(),
            duration=poller.monotonic() - began,
            last_success=None if poller.last is None else poller.last.last_success,
            failure=failure,
        )
        return poller.conclude(status, Outcome(failed={"": failure}))


def follow(store: Store, poller: Poller) -> PollStatus | None:
    """Publishes what another replica has read since, and gives how its poll went; None where there was none yet."""
    before = poller.last
    try:
        status = store.last_poll(poller.source.name)
        # A state that answers again does not make up for a poll of which it could not keep the days.
        if before is not None and before.of_state and (status is None or status.ended <= before.ended):
            return status
        return _take_over(poller, status)
    except StateError:
        # The next poll says so.
        return None


@contextmanager
def turn_after_others(database: Database, source: str, wait: Callable[[], None]) -> Iterator[None]:
    """Our turn at a source, once whoever has it is done; `wait` is called each time that somebody has it."""
    while True:
        with database.leader_lock(source) as ours:
            if ours:
                yield
                return
        wait()


def _take_over(poller: Poller, status: PollStatus | None) -> PollStatus | None:
    if status != poller.last:
        poller.restore()
    return status


def _is_read(last: PollStatus | None, poller: Poller, now: datetime, share: timedelta) -> bool:
    """Whether some replica has just read the source, with a configuration that may be ours."""
    if last is None or not last.success:
        return False
    began = datetime.fromtimestamp(last.ended - last.duration, UTC)
    # One that is still to come was made by a clock that was ahead, and would count until the time has come.
    return -CLOCK_TOLERANCE <= now - began < share and began > poller.since - _BEFORE_START
