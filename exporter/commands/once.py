"""`once`: polls each source once and prints the exposition."""

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args

import click

from exporter import log
from exporter.commands import options
from exporter.config.load import Config, config_secrets, load_config
from exporter.daemon.exporter import Exporter
from exporter.metrics import CATALOGUE
from exporter.publish.prometheus import END, Format, render_collector
from exporter.publish.self_metrics import SelfMetrics
from exporter.state.engine import MEMORY
from exporter.state.store import Store
from exporter.vendors import SETTINGS

Form = Format | Literal["json"]


@click.command()
@options.config_file
@click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source; may be repeated.")
@click.option("--format", "form", type=click.Choice([*get_args(Format), "json"]), default="text", show_default=True)
@click.option(
    "--history", callback=options.whole_days, metavar="DAYS", help="Read less than the configured history, such as 2d."
)
@click.option("--state", is_flag=True, help="Use and keep the configured state instead of a fresh one in memory.")
@options.log_options
def once(
    config_file: Path,
    names: Sequence[str],
    form: Form,
    history: timedelta | None,
    state: bool,
    log_level: log.Level,
    log_format: log.Layout,
) -> None:
    """Poll each source once and print what /metrics would show; exit 1 where a source or a scope failed."""
    settings = narrowed(load_config(config_file, SETTINGS), names, history)
    log.setup(log_level, log_format, sys.stderr, config_secrets(settings))
    print_once(settings, settings.state.url if state else MEMORY, form)


def print_once(settings: Config, state: str, form: Form) -> None:
    """Polls every source once with a state and prints what it publishes; exits with 1 if a source or a scope failed."""
    with closing(Store.open(state, settings.state_values)) as store:
        # Without process metrics: node_exporter's textfile collector has its own, and this process is gone by then.
        exporter = Exporter.open(settings, store, self_metrics=SelfMetrics(process=False))
        succeeded = poll_all(exporter)
        exporter.follow_people(at_once=True)
        # As bytes: click strips ANSI sequences from text that goes to a file or pipe.
        click.echo(exposition(exporter, form), nl=False)
    if not succeeded:
        raise click.exceptions.Exit(1)


def poll_all(exporter: Exporter) -> bool:
    """Polls every source once, in parallel; returns whether all succeeded."""
    with ThreadPoolExecutor(len(exporter.pollers)) as pool:
        return all(list(pool.map(exporter.poll, exporter.pollers)))


def exposition(exporter: Exporter, form: Form) -> bytes:
    """What an exporter publishes now as text, OpenMetrics or JSON."""
    if form == "json":
        lines = [
            {"metric": name, "labels": dict(zip(CATALOGUE[name].labels, labels, strict=True)), "value": value}
            for name, labels, value in exporter.cache.snapshot.all_samples()
        ]
        lines += [
            {"metric": sample.name, "labels": sample.labels, "value": sample.value}
            for family in exporter.self_metrics.registry.collect()
            for sample in family.samples
        ]
        return f"{json.dumps(lines, indent=1, ensure_ascii=False)}\n".encode()
    first = exporter.cache.snapshot.parts[form].plain
    return first + render_collector(exporter.self_metrics.registry, form) + END[form]


def narrowed(settings: Config, names: Sequence[str], history: timedelta | None = None) -> Config:
    """A configuration with the named sources only (all if none is named) and with another history if given."""
    unknown = [name for name in names if name not in settings.sources]
    if unknown:
        raise click.BadParameter(f"there is no source {', '.join(unknown)} in the configuration", param_hint="--source")
    sources = {name: source for name, source in settings.sources.items() if not names or name in names}
    if history is not None:
        sources = {
            name: source.model_copy(update={"history": history, "lookback": min(source.lookback, history)})
            for name, source in sources.items()
        }
    return replace(settings, sources=sources, whole=not names)
