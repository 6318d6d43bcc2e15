"""`dashboards`: writes the Grafana dashboards, Prometheus rules and runbooks that ship with the exporter."""

from pathlib import Path

import click

from exporter.web.bundled import shipped

# The addresses in the links of alerts, as the shipped rules have them.
RUNBOOKS = "http://localhost:10723/dashboards/docs/runbooks"
GRAFANA = "http://localhost:3000"

_ALERTS = "prometheus/alerts.yaml"


@click.command()
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="A folder, made where it is missing; files of earlier versions in it are replaced.",
)
@click.option(
    "--runbooks",
    default=RUNBOOKS,
    show_default=True,
    metavar="URL",
    help="Where alerts link to for runbooks: the folder docs/runbooks as you publish it, or as the exporter serves it.",
)
@click.option(
    "--grafana", default=GRAFANA, show_default=True, metavar="URL", help="Where alerts link to for dashboards."
)
def dashboards(output: Path, runbooks: str, grafana: str) -> None:
    """Write the Grafana dashboards and provisioning, the Prometheus rules and the runbooks that fit this version."""
    for name, path in shipped().items():
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        target.write_bytes(_linked(content, runbooks, grafana) if name == _ALERTS else content)
        click.echo(str(target))


def _linked(alerts: bytes, runbooks: str, grafana: str) -> bytes:
    """The alerts with the given addresses in their links."""
    text = alerts.decode()
    for default, wanted in ((RUNBOOKS, runbooks), (GRAFANA, grafana)):
        text = text.replace(f"url: {default}/", f"url: {wanted.rstrip('/')}/")
    return text.encode()
