"""Windows that only the vendor can count people over: asks for them, and forgets what it counted too early."""

from collections.abc import Mapping, Sequence
from datetime import date

from exporter.model import WINDOWS, window_days
from exporter.poll.plan import LONGER_WINDOWS, windows_to_ask
from exporter.poll.source import Source
from exporter.state.records import StoredDay
from exporter.state.store import Store
from exporter.vendors.base import PollContext


def ask_windows(
    source: Source,
    store: Store,
    context: PollContext,
    scope: str,
    stored: Mapping[date, StoredDay],
    read: Sequence[date],
    asked: list[tuple[date, str]],
) -> None:
    """Asks the vendor for windows that the `stored` days cannot give: some are missing or do not list their people.

    A window with a day that was to be `read` and is not stored is unknown; the store has forgotten those with a revised
    day. Every (data day, window) that is asked for is added to `asked`, also where the vendor then fails.
    """
    if source.vendor.windows is None or not stored:
        return
    data_day = max(stored)
    unread = set(read) - stored.keys()
    for window in LONGER_WINDOWS:
        if unread.intersection(window_days(data_day, WINDOWS[window])):
            store.forget_window(source.name, scope, data_day, window)
    wanted = windows_to_ask(data_day, stored, store.windows(source.name, scope), unread)
    asked.extend((data_day, window) for window in wanted)
    if wanted:
        for people in source.vendor.windows(context, scope, data_day, wanted):
            store.replace_windows(source.name, scope, [people])


def ask_day_counts(
    source: Source, store: Store, context: PollContext, scope: str, stored: Mapping[date, StoredDay]
) -> None:
    """Stores what the vendor counted on days before the data day that are not stored."""
    if source.vendor.day_counts is None or not stored:
        return
    counted = source.vendor.day_counts(context, scope)
    wanted = [count for count in counted if count.data_day < max(stored) and count.data_day not in stored]
    if wanted:
        store.replace_windows(source.name, scope, wanted)
