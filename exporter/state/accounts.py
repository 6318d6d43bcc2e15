"""Numbers accounts: a keyed hash maps each person to a small integer, so that the state holds no name."""

import hashlib
import hmac
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyroaring import BitMap
from sqlalchemy import Connection, bindparam, delete, func, select, update

from exporter.model import Identity
from exporter.state import joints, schema
from exporter.state.joints import Joint
from exporter.state.store import Store

Label = Callable[[Identity], str]

_LABELS = "labels:"
_ANYBODY = Identity(key="anybody", email="anybody@example.com")


def pseudonym(key: bytes) -> Label:
    """A label of 16 hex digits: HMAC-SHA-256 over the lower-case e-mail, else username, else vendor id."""

    def label(identity: Identity) -> str:
        return hmac.new(key, plain(identity).lower().encode(), hashlib.sha256).hexdigest()[:16]

    return label


def plain(identity: Identity) -> str:
    """A label in plain text: the e-mail, else the username, else the vendor id."""
    return identity.email or identity.username or identity.vendor_id


def sources(store: Store) -> list[str]:
    """Every source that has or ever had accounts, sorted by name."""
    name = schema.meta.c.name
    with store.database.read() as connection:
        found = connection.execute(select(name).where(name.startswith(_LABELS))).scalars()
        return sorted(row.removeprefix(_LABELS) for row in found)


class Match(NamedTuple):
    """An account that has a name: as its e-mail (rank 0), its username (1) or its vendor id (2)."""

    name: str
    rank: int
    number: int


@dataclass(frozen=True)
class Names:
    """What joins the accounts of a source, and which of the wanted names they have. `version` changes with both."""

    version: tuple[object, ...]
    joints: Sequence[Joint]
    matches: Sequence[Match]


class AccountBook:
    """The accounts of one source. `label` is given only if people may appear in labels.

    With `joins`, the state keeps by which accounts of other sources are the same person's. The book stores no label and
    no joint hash before `take_effect`.
    """

    def __init__(self, store: Store, source: str, label: Label | None = None, *, joins: bool = False) -> None:
        self._database = store.database
        self._source = source
        self._label = label
        self._joins = joins
        self._key = store.database.hash_key()
        self._kind = b"" if label is None else self._hash(f"label:{label(_ANYBODY)}")
        self._lock = threading.Lock()
        # The key is a hash of the whole identity: no name stays in memory.
        self._seen: dict[bytes, int] = {}

    def take_effect(self, connection: Connection) -> bool:
        """Makes this book's kind of label, and whether it joins, the one in force; True if it deleted anything.

        After True, call `Database.wipe` once the transaction has ended: an operator who turns per_user off or changes
        the key wants the names gone from the files, not only from sight.
        """
        unjoined = joints.wants(self._database, connection, self._source, wanted=self._joins)
        return self._label_takes_effect(connection) or unjoined

    def _label_takes_effect(self, connection: Connection) -> bool:
        if self._is_wanted(connection):
            return False
        account = schema.account
        row = {"name": f"{_LABELS}{self._source}", "value": self._kind}
        self._database.upsert(connection, schema.meta, [row])
        labelled = (account.c.source == self._source, account.c.label.is_not(None))
        return connection.execute(update(account).where(*labelled).values(label=None)).rowcount > 0

    def number(self, identities: Sequence[Identity]) -> list[int]:
        """The number of each identity; a key keeps its number for good."""
        with self._lock:
            whole = [self._hash("\0".join(("whole:", *_names(identity)))) for identity in identities]
            fresh = {digest: one for digest, one in zip(whole, identities, strict=True) if digest not in self._seen}
            if fresh:
                numbers = self._record([(one, self._hash(f"key:{one.key}")) for one in fresh.values()])
                self._seen.update(zip(fresh, numbers, strict=True))
            return [self._seen[digest] for digest in whole]

    def lookup(self, identities: Sequence[Identity]) -> list[int | None]:
        """The number of each identity that has one; stores nothing."""
        with self._database.read() as connection:
            numbers = self._numbers(connection)
        return [numbers.get(self._hash(f"key:{one.key}")) for one in identities]

    def version(self) -> tuple[object, ...]:
        """A value that changes when an account, or a name of one, is added or removed."""
        with self._database.read() as connection:
            return self._version(connection)

    def names(self, wanted: Collection[str]) -> Names:
        """What is known of the names of the accounts; of `wanted` (in any case) what matches."""
        table = schema.alias
        by_hash = {self._hash(f"alias:{name.lower()}"): name for name in wanted}
        query = select(table.c.hash, table.c.rank, table.c.number).where(table.c.source == self._source)
        with self._database.read() as connection:
            rows = connection.execute(query) if by_hash else ()
            return Names(
                version=self._version(connection),
                joints=joints.find(connection, self._source),
                matches=[Match(by_hash[digest], rank, number) for digest, rank, number in rows if digest in by_hash],
            )

    def _version(self, connection: Connection) -> tuple[object, ...]:
        table = schema.alias
        # The count alone stays the same when one account goes and another comes.
        query = select(func.count(), func.sum(table.c.number)).where(table.c.source == self._source)
        return (*connection.execute(query).one(), *joints.version(connection, self._source))

    def have_emails(self) -> bool:
        """Whether any account was ever numbered with an e-mail."""
        table = schema.alias
        query = select(table.c.number).where(table.c.source == self._source, table.c.rank == 0).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def labels(self) -> dict[int, str]:
        """The label of each account that has one; empty unless people may appear in labels."""
        table = schema.account
        query = select(table.c.number, table.c.label).where(table.c.source == self._source, table.c.label.is_not(None))
        with self._database.read() as connection:
            return {row.number: row.label for row in connection.execute(query)}

    def forget(self, numbers: BitMap) -> int:
        """Deletes accounts, with every trace of them in the state's files; returns how many."""
        if not numbers:
            return 0
        account, alias, joint = schema.account, schema.alias, schema.joint
        with self._lock, self._database.write(self._source) as connection:
            # The newest account stays as a mere hash, so that no number is assigned twice.
            newest = max(self._numbers(connection).values(), default=-1)
            rows = [{"forgotten": number} for number in numbers]
            for statement, table in (
                (delete(alias), alias),
                (delete(joint), joint),
                (update(account).values(label=None), account),
                (delete(account).where(account.c.number != newest), account),
            ):
                of_row = (table.c.source == self._source, table.c.number == bindparam("forgotten"))
                connection.execute(statement.where(*of_row), rows)
            self._seen = {digest: number for digest, number in self._seen.items() if number not in numbers}
        self._database.wipe()
        return len(numbers)

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(f"{self._source}\0{text}".encode(), key=self._key, digest_size=16).digest()

    def _is_wanted(self, connection: Connection) -> bool:
        """Whether this book's kind of label (or none) is the one in force."""
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
            # A running poll may outlive the configuration that allowed its labels.
            label = self._label if self._is_wanted(connection) else None
            # Another process, or this one before a reload, may have numbered accounts meanwhile.
            numbers = self._numbers(connection)
            known = frozenset(numbers)
            free = max(numbers.values(), default=-1) + 1
            for _, digest in fresh:
                if digest not in numbers:
                    numbers[digest] = free
                    free += 1
            self._database.upsert(
                connection,
                schema.account,
                (
                    {
                        "source": self._source,
                        "hash": digest,
                        "number": numbers[digest],
                        "label": None if label is None else label(identity),
                    }
                    for identity, digest in fresh
                    # An id alone, as a registry has it, is no better name than the one that rows gave.
                    if digest not in known or identity.email or identity.username
                ),
            )
            self._database.upsert(
                connection,
                schema.alias,
                (
                    {
                        "source": self._source,
                        "hash": self._hash(f"alias:{text.lower()}"),
                        "rank": rank,
                        "number": numbers[digest],
                    }
                    for identity, digest in fresh
                    for rank, text in enumerate(_aliases(identity))
                    if text
                ),
            )
            if joints.has(connection, self._source):
                of_fresh = ((identity, numbers[digest]) for identity, digest in fresh)
                joints.record(self._database, connection, self._source, of_fresh)
        return [numbers[digest] for _, digest in fresh]


def _aliases(identity: Identity) -> tuple[str, ...]:
    """What finds an account, the best first."""
    return identity.email, identity.username, identity.vendor_id, *identity.former


def _names(identity: Identity) -> tuple[str, ...]:
    return identity.key, identity.joint_id, *_aliases(identity)
