"""What a vendor is: a name, a settings model and a few functions. No inheritance."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from exporter.errors import BadPayload
from exporter.model import Identity, Reading, WindowPeople
from exporter.transport.client import Client


class Accounts(Protocol):
    """Numbers accounts: the same identity key has the same small number for ever within a source."""

    def number(self, identities: Sequence[Identity]) -> list[int]: ...


@dataclass(frozen=True)
class PollContext:
    """What a vendor's functions may use during one poll of one source.

    `settings` is the vendor's own settings model. `memory` is what the vendor's functions wish to find again at the
    next poll of the source (ids of projects, detected names); a restart forgets it. `warn` takes a kind and a remark,
    and logs the first one of each kind. `listed` are the scopes that the source had at its last poll, before a restart
    too, and `most_people` how many people the scope that is read had on its best day in the state.
    """

    client: Client
    settings: Any
    accounts: Accounts
    now: datetime
    memory: dict[str, Any]
    warn: Callable[[str, str], None]
    listed: Collection[str] = ()
    most_people: int = 0


def bearer(token: str) -> Mapping[str, str]:
    """The header that most vendors want."""
    return {"Authorization": f"Bearer {token}"}


@dataclass(frozen=True)
class InvalidDay:
    """A day with a value that cannot be right: it costs its day alone, so that the other days are still read."""

    day: date
    error: BadPayload


def raise_newest(wrong: Collection[InvalidDay]) -> None:
    """Raises what is wrong with the newest day, where anything is, once all that can be read is."""
    if wrong:
        raise max(wrong, key=lambda one: one.day).error


@dataclass(frozen=True)
class Vendor:
    """One analytics API.

    `scopes` lists the scopes of a source. `read` yields the wanted days (given newest first) of a scope as they become
    complete, or what is wrong with one; a day that the vendor has not published, or only in part, is left out.
    `least_requests` is how many requests it takes at least to read so many days of a scope, with the windows of so many
    data days.
    `windows`, where the vendor counts people over a window itself, answers the named windows that end with a day, each
    once it is counted.
    `day_counts`, asked when the days are read, gives people of single days, more than were read, for the baseline.
    `seats` gives registered human seats of a scope where the vendor tells. `check` tries the credential and the queries
    and yields a line for each problem. `headers` carries the token in the way that the vendor wants it.
    """

    name: str
    settings: type[Any]
    scopes: Callable[[PollContext], Sequence[str]]
    read: Callable[[PollContext, str, Sequence[date]], Iterator[Reading | InvalidDay]]
    least_requests: Callable[[int, int], int]
    windows: Callable[[PollContext, str, date, Sequence[str]], Iterable[WindowPeople]] | None = None
    day_counts: Callable[[PollContext, str], Sequence[WindowPeople]] | None = None
    seats: Callable[[PollContext, str], int | None] | None = None
    check: Callable[[PollContext], Iterator[str]] | None = None
    headers: Callable[[str], Mapping[str, str]] = bearer
    concurrency: int = 1
