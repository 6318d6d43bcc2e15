"""`dashboards`: writes the Grafana dashboards and Prometheus rules that ship with the exporter."""

from pathlib import Path

import click

from exporter.web.bundled import shipped


@click.command()
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="A folder, made where it is missing; files of earlier versions in it are replaced.",
)
def dashboards(output: Path) -> None:
    """Write the Grafana dashboards and provisioning, and the Prometheus rules, that fit this version."""
    for name, path in shipped().items():
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        click.echo(str(target))
