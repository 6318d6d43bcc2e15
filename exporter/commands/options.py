"""Options that several commands share, named as Prometheus names them."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from exporter.log import Layout, Level

if TYPE_CHECKING:
    from exporter.config.sections import Address

F = TypeVar("F", bound=Callable[..., Any])


def address(_context: click.Context, _parameter: click.Parameter, text: str | None) -> "Address | None":
    """A click callback that reads `H:P`."""
    # Imported here, as in other commands: help and completion are answered without the configuration's models.
    from exporter.config.sections import parse_address

    try:
        return None if text is None else parse_address(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def whole_days(_context: click.Context, _parameter: click.Parameter, text: str | None) -> timedelta | None:
    """A click callback that reads a number of days: `28d`."""
    from exporter.config.durations import parse_duration

    try:
        days = None if text is None else parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if days is not None and (days < timedelta(days=1) or days % timedelta(days=1)):
        raise click.BadParameter("must be whole days such as 2d")
    return days


def in_a_folder_to_write_to(_context: click.Context, _parameter: click.Parameter, file: Path) -> Path:
    """A click callback that refuses a file whose folder is not there or cannot be written to."""
    if not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
        raise click.BadParameter(f"there is no folder {file.parent} that can be written to")
    return file


def _file_to_write(context: click.Context, parameter: click.Parameter, file: Path | None) -> Path | None:
    # Checked before the vendors are read, which may take hours. A pipe, or anything else that is no file, would be
    # replaced by a file.
    if file is not None:
        in_a_folder_to_write_to(context, parameter, file)
    if file is not None and file.exists() and not file.is_file():
        raise click.BadParameter("must be a file")
    return None if file is None else file.resolve()


def output_file(words: str, *, required: bool) -> Callable[[F], F]:
    """--output: a file that appears once it is whole; a symbolic link stays a link."""
    path = click.Path(path_type=Path, dir_okay=False, writable=True)
    return click.option("--output", required=required, type=path, callback=_file_to_write, metavar="FILE", help=words)


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
