"""Sample options for tests, which name only the options that they are about."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

from exporter.config.calendar import Calendar
from exporter.config.sections import PeopleSettings
from exporter.config.teams_file import TeamsFile
from exporter.samples.build import SampleOptions
from exporter.samples.calendar import workdays
from exporter.samples.directory import Directory
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
        per_user=False,
        min_group_size=people.min_group_size,
        frequent_days=people.frequent_days,
    )
    return replace(sample_options, **more)


def directory_of(store: Store, *sources: str, teams: TeamsFile | None = None) -> Directory:
    """The people of these sources, with a teams file."""
    directory = Directory(store)
    directory.become(sources, None, teams)
    return directory


def known_names(book: AccountBook, names: Collection[str]) -> set[str]:
    """Which of the names an account has."""
    return {match.name for match in book.names(names).matches}


def book_of(store: Store, source: str, label: Label | None = None, *, joins: bool = False) -> AccountBook:
    """A book of accounts that has taken effect in the state, as a configuration makes it."""
    book = AccountBook(store, source, label, joins=joins)
    with store.database.write() as connection:
        erased = book.take_effect(connection)
    if erased:
        store.database.wipe()
    return book
