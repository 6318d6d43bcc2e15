"""Billing groups, which are teams: who was in which at the end of a day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from exporter.errors import BadPayload, VendorError
from exporter.model import ONE_DAY, Identity
from exporter.transport.json_object import JsonObject
from exporter.vendors.cursor.api import GROUPS, email_of, get, id_of, person
from exporter.vendors.cursor.session import Context
from exporter.vendors.optional_read import optional


@dataclass(frozen=True)
class Member:
    """Somebody who was in a group from `joined` until `left`; None where the vendor names no such moment."""

    group: str
    identity: Identity
    joined: datetime | None
    left: datetime | None

    def was_in(self, moment: datetime) -> bool:
        """Whether they were in it just before a moment."""
        return (self.joined is None or self.joined < moment) and (self.left is None or self.left >= moment)


@dataclass(frozen=True)
class Cycle:
    """The groups of a billing cycle, by name, with everybody who was in one."""

    start: datetime
    end: datetime
    names: Mapping[str, str]
    members: tuple[Member, ...]

    def teams(self, day: date) -> Mapping[str, list[Identity]]:
        """Who was in each group at the end of a day."""
        moment = _end(day)
        found: dict[str, list[Identity]] = {group: [] for group in self.names}
        for member in self.members:
            if member.was_in(moment):
                found[member.group].append(member.identity)
        return found


@dataclass
class Groups:
    """Reads the billing cycles of the days that are asked for, each once, the current one first.

    After a failure, which `failed` keeps, and after a refusal, nothing more is asked.
    """

    context: Context
    failed: VendorError | None = None
    _cycles: list[Cycle] = field(default_factory=list)
    _ended: bool = False

    def of(self, day: date) -> Cycle | None:
        """The cycle in which a day ended; None where it is not known."""
        if not self._cycles:
            self._ask(None)
        found = self._known(day)
        if found is None:
            self._ask(day)
            found = self._known(day)
        return found

    def _known(self, day: date) -> Cycle | None:
        last = _end(day) - timedelta(milliseconds=1)
        return next((cycle for cycle in self._cycles if cycle.start <= last < cycle.end), None)

    def _ask(self, day: date | None) -> None:
        if self._ended:
            return
        params = None if day is None else {"billingCycle": day.isoformat()}
        try:
            answer = optional(self.context, "teams", lambda: get(self.context.client, GROUPS, params))
            cycle = None if answer is None else parse_cycle(answer)
        except VendorError as error:
            # The days come without teams, and then the poll fails.
            self.failed, cycle = error, None
        # A cycle that was there before: the vendor knows no older one.
        if cycle is None or any(cycle.start == other.start for other in self._cycles):
            self._ended = True
        else:
            self._cycles.append(cycle)


def parse_cycle(answer: JsonObject) -> Cycle:
    """The groups of an answer; who is in the group of the unassigned is in none."""
    cycle = answer.json_object("billingCycle")
    start, end = _moment(cycle, "cycleStart"), _moment(cycle, "cycleEnd")
    rest = answer.json_object("unassignedGroup").text("id") if answer.given("unassignedGroup") else None
    groups = [group for group in answer.objects("groups") if group.text("id") != rest]
    return Cycle(
        start=start,
        end=end,
        names={group.text("id"): group.text("name") for group in groups},
        members=tuple(member for group in groups for member in _members(group)),
    )


def _members(group: JsonObject) -> Iterator[Member]:
    # `members` in older bodies.
    keys = [key for key in ("currentMembers", "members", "formerMembers") if group.given(key)]
    for row in (row for key in keys for row in group.objects(key)):
        # Ids are of another kind than those of daily usage (2026-08): only an e-mail finds the person.
        identity = person(email_of(row, "email"), id_of(row, "userId"))
        if identity is not None and identity.email:
            joined, left = (_moment(row, key) if row.given(key) else None for key in ("joinedAt", "leftAt"))
            yield Member(group.text("id"), identity, joined, left)


def _moment(row: JsonObject, key: str) -> datetime:
    try:
        moment = datetime.fromisoformat(row.text(key))
    except ValueError:
        raise BadPayload(f"{row.where}: {row.path}.{key} is not a time such as 2026-01-31T12:00:00.000Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _end(day: date) -> datetime:
    return datetime.combine(day + ONE_DAY, time(), UTC)
