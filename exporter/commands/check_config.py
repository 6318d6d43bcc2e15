"""`check-config`: prints every mistake in configuration files and, with --online, every failing source."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from exporter.config.load import Config, load_config
from exporter.config.mistakes import ConfigError
from exporter.daemon.exporter import Exporter, utc_now
from exporter.poll.online_check import problems
from exporter.state.store import Store
from exporter.vendors import SETTINGS
from exporter.web.access import WebAccess

_FAILED = 1
_WRONG = 2


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--online", is_flag=True, help="Also try each credential and query; nothing is stored.")
def check_config(files: Sequence[Path], online: bool) -> None:
    """Say what is wrong with configuration files: exit 2 where anything is, 1 where a source fails --online."""
    code = 0
    for file in files:
        try:
            settings = load_config(file, SETTINGS)
            WebAccess.open(settings.web.config_file)
        except ConfigError as error:
            click.echo(str(error), err=True)
            code = _WRONG
            continue
        failed = list(_online(settings)) if online else []
        for line in failed:
            click.echo(f"{file}: {line}", err=True)
        if failed:
            code = max(code, _FAILED)
        else:
            tried = "answered" if online else "configured"
            click.echo(f"{file}: ok, {len(settings.sources)} source{'s' if len(settings.sources) != 1 else ''} {tried}")
    if code:
        raise click.exceptions.Exit(code)


def _online(settings: Config) -> Iterator[str]:
    exporter = Exporter.open(settings, Store.open())
    for name, poller in exporter.pollers.items():
        for problem in problems(poller.source, utc_now()):
            yield f"sources.{name}: {problem}"
    exporter.store.close()
