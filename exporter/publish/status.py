"""How every source and scope stands: what the status page and /api/v1/status tell. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from exporter.errors import Failure
from exporter.model import WINDOWS, newest_ready, window_days
from exporter.publish.publisher import Published
from exporter.samples.windows import baseline
from exporter.state.store import PollStatus, ScopeStatus
from exporter.vendors.base import ALL
from exporter.web.advice import advice

# From good to bad.
SourceState = Literal["ok", "pending", "no_data", "late", "withdrawn", "failing"]
SOURCE_STATES: tuple[SourceState, ...] = get_args(SourceState)

HISTORY_DAYS = 60


@dataclass(frozen=True)
class SourceFacts:
    """A source as it runs.

    `failed` are the scopes that failed in the last poll, "" for the source as a whole; `seats` are those of the
    configuration, which count for the source as a whole too.
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


@dataclass(frozen=True)
class Reload:
    """What came of reading the configuration: what changed, or the mistakes for which it was kept as it was."""

    at: datetime
    mistakes: Sequence[str] = ()
    changes: Sequence[str] = ()


@dataclass(frozen=True)
class History:
    """People of the days that end with the data day, oldest first, and what was usual on each; None is not known."""

    last_day: date
    people: Sequence[int | None]
    baseline: Sequence[float | None]


@dataclass(frozen=True)
class ScopeReport:
    """How a scope stands. What is not known is None; `people` are those of each window, as they are published."""

    name: str
    health: SourceState
    data_day: date | None = None
    days_late: int | None = None
    people: Mapping[str, float | None] = field(default_factory=lambda: dict.fromkeys(WINDOWS))
    baseline: float | None = None
    seats: float | None = None
    days_revised: float | None = None
    last_read: datetime | None = None
    failure: Failure | None = None
    history: History | None = None


@dataclass(frozen=True)
class SourceReport:
    """How a source stands. `newest_ready_day` is the day that the last successful poll should have found."""

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


@dataclass(frozen=True)
class Report:
    """How the exporter stands."""

    version: str
    now: datetime
    started: datetime
    ready: bool
    reload: Reload
    sources: Sequence[SourceReport]


def source_report(state: SourceFacts, now: datetime) -> SourceReport:
    """How a source stands now."""
    poll = state.last_poll
    # A day that became ready after a successful poll is nobody's fault; while polls fail, time goes on.
    seen = datetime.fromtimestamp(poll.ended, UTC) if poll is not None and poll.success else now
    newest = newest_ready(min(seen, now), state.ready_at)
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
        failure=_failure(poll),
        scopes=scopes,
    )


def as_json(report: Report) -> dict[str, object]:
    """The document of /api/v1/status. Keys are only ever added.

    Moments are RFC 3339 in UTC, days YYYY-MM-DD, and null is what is not known. `health` is ok, pending (not polled
    yet), no_data, late (the vendor lacks the newest day), withdrawn (older than stale_after) or failing. A `failure`
    has reason, message, status (HTTP) and advice. `people` has a number for each window, `history` those of 60 days
    that end with `last_day`, oldest first, with the baseline of each.
    """
    return {
        "version": report.version,
        "now": _text(report.now),
        "started": _text(report.started),
        "ready": report.ready,
        "reload": {
            "at": _text(report.reload.at),
            "successful": not report.reload.mistakes,
            "mistakes": list(report.reload.mistakes),
        },
        "sources": [_source_json(source) for source in report.sources],
    }


def _scope_report(state: SourceFacts, name: str, newest: date, now: datetime) -> ScopeReport:
    status, published = state.scopes[name]
    failure = state.failed.get(name, state.failed.get(""))
    last_read = _moment(status.last_success)
    if published is None:
        stale = last_read is not None and now - last_read > state.stale_after
        missing: SourceState = "withdrawn" if stale else "failing" if failure else "no_data"
        return ScopeReport(name, missing, last_read=last_read, failure=failure)
    data_day = published.data_day
    days_late = max(0, (newest - data_day).days)
    values = {(sample.metric, sample.labels[3:]): sample.value for sample in published.samples}
    return ScopeReport(
        name=name,
        health="failing" if failure else "late" if days_late else "ok",
        data_day=data_day,
        days_late=days_late,
        people={window: values.get(("adoption_active_users", (window,))) for window in WINDOWS},
        baseline=values.get(("adoption_active_users_baseline", ())),
        seats=values.get(("adoption_seats", ())) if name != ALL or state.seats is None else state.seats,
        days_revised=values.get(("adoption_data_revisions_total", ())),
        last_read=last_read,
        failure=failure,
        history=_history(published.people, data_day),
    )


def _source_health(poll: PollStatus | None, scopes: Sequence[ScopeReport]) -> SourceState:
    if poll is not None and not poll.success:
        return "failing"
    if not scopes:
        return "pending" if poll is None else "no_data"
    # A project without a database is nothing bad among others that have one.
    return max(
        (scope.health for scope in scopes if scope.health != "no_data"), key=SOURCE_STATES.index, default="no_data"
    )


def _failure(poll: PollStatus | None) -> Failure | None:
    if poll is None or poll.reason is None or poll.message is None:
        return None
    return Failure(poll.reason, poll.message, poll.status, poll.of_state)


def _history(people: Mapping[date, int | None], last_day: date) -> History:
    days = window_days(last_day, HISTORY_DAYS)[::-1]
    return History(last_day, [people.get(day) for day in days], [baseline(people, day) for day in days])


def _source_json(source: SourceReport) -> dict[str, object]:
    return {
        "source": source.name,
        "vendor": source.vendor,
        "health": source.health,
        "polling": source.polling,
        "last_poll": _text(source.last_poll),
        "last_poll_seconds": source.last_poll_seconds,
        "last_success": _text(source.last_success),
        "next_poll": _text(source.next_poll),
        "newest_ready_day": _text(source.newest_ready_day),
        "series": source.series,
        "seats": source.seats,
        "failure": _failure_json(source.failure),
        "scopes": [_scope_json(scope) for scope in source.scopes],
    }


def _scope_json(scope: ScopeReport) -> dict[str, object]:
    history = scope.history
    return {
        "scope": scope.name,
        "health": scope.health,
        "data_day": _text(scope.data_day),
        "days_late": scope.days_late,
        "people": {window: _number(value) for window, value in scope.people.items()},
        "baseline": _number(scope.baseline),
        "seats": _number(scope.seats),
        "days_revised": _number(scope.days_revised),
        "last_read": _text(scope.last_read),
        "failure": _failure_json(scope.failure),
        "history": None
        if history is None
        else {
            "last_day": _text(history.last_day),
            "people": list(history.people),
            "baseline": [_number(value) for value in history.baseline],
        },
    }


def _failure_json(failure: Failure | None) -> dict[str, object] | None:
    if failure is None:
        return None
    return {
        "reason": failure.reason,
        "message": failure.message,
        "status": failure.status,
        "advice": advice(failure),
    }


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _number(value: float | None) -> float | None:
    """A whole number as one: a sample's value is always a float."""
    return int(value) if value is not None and value == int(value) else value


def _text(moment: date | datetime | None) -> str | None:
    if isinstance(moment, datetime):
        return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
    return None if moment is None else moment.isoformat()
