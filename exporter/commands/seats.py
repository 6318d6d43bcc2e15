"""`seats`: who holds a seat and does not use it, by name."""

import csv
import io
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import click
from rich import box
from rich.console import Console
from rich.table import Table

from exporter import log
from exporter.commands import options
from exporter.commands.once import narrowed
from exporter.config.load import config_secrets, load_config
from exporter.daemon.exporter import Exporter, utc_now
from exporter.log import event
from exporter.poll.seat_holders import HeldSeat, SeatList, list_seats
from exporter.state.existing import open_existing
from exporter.vendors import SETTINGS

logger = logging.getLogger(__name__)

Form = Literal["table", "csv", "json"]

_COLUMNS = ("source", "scope", "name", "since", "last active", "never used")
# Without a terminal, lines never wrap.
_WIDE = 10_000


@click.command()
@options.config_file
@click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source; may be repeated.")
@click.option(
    "--idle",
    default="28d",
    show_default=True,
    callback=options.whole_days,
    metavar="DAYS",
    help="Not used for so long, up to the newest day that the state has.",
)
@click.option("--never-used", is_flag=True, help="Only those who were active on no day of the state.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@options.log_options
def seats(
    config_file: Path,
    names: Sequence[str],
    idle: timedelta,
    never_used: bool,
    form: Form,
    log_level: log.Level,
    log_format: log.Layout,
) -> None:
    """Print who holds a seat and does not use it: asks the vendors now, and compares with the state.

    Needs people.per_user: plain. Removes nobody.
    """
    settings = narrowed(load_config(config_file, SETTINGS), names)
    if settings.people.per_user != "plain":
        raise click.UsageError(
            f"people.per_user is {settings.people.per_user} in {config_file}: "
            "names may be printed where it is plain, which also puts them into /metrics"
        )
    log.setup(log_level, log_format, sys.stderr, config_secrets(settings))
    found = SeatList()
    with closing(open_existing(settings.state.url, settings.state_values)) as store:
        # It only reads: the configuration takes effect in the state with the daemon.
        for poller in Exporter(settings, store).pollers.values():
            list_seats(poller.source, store, poller.accounts, utc_now(), idle.days, found)
    listed = sorted(
        (seat for seat in found.idle if seat.never_used or not never_used),
        key=lambda seat: (seat.source, seat.scope, seat.last_active or date.min, seat.name),
    )
    # As bytes: click strips ANSI sequences from text that goes to a file or pipe.
    click.echo(_written(listed, form).encode(), nl=False)
    for line in (*found.remarks, *found.problems):
        click.echo(line, err=True)
    event(logger, logging.INFO, "a list of seats with names was made", listed=len(listed), seats=found.seats)
    if found.problems:
        raise click.exceptions.Exit(1)


def _written(listed: Sequence[HeldSeat], form: Form) -> str:
    match form:
        case "json":
            rows = [asdict(seat) for seat in listed]
            return f"{json.dumps(rows, indent=1, ensure_ascii=False, default=date.isoformat)}\n"
        case "csv":
            file = io.StringIO()
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([_COLUMNS, *(_cells(seat, "") for seat in listed)])
            return file.getvalue()
        case "table":
            return _table(listed)


def _cells(seat: HeldSeat, unknown: str) -> list[str]:
    days = [unknown if day is None else day.isoformat() for day in (seat.since, seat.last_active)]
    never = unknown if seat.never_used is None else "yes" if seat.never_used else "no"
    # A terminal would obey what else a name may hold.
    name = "".join(letter if letter.isprintable() else "�" for letter in seat.name)
    return [seat.source, seat.scope, name, *days, never]


def _table(listed: Sequence[HeldSeat]) -> str:
    terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, no_wrap=column not in ("scope", "name"), overflow="fold")
    for seat in listed:
        table.add_row(*_cells(seat, "-"))
    console = Console(width=None if terminal else _WIDE, highlight=False, emoji=False, markup=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
