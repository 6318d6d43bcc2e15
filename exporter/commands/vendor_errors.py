"""How a command ends when a vendor refuses or does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from exporter.errors import VendorError


@contextmanager
def exit_on_vendor_error() -> Iterator[None]:
    """Prints a VendorError as one line on stderr and exits with 1."""
    try:
        yield
    except VendorError as error:
        click.echo(str(error), err=True)
        raise click.exceptions.Exit(1) from error
