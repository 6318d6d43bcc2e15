"""`run`: the daemon."""

import sys
from pathlib import Path

import click

from exporter import config, daemon, log
from exporter.app import Exporter
from exporter.commands import options
from exporter.sections import Address
from exporter.store import Store


@click.command()
@options.config_file
@options.listen_address
@options.log_options
def run(config_file: Path, listen_address: Address | None, log_level: log.Level, log_format: log.Layout) -> None:
    """Poll the configured sources and serve /metrics until SIGTERM."""
    settings = config.load(config_file)
    log.setup(log_level, log_format, sys.stderr, config.secrets(settings))
    listener = daemon.listen(listen_address or settings.web.listen_address)
    daemon.run(Exporter(settings, Store.open(settings.state.url)), listener, lambda _url: None)
