"""`dashboards`: the Grafana dashboards and Prometheus rules that come with the exporter, as files."""

from pathlib import Path

import click

_PACKAGE = Path(__file__).parents[1]
_SHIPPED = (
    "grafana/dashboards/*.json",
    "grafana/provisioning/**/*.yaml",
    "prometheus/*.yaml",
    "prometheus/*.yml",
)


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
    for path in shipped():
        target = output / path.relative_to(_data())
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        click.echo(str(target))


def shipped() -> list[Path]:
    """Every file that `dashboards` writes."""
    return sorted(path for pattern in _SHIPPED for path in _data().glob(pattern))


def _data() -> Path:
    """Where they are: inside of the package where it was installed, beside it in a checkout."""
    installed = _PACKAGE / "data"
    return installed if installed.is_dir() else _PACKAGE.parent
