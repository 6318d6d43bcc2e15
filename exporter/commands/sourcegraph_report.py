"""`sourcegraph-report`: downloads a report of Sourcegraph Analytics as the vendor sends it."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from exporter.commands import options
from exporter.commands.vendor_errors import exit_on_vendor_error
from exporter.config.load import load_config
from exporter.daemon.exporter import Exporter
from exporter.state.store import Store
from exporter.vendors import SETTINGS
from exporter.vendors.sourcegraph.columns import LONGEST_HEADER, report_columns
from exporter.vendors.sourcegraph.settings import SourcegraphSettings, bare_host
from exporter.vendors.sourcegraph.vendor import REPORT

GRANULARITIES = ("by_user", "by_user_month", "by_user_day", "by_user_day_client_language")


def _day(_context: click.Context, _parameter: click.Parameter, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("must be a day such as 2026-11-19") from None


def _host(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    try:
        return bare_host(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("sourcegraph-report")
@options.config_file
@click.option(
    "--source", "name", required=True, metavar="NAME", help="A source of vendor sourcegraph; it has the token."
)
@click.option("--instance", required=True, callback=_host, metavar="HOST", help="The instance, as a bare host.")
@click.option("--granularity", required=True, type=click.Choice(GRANULARITIES), help="What a row of the report is.")
@click.option("--from", "first", callback=_day, metavar="DAY", help="The first day; all there are without it.")
@click.option("--to", "last", callback=_day, metavar="DAY", help="The last day.")
@options.output_file("Where to write; FILE appears once it is whole.", required=True)
def sourcegraph_report(
    config_file: Path, name: str, instance: str, granularity: str, first: date | None, last: date | None, output: Path
) -> None:
    """Download a report of Sourcegraph Analytics as CSV, as the vendor sends it."""
    if first is not None and last is not None and first > last:
        raise click.BadParameter(f"is after --to {last}", param_hint="--from")
    settings = load_config(config_file, SETTINGS)
    source = settings.sources.get(name)
    if not isinstance(source, SourcegraphSettings):
        raise click.BadParameter(f"there is no source {name} of vendor sourcegraph", param_hint="--source")
    date_range = {"startDate": first, "endDate": last}
    params = {
        "instanceURL": instance,
        "granularity": granularity,
        **{key: day.isoformat() for key, day in date_range.items() if day is not None},
    }
    alone = replace(settings, sources={name: source}, otlp=None)
    # SIGTERM would end the process without removing the partial file.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        exit_on_vendor_error(),
        closing(Store.open()) as store,
        # A file without a name until it is whole: a report holds e-mails, and a killed process removes nothing.
        TemporaryFile(dir=output.parent) as file,
        Exporter.open(alone, store).pollers[name].source.connect(lambda _code: None) as client,
        _progress() as progress,
    ):
        size = client.download(REPORT, params, file, progress=progress)
        file.seek(0)
        # Some granularities have neither day nor flag.
        report_columns(file.readline(LONGEST_HEADER), f"sourcegraph GET {REPORT}", needed=("id",))
        file.seek(0)
        _write(file, output)
    click.echo(f"{output}: {size:,} bytes", err=True)


def _write(file: BinaryIO, output: Path) -> None:
    """Copies a file to `output`, which appears only when it is whole; a later run replaces a killed run's part."""
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _progress() -> Iterator[Callable[[int, int | None], None]]:
    """Shows a progress bar on stderr if that is a terminal; yields the function that moves it."""
    console = Console(stderr=True)
    columns = (TextColumn("report"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("report", total=None)
        yield lambda received, total: progress.update(task, completed=received, total=total)
