"""Numbers accounts: people become small integers through a keyed hash, so that the state needs no name."""

import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple

from pyroaring import BitMap
from sqlalchemy import Connection, bindparam, delete, func, select, update

from exporter.model import Identity
from exporter.state import schema
from exporter.state.store import Store

Label = Callable[[Identity], str]

_ALIASES = ("email", "username", "vendor_id")
_LABELS = "labels:"
_ANYBODY = Identity(key="anybody", email="anybody@example.com")


def pseudonym(key: bytes) -> Label:
    """Labels an identity with 16 hex digits of HMAC-SHA-256 over its lower-case e-mail, else username, else id."""

    def label(identity: Identity) -> str:
        return hmac.new(key, plain(identity).lower().encode(), hashlib.sha256).hexdigest()[:16]

    return label


def plain(identity: Identity) -> str:
    """Labels an identity with its e-mail, else its username, else its vendor id."""
    return identity.email or identity.username or identity.vendor_id


def sources(store: Store) -> list[str]:
    """Every source that has or ever had accounts, in the order of names."""
    name = schema.meta.c.name
    with store.database.read() as connection:
        found = connection.execute(select(name).where(name.startswith(_LABELS))).scalars()
        return sorted(row.removeprefix(_LABELS) for row in found)


class AccountBook:
    """The accounts of one source. `label` is given only where people may appear in labels.

    No label is kept before the book has taken effect.
    """

    def __init__(self, store: Store, source: str, label: Label | None = None) -> None:
        self._database = store.database
        self._source = source
        self._label = label
        self._key = store.database.hash_key()
        self._kind = b"" if label is None else self._hash(f"label:{label(_ANYBODY)}")
        self._lock = threading.Lock()
        # By a keyed hash of all that is known of an account: no name stays in memory.
        self._seen: dict[bytes, int] = {}
        self._matched: tuple[Mapping[str, str], object, dict[int, str]] | None = None

    def take_effect(self, connection: Connection) -> bool:
        """Has the state label accounts as this book does; whether there were labels of another kind, which are gone.

        Whoever turns per_user off or takes another key wants the names gone from the state, not only from sight: the
        database is to be wiped once the transaction has ended.
        """
        if self._is_wanted(connection):
            return False
        account = schema.account
        row = {"name": f"{_LABELS}{self._source}", "value": self._kind}
        self._database.upsert(connection, schema.meta, [row])
        labelled = (account.c.source == self._source, account.c.label.is_not(None))
        return connection.execute(update(account).where(*labelled).values(label=None)).rowcount > 0

    def number(self, identities: Sequence[Identity]) -> list[int]:
        """The number of each identity; the same key has the same number for ever."""
        with self._lock:
            whole = [self._hash("\0".join(("whole:", *astuple(identity)))) for identity in identities]
            fresh = {digest: one for digest, one in zip(whole, identities, strict=True) if digest not in self._seen}
            if fresh:
                numbers = self._record([(one, self._hash(f"key:{one.key}")) for one in fresh.values()])
                self._seen.update(zip(fresh, numbers, strict=True))
            return [self._seen[digest] for digest in whole]

    def members(self, teams: Mapping[str, str]) -> Mapping[int, str]:
        """The team of each account that the given users (e-mail, username or vendor id, any case) match.

        Asked again with the same object while no account has come, it answers at once.
        """
        table = schema.alias
        query = select(table.c.hash, table.c.number).where(table.c.source == self._source).order_by(table.c.rank.desc())
        # One account may have gone and another come: their number alone would not tell.
        state = select(func.count(), func.sum(table.c.number)).where(table.c.source == self._source)
        with self._database.read() as connection:
            aliases = tuple(connection.execute(state).one())
            # Taken once: another thread may match other teams, or forget, in between.
            matched = self._matched
            if matched is not None and matched[0] is teams and matched[1] == aliases:
                return matched[2]
            wanted = {self._hash(f"alias:{user.lower()}"): team for user, team in teams.items()}
            found = {number: wanted[digest] for digest, number in connection.execute(query) if digest in wanted}
        self._matched = teams, aliases, found
        return found

    def known(self, users: Sequence[str]) -> set[str]:
        """Those of the users that match an account."""
        table = schema.alias
        with self._database.read() as connection:
            hashes = set(connection.execute(select(table.c.hash).where(table.c.source == self._source)).scalars())
        return {user for user in users if self._hash(f"alias:{user.lower()}") in hashes}

    def labels(self) -> dict[int, str]:
        """The label of each account, where people may appear in labels."""
        table = schema.account
        query = select(table.c.number, table.c.label).where(table.c.source == self._source, table.c.label.is_not(None))
        with self._database.read() as connection:
            return {row.number: row.label for row in connection.execute(query)}

    def forget(self, numbers: BitMap) -> int:
        """Forgets accounts with every trace in the state's files; says how many those were."""
        if not numbers:
            return 0
        account, alias = schema.account, schema.alias
        with self._lock, self._database.write(self._source) as connection:
            # The newest account stays as a mere hash, so that no number is handed out twice.
            newest = max(self._numbers(connection).values(), default=-1)
            rows = [{"forgotten": number} for number in numbers]
            for statement, table in (
                (delete(alias), alias),
                (update(account).values(label=None), account),
                (delete(account).where(account.c.number != newest), account),
            ):
                of_row = (table.c.source == self._source, table.c.number == bindparam("forgotten"))
                connection.execute(statement.where(*of_row), rows)
            self._seen = {digest: number for digest, number in self._seen.items() if number not in numbers}
            self._matched = None
        self._database.wipe()
        return len(numbers)

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(f"{self._source}\0{text}".encode(), key=self._key, digest_size=16).digest()

    def _is_wanted(self, connection: Connection) -> bool:
        """Whether labels, or that there are none, are still what the newest configuration wants."""
        meta = schema.meta
        query = select(meta.c.value).where(meta.c.name == f"{_LABELS}{self._source}")
        kind: bytes | None = connection.execute(query).scalar_one_or_none()
        return kind == self._kind

    def _numbers(self, connection: Connection) -> dict[bytes, int]:
        table = schema.account
        rows = connection.execute(select(table.c.hash, table.c.number).where(table.c.source == self._source))
        return {row.hash: row.number for row in rows}

    def _record(self, fresh: list[tuple[Identity, bytes]]) -> list[int]:
        with self._database.write(self._source) as connection:
            # A poll goes on for a moment when another configuration has removed its labels already.
            label = self._label if self._is_wanted(connection) else None
            # Another process, or this one before it read its configuration anew, may have numbered accounts since.
            numbers = self._numbers(connection)
            free = max(numbers.values(), default=-1) + 1
            for _, digest in fresh:
                if digest not in numbers:
                    numbers[digest] = free
                    free += 1
            self._database.upsert(
                connection,
                schema.account,
                [
                    {
                        "source": self._source,
                        "hash": digest,
                        "number": numbers[digest],
                        "label": None if label is None else label(identity),
                    }
                    for identity, digest in fresh
                ],
            )
            self._database.upsert(
                connection,
                schema.alias,
                [
                    {
                        "source": self._source,
                        "hash": self._hash(f"alias:{text.lower()}"),
                        "rank": rank,
                        "number": numbers[digest],
                    }
                    for identity, digest in fresh
                    for rank, text in enumerate(getattr(identity, name) for name in _ALIASES)
                    if text
                ],
            )
        return [numbers[digest] for _, digest in fresh]
