"""Sample options for tests, which name only the options that they are about."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from exporter.config.calendar import Calendar
from exporter.config.sections import PeopleSettings
from exporter.samples.build import SampleOptions
from exporter.samples.calendar import workdays
from exporter.state.accounts import AccountBook, Label
from exporter.state.store import Store


def sample_options_of(source: str, vendor: str, accounts: AccountBook, **more: Any) -> SampleOptions:
    """The options of the configuration's defaults, with `more` changed."""
    people = PeopleSettings()
    sample_options = SampleOptions(
        source=source,
        vendor=vendor,
        accounts=accounts,
        ready_at=timedelta(hours=3),
        seats=None,
        workday=workdays(Calendar()),
        teams=None,
        per_user=False,
        min_group_size=people.min_group_size,
        frequent_days=people.frequent_days,
    )
    return replace(sample_options, **more)


def book_of(store: Store, source: str, label: Label | None = None) -> AccountBook:
    """A book of accounts that has taken effect in the state, as a configuration makes it."""
    book = AccountBook(store, source, label)
    with store.database.write() as connection:
        erased = book.take_effect(connection)
    if erased:
        store.database.wipe()
    return book
