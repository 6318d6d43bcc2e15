"""The status report of a running exporter, made without asking the vendors or the state."""

from datetime import datetime

from exporter import __version__
from exporter.daemon.exporter import Exporter
from exporter.poll.poller import Poller
from exporter.publish.status import Reload, Report, SourceFacts, SourceReport, source_report


def report(exporter: Exporter, reload: Reload) -> Report:
    """The status of the exporter now; `reload` is the result of the last reload."""
    now = exporter.now()
    return Report(
        version=__version__,
        now=now,
        started=exporter.started,
        ready=exporter.ready(),
        reload=reload,
        sources=[_source(exporter, name, poller, now) for name, poller in exporter.pollers.items()],
    )


def _source(exporter: Exporter, name: str, poller: Poller, now: datetime) -> SourceReport:
    state = SourceFacts(
        name=name,
        vendor=poller.source.vendor.name,
        ready_at=poller.source.read_window.ready_at,
        stale_after=poller.publisher.policy.stale_after,
        polling=name in exporter.polling,
        next_poll=exporter.scheduler.next_run(name),
        last_poll=poller.last,
        failed=poller.failed,
        scopes=poller.publisher.state(),
        series=len(exporter.cache.snapshot.samples.get(name, ())),
        seats=poller.publisher.sample_options.seats,
        min_group_size=poller.publisher.sample_options.min_group_size,
    )
    return source_report(state, now)
