"""`healthcheck`: checks a running exporter, for Docker's HEALTHCHECK and the like."""

from pathlib import Path

import click

from exporter.commands.asking import ask, ask_options, exit_without_answer


@click.command()
@ask_options
def healthcheck(url: str, ca_file: Path | None, insecure: bool) -> None:
    """Exit 0 if a running exporter answers /-/healthy, else 1."""
    with exit_without_answer():
        ask(url, "-/healthy", ca_file, insecure)
