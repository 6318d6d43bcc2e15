"""Tries the credential and the queries of a source, and stores nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from exporter.errors import VendorError
from exporter.model import EVERYBODY, DayFacts, Identity, newest_ready, window_days
from exporter.poll.source import Source
from exporter.samples.calendar import workdays
from exporter.vendors.base import InvalidDay, PollContext

# How far back the newest working day may lie: longer than a company closes at the end of a year.
_DAYS_BACK = 21


@dataclass
class OnlineCheck:
    """What a check has found: `problems` would fail a poll, `remarks` would not.

    `people` holds the names of each person of the `day` that was read, in lower case: it is for counting alone. It is
    empty where nothing was read, and None where the vendor lists no people.
    """

    day: date
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    people: list[frozenset[str]] | None = field(default_factory=list)

    def known(self, users: Collection[str]) -> int:
        """How many of the people are among the users of a teams file."""
        return sum(not names.isdisjoint(users) for names in self.people or ())


class _Numbers:
    """Numbers accounts for readings that are not stored, and keeps their names."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._emails = False
        self.names: dict[int, frozenset[str]] = {}

    def number(self, identities: Sequence[Identity]) -> list[int]:
        """Gives equal keys equal numbers."""
        found = [self._numbers.setdefault(identity.key, len(self._numbers)) for identity in identities]
        for number, one in zip(found, identities, strict=True):
            names = {text.lower() for text in (one.email, one.username, one.vendor_id, *one.former) if text}
            self.names[number] = self.names.get(number, frozenset()) | names
            self._emails = self._emails or bool(one.email)
        return found

    def have_emails(self) -> bool:
        """Whether any has one."""
        return self._emails


def online_check(source: Source, now: datetime, *, with_people: bool = False) -> OnlineCheck:
    """Checks by the vendor's own check, or by reading the newest working day, which also gives its people.

    With `with_people` that day is read in any case.
    """
    vendor, numbers = source.vendor, _Numbers()
    checked = OnlineCheck(_newest_workday(source, now))

    def remark(_kind: str, text: str) -> None:
        checked.remarks.append(text)

    try:
        with source.connect(lambda _code: None) as client:
            context = PollContext(client, source.settings, numbers, now, vendor.open_session(), remark)
            if vendor.check is not None:
                checked.problems.extend(vendor.check(context))
            if vendor.check is None or (with_people and not checked.problems):
                _read(source, context, checked, numbers)
    except VendorError as error:
        checked.problems.append(str(error))
    return checked


def _newest_workday(source: Source, now: datetime) -> date:
    """The newest ready day on which people are expected, so that there is somebody to count."""
    newest, is_workday = newest_ready(now, source.read_window.ready_at), workdays(source.settings.calendar)
    return next((day for day in window_days(newest, _DAYS_BACK) if is_workday(day)), newest)


def _read(source: Source, context: PollContext, checked: OnlineCheck, numbers: _Numbers) -> None:
    """Reads the day of every scope; each one that fails is a problem."""
    people: set[int] | None = set()
    for scope in source.vendor.scopes(context):
        try:
            for reading in source.vendor.read(context, scope, [checked.day]):
                if isinstance(reading, InvalidDay):
                    checked.problems.append(f"{scope}: {reading.error}")
                elif reading.only is None:
                    people = _with_people_of(reading.facts, people)
        except VendorError as error:
            checked.problems.append(f"{scope}: {error}")
        if people is None and source.vendor.check is not None:
            # The credential is checked already, and the vendor lists nobody.
            break
    checked.people = None if people is None else [numbers.names[number] for number in sorted(people)]


def _with_people_of(facts: DayFacts, people: set[int] | None) -> set[int] | None:
    """The people with those of a day, without service accounts; None where a day lists nobody."""
    active = facts.people.get(EVERYBODY)
    if people is None or active is None:
        return None
    return people | set(active if facts.service is None else active - facts.service)
