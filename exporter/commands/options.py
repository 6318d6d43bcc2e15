"""Options that several commands share, spelled as Prometheus spells them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from exporter.log import Layout, Level
from exporter.sections import Address, parse_address

F = TypeVar("F", bound=Callable[..., Any])


def address(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Address | None:
    """A click callback that reads `H:P`."""
    try:
        return None if text is None else parse_address(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


config_file = click.option(
    "--config.file",
    "config_file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration.",
)


def log_options(command: F) -> F:
    """Adds --log.level and --log.format."""
    level = click.option(
        "--log.level", "log_level", type=click.Choice(get_args(Level)), default="info", show_default=True
    )
    form = click.option(
        "--log.format", "log_format", type=click.Choice(get_args(Layout)), default="logfmt", show_default=True
    )
    return level(form(command))
