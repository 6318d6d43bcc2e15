"""`check-config`: prints every mistake in configuration files, what they mean and, with --online, failing sources."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from exporter.config.load import Config
    from exporter.poll.online_check import OnlineCheck

_FAILED = 1
_WRONG = 2


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--online", is_flag=True, help="Also try each credential and query; nothing is stored.")
def check_config(files: Sequence[Path], online: bool) -> None:
    """Say what is wrong with configuration files, and what they mean.

    Exits with 2 where anything is wrong, with 1 where a source fails --online.
    """
    # Imported here: --help and completion are answered without them.
    from exporter.commands.understood import understood
    from exporter.config.load import load_config
    from exporter.config.mistakes import ConfigError
    from exporter.vendors import SETTINGS
    from exporter.web.config_file import read

    code = 0
    for file in files:
        try:
            settings = load_config(file, SETTINGS)
            if settings.web.config_file is not None:
                read(settings.web.config_file)
        except ConfigError as error:
            click.echo(str(error), err=True)
            code = _WRONG
            continue
        checks = _online(settings) if online else {}
        failed = [f"sources.{name}: {problem}" for name, check in checks.items() for problem in check.problems]
        for line in failed:
            click.echo(f"{file}: {line}", err=True)
        if failed:
            code = max(code, _FAILED)
        # As bytes: names of holidays and teams may be in any script, whatever the terminal's encoding is.
        lines = [_heading(file, settings, failed=bool(failed), online=online)]
        lines += understood(settings, datetime.now(UTC).date(), checks)
        click.echo("\n".join(lines).encode())
    if code:
        raise click.exceptions.Exit(code)


def _heading(file: Path, settings: "Config", *, failed: bool, online: bool) -> str:
    number = len(settings.sources)
    sources = f"{number} source{'s' if number != 1 else ''}"
    if failed:
        return f"{file}: {sources}, not all of them answered"
    return f"{file}: ok, {sources} {'answered' if online else 'configured'}"


def _online(settings: "Config") -> "Mapping[str, OnlineCheck]":
    # Imported here: without --online nothing is read, and these take as long as all else.
    from exporter.daemon.exporter import Exporter, utc_now
    from exporter.poll.online_check import online_check
    from exporter.state.store import Store

    with closing(Store.open()) as store:
        pollers = Exporter.open(settings, store).pollers
        with_people = settings.teams is not None
        return {
            name: online_check(poller.source, utc_now(), with_people=with_people) for name, poller in pollers.items()
        }
