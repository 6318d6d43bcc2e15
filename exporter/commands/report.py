"""`report`: the week in words and numbers, for a mail that cron sends."""

import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import click

from exporter import log
from exporter.commands import options
from exporter.commands.report_blocks import html, markdown
from exporter.commands.report_words import TITLE, blocks
from exporter.config.load import Config, config_secrets, load_config
from exporter.daemon.exporter import Exporter, utc_now
from exporter.daemon.sources import company_options
from exporter.publish.weekly import WeeklyReport, company_week, source_week
from exporter.state.existing import open_existing
from exporter.state.store import Store
from exporter.vendors import SETTINGS

_FORMS: dict[str, Callable[[WeeklyReport], str]] = {
    "markdown": lambda report: markdown(blocks(report)),
    "html": lambda report: html(TITLE, blocks(report)),
    "json": lambda report: f"{json.dumps(asdict(report), indent=1, ensure_ascii=False, default=_plain)}\n",
}


@click.command()
@options.config_file
@click.option(
    "--weeks", default=8, show_default=True, type=click.IntRange(1, 104), help="How many weeks it looks back."
)
@click.option("--format", "form", default="markdown", show_default=True, type=click.Choice(list(_FORMS)))
@options.log_options
def report(config_file: Path, weeks: int, form: str, log_level: log.Level, log_format: log.Layout) -> None:
    """Print how the tools were used, from the state alone: no vendor is asked, and nobody is named."""
    settings = load_config(config_file, SETTINGS)
    log.setup(log_level, log_format, sys.stderr, config_secrets(settings))
    with closing(open_existing(settings.state.url, settings.state_values)) as store:
        found = weekly_report(settings, store, weeks, utc_now())
    click.echo(_FORMS[form](found).encode(), nl=False)


def weekly_report(settings: Config, store: Store, weeks: int, now: datetime) -> WeeklyReport:
    """The report of a configuration's sources. Raises StateError."""
    # It only reads: the configuration takes effect in the state with the daemon.
    exporter = Exporter(settings, store, now=lambda: now)
    sources = [replace(one.publisher.sample_options, per_user=False) for one in exporter.pollers.values()]
    company = company_options(settings)
    return WeeklyReport(
        now=now,
        weeks=weeks,
        company=None if company is None else company_week(company, sources, store, now, weeks),
        sources=[source_week(one, store, now, weeks) for one in sources],
    )


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(Decimal(str(value)))
