"""`metrics`: prints the catalogue of metrics."""

import json
from dataclasses import asdict

import click

from exporter.metrics import CATALOGUE


@click.command()
@click.option("--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True)
def metrics(form: str) -> None:
    """Print every metric with its type, labels, unit and meaning."""
    rows = list(CATALOGUE.values())
    if form == "json":
        click.echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    click.echo("| metric | type | unit | labels | meaning |\n|---|---|---|---|---|")
    for row in rows:
        labels = ", ".join(f"`{label}`" for label in row.labels)
        click.echo(f"| `{row.name}` | {row.kind} | `{row.unit}` | {labels} | {row.help} |")
