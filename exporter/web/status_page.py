"""The status page: a report as HTML. Every number in it is in /api/v1/status too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from exporter.publish.status import Report, ScopeReport, SourceReport, SourceState
from exporter.web.advice import advice
from exporter.web.relative_time import distance
from exporter.web.sparkline import HEIGHT, sparkline
from exporter.web.templates import render

# The most scopes that are shown of a source: on its own page, and on the page of all sources, which share a total.
_MOST_ALONE = 500
_MOST_TOGETHER = 200
_MOST_OF_ONE, _FEWEST_OF_ONE = 20, 3
# The most withheld teams that are named of a scope.
_MOST_TEAMS = 20
# A wall screen follows each poll. The page comes from what is published already and asks no vendor.
_REFRESH_SECONDS = 60

_WORDS: Mapping[SourceState, str] = {
    "ok": "Up to date",
    "pending": "Not polled yet",
    "no_data": "No data yet",
    "late": "Vendor is late",
    "withdrawn": "Values withdrawn",
    "partial": "Some scopes fail",
    "failing": "Failing",
}
# Why a source or a scope fails.
_FAILURES: Mapping[str, str] = {
    "unreachable": "Unreachable",
    "rate_limited": "Rate limited",
    "rejected": "Refused",
    "payload": "Wrong data",
    "bug": "Stopped by a bug",
    "state": "State out of order",
}
_BAD: frozenset[SourceState] = frozenset(("failing", "partial", "withdrawn"))
# The states that need attention come first.
_ORDER: Sequence[SourceState] = ("failing", "partial", "withdrawn", "late", "ok", "pending", "no_data")


@dataclass(frozen=True)
class Shown:
    """A source on the page: its shown scopes and the number of hidden ones."""

    source: SourceReport
    scopes: Sequence[ScopeReport]
    hidden: int


def status_page(report: Report, only: str | None = None) -> str:
    """The page of all sources, or of one source with more of its scopes."""
    sources = [source for source in report.sources if only in (None, source.name)]
    most = _MOST_ALONE if only else max(_FEWEST_OF_ONE, min(_MOST_OF_ONE, _MOST_TOGETHER // max(1, len(sources))))
    return render(
        "status.html",
        version=report.version,
        report=report,
        only=only,
        headline=_headline(report.sources),
        tone=_tone(report.sources),
        sources=[_shown(source, most) for source in sources],
        workdays=_workdays(sources),
        words=_WORDS,
        failures=_FAILURES,
        refresh=_REFRESH_SECONDS,
        sparkline=sparkline,
        height=HEIGHT,
        most_teams=_MOST_TEAMS,
        advice=advice,
        number=_number,
        clock=_clock,
        moment=_moment,
        distance=lambda moment: distance(moment, report.now),
    )


def _shown(source: SourceReport, most: int) -> Shown:
    scopes = sorted(source.scopes, key=_importance)
    return Shown(source, scopes[:most], max(0, len(scopes) - most))


def _workdays(sources: Sequence[SourceReport]) -> list[date]:
    """The newest working days of all scopes, oldest first, each once."""
    found = (scope.workday for source in sources for scope in source.scopes)
    return sorted({workday.day for workday in found if workday is not None})


def _importance(scope: ScopeReport) -> tuple[int, float, str]:
    people = scope.people["28d"]
    return _ORDER.index(scope.health), 0.0 if people is None else -people, scope.name


def _tone(sources: Sequence[SourceReport]) -> str:
    found = {source.health for source in sources}
    return "bad" if found & _BAD else "good" if found == {"ok"} else "fair"


def _headline(sources: Sequence[SourceReport]) -> str:
    tone = _tone(sources)
    bad = sum(source.health in _BAD for source in sources)
    well = sum(source.health == "ok" for source in sources)
    if tone == "bad":
        return f"{bad} of {_counted(len(sources))} need{'s' if bad == 1 else ''} attention"
    if tone == "good":
        return f"{_counted(len(sources))} up to date"
    return f"{well} of {_counted(len(sources))} up to date"


def _counted(sources: int) -> str:
    return "1 source" if sources == 1 else f"{sources:,} sources"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _moment(moment: datetime) -> str:
    """A machine-readable moment, as in /api/v1/status."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
