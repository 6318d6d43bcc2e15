"""`check-config`: every mistake of configuration files at once."""

from collections.abc import Sequence
from pathlib import Path

import click

from exporter import config


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def check_config(files: Sequence[Path]) -> None:
    """Say what is wrong with configuration files; exit 2 where anything is."""
    wrong = False
    for file in files:
        try:
            settings = config.load(file)
        except config.ConfigError as error:
            wrong = True
            click.echo(str(error), err=True)
        else:
            click.echo(f"{file}: ok, {len(settings.sources)} source{'s' if len(settings.sources) != 1 else ''}")
    if wrong:
        raise click.exceptions.Exit(2)
