import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.errors import Failure
from exporter.publish.publisher import Published
from exporter.publish.status import Reload, Report, SourceFacts, SourceReport, SourceState, source_report
from exporter.publish.team_match import TeamMatch
from exporter.samples.days import newest_days
from exporter.samples.history import Roster
from exporter.samples.verdicts import Workday, verdicts
from exporter.samples.windows import Figures
from exporter.state.records import ScopeStatus
from exporter.state.store import PollStatus
from exporter.web.status_json import as_json

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MONDAY = date(2026, 3, 9)
DAY = timedelta(days=1)
REFUSED = Failure("rejected", "augment GET /dau: 401", 401)


def polled(*, success: bool = True, ended: datetime = NOON) -> PollStatus:
    """A poll; a failed one was refused."""
    at = ended.timestamp()
    return PollStatus(at, 1.5, at) if success else PollStatus(at, 1.5, at - 3600, REFUSED)


def listed(last_success: datetime | None = NOON) -> ScopeStatus:
    return ScopeStatus(
        listed=True, last_success=None if last_success is None else last_success.timestamp(), revised=0, seats=None
    )


def published(head_counts: Mapping[date, int | None], roster: Roster | None = None, **more: Any) -> Published:
    """A scope with the people of its days, all of them working days, and those whom the teams file lists.

    `more` are figures of it.
    """
    none: dict[str, Any] = {"people": {}, "service_accounts": {}, "seats": None, "revised": 0}
    data_day = max(head_counts)
    known = {day: people for day, people in head_counts.items() if people is not None}
    counts: dict[str, dict[date, int]] = {"1d": known, "7d": {}, "28d": {}}
    return Published(
        figures=Figures(data_day=data_day, **{**none, **more}),
        verdicts=verdicts(counts, always, data_day, timedelta(hours=3)),
        samples=[],
        withheld=0,
        withheld_teams={"web": ("1d", "7d")},
        shortened=0,
        read_at=NOON.timestamp(),
        since=0.0,
        days=newest_days(counts, {}, always, min(head_counts), data_day, 60),
        newest=data_day,
        hides=False,
        roster=roster,
    )


def always(day: date) -> bool:
    """A calendar without a day off."""
    return day is not None


@dataclass
class Source:
    """A source whose days are ready at three in the morning, and gone after three days without a success."""

    last_poll: PollStatus | None = field(default_factory=polled)
    failed: Mapping[str, Failure] = field(default_factory=dict)
    scopes: Mapping[str, tuple[ScopeStatus, Published | None]] = field(
        default_factory=lambda: {"all": (listed(), published({MONDAY: 5}))}
    )
    seats: int | None = None
    min_group_size: int = 1

    def report(self, now: datetime = NOON) -> SourceReport:
        state = SourceFacts(
            name="tool",
            vendor="augment",
            ready_at=timedelta(hours=3),
            stale_after=3 * DAY,
            polling=False,
            next_poll=None,
            last_poll=self.last_poll,
            failed=self.failed,
            scopes=self.scopes,
            series=7,
            seats=self.seats,
            min_group_size=self.min_group_size,
        )
        return source_report(state, now)

    def healths(self, now: datetime = NOON) -> tuple[SourceState, dict[str, SourceState]]:
        """The health of the source, and of each scope."""
        made = self.report(now)
        return made.health, {scope.name: scope.health for scope in made.scopes}


def data(day: date) -> tuple[ScopeStatus, Published | None]:
    return listed(), published({day: 5})


def test_nothing_is_late_because_a_clock_that_was_ahead_polled_last() -> None:
    report = Source(polled(ended=NOON + 400 * DAY)).report()

    assert (report.newest_ready_day, report.health, report.scopes[0].days_late) == (MONDAY, "ok", 0)


NOTHING: tuple[ScopeStatus, Published | None] = (listed(None), None)
STALE: tuple[ScopeStatus, Published | None] = (listed(NOON - 4 * DAY), None)


@pytest.mark.parametrize(
    ("made", "healths"),
    [
        (Source(), ("ok", {"all": "ok"})),
        (Source(last_poll=None, scopes={}), ("pending", {})),
        (Source(last_poll=None), ("ok", {"all": "ok"})),
        (Source(scopes={}), ("no_data", {})),
        (Source(scopes={"all": NOTHING}), ("no_data", {"all": "no_data"})),
        (Source(scopes={"a": NOTHING, "b": data(MONDAY)}), ("ok", {"a": "no_data", "b": "ok"})),
        (Source(scopes={"a": data(MONDAY - DAY), "b": data(MONDAY)}), ("late", {"a": "late", "b": "ok"})),
        (Source(scopes={"a": STALE, "b": data(MONDAY)}), ("withdrawn", {"a": "withdrawn", "b": "ok"})),
        (
            Source(polled(success=False), {"a": REFUSED}, {"a": data(MONDAY), "b": data(MONDAY)}),
            ("failing", {"a": "failing", "b": "ok"}),
        ),
        (
            Source(polled(), {"a": REFUSED}, {"a": data(MONDAY), "b": data(MONDAY)}),
            ("partial", {"a": "failing", "b": "ok"}),
        ),
        (
            Source(polled(), {"a": REFUSED}, {"a": STALE, "b": data(MONDAY), "c": NOTHING}),
            ("partial", {"a": "withdrawn", "b": "ok", "c": "no_data"}),
        ),
        (
            Source(polled(success=False), {"": REFUSED}, {"a": data(MONDAY), "b": STALE, "c": NOTHING}),
            ("failing", {"a": "failing", "b": "withdrawn", "c": "failing"}),
        ),
        # After a restart it is known that the last poll failed, not what failed in it.
        (Source(polled(success=False)), ("failing", {"all": "ok"})),
    ],
)
def test_the_health_of_a_source_is_the_worst_of_what_is_known(
    made: Source, healths: tuple[SourceState, dict[str, SourceState]]
) -> None:
    assert made.healths() == healths


@pytest.mark.parametrize(
    ("success", "ended", "now", "newest", "late"),
    [
        (True, datetime(2026, 3, 10, 3, 1, tzinfo=UTC), NOON, MONDAY, 0),
        # Monday became ready after the last poll began: that is not the vendor's fault.
        (True, datetime(2026, 3, 10, 3, tzinfo=UTC), NOON, MONDAY - DAY, 0),
        (True, NOON + 2 * DAY, NOON + 2 * DAY, MONDAY + 2 * DAY, 2),
        # With every poll that fails, time goes on.
        (False, NOON + 2 * DAY, NOON + 2 * DAY, MONDAY + 2 * DAY, 2),
        # A cron that runs on working days alone has not come since, whatever became of its last poll.
        (True, NOON, NOON + 3 * DAY, MONDAY, 0),
        (False, NOON, NOON + 3 * DAY, MONDAY, 0),
    ],
)
def test_lateness_is_counted_from_the_day_that_should_have_been_found(
    success: bool, ended: datetime, now: datetime, newest: date, late: int
) -> None:
    made = Source(polled(success=success, ended=ended)).report(now)

    assert (made.newest_ready_day, made.scopes[0].days_late) == (newest, late)


def test_a_scopes_figures_are_those_that_are_published() -> None:
    days = {MONDAY: 20, MONDAY - 7 * DAY: 21, MONDAY - 14 * DAY: 22}
    made = published(days, people={"1d": 20, "7d": 60}, seats=250, revised=3)
    (scope,) = Source(scopes={"all": (listed(), made)}).report().scopes

    assert scope.people == {"1d": 20, "7d": 60, "28d": None}
    assert (scope.baseline, scope.seats, scope.days_revised, scope.last_read) == (21.5, 250, 3, NOON)
    assert scope.workday == Workday(MONDAY, people=20, baseline=21.5, compared=2)


def test_the_seats_of_the_configuration_are_those_of_the_source_and_of_the_scope_that_is_all_of_it() -> None:
    scopes = {name: (listed(), published({MONDAY: 20}, seats=12)) for name in ("all", "one")}

    configured, reported = (Source(scopes=scopes, seats=seats).report() for seats in (250, None))

    assert (configured.seats, [scope.seats for scope in configured.scopes]) == (250, [250, 12])
    assert (reported.seats, [scope.seats for scope in reported.scopes]) == (None, [12, 12])


def test_history_is_that_of_sixty_days_oldest_first_and_a_day_that_is_not_known_is_no_zero() -> None:
    people = {MONDAY: 5, MONDAY - DAY: 0, MONDAY - 59 * DAY: 3, MONDAY - 60 * DAY: 9, MONDAY - 2 * DAY: None}
    (scope,) = Source(scopes={"all": (listed(), published(people))}).report().scopes

    assert scope.history is not None
    assert scope.history.last_day == MONDAY
    assert scope.history.people == [3, *[None] * 57, 0, 5]
    assert scope.history.baseline == [None] * 60


@given(st.dictionaries(st.integers(0, 90), st.integers(0, 100) | st.none(), min_size=1))
def test_the_baseline_of_the_last_day_is_the_published_one(ago: dict[int, int | None]) -> None:
    people = {MONDAY - timedelta(days=days): number for days, number in ago.items()}
    data_day = max(people)
    made = Source(scopes={"all": (listed(), published(people))}).report().scopes[0]

    assert made.history is not None
    assert made.history.baseline[-1] == made.baseline
    assert made.history.people[-1] == people[data_day]


@pytest.mark.parametrize(
    ("rosters", "match"),
    [
        ([Roster(BitMap([1, 2, 3]), BitMap([1])), Roster(BitMap([3, 4]), BitMap([4]))], TeamMatch(4, 2)),
        ([Roster(BitMap([1, 2]), BitMap()), None], TeamMatch(2, 0)),
        ([Roster(BitMap(), BitMap())], None),
        ([None], None),
        ([], None),
    ],
    ids=["a person of two scopes is one", "nobody is known", "nobody is there", "without a teams file", "no scope"],
)
def test_it_is_said_how_many_people_of_a_source_the_teams_file_knows(
    rosters: list[Roster | None], match: TeamMatch | None
) -> None:
    scopes = {f"scope-{n}": (listed(), published({MONDAY: 5}, roster)) for n, roster in enumerate(rosters)}

    assert Source(scopes={**scopes, "empty": (listed(), None)}).report().teams == match


@pytest.mark.parametrize(
    ("people", "listed_ones", "withheld", "known"),
    [
        ([1, 2, 3, 4, 5, 6], [1, 2, 3], {}, 3),
        ([1, 2, 3], [1, 2, 3], {}, 3),
        ([1, 2, 3], [], {}, 0),
        ([1, 2, 3, 4, 5], [1, 2, 3], {}, None),
        ([1, 2, 3, 4, 5], [1, 2], {}, None),
        ([1, 2, 3, 4, 5, 6], [1, 2, 3], {"unassigned": ("1d",)}, None),
        ([1, 2, 3, 4, 5, 6], [1, 2, 3], {"web": ("1d", "7d", "28d")}, 3),
    ],
    ids=["enough", "all", "nobody", "two unknown", "two known", "unassigned is withheld", "another is withheld"],
)
def test_a_match_that_tells_the_size_of_a_small_group_is_withheld(
    people: list[int], listed_ones: list[int], withheld: Mapping[str, tuple[str, ...]], known: int | None
) -> None:
    made = replace(published({MONDAY: 5}, Roster(BitMap(people), BitMap(listed_ones))), withheld_teams=withheld)

    assert Source(scopes={"all": (listed(), made)}, min_group_size=3).report().teams == TeamMatch(len(people), known)


def test_the_document_is_as_documented() -> None:
    roster = Roster(BitMap([1, 2, 3]), BitMap([1, 3]))
    people = {MONDAY: 5, MONDAY - 7 * DAY: 12, MONDAY - 14 * DAY: 13}
    scope = published(people, roster, people={"1d": 5}, seats=12)
    source = Source(polled(success=False), {"all": REFUSED}, {"all": (listed(), scope)})
    failure = {
        "reason": "rejected",
        "message": "augment GET /dau: 401",
        "status": 401,
        "advice": "The token is wrong, expired or revoked: put a new one in (token_file, or token and reload).",
    }
    report = Report("1.2.3", NOON, NOON - DAY, True, Reload(NOON, ("file: wrong",)), [source.report()])

    document = json.loads(json.dumps(as_json(report)))

    assert document == {
        "version": "1.2.3",
        "now": "2026-03-10T12:00:00Z",
        "started": "2026-03-09T12:00:00Z",
        "ready": True,
        "reload": {"at": "2026-03-10T12:00:00Z", "successful": False, "mistakes": ["file: wrong"]},
        "sources": [
            {
                "source": "tool",
                "vendor": "augment",
                "health": "failing",
                "polling": False,
                "last_poll": "2026-03-10T12:00:00Z",
                "last_poll_seconds": 1.5,
                "last_success": "2026-03-10T11:00:00Z",
                "next_poll": None,
                "newest_ready_day": "2026-03-09",
                "series": 7,
                "seats": None,
                "failure": failure,
                "teams": {"people": 3, "known": 2},
                "scopes": [
                    {
                        "scope": "all",
                        "health": "failing",
                        "data_day": "2026-03-09",
                        "days_late": 0,
                        "people": {"1d": 5, "7d": None, "28d": None},
                        "baseline": 12.5,
                        "workday": {"day": "2026-03-09", "people": 5, "baseline": 12.5, "compared_days": 2},
                        "seats": 12,
                        "days_revised": 0,
                        "last_read": "2026-03-10T12:00:00Z",
                        "failure": failure,
                        "history": {
                            "last_day": "2026-03-09",
                            "people": [*[None] * 45, 13, *[None] * 6, 12, *[None] * 6, 5],
                            "baseline": [*[None] * 59, 12.5],
                        },
                        "withheld_teams": [{"team": "web", "windows": ["1d", "7d"]}],
                    }
                ],
            }
        ],
    }
