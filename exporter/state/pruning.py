"""Deletes what the state need not keep: old days, and the accounts that occur on no newer day."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyroaring import BitMap

from exporter.log import event
from exporter.state import holders
from exporter.state.accounts import AccountBook
from exporter.state.codec import accounts_of
from exporter.state.store import Store

logger = logging.getLogger(__name__)

# A day of a large company takes megabytes of memory.
_AT_ONCE = 16


class Forgotten(NamedTuple):
    """How many days and accounts were deleted."""

    days: int
    accounts: int


def forget_old_days(store: Store, accounts: AccountBook, source: str, before: date) -> None:
    """Prunes a source and logs it if anything was deleted."""
    forgotten = prune(store, accounts, source, before)
    if forgotten.days or forgotten.accounts:
        event(logger, logging.INFO, "old days forgotten", source=source, before=before, **forgotten._asdict())


def prune(store: Store, accounts: AccountBook, source: str, before: date) -> Forgotten:
    """Deletes the days of a source before a day, and the accounts that occur on these days alone.

    So it does with accounts that held a seat, do not any more, and occur on no day. Who holds one stays.
    """
    old = store.days_before(source, before)
    seated, former = holders.accounts(store.database, source)
    if not old and not former:
        return Forgotten(0, 0)
    gone = BitMap.union(former, *_accounts(store, source, old)) - seated
    kept = {
        scope: sorted(store.days(source, scope).keys() - set(old.get(scope, ())))[::-1]
        for scope in store.scopes(source)
    }
    for seen in _accounts(store, source, kept):
        gone -= seen
        # The newest days hold nearly every account.
        if not gone:
            break
    # Accounts first: if the process dies in between, the old days still say which accounts to delete.
    forgotten = accounts.forget(gone)
    if former:
        holders.forget_former(store.database, source)
    return Forgotten(store.prune(source, before), forgotten)


def _accounts(store: Store, source: str, days: Mapping[str, Sequence[date]]) -> Iterator[BitMap]:
    for scope, of_scope in days.items():
        for start in range(0, len(of_scope), _AT_ONCE):
            for facts in store.facts(source, scope, of_scope[start : start + _AT_ONCE]).values():
                yield accounts_of(facts)
