"""Several replicas on one state: one of them reads a source, the others publish what it has stored."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from exporter.log import event
from exporter.poller import Poller
from exporter.store import PollStatus, Store

logger = logging.getLogger(__name__)

# A success counts for all replicas for most of the interval; jitter brings the polls of one replica 4 % closer.
_SHARE = 0.9
# A cron has at most one poll a minute, and all replicas have it in the same one.
_CRON = timedelta(minutes=1)
# What was read before this process took its configuration up may have been read by an older one. A process that is
# started again and again must not cost a poll each time, though.
_BEFORE_START = timedelta(minutes=5)


def poll_in_turn(
    store: Store,
    poller: Poller,
    poll: Callable[[], PollStatus | None],
    *,
    interval: timedelta,
    cron: str | None,
    now: Callable[[], datetime],
) -> PollStatus | None:
    """Polls, or publishes from the state where another replica polls now or has just done so.

    None where nothing is known of the source yet. A state that cannot be reached is a failed poll: what is published
    stays.
    """
    name, started = poller.source.name, now()
    share = _SHARE * (interval if cron is None else _CRON)
    try:
        with store.database.turn(name) as ours:
            if ours and not (store.database.shared and _is_read(store.last_poll(name), poller, started, share)):
                return poll()
        return follow(store, poller)
    except SQLAlchemyError as error:
        event(logger, logging.ERROR, "the state cannot be reached", source=name, exc_info=error)
        status = PollStatus(
            success=False,
            ended=now().timestamp(),
            duration=(now() - started).total_seconds(),
            last_success=None if poller.last is None else poller.last.last_success,
            reason="unreachable",
            message="the state cannot be reached, see the log",
        )
        poller.health.polled(status)
        return status


def follow(store: Store, poller: Poller) -> PollStatus | None:
    """Publishes what another replica has read since, and gives how its poll went; None where there was none yet."""
    try:
        status = store.last_poll(poller.source.name)
        if status != poller.last:
            poller.restore()
    except SQLAlchemyError:
        # The next poll says so.
        return None
    return status


def _is_read(last: PollStatus | None, poller: Poller, now: datetime, share: timedelta) -> bool:
    """Whether some replica has just read the source, with a configuration that may be ours."""
    if last is None or not last.success:
        return False
    began = datetime.fromtimestamp(last.ended - last.duration, UTC)
    return now - began < share and began > poller.since - _BEFORE_START
