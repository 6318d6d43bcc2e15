"""What a day has beside its people: teams and a bill, which take requests of their own and may come later."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, TypeVar

from exporter.errors import BadPayload, Rejected, VendorError
from exporter.model import DayFacts, Reading, newest_ready
from exporter.vendors.base import InvalidDay
from exporter.vendors.copilot.api import Place, Silence, envelope, rows
from exporter.vendors.copilot.billing import bill
from exporter.vendors.copilot.facts import Day
from exporter.vendors.copilot.session import Context, billed, signed_in
from exporter.vendors.copilot.teams import FIRST_DAY, Memberships, memberships

# By its plan or its permissions.
_MAY_NOT = frozenset({402, 403, 404, 410})
_NOBODY = Memberships({}, {})

T = TypeVar("T")


@dataclass(frozen=True)
class Gap:
    """A part of a day that is not there: GitHub does not have it, or not for us, or it failed."""

    failed: bool = False


def is_recent(context: Context, day: date) -> bool:
    """Whether a day is read again at other polls too."""
    newest = newest_ready(context.now, context.settings.ready_at)
    return (newest - day).days < context.settings.lookback.days


def bills(context: Context, scope: str, days: Iterable[date]) -> Iterator[Reading | InvalidDay]:
    """The days of a scope that has bills alone."""
    later = Later(context, scope, None)
    for day in days:
        yield from later.completed(day, Day(DayFacts(), {}))


@dataclass
class Later:
    """Completes days of one scope in one poll. `down` are the parts that are not tried again in it."""

    context: Context
    scope: str
    place: Place | None
    down: dict[str, Gap] = field(default_factory=dict)
    errors: list[VendorError] = field(default_factory=list)

    def completed(self, day: date, one: Day) -> Iterator[Reading | InvalidDay]:
        """A day with what there is beside its people, then the errors of what is not there."""
        facts, names = self._with_teams(one, day)
        billed_place = billed(self.context.settings).get(self.scope)
        if billed_place is not None:
            money = self._asked("bills", lambda: bill(self.context, billed_place, day))
            facts = (
                self._without(facts, "spend", day, money)
                if isinstance(money, Gap)
                else replace(facts, amounts={**facts.amounts, **money})
            )
        if self.place is not None or "spend" not in facts.missing | facts.pending:
            # GitHub settles a bill on its own.
            yield Reading(day, facts, team_names=names, apart=frozenset({"spend"} if billed_place else ()))
        while self.errors:
            yield InvalidDay(day, self.errors.pop())

    def _with_teams(self, one: Day, day: date) -> tuple[DayFacts, Mapping[str, str]]:
        facts, settings = one.facts, self.context.settings
        if self.place is None:
            return facts, {}
        if settings.teams is None:
            return replace(facts, pending=facts.pending | self._unmatched()), {}
        place = self.place
        # Nobody is in a team of a day of zeros.
        found = self._asked("teams", lambda: self._memberships(place, day)) if one.accounts else _NOBODY
        if found is None or isinstance(found, Gap):
            return self._without(facts, "team", day, found or Gap()), {}
        return replace(facts, teams=found.among(one.accounts)), found.slugs

    def _memberships(self, place: Place, day: date) -> Memberships | None:
        if day < FIRST_DAY:
            return None
        client = signed_in(self.context, place)
        found = envelope(client, place, "user-teams-1-day", day)
        if isinstance(found, Silence):
            return None
        hosts = self.context.settings.report_hosts
        with closing(rows(client, place, "user-teams-1-day", day, found, hosts)) as told:
            return memberships(told, day)

    def _unmatched(self) -> frozenset[Literal["team"]]:
        """The teams, where the file may list people by e-mails that nobody has told yet: all would be in none."""
        told = self.context.session.emails.keys() or self.context.accounts.have_emails()
        return frozenset() if self.context.settings.identity == "none" or told else frozenset({"team"})

    def _asked(self, what: str, read: Callable[[], T]) -> T | Gap:
        """What `read` returns. A refusal is warned of once; another error ends up in `errors`."""
        if what in self.down:
            return self.down[what]
        try:
            return read()
        except BadPayload as error:
            self.errors.append(error)
            return Gap(failed=True)
        except VendorError as error:
            refused = isinstance(error, Rejected) and error.status in _MAY_NOT
            self.down[what] = Gap(failed=not refused)
            if refused:
                self.context.warn(f"{self.scope}: no {what}", f"{self.scope} has no {what}: {error}")
            else:
                self.errors.append(error)
            return self.down[what]

    def _without(self, facts: DayFacts, part: Literal["team", "spend"], day: date, gap: Gap) -> DayFacts:
        """The facts without a part: it comes later where it failed, and may where the day is read again anyway."""
        if gap.failed or is_recent(self.context, day):
            return replace(facts, pending=facts.pending | {part})
        return replace(facts, missing=facts.missing | {part})
