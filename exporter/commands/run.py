"""`run`: the daemon."""

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exporter import log
from exporter.commands import options
from exporter.commands.web_flags import WebFlags, web_options

if TYPE_CHECKING:
    from exporter.config.load import Config


@click.command()
@options.config_file
@web_options
@options.log_options
def run(config_file: Path, web: WebFlags, log_level: log.Level, log_format: log.Layout) -> None:
    """Poll the configured sources and serve /metrics until SIGTERM; SIGHUP has the configuration read again."""
    # Imported here: --help and completion are answered without them.
    from exporter.config.load import config_secrets, load_config
    from exporter.daemon.exporter import Exporter
    from exporter.daemon.run import run_daemon
    from exporter.state.store import Store
    from exporter.vendors import SETTINGS

    known: set[str] = set()

    def load() -> "Config":
        settings = web.over(load_config(config_file, SETTINGS))
        # A secret from before a reload must not be logged after it.
        known.update(config_secrets(settings))
        log.setup(log_level, log_format, sys.stderr, known)
        return settings

    settings = load()
    serving = web.open(settings)
    with serving.listener, closing(Store.open(settings.state.url, settings.state_values)) as store:
        store.database.claim()
        run_daemon(Exporter.open(settings, store), serving, load, lambda _url: None)
