"""What comes later than the activity of a day: tokens, money, people by model. Each may be refused or fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from pyroaring import BitMap

from exporter.errors import BadPayload, VendorError
from exporter.model import DayFacts, Field, PeopleKey, Reading, ready_since
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
# Days that tokens and money may be late. Reports are read again for a month whatever came of a day.
_YOUNG = 7
_USERS: frozenset[Field] = frozenset({"model_people"})


@dataclass
class Later:
    """Reads the reports when a day needs them, 31 days at once. `newest` is the newest day that may be there.

    An outage is kept in `errors`: it is then `down`, and asks for nothing more.
    """

    context: Context
    newest: date
    errors: list[VendorError] = field(default_factory=list)
    down: bool = False
    _reports: dict[tuple[str, int], Report | None] = field(default_factory=dict)
    _lists_users: bool = True

    @property
    def kinds(self) -> Sequence[Kind]:
        """The reports that are read. On a plan by seats, tokens are those of extra credits alone: a part of all."""
        return (SPEND, USED) if self.context.settings.billing == "usage" else (SPEND,)

    def reported(self, day: date) -> DayFacts:
        """The money of a day, and its tokens and requests."""
        told = [(kind, self._told(kind, day)) for kind in self.kinds]
        return together(*(self._untold(kind.fields, day) if facts is None else facts for kind, facts in told))

    def again(self, day: date) -> Reading | None:
        """What the reports tell of a day, without the rest of it; None where they tell nothing."""
        told = [(kind, facts) for kind in self.kinds if (facts := self._told(kind, day)) is not None]
        if not told:
            return None
        facts = together(*(facts for _, facts in told))
        # What is missing by model is missing in every field.
        fields = (facts.missing & {"model"}).union(*(kind.fields for kind, _ in told))
        return Reading(day, facts, only=fields)

    def users(self, day: date, numbers: Mapping[str, int]) -> DayFacts:
        """The people of each model, who are among the day's people: `numbers` by id."""
        if self.context.settings.billing == "seats":
            return DayFacts(missing=_USERS)
        try:
            told = self._told_users(day, numbers) if self._lists_users and not self.down else None
        except BadPayload as error:
            self.errors.append(error)
            told = None
        except VendorError as error:
            self.fail(error)
            told = None
        return self._untold(_USERS, day) if told is None else told

    def fail(self, error: VendorError) -> None:
        """Keeps an outage."""
        self.errors.append(error)
        self.down = True

    def _told(self, kind: Kind, day: date) -> DayFacts | None:
        """What a report tells of a day; None where it is refused, does not cover the day yet, or could not be read."""
        if self.down or day < FIRST_DAY or self.context.now.date() - day > _OLDEST:
            return None
        try:
            report = self._report(kind, day)
        except VendorError as error:
            self.fail(error)
            return None
        if report is None or not report.covers(day):
            return None
        try:
            return report.facts(day)
        except BadPayload as error:
            self.errors.append(error)
            return None

    def _untold(self, fields: frozenset[Field], day: date) -> DayFacts:
        """A day without these fields: of a young day they may come, and what is known of it stays."""
        young = (self.newest - day).days < _YOUNG
        return DayFacts(pending=fields) if self.down or young else DayFacts(missing=fields)

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

    def _told_users(self, day: date, numbers: Mapping[str, int]) -> DayFacts | None:
        """The people of each model; None where the report is refused, or does not cover the day yet."""
        pages = optional(self.context, "people by model", lambda: walk(self.context, BY_USER, of_users(day)))
        if pages is None:
            self._lists_users = False
            return None
        until = refreshed(pages[0])
        if until is None or until < ready_since(day, timedelta()):
            return None
        return self._users(day, [row for page in pages for row in page.objects("data")], numbers)

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


def together(*parts: DayFacts) -> DayFacts:
    """Parts of one day as one; the first may have people and accounts."""
    first, *others = parts
    return replace(
        first,
        amounts={key: value for part in parts for key, value in part.amounts.items()},
        people={key: found for part in parts for key, found in part.people.items()},
        missing=first.missing.union(*(part.missing for part in others)),
        pending=first.pending.union(*(part.pending for part in others)),
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
