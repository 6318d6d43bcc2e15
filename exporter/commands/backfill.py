"""`backfill`: history for Prometheus or OTLP, as a live exporter would have shown it."""

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from time import sleep

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from exporter import log
from exporter.commands import options
from exporter.commands.once import narrowed
from exporter.config.durations import format_duration
from exporter.config.load import config_secrets, load_config
from exporter.daemon.exporter import Exporter, utc_now
from exporter.daemon.sources import company_options
from exporter.errors import VendorError
from exporter.model import newest_ready
from exporter.poll.past_days import PastReader
from exporter.poll.replicas import wait_for_leader_lock
from exporter.publish.backfill import PastDay, company_days, past_days, write_file
from exporter.state.database import LeaderLockLostError
from exporter.state.store import Store
from exporter.vendors import SETTINGS

_TRY_AGAIN_SECONDS = 1.0
_DAY = click.DateTime(formats=["%Y-%m-%d"])
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - compared with what click reads, which has no zone


def _since_1970(_context: click.Context, _parameter: click.Parameter, day: datetime) -> datetime:
    # Windows reach back from the first day, and Python's years start at 1.
    if day < _EPOCH:
        raise click.BadParameter(f"must be {_EPOCH:%Y-%m-%d} or later")
    return day


@click.command()
@options.config_file
@click.option(
    "--from",
    "first",
    required=True,
    type=_DAY,
    callback=_since_1970,
    metavar="DAY",
    help="The first day, as YYYY-MM-DD.",
)
@click.option("--to", "last", required=True, type=_DAY, metavar="DAY", help="The last day, included.")
@click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source; may be repeated.")
@options.output_file("Write OpenMetrics text with timestamps.", required=False)
@click.option("--otlp", is_flag=True, help="Send to the configured OTLP endpoint instead.")
@click.option("--dry-run", is_flag=True, help="Only say how many requests it would make.")
@options.log_options
def backfill(
    config_file: Path,
    first: datetime,
    last: datetime,
    names: Sequence[str],
    output: Path | None,
    otlp: bool,
    dry_run: bool,
    log_level: log.Level,
    log_format: log.Layout,
) -> None:
    """Read what the state does not hold of the days, and write or send their history; can be stopped and run again.

    For Prometheus: promtool tsdb create-blocks-from openmetrics FILE DATA-FOLDER, and --storage.tsdb.retention.time
    """
    if sum((output is not None, otlp, dry_run)) != 1:
        raise click.UsageError("give one of --output FILE, --otlp and --dry-run")
    if last < first:
        raise click.UsageError("--to is before --from")
    settings = narrowed(load_config(config_file, SETTINGS), names)
    if otlp and settings.otlp is None:
        raise click.UsageError(f"--otlp needs an otlp section in {config_file}")
    log.setup(log_level, log_format, sys.stderr, config_secrets(settings))
    with closing(Store.open(settings.state.url, settings.state_values)) as store:
        exporter = Exporter.open(settings, store)
        with _bars() as bars:
            run = BackfillRun(exporter, first.date(), last.date(), bars)
            failed = run.estimate() if dry_run else run.read()
        if output is not None:
            click.echo(f"{write_file(run.days(), output)} samples in {output}", err=True)
            retention = retention_for(first.date(), utc_now().date())
            click.echo(
                f"for Prometheus: promtool tsdb create-blocks-from openmetrics {output} DATA-FOLDER, and start it with "
                f"--storage.tsdb.retention.time={retention} or more: by default it deletes what is older than 15 days",
                err=True,
            )
        elif otlp:
            failed = _send(run) or failed
    if failed:
        raise click.exceptions.Exit(1)


def retention_for(first: date, today: date) -> str:
    """A retention in Prometheus' notation that keeps the days from the first one for another year."""
    return f"{(today - first).days // 365 + 2}y"


@dataclass
class BackfillRun:
    """A backfill of a range of days for the sources of an exporter."""

    exporter: Exporter
    first: date
    last: date
    bars: Progress
    now: Callable[[], datetime] = utc_now
    made: Counter[str] = field(default_factory=Counter)

    def estimate(self) -> bool:
        """Prints how many requests each source would need; returns whether a source failed."""
        failed = False
        for name in self.exporter.pollers:
            try:
                missing = self._reader(name).missing()
            except VendorError as error:
                click.echo(f"{name}: {error}", err=True)
                failed = True
                continue
            days = sum(len(found) for found in missing.values())
            requests = self._requests(name, missing)
            minutes = requests / self.exporter.config.sources[name].requests_per_minute
            click.echo(f"{name}: {days} days to read, about {requests} requests, {_spoken(minutes)}")
        return failed

    def read(self) -> bool:
        """Reads the missing days of each source; returns whether any scope failed."""
        failed = False
        for name in self.exporter.pollers:
            reader = self._reader(name)
            problems: Mapping[str, Exception]
            try:
                missing = reader.missing()
                reader.progress = self._bar(name, sum(len(days) for days in missing.values()))
                problems = self._read_alone(name, reader)
            except VendorError as error:
                problems = {"": error}
            for scope, problem in problems.items():
                click.echo(f"{name}: {scope + ': ' if scope else ''}{problem}", err=True)
                failed = True
        return failed

    def _read_alone(self, name: str, reader: PastReader) -> Mapping[str, Exception]:
        """Reads a source once no other process does; returns the error of each scope that failed."""
        announced = False

        def wait() -> None:
            nonlocal announced
            if not announced:
                click.echo(f"{name}: waits, another process reads it", err=True)
            announced = True
            sleep(_TRY_AGAIN_SECONDS)

        try:
            with wait_for_leader_lock(self.exporter.store.database, name, wait):
                return reader.read()
        except LeaderLockLostError as error:
            return {"": error}

    def days(self) -> Iterator[PastDay]:
        """The history of every source; prints how many days have no data."""
        wanted = (self.last - self.first).days + 1
        for name, poller in self.exporter.pollers.items():
            now, sample_options = self.now(), poller.publisher.sample_options
            newest = min(self.last, newest_ready(now, sample_options.ready_at))
            max_series = self.exporter.config.sources[name].max_series
            found = 0
            for day in past_days(sample_options, self.exporter.store, max_series, self.first, newest, now):
                found += 1
                yield day
            if found < wanted:
                click.echo(f"{name}: {wanted - found} of {wanted} days have no data", err=True)

        yield from self._company_days()

    def _company_days(self) -> Iterator[PastDay]:
        """The history of the company, by the people that the state holds of every source now."""
        options = company_options(self.exporter.config)
        if options is not None:
            sources = [poller.publisher.sample_options for poller in self.exporter.pollers.values()]
            yield from company_days(options, sources, self.exporter.store, self.first, self.last, self.now())

    def _reader(self, name: str) -> PastReader:
        poller = self.exporter.pollers[name]

        def count(status: int | None) -> None:
            self.made[name] += 1
            poller.self_metrics.request(status)

        return PastReader(
            source=poller.source,
            store=self.exporter.store,
            accounts=poller.publisher.sample_options.accounts,
            first=self.first,
            last=self.last,
            now=self.now,
            count=count,
            warn=lambda remark: click.echo(f"{name}: {remark}", err=True),
        )

    def _requests(self, name: str, missing: Mapping[str, Sequence[date]]) -> int:
        """An estimate from the requests that stored days took, at least the number that the vendor's API needs."""
        vendor = self.exporter.pollers[name].source.vendor
        length = (self.last - self.first).days + 1
        least = sum(vendor.least_requests(len(days), length) for days in missing.values())
        taken = [day.requests for scope in missing for day in self.exporter.store.days(name, scope).values()]
        days = sum(len(found) for found in missing.values())
        return max(least, round(days * sum(taken) / len(taken))) if taken else least

    def _bar(self, name: str, total: int) -> Callable[[int], None]:
        """Adds a progress bar, with the minutes that the rest needs under the rate limit; returns what advances it."""
        bar = self.bars.add_task(name, total=total, left="")
        per_minute = self.exporter.config.sources[name].requests_per_minute
        lock = threading.Lock()
        done = 0

        def advance(days: int) -> None:
            nonlocal done
            with lock:
                done += days
                left = (total - done) * self.made[name] / done / per_minute if done else 0.0
                self.bars.update(bar, advance=days, left=_spoken(left))

        return advance


def _send(run: BackfillRun) -> bool:
    """Sends the history by OTLP; returns whether any of it was not accepted."""
    # Imported here: OpenTelemetry costs 10 MB and 0.2 s, which only a push should pay.
    from exporter.otlp import client

    settings = run.exporter.config
    assert settings.otlp is not None
    resource = client.resource(settings.web.listen_address.port)
    with closing(client.connect(settings.otlp, os.environ, resource)) as sender:
        sent = sender.send((sample, day.moment) for day in run.days() for sample in day.samples)
    click.echo(f"{sent.taken} samples taken by {sender.endpoint}, {sent.rejected} rejected", err=True)
    if sent.failure is not None:
        click.echo(f"{sender.endpoint}: {sent.failure.message}", err=True)
    return sent.failure is not None or sent.rejected > 0


@contextmanager
def _bars() -> Iterator[Progress]:
    """Progress bars on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield bars


def _spoken(minutes: float) -> str:
    """A number of minutes in words."""
    return "less than a minute" if minutes < 1 else f"about {format_duration(timedelta(minutes=round(minutes)))}"
