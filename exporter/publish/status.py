"""The status of every source and scope, as the status page and /api/v1/status show it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from exporter.errors import Failure
from exporter.model import ALL, WINDOWS, newest_ready, window_days
from exporter.publish.publisher import HISTORY_DAYS, Published
from exporter.publish.team_match import TeamMatch, team_match
from exporter.samples.days import DayFigures
from exporter.samples.verdicts import Workday
from exporter.state.records import ScopeStatus
from exporter.state.store import PollStatus

# From good to bad. A source is `partial` where some of its scopes fail; no scope is.
SourceState = Literal["ok", "pending", "no_data", "late", "withdrawn", "partial", "failing"]
SOURCE_STATES: tuple[SourceState, ...] = get_args(SourceState)


@dataclass(frozen=True)
class SourceFacts:
    """The facts of a running source.

    `failed` holds the scopes that failed in the last poll, "" for the source as a whole. `seats` are those of the
    configuration.
    """

    name: str
    vendor: str
    ready_at: timedelta
    stale_after: timedelta
    polling: bool
    next_poll: datetime | None
    last_poll: PollStatus | None
    failed: Mapping[str, Failure]
    scopes: Mapping[str, tuple[ScopeStatus, Published | None]]
    series: int
    seats: int | None
    min_group_size: int


@dataclass(frozen=True)
class Reload:
    """The outcome of reading the configuration: what changed, or the mistakes for which the old one was kept.

    `credentials` says how the first requests with new credentials went.
    """

    at: datetime
    mistakes: Sequence[str] = ()
    changes: Sequence[str] = ()
    credentials: Sequence[str] = ()


@dataclass(frozen=True)
class History:
    """People of the days up to the data day, oldest first, and the baseline of each day; None is unknown."""

    last_day: date
    people: Sequence[int | None]
    baseline: Sequence[float | None]


@dataclass(frozen=True)
class ScopeReport:
    """The status of a scope. None is unknown; `people` are those of each window, as published.

    `withheld_teams` are the teams that `min_group_size` withholds, each with the windows.
    `baseline` is what is usual on the data day, `workday` the newest working day up to it.
    """

    name: str
    health: SourceState
    data_day: date | None = None
    days_late: int | None = None
    people: Mapping[str, int | None] = field(default_factory=lambda: dict.fromkeys(WINDOWS))
    baseline: float | None = None
    workday: Workday | None = None
    seats: int | None = None
    days_revised: int | None = None
    last_read: datetime | None = None
    failure: Failure | None = None
    history: History | None = None
    withheld_teams: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceReport:
    """The status of a source. `newest_ready_day` is the day that the last poll should have found.

    `teams` says how many of its people the teams file knows, None where there is none or nobody.
    """

    name: str
    vendor: str
    health: SourceState
    polling: bool
    last_poll: datetime | None
    last_poll_seconds: float | None
    last_success: datetime | None
    next_poll: datetime | None
    newest_ready_day: date
    series: int
    seats: int | None
    failure: Failure | None
    scopes: Sequence[ScopeReport]
    teams: TeamMatch | None = None


@dataclass(frozen=True)
class Report:
    """The status of the exporter."""

    version: str
    now: datetime
    started: datetime
    ready: bool
    reload: Reload
    sources: Sequence[SourceReport]


def source_report(state: SourceFacts, now: datetime) -> SourceReport:
    """The status of a source now."""
    poll = state.last_poll
    # A day that became ready after the last poll began, which a cron may keep away for days, is not late.
    began = now if poll is None else datetime.fromtimestamp(poll.ended - poll.duration, UTC)
    newest = newest_ready(min(began, now), state.ready_at)
    scopes = [_scope_report(state, name, newest, now) for name in state.scopes]
    return SourceReport(
        name=state.name,
        vendor=state.vendor,
        health=_source_health(poll, scopes),
        polling=state.polling,
        last_poll=None if poll is None else _moment(poll.ended),
        last_poll_seconds=None if poll is None else poll.duration,
        last_success=None if poll is None else _moment(poll.last_success),
        next_poll=state.next_poll,
        newest_ready_day=newest,
        series=state.series,
        seats=state.seats,
        failure=None if poll is None else poll.failure,
        scopes=scopes,
        teams=team_match(
            (published for _, published in state.scopes.values() if published is not None), state.min_group_size
        ),
    )


def _scope_report(state: SourceFacts, name: str, newest: date, now: datetime) -> ScopeReport:
    status, published = state.scopes[name]
    failure = state.failed.get(name, state.failed.get(""))
    last_read = _moment(status.last_success)
    if published is None:
        stale = last_read is not None and now - last_read > state.stale_after
        missing: SourceState = "withdrawn" if stale else "failing" if failure else "no_data"
        return ScopeReport(name, missing, last_read=last_read, failure=failure)
    figures, judged = published.figures, published.verdicts
    days_late = max(0, (newest - figures.data_day).days)
    return ScopeReport(
        name=name,
        health="failing" if failure else "late" if days_late else "ok",
        data_day=figures.data_day,
        days_late=days_late,
        people={window: figures.people.get(window) for window in WINDOWS},
        baseline=judged.baseline,
        workday=judged.workday,
        seats=figures.seats if name != ALL or state.seats is None else state.seats,
        days_revised=figures.revised,
        last_read=last_read,
        failure=failure,
        withheld_teams=published.withheld_teams,
        history=_history(published.days, figures.data_day),
    )


def _source_health(poll: PollStatus | None, scopes: Sequence[ScopeReport]) -> SourceState:
    if poll is not None and not poll.success:
        return "failing"
    if not scopes:
        return "pending" if poll is None else "no_data"
    if any(scope.failure is not None for scope in scopes):
        return "partial"
    # A scope without data, such as a project without a database, does not make its source bad.
    return max(
        (scope.health for scope in scopes if scope.health != "no_data"), key=SOURCE_STATES.index, default="no_data"
    )


def _history(newest: Sequence[DayFigures], last_day: date) -> History:
    known = {figures.day: figures for figures in newest}
    days = [known.get(day) for day in reversed(window_days(last_day, HISTORY_DAYS))]
    return History(
        last_day,
        [None if day is None else day.people.get("1d") for day in days],
        [None if day is None else day.baseline for day in days],
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
