"""Reports of made-up exporters, and the web application over them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from starlette.applications import Starlette

from exporter.errors import Failure
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.publish.status import History, Reload, Report, ScopeReport, SourceReport
from exporter.publish.team_match import TeamMatch
from exporter.samples.verdicts import Workday
from exporter.web.application import Pages, application

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MONDAY = date(2026, 3, 9)
REFUSED = Failure("rejected", "augment GET /dau: 401, the token was refused; check token/token_file", 401)
WITHHELD = {"<b>": ("1d",), "web": ("1d", "7d", "28d")}
DOWN = Failure("unreachable", "gitlab POST /load: 503 in 4 attempts", 503)


def scope(name: str = "all", people: int = 40) -> ScopeReport:
    """A scope with sixty days of weeks in which nobody works at the weekend."""
    days = [people if index % 7 not in (4, 5) else 0 for index in range(60)]
    return ScopeReport(
        name=name,
        health="ok",
        data_day=MONDAY,
        days_late=0,
        people={"1d": people, "7d": people * 2, "28d": people * 3},
        baseline=people + 0.5,
        workday=Workday(MONDAY, people, people + 0.5, 4),
        days_revised=1,
        last_read=NOW - timedelta(minutes=4),
        history=History(MONDAY, days, [None] * 14 + [number + 0.5 for number in days[14:]]),
    )


def source(name: str = "assistant", *scopes: ScopeReport) -> SourceReport:
    """A healthy source, polled four minutes ago."""
    return SourceReport(
        name=name,
        vendor="augment",
        health="ok",
        polling=False,
        last_poll=NOW - timedelta(minutes=4),
        last_poll_seconds=1.25,
        last_success=NOW - timedelta(minutes=4),
        next_poll=NOW + timedelta(minutes=56),
        newest_ready_day=MONDAY,
        series=1234,
        seats=None,
        failure=None,
        scopes=scopes or (scope(),),
    )


def report(*sources: SourceReport) -> Report:
    """An exporter that has run for two days."""
    return Report("1.2.3", NOW, NOW - timedelta(days=2), True, Reload(NOW - timedelta(hours=3)), sources)


def everything() -> Report:
    """One source in each state, with long, missing and strange values."""
    late = replace(
        scope(),
        health="late",
        data_day=MONDAY - timedelta(days=2),
        days_late=2,
        workday=Workday(MONDAY - timedelta(days=3), 38, None, 1),
        baseline=None,
    )
    product = source(
        "product",
        replace(late, name="group/late"),
        replace(scope("group/broken"), health="failing", failure=DOWN),
        scope("group/<script>alert(1)</script>"),
        ScopeReport("group/new", "no_data"),
    )
    cody = source("cody", scope("acme.sourcegraphcloud.com", 12_345), scope("a-very-long-name-of-some.example.com", 0))
    withdrawn = ScopeReport("all", "withdrawn", last_read=NOW - timedelta(days=5), failure=REFUSED)
    new = replace(source("new"), scopes=(), last_poll=None, last_poll_seconds=None, last_success=None, next_poll=None)
    return replace(
        report(
            replace(
                source("assistant", replace(scope(), seats=250, withheld_teams=WITHHELD)),
                seats=250,
                teams=TeamMatch(42, 40),
            ),
            replace(cody, seats=20_000),
            replace(product, health="partial"),
            replace(source("old", withdrawn), health="failing", failure=REFUSED, last_success=NOW - timedelta(days=5)),
            replace(source("late", replace(late, workday=None)), health="late"),
            replace(new, health="pending", polling=True, series=0),
        ),
        reload=Reload(NOW, ('config.yaml: sources.new.intervall: unknown key, did you mean "interval"?',)),
        ready=False,
    )


@dataclass
class Web:
    """A made-up exporter's data."""

    report: Report = field(default_factory=everything)
    config: Mapping[str, object] = field(default_factory=lambda: {"sources": {"assistant": {"token": "<secret>"}}})
    reload: Callable[[], Reload] = lambda: Reload(NOW, changes=("no source has changed",))
    healthy: bool = True
    ready: bool = True
    cache: ExpositionCache = field(default_factory=ExpositionCache)

    def application(self, prefix: str = "") -> Starlette:
        """The web application over it."""
        pages = Pages(
            cache=self.cache,
            self_metrics=SelfMetrics(),
            healthy=lambda: self.healthy,
            ready=lambda: self.ready,
            report=lambda: self.report,
            config=lambda: self.config,
            reload=self.reload,
        )
        return application(pages, prefix)
