"""`status`: a table (or the document) of the sources and scopes of a running exporter."""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import click
from rich import box
from rich.console import Console
from rich.table import Table

from exporter.commands.asking import ask_options, ask_status
from exporter.web.relative_time import distance

_COLUMNS = ("source", "scope", "health", "data day", "late", "1d", "7d", "28d", "workday", "people", "usual", "polled")
_NUMBERS = ("late", "1d", "7d", "28d", "people", "usual")
_FOLDING = ("source", "scope")
_STYLES = {"late": "yellow", "withdrawn": "red", "failing": "red"}
_BAD = ("failing", "partial", "withdrawn")
# The scopes of one source whose failures are told.
_MOST_TOLD = 20
# Without a terminal, lines never wrap.
_WIDE = 10_000


@click.command()
@ask_options
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(url: str, ca_file: Path | None, insecure: bool, form: str) -> None:
    """Print the sources and scopes of a running exporter; exit 1 where a source or a scope fails."""
    document = ask_status(url, ca_file, insecure)
    if form == "json":
        click.echo(json.dumps(document, indent=1))
    else:
        _print(document)
    if any(source["health"] in _BAD for source in document["sources"]):
        raise click.exceptions.Exit(1)


def _print(document: Mapping[str, Any]) -> None:
    """Prints a table, and below it what the teams file knows, failures with advice, and what is wrong with a reload."""
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else _WIDE, highlight=False, emoji=False, markup=False)
    console.print(_table(document, plain=not terminal))
    for source in document["sources"]:
        if source["teams"] is not None:
            console.print(f"\n{source['source']}: {_match(**source['teams'])}")
        for who, failure in _failures(source):
            console.print(f"\n{who}: {failure['message']}\n  {failure['advice']}")
    for mistake in document["reload"]["mistakes"]:
        console.print(f"\nThe configuration was not taken: {mistake}")


def _table(document: Mapping[str, Any], *, plain: bool) -> Table:
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
