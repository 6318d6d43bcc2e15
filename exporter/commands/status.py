"""`status`: a table (or the document) of the sources and scopes of a running exporter."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from exporter.commands.asking import NoAnswer, ask_options, ask_status, exit_without_answer
from exporter.web.relative_time import distance

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS = ("source", "scope", "health", "data day", "late", "1d", "7d", "28d", "workday", "people", "usual", "polled")
_NUMBERS = ("late", "1d", "7d", "28d", "people", "usual")
_FOLDING = ("source", "scope")
_STYLES = {"late": "yellow", "withdrawn": "red", "failing": "red"}
_BAD = ("failing", "partial", "withdrawn")
# The scopes of one source whose failures are told.
_MOST_TOLD = 20
# Without a terminal, lines never wrap.
_WIDE = 10_000
_AGAIN_AFTER = "5"
# To the top left, and the screen empty from there on.
_CLEARED = "\x1b[H\x1b[J"


@click.command()
@ask_options
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option(
    "--watch",
    is_flag=False,
    flag_value=_AGAIN_AFTER,
    type=click.FloatRange(min=1, max=86_400),
    metavar="[SECONDS]",
    help=f"Print the table again every so many seconds, {_AGAIN_AFTER} by default, until Ctrl-C.",
)
def status(url: str, ca_file: Path | None, insecure: bool, form: str, watch: float | None) -> None:
    """Print the sources and scopes of a running exporter; exit 1 where a source or a scope fails.

    With --watch it goes on where the exporter does not answer, and exits with 0.
    """
    if watch is not None and form == "json":
        raise click.UsageError("--watch prints a table: it cannot be set beside --format json.")
    if watch is not None:
        # Ctrl-C is how it ends.
        with suppress(KeyboardInterrupt):
            watched(lambda: _table_or_failure(url, ca_file, insecure), _pauses(watch))
        return
    with exit_without_answer():
        document = ask_status(url, ca_file, insecure)
    click.echo(json.dumps(document, indent=1) if form == "json" else _text(document))
    if any(source["health"] in _BAD for source in document["sources"]):
        raise click.exceptions.Exit(1)


def watched(page: Callable[[], str], pauses: Iterable[None]) -> None:
    """Prints a page again after each pause: on a terminal in the place of the one before."""
    terminal = sys.stdout.isatty()
    click.echo(f"{_CLEARED if terminal else ''}{page()}")
    for _ in pauses:
        click.echo(f"{_CLEARED if terminal else chr(10)}{page()}")


def _pauses(seconds: float) -> Iterator[None]:
    while True:
        time.sleep(seconds)
        yield


def _table_or_failure(url: str, ca_file: Path | None, insecure: bool) -> str:
    try:
        return _text(ask_status(url, ca_file, insecure))
    except NoAnswer as failure:
        return str(failure)


def _text(document: Mapping[str, Any]) -> str:
    """A table, and below it what the teams file knows, failures with advice, and what is wrong with a reload."""
    # Imported here: --help and completion are answered without it.
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else _WIDE, highlight=False, emoji=False, markup=False)
    with console.capture() as shown:
        console.print(_table(document, plain=not terminal))
        for source in document["sources"]:
            if source["teams"] is not None:
                console.print(f"\n{source['source']}: {_match(**source['teams'])}")
            for who, failure in _failures(source):
                console.print(f"\n{who}: {failure['message']}\n  {failure['advice']}")
        for mistake in document["reload"]["mistakes"]:
            console.print(f"\nThe configuration was not taken: {mistake}")
    return shown.get().removesuffix("\n")


def _table(document: Mapping[str, Any], *, plain: bool) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=None if plain else box.SIMPLE_HEAD, pad_edge=False)
    for column in _COLUMNS:
        justify: Literal["left", "right"] = "right" if column in _NUMBERS else "left"
        table.add_column(column, justify=justify, no_wrap=column not in _FOLDING, overflow="fold")
    for source in document["sources"]:
        for cells in _rows(source, datetime.fromisoformat(document["now"])):
            table.add_row(*cells, style=_STYLES.get(cells[_COLUMNS.index("health")]))
    return table


def _failures(source: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The failure of a source that fails as a whole, else those of its scopes, with the name of each."""
    if source["failure"] is not None:
        yield source["source"], source["failure"]
        return
    failing = [scope for scope in source["scopes"] if scope["failure"] is not None]
    for scope in failing[:_MOST_TOLD]:
        yield f"{source['source']}, {scope['scope']}", scope["failure"]


def _match(people: int, known: int | None) -> str:
    if known is None:
        return f"how many of {people} people the teams file knows is withheld (min_group_size)"
    return f"the teams file knows {known} of {people} people"


def _rows(source: Mapping[str, Any], now: datetime) -> Iterator[list[str]]:
    polled = "-" if source["last_poll"] is None else distance(datetime.fromisoformat(source["last_poll"]), now)
    if not source["scopes"]:
        yield [source["source"], "-", source["health"], *["-"] * (len(_COLUMNS) - 4), polled]
    for scope in source["scopes"]:
        workday = scope["workday"] or dict.fromkeys(("day", "people", "baseline"))
        about_workday = (workday["day"], workday["people"], workday["baseline"])
        figures = (scope["data_day"], scope["days_late"], *scope["people"].values(), *about_workday)
        shown = ["-" if figure is None else str(figure) for figure in figures]
        yield [source["source"], scope["scope"], scope["health"], *shown, polled]
