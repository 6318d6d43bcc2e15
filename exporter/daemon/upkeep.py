"""What a running exporter does beside polls: withdraws stale values, follows teams and replicas, forgets old days."""

from contextlib import suppress
from datetime import datetime

from exporter.daemon.exporter import Exporter
from exporter.daemon.sources import account_book
from exporter.poll.replicas import follow
from exporter.publish.publisher import withdraw_stale
from exporter.state.accounts import sources
from exporter.state.database import StateError
from exporter.state.pruning import forget_old_days

_PUBLICATION_SECONDS = 1.0
_REPLICAS_SECONDS = 5.0
_PROBE_SECONDS = 15.0
# Once a day would do, but a process that restarts every day would never reach it.
_RETENTION_SECONDS = 3600.0


def schedule_upkeep(exporter: Exporter) -> None:
    """Adds the jobs of upkeep to the exporter's scheduler."""
    every, database = exporter.scheduler.every, exporter.store.database
    every(_PUBLICATION_SECONDS, "publication", lambda: update_publication(exporter))
    every(_RETENTION_SECONDS, "retention", lambda: forget_removed(exporter))
    every(_PROBE_SECONDS, "state", database.probe)
    if database.shared:
        every(_REPLICAS_SECONDS, "replicas", lambda: follow_replicas(exporter))


def update_publication(exporter: Exporter) -> None:
    """Withdraws stale values, and publishes anew what a reload or another teams file has changed."""
    publishers = [poller.publisher for poller in exporter.pollers.values()]
    withdraw_stale(publishers)
    exporter.publish_remade()
    exporter.follow_people()


def follow_replicas(exporter: Exporter) -> None:
    """Publishes what other replicas have stored."""
    for name, poller in list(exporter.pollers.items()):
        if name not in exporter.polling and follow(exporter.store, poller) is not None:
            exporter.tried.add(name)


def forget_removed(exporter: Exporter) -> None:
    """Forgets old days of sources that are no longer configured; polls do so for the others.

    "Old" is by the time that the polls of the others have proven: nothing else confirms that our clock is right. Where
    the state fails, the next call tries again, and polls report the failure meanwhile.
    """
    proven = _proven(exporter)
    if proven is None:
        return
    before = proven.date() - exporter.config.state.retention
    with suppress(StateError):
        for name in set(sources(exporter.store)) - exporter.pollers.keys():
            # It may still be in its last poll, here or in another replica, or be configured again by now.
            with exporter.poll_locks[name], exporter.store.database.leader_lock(name) as ours:
                if not ours or name in exporter.pollers:
                    continue
                # Like a poll it may take long, and may be cut anywhere when the exporter ends.
                exporter.polling.add(name)
                try:
                    book = account_book(exporter.config, name, exporter.store)
                    forget_old_days(exporter.store, book, name, before)
                finally:
                    exporter.polling.discard(name)


def _proven(exporter: Exporter) -> datetime | None:
    """The moment by which old days of any source may be forgotten; None where no vendor shows it or one disagrees."""
    pollers = list(exporter.pollers.values())
    if any(poller.vendor_time is not None and not poller.vendor_time.agrees for poller in pollers):
        return None
    return min((poller.proven for poller in pollers if poller.proven is not None), default=None)
