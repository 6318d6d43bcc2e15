"""Asks a vendor who holds a seat, by name, and says who does not use it; stores nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count

from pyroaring import BitMap

from exporter.errors import VendorError
from exporter.model import Identity, Seats, newest_ready
from exporter.poll.source import Source
from exporter.samples.seats import idle, never_used
from exporter.state.accounts import AccountBook
from exporter.state.holders import Held
from exporter.state.known_days import known_days
from exporter.state.store import Store
from exporter.vendors.base import PollContext

# Beyond the numbers of any state.
_STRANGERS = 2**31


@dataclass(frozen=True)
class HeldSeat:
    """A seat that is not used, and who holds it. `never_used` is None where the state knows too few days to say."""

    source: str
    scope: str
    name: str
    since: date | None
    last_active: date | None
    never_used: bool | None


@dataclass
class SeatList:
    """The idle seats of some sources, of how many, what was not told, and what failed."""

    idle: list[HeldSeat] = field(default_factory=list)
    seats: int = 0
    remarks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class NamedAccounts:
    """Numbers accounts as the state does, stores none, and remembers who they are."""

    def __init__(self, book: AccountBook) -> None:
        self._book = book
        self._free = count(_STRANGERS)
        self._strangers: dict[str, int] = {}
        self.identities: dict[int, Identity] = {}

    def number(self, identities: Sequence[Identity]) -> list[int]:
        """The number of each identity; one that the state does not know has a number that nobody there has."""
        found = [self._stranger(one) if number is None else number for one, number in self._known(identities)]
        self.identities.update(zip(found, identities, strict=True))
        return found

    def have_emails(self) -> bool:
        """Whether the state knows any e-mail."""
        return self._book.have_emails()

    def names(self) -> Mapping[int, str]:
        """The best name of each account: the vendor's id is the last resort, and often all that it gives of a seat."""
        labels = self._book.labels()
        return {number: _name(one, labels.get(number, "")) for number, one in self.identities.items()}

    def _known(self, identities: Sequence[Identity]) -> Iterator[tuple[Identity, int | None]]:
        return zip(identities, self._book.lookup(identities), strict=True)

    def _stranger(self, identity: Identity) -> int:
        if identity.key not in self._strangers:
            self._strangers[identity.key] = next(self._free)
        return self._strangers[identity.key]


def list_seats(source: Source, store: Store, book: AccountBook, now: datetime, days: int, into: SeatList) -> None:
    """Adds the seats of a source that were not used on the newest so many days, by name."""
    # A number in the configuration would make it needless to ask who they are.
    settings = source.settings.model_copy(update={"seats": None})
    accounts = NamedAccounts(book)
    read = source.vendor.seats
    if read is None:
        into.remarks.append(f"{source.name}: its vendor does not say who holds a seat")
        return
    try:
        with source.connect(lambda _code: None) as client:
            context = PollContext(
                client,
                settings,
                accounts,
                now,
                source.vendor.open_session(),
                lambda _kind, remark: into.remarks.append(f"{source.name}: {remark}"),
            )
            for scope in source.vendor.scopes(context):
                try:
                    seats = read(context, scope)
                except VendorError as error:
                    into.problems.append(f"{source.name}: {scope}: {error}")
                    continue
                if isinstance(seats, Seats):
                    _add(source, store, scope, Held(seats, now.astimezone(UTC).date()), accounts, now, days, into)
                else:
                    into.remarks.append(f"{source.name}: the vendor does not say who holds a seat of {scope}")
    except VendorError as error:
        into.problems.append(f"{source.name}: {error}")


def _add(
    source: Source,
    store: Store,
    scope: str,
    held: Held,
    accounts: NamedAccounts,
    now: datetime,
    days: int,
    into: SeatList,
) -> None:
    ready_at = source.read_window.ready_at
    known = known_days(store.days(source.name, scope), now, ready_at)
    people = {day: found for day, found in store.people(source.name, scope).items() if day in known}
    last = max(people, default=newest_ready(now, ready_at))
    first = last - timedelta(days=days - 1)
    window = [day for day in people if day >= first]
    if len(window) < days:
        into.remarks.append(f"{source.name}: the state knows {len(window)} of the {days} days of {scope}")
    seats = held.seats.on(last)
    unused = idle(seats, first, BitMap.union(BitMap(), *(people[day] for day in window)))
    never = never_used(held, people, last)
    active = _last_active(people, unused)
    into.seats += seats.holders.height
    names = accounts.names()
    for account, since, vendor_saw in seats.holders.select("account", "since", "last_active").iter_rows():
        if account in unused:
            seen = max((day for day in (active.get(account), vendor_saw) if day is not None), default=None)
            unused_ever = None if never is None else account in never
            into.idle.append(HeldSeat(source.name, scope, names[account], since, seen, unused_ever))


def _last_active(people: Mapping[date, BitMap], accounts: BitMap) -> dict[int, date]:
    """The newest day of each account on which it was among the people."""
    left = BitMap(accounts)
    found: dict[int, date] = {}
    for day in sorted(people, reverse=True):
        found |= dict.fromkeys(left & people[day], day)
        left -= people[day]
    return found


def _name(identity: Identity, label: str) -> str:
    """A label of the state may be older than what the vendor says, but may also be all the name that there is."""
    return identity.email or ("@" in label and label) or identity.username or label or identity.vendor_id
