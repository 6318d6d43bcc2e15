"""The persons of all sources of a configuration, kept up to date with the state and the files that name people."""

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import count

from exporter.config.identities_file import IdentitiesFile
from exporter.config.teams_file import TeamsFile
from exporter.samples.persons import Persons, joined
from exporter.samples.source_accounts import Files, SourceAccounts, source_accounts
from exporter.state.accounts import AccountBook
from exporter.state.joints import email_hash
from exporter.state.store import Store


class Directory:
    """Who is who. Safe in any thread; raises StateError.

    A thread that asks about a source sees its accounts as they are now, and those of other sources and the files as
    they were at the last `follow`. `identities` and `teams` are the files, None without one.
    """

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self._store = store
        self._lock = threading.Lock()
        # Hashes that join accounts, as small numbers that fit into sets.
        self._nodes: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._books: Mapping[str, AccountBook] = {}
        self.identities: IdentitiesFile | None = None
        self.teams: TeamsFile | None = None
        self._members: dict[str, tuple[Persons | None, Mapping[int, str]]] = {}
        self._forget()

    @property
    def files(self) -> Files:
        """What the files held at the last `follow`."""
        return self._files

    def become(self, sources: Collection[str], identities: IdentitiesFile | None, teams: TeamsFile | None) -> None:
        """Takes another configuration."""
        with self._lock:
            if self._books.keys() == set(sources) and self.identities is identities and self.teams is teams:
                return
            self._books = {source: AccountBook(self._store, source) for source in sources}
            self.identities, self.teams = identities, teams
            self._forget()

    def follow(self, changed: Collection[str]) -> None:
        """Takes the files as they are now, and the accounts of changed sources; of all sources where a file changed."""
        with self._lock:
            anew = self._read_files() != self._files
            if anew:
                self._forget()
            sources = [source for source in self._books if anew or source in changed]
        for source in sources:
            # One at a time: a poll that asks for teams meanwhile waits for no more than that.
            with self._lock:
                if source in self._books:
                    self._refresh(source)

    def persons(self) -> Persons:
        """The persons as they are known."""
        with self._lock:
            for source in self._books.keys() - self._known.keys():
                self._refresh(source)
            return self._joined()

    def members(self, source: str) -> Mapping[int, str] | None:
        """The team of each account of a source that the teams file knows; None where there is no teams file.

        The same object while it does not change.
        """
        with self._lock:
            if self._files.teams is None:
                return None
            for other in {source, *(self._books.keys() - self._known.keys())}:
                self._refresh(other)
            persons = self._joined()
            made, found = self._members.get(source, (None, {}))
            if made is not persons:
                now = persons.members(source)
                found = found if now == found else now
                self._members[source] = persons, found
            return found

    def _forget(self) -> None:
        self._files = self._read_files()
        self._versions: dict[str, tuple[object, ...]] = {}
        self._known: dict[str, SourceAccounts] = {}
        self._persons: Persons | None = None
        self._members = {source: (None, found) for source, (_, found) in self._members.items()}

    def _read_files(self) -> Files:
        return Files(
            None if self.identities is None else self.identities.content(),
            None if self.teams is None else self.teams.content(),
        )

    def _refresh(self, source: str) -> None:
        book, files = self._books[source], self._files
        if self._versions.get(source) == book.version():
            return
        users = () if files.teams is None else files.teams.team_of
        names = book.names({*users, *files.names(source, self._books.keys())})
        self._known[source] = source_accounts(names, files, source, self._books.keys(), self._nodes.__getitem__)
        self._versions[source] = names.version
        self._persons = None

    def _joined(self) -> Persons:
        if self._persons is None:
            self._persons = joined(
                self._files, dict(self._known), lambda name: self._nodes[email_hash(self._database, name)]
            )
        return self._persons
