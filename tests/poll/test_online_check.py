"""What `check-config --online` finds of a source, by reading its newest working day."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from pyroaring import BitMap

from exporter.config.calendar import Calendar, DayRange
from exporter.errors import BadPayload, Rejected, Unreachable
from exporter.model import EVERYBODY, DayFacts, Identity, Reading
from exporter.poll.online_check import OnlineCheck, online_check
from exporter.poll.source import Source
from exporter.vendors.base import InvalidDay, PollContext
from tests.support.made_up_vendor import NOON, YESTERDAY, Bench, Script, counted, people

ALICE = Identity("1", email="Alice@Example.com", username="alice")
BOB = Identity("2", username="Bob", vendor_id="u2")
BOT = Identity("3", username="ci-bot")
MONDAY = YESTERDAY


def source(script: Script) -> Source:
    return Bench(script).poller().source


def listing(of: Source, *identities: Identity, service: Identity | None = None) -> Source:
    """A source whose scopes have these accounts on each day."""

    def read(context: PollContext, _scope: str, days: Sequence[date]) -> Iterator[Reading]:
        numbers = context.accounts.number(identities)
        bots = BitMap(context.accounts.number([service])) if service else BitMap()
        context.warn("dau", "dau-count differs")
        yield from (Reading(day, DayFacts(people={EVERYBODY: BitMap(numbers) | bots}, service=bots)) for day in days)

    return replace(of, vendor=replace(of.vendor, read=read))


def test_a_source_that_answers_has_no_problem_and_its_people_are_counted_without_service_accounts() -> None:
    both = listing(source(Script(scopes=("a", "b"))), ALICE, BOB, ALICE, service=BOT)
    checked = online_check(both, NOON)

    assert checked == OnlineCheck(
        MONDAY,
        remarks=["dau-count differs", "dau-count differs"],
        people=[frozenset({"alice@example.com", "alice"}), frozenset({"bob", "u2"})],
    )
    assert [checked.known(users) for users in ({"alice"}, {"u2", "alice@example.com"}, {"ci-bot"})] == [1, 2, 0]


@pytest.mark.parametrize(
    ("now", "calendar", "day"),
    [
        (NOON, Calendar(), date(2026, 3, 9)),
        (NOON - timedelta(days=1), Calendar(), date(2026, 3, 6)),
        (NOON, Calendar(half=(MONDAY,)), date(2026, 3, 6)),
        (NOON, Calendar(closed=(DayRange(date(2026, 1, 1), date(2026, 3, 31)),)), date(2026, 3, 9)),
    ],
    ids=["a Monday", "after a weekend", "after a half day", "closed for very long"],
)
def test_the_day_is_one_on_which_people_are_expected(now: datetime, calendar: Calendar, day: date) -> None:
    script = Script()
    made = source(script)
    made = replace(made, settings=made.settings.model_copy(update={"calendar": calendar}))

    assert online_check(made, now).day == day
    assert script.asked == [("all", (day,))]


def test_each_scope_that_fails_is_a_problem_and_the_others_are_read() -> None:
    script = Script(
        days={
            ("a", MONDAY): Rejected("madeup GET /a: 403", status=403),
            ("b", MONDAY): InvalidDay(MONDAY, BadPayload("madeup GET /b: people is -1")),
            ("c", MONDAY): people(),
        },
        scopes=("a", "b", "c"),
    )

    assert online_check(source(script), NOON) == OnlineCheck(
        MONDAY, problems=["a: madeup GET /a: 403", "b: madeup GET /b: people is -1"]
    )


def test_a_source_that_cannot_list_its_scopes_has_that_problem() -> None:
    script = Script(scopes_error=Rejected("madeup GET /scopes: 401", status=401))

    assert online_check(source(script), NOON) == OnlineCheck(MONDAY, problems=["madeup GET /scopes: 401"])
    assert script.asked == []


@pytest.mark.parametrize(("answer", "seen"), [(counted(7), None), (None, [])], ids=["a count", "nobody"])
def test_a_vendor_that_counts_people_names_none(answer: DayFacts | None, seen: list[frozenset[str]] | None) -> None:
    assert online_check(source(Script(days={("all", MONDAY): answer})), NOON).people == seen


def test_a_part_of_days_that_fails_is_a_problem_and_fields_alone_name_nobody() -> None:
    fields = Reading(MONDAY, DayFacts(), only=frozenset({"spend"}))
    script = Script(days={("all", MONDAY): people()}, fields=[fields, InvalidDay(MONDAY, Unreachable("no bills"))])

    checked = online_check(source(script), NOON)

    assert checked.problems == ["all: no bills"]
    assert checked.people == []


def with_check(of: Source, *problems: str) -> Source:
    return replace(of, vendor=replace(of.vendor, check=lambda _context: iter(problems)))


def test_where_the_vendor_checks_itself_a_day_is_read_for_its_people_alone() -> None:
    script = Script(days={("a", MONDAY): counted(7), ("b", MONDAY): counted(7)}, scopes=("a", "b"))
    made = source(script)

    assert online_check(with_check(made), NOON) == OnlineCheck(MONDAY)
    assert online_check(with_check(made, "no"), NOON, with_people=True) == OnlineCheck(MONDAY, problems=["no"])
    assert script.asked == []
    # The second scope of a vendor that names nobody is not asked.
    assert online_check(with_check(made), NOON, with_people=True) == OnlineCheck(MONDAY, people=None)
    assert script.asked == [("a", (MONDAY,))]
