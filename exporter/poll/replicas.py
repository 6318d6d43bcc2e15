"""Several replicas on one state: the one with the leader lock polls a source, the others publish what it stores."""

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
# A cron has at most one poll a minute, in the same minute for all replicas.
_CRON = timedelta(minutes=1)
# A poll from before this process took its configuration may have used an older one. But a process that restarts again
# and again must not cost a poll each time.
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

    None where nothing is known of the source yet. A poll that loses the leader lock to another process, because it
    stood still for too long, stores nothing more. A state that cannot be used is a failed poll: what is published
    stays.
    """
    name, started, began = poller.source.name, now(), poller.monotonic()
    share = _SHARE * (interval if cron is None else _CRON)
    try:
        try:
            with store.database.leader_lock(name) as ours:
                if ours and not (store.database.shared and _is_polled(store.last_poll(name), poller, started, share)):
                    return poll()
                if not ours and not store.database.shared:
                    event(logger, logging.INFO, "poll left out, another process reads the source", source=name)
        except LeaderLockLostError:
            event(logger, logging.WARNING, "poll ended, another process reads the source by now", source=name)
        return _take_over(poller, store.last_poll(name))
    except StateError as error:
        outcome = Outcome(scopes=list(poller.readings), failed={"": Failure("state", str(error), of_state=True)})
        return poller.conclude(outcome.status(poller.last, now().timestamp(), poller.monotonic() - began), outcome)


def follow(store: Store, poller: Poller) -> PollStatus | None:
    """Publishes what another replica has stored since, and returns how its poll went; None where there was none."""
    before = poller.last
    try:
        status = store.last_poll(poller.source.name)
        # A state that answers again does not make up for a poll whose days it could not store.
        if before is not None and before.of_state and (status is None or status.ended <= before.ended):
            return status
        return _take_over(poller, status)
    except StateError:
        # The next poll reports it.
        return None


@contextmanager
def wait_for_leader_lock(database: Database, source: str, wait: Callable[[], None]) -> Iterator[None]:
    """Holds the leader lock of a source once no other process does; calls `wait` between two attempts."""
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


def _is_polled(last: PollStatus | None, poller: Poller, now: datetime, share: timedelta) -> bool:
    """Whether some replica has just polled the source, with a configuration that may be ours."""
    if last is None or not last.success:
        return False
    began = datetime.fromtimestamp(last.ended - last.duration, UTC)
    # A poll in the future was made by a clock that was ahead, and would count until that time.
    return -CLOCK_TOLERANCE <= now - began < share and began > poller.since - _BEFORE_START
