"""What a vendor is: a name, a settings model, a session and a few functions. No inheritance."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, Protocol

from typing_extensions import TypeVar

from exporter.config.source import SourceSettings
from exporter.errors import VendorError
from exporter.model import Identity, Reading, Seats, WindowPeople
from exporter.transport.client import Client
from exporter.transport.credentials import bearer
from exporter.transport.endpoints import Allowed

# Code that serves every vendor alike leaves them out: `Vendor` and `PollContext` stand for those of any vendor.
SettingsT = TypeVar("SettingsT", bound=SourceSettings, default=Any)
SessionT = TypeVar("SessionT", default=Any)


class Accounts(Protocol):
    """Numbers accounts: an identity key has the same small number for ever within a source.

    `have_emails` says whether any account was ever numbered with an e-mail.
    """

    def number(self, identities: Sequence[Identity]) -> list[int]: ...

    def have_emails(self) -> bool: ...


@dataclass(frozen=True)
class NoSession:
    """The session of a vendor that has nothing to remember."""


@dataclass(frozen=True)
class PollContext(Generic[SettingsT, SessionT]):
    """What a vendor's functions may use during one poll of one source.

    `settings` and `session` are of the vendor's own types. `warn` takes a kind and a remark, and logs the first remark
    of each kind. `listed` holds the scopes that the source had at its last poll, even one before a restart.
    `most_people` is how many people the scope being read had on its best stored day, and `first_active` its oldest
    stored day with people.
    """

    client: Client
    settings: SettingsT
    accounts: Accounts
    now: datetime
    session: SessionT
    warn: Callable[[str, str], None]
    listed: Collection[str] = ()
    most_people: int = 0
    first_active: date | None = None


@dataclass(frozen=True)
class InvalidDay:
    """A day with a value that cannot be right, or of which a part could not be read; a Reading may have the rest.

    Only this is lost; the other days are still read.
    """

    day: date
    error: VendorError


def raise_newest(invalid: Collection[InvalidDay]) -> None:
    """Raises the error of the newest invalid day, if there is one. Called when everything else has been read."""
    if invalid:
        raise max(invalid, key=lambda one: one.day).error


@dataclass(frozen=True)
class Vendor(Generic[SettingsT, SessionT]):
    """One analytics API.

    `open_session` makes what the functions remember from one poll of a source to the next: ids of projects, detected
    names, tokens that are renewed. A restart or a change of the source's settings opens a new one. Scopes that are read
    side by side (`concurrency`) share it.

    `scopes` lists the scopes of a source. `read` yields the wanted days (given newest first) of a scope as they become
    complete, or an InvalidDay; it leaves out days that the vendor has not published, or published only in part. Fields
    that come later than the rest of a day are `pending` in its facts; also a field that is not read this time is: what
    the state knows of it stays. A Reading with `only` brings some fields alone, for days that were not wanted too.
    `least_requests` says how many requests it takes at least to read a number of days of a scope, with the windows of a
    number of data days. `probe` sends the cheapest request by which the vendor tells whether it takes the credential,
    and raises VendorError where it does not: a poll sends it that had nothing else to ask, and so does a reload.

    The others are optional. `windows`, for a vendor that counts people over a window itself, yields the counts of the
    named windows that end with a day. `day_counts`, called after `read`, returns people of single days, more than were
    read, for the baseline. `seats` returns the human seats of a scope: who holds them, or how many there are. `check`
    tries the credential and the queries and yields a line for each problem. `headers` returns the headers that carry
    the token: all of them are secret, and `public_headers` are not.

    `endpoints` lists every request that these functions send; the client refuses any other.
    """

    name: str
    settings: type[SettingsT]
    open_session: Callable[[], SessionT]
    scopes: Callable[[PollContext[SettingsT, SessionT]], Sequence[str]]
    read: Callable[[PollContext[SettingsT, SessionT], str, Sequence[date]], Iterator[Reading | InvalidDay]]
    least_requests: Callable[[int, int], int]
    probe: Callable[[PollContext[SettingsT, SessionT]], None]
    endpoints: Sequence[Allowed]
    windows: Callable[[PollContext[SettingsT, SessionT], str, date, Sequence[str]], Iterable[WindowPeople]] | None = (
        None
    )
    day_counts: Callable[[PollContext[SettingsT, SessionT], str], Sequence[WindowPeople]] | None = None
    seats: Callable[[PollContext[SettingsT, SessionT], str], int | Seats | None] | None = None
    check: Callable[[PollContext[SettingsT, SessionT]], Iterator[str]] | None = None
    headers: Callable[[str], Mapping[str, str]] = bearer
    public_headers: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 1
