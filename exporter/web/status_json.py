"""The status report as the document of /api/v1/status."""

from datetime import UTC, date, datetime

from exporter.errors import Failure
from exporter.publish.status import Report, ScopeReport, SourceReport
from exporter.web.advice import advice


def as_json(report: Report) -> dict[str, object]:
    """The document of /api/v1/status. New versions only add keys.

    Moments are RFC 3339 in UTC, days YYYY-MM-DD, null means unknown. `health` is ok, pending (not polled yet), no_data,
    late (the vendor lacks the newest day), withdrawn (older than stale_after), failing, or of a source partial: some of
    its scopes fail, each with its own `failure`. A `failure` has reason, message, status (HTTP) and advice. `people`
    has a number for each window, `history` those of 60 days that end with `last_day`, oldest first, with the baseline
    of each. `withheld_teams` are the teams that `people.min_group_size` withholds, with the windows. `teams` has the
    number of a source's people in the 28 days that end with the data day, and how many of them the teams file knows;
    null where `min_group_size` withholds that.
    `workday` is the newest working day up to the data day; its baseline rests on `compared_days`.
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
        "teams": None if source.teams is None else {"people": source.teams.people, "known": source.teams.known},
        "scopes": [_scope_json(scope) for scope in source.scopes],
    }


def _scope_json(scope: ScopeReport) -> dict[str, object]:
    history, workday = scope.history, scope.workday
    return {
        "scope": scope.name,
        "health": scope.health,
        "data_day": _text(scope.data_day),
        "days_late": scope.days_late,
        "people": {window: _number(value) for window, value in scope.people.items()},
        "baseline": _number(scope.baseline),
        "workday": None
        if workday is None
        else {
            "day": _text(workday.day),
            "people": _number(workday.people),
            "baseline": _number(workday.baseline),
            "compared_days": workday.compared,
        },
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
        "withheld_teams": [{"team": team, "windows": list(windows)} for team, windows in scope.withheld_teams.items()],
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


def _number(value: float | None) -> float | None:
    """A whole number as int: a sample's value is always a float."""
    return int(value) if value is not None and value == int(value) else value


def _text(moment: date | datetime | None) -> str | None:
    if isinstance(moment, datetime):
        return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
    return None if moment is None else moment.isoformat()
