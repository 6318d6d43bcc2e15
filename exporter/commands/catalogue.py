"""`metrics`: prints the catalogue of metrics."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from exporter.metrics import CATALOGUE, Metric
from exporter.metrics.questions import QUESTIONS


@click.command()
@click.option("--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True)
def metrics(form: str) -> None:
    """Print every metric with its type, labels, unit and meaning, by the question that it answers."""
    if form == "json":
        click.echo(json.dumps([asdict(metric) for metric in CATALOGUE.values()], indent=1))
        return
    tables = [_table(question, [CATALOGUE[name] for name in names]) for question, names in QUESTIONS.items()]
    click.echo("\n\n".join(tables))


def _table(question: str, metrics: Sequence[Metric]) -> str:
    lines = [f"## {question}", "", "| metric | type | unit | labels | meaning |", "|---|---|---|---|---|"]
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | `{metric.unit}` | {labels} | {metric.help} |")
    return "\n".join(lines)
