"""What comes later than the activity of a day: tokens, money, people by model. Each may be refused or fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from pyroaring import BitMap

from exporter.errors import BadPayload, VendorError
from exporter.model import DayFacts, Field, PeopleKey, ready_since
from exporter.transport.json_object import JsonObject
from exporter.vendors.claude_code.api import ANALYTICS, PAGE, moment, walk
from exporter.vendors.claude_code.reports import SPAN, SPEND, USED, Kind, Report, read_report, refreshed, used_tokens
from exporter.vendors.claude_code.session import Context
from exporter.vendors.optional_read import optional
from exporter.vendors.rollup import UNKNOWN

BY_USER = f"{ANALYTICS}/user_usage_report"
# Neither activity nor reports go further back (2026-08).
FIRST_DAY = date(2026, 1, 1)
_OLDEST = timedelta(days=364)
_USERS: frozenset[Field] = frozenset({"model_people"})


@dataclass
class Later:
    """Reads the reports when a day needs them, 31 days at once. `newest` is the newest day that may be there.

    An outage is kept in `errors`: it is then `down`, asks for nothing more, and what is not read of a day is pending.
    """

    context: Context
    newest: date
    errors: list[VendorError] = field(default_factory=list)
    _reports: dict[tuple[str, int], Report | None] = field(default_factory=dict)
    down: bool = False
    _lists_users: bool = True

    @property
    def kinds(self) -> Sequence[Kind]:
        """The reports that are read. On a plan by seats, tokens are those of extra credits alone: a part of all."""
        return (SPEND, USED) if self.context.settings.billing == "usage" else (SPEND,)

    @property
    def fields(self) -> frozenset[Field]:
        """The fields that `reported` tells."""
        return frozenset().union(*(kind.fields for kind in self.kinds))

    def reported(self, day: date) -> DayFacts:
        """The money of a day, and its tokens and requests."""
        found = DayFacts()
        for kind in self.kinds:
            found = together(found, self._part(kind, day))
        return found

    def users(self, day: date, numbers: Mapping[str, int]) -> DayFacts:
        """The people of each model, who are among the day's people: `numbers` by id."""
        if self.context.settings.billing == "seats" or not self._lists_users:
            return DayFacts(missing=_USERS)
        if self.down:
            return DayFacts(pending=_USERS)
        try:
            pages = optional(self.context, "people by model", lambda: walk(self.context, BY_USER, of_users(day)))
            if pages is None:
                self._lists_users = False
                return DayFacts(missing=_USERS)
            until = refreshed(pages[0])
            if until is None or until < ready_since(day, timedelta()):
                return self._not_yet(_USERS, day)
            return self._users(day, [row for page in pages for row in page.objects("data")], numbers)
        except BadPayload as error:
            self.errors.append(error)
        except VendorError as error:
            self.fail(error)
        return DayFacts(pending=_USERS)

    def fail(self, error: VendorError) -> None:
        """Keeps an outage."""
        self.errors.append(error)
        self.down = True

    def _part(self, kind: Kind, day: date) -> DayFacts:
        if not day >= FIRST_DAY or self.context.now.date() - day > _OLDEST:
            return DayFacts(missing=kind.fields)
        if self.down:
            return DayFacts(pending=kind.fields)
        try:
            report = self._report(kind, day)
        except VendorError as error:
            self.fail(error)
            return DayFacts(pending=kind.fields)
        if report is None:
            return DayFacts(missing=kind.fields)
        if not report.covers(day):
            return self._not_yet(kind.fields, day)
        try:
            return report.facts(day)
        except BadPayload as error:
            self.errors.append(error)
            return DayFacts(pending=kind.fields)

    def _report(self, kind: Kind, day: date) -> Report | None:
        """The report that has a day; None where it is refused."""
        chunk = (self.newest - day).days // SPAN
        if (kind.name, chunk) not in self._reports:
            last = self.newest - timedelta(days=chunk * SPAN)
            oldest = max(FIRST_DAY, self.context.now.date() - _OLDEST)
            first = max(last - timedelta(days=SPAN - 1), oldest)
            read = optional(self.context, kind.words, lambda: read_report(self.context, kind, first, last))
            self._reports[kind.name, chunk] = read
        return self._reports[kind.name, chunk]

    def _not_yet(self, fields: frozenset[Field], day: date) -> DayFacts:
        """A day without these fields, which come within a month or not at all."""
        return DayFacts(pending=fields) if (self.newest - day).days < SPAN else DayFacts(missing=fields)

    def _users(self, day: date, rows: Sequence[JsonObject], numbers: Mapping[str, int]) -> DayFacts:
        people: dict[str, BitMap] = {}
        others: set[str] = set()
        for row in rows:
            if row.given("starting_at") and moment(row, "starting_at").date() != day:
                raise BadPayload(f"{row.where}: {row.path}.starting_at is not on {day}, the day that was asked for")
            actor = row.json_object("actor")
            user = actor.text("user_id")
            if not any(used_tokens(row).values()):
                continue
            model = "" if row.require("model") is None else row.text("model")
            if user in numbers:
                people.setdefault(model if model.strip() else UNKNOWN, BitMap()).add(numbers[user])
            elif not _is_service(actor):
                others.add(user)
        if others:
            self.context.warn(
                "tokens alone",
                f"{len(others)} people used tokens on {day} without any activity, perhaps as telemetry is off on their "
                "machines: here and on other days they are not counted as people",
            )
        return DayFacts(people={PeopleKey("model", model): found for model, found in people.items()})


def together(one: DayFacts, other: DayFacts) -> DayFacts:
    """Two parts of one day."""
    return replace(
        one,
        amounts={**one.amounts, **other.amounts},
        people={**one.people, **other.people},
        missing=one.missing | other.missing,
        pending=one.pending | other.pending,
    )


def _is_service(actor: JsonObject) -> bool:
    """Whether the vendor made the account; `email` is called `email_address` in newer answers (2026-11)."""
    return not actor.given("email") and not actor.given("email_address") and not actor.flag("deleted")


def of_users(day: date) -> Mapping[str, str | int]:
    """The parameters of the report by people and models of a day."""
    return {
        "starting_at": f"{day}T00:00:00Z",
        "ending_at": f"{ready_since(day, timedelta()):%Y-%m-%d}T00:00:00Z",
        "bucket_width": "1d",
        "products[]": "claude_code",
        "group_by[]": "model",
        "limit": PAGE,
    }
