"""Several replicas on one state: one of them reads a source, the others publish what it has stored."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError

from exporter.log import event
from exporter.poller import Poller
from exporter.store import PollStatus, Store

logger = logging.getLogger(__name__)

# A successful poll of any replica counts for all of them for so long, as a part of the interval.
_RECENT = 0.5


def poll_in_turn(
    store: Store,
    poller: Poller,
    poll: Callable[[], PollStatus | None],
    *,
    interval: timedelta,
    now: Callable[[], datetime],
) -> PollStatus | None:
    """Polls, or publishes from the state where another replica polls now or has just done so.

    A state that cannot be reached is a poll without a result: what is published stays.
    """
    name = poller.source.name
    try:
        with store.database.turn(name) as ours:
            if ours and not _recently_polled(store, name, interval, now()):
                return poll()
        poller.restore()
    except DBAPIError as error:
        event(logger, logging.ERROR, "the state cannot be reached", source=name, exc_info=error.orig)
    return poller.last


def _recently_polled(store: Store, name: str, interval: timedelta, now: datetime) -> bool:
    """Whether some replica has just read the source. A state of our own knows only of our own polls: never."""
    if not store.database.shared:
        return False
    last = store.last_poll(name)
    return last is not None and last.success and now.timestamp() - last.ended < _RECENT * interval.total_seconds()
