"""The Grafana dashboards, Prometheus rules and runbooks that ship with the exporter."""

from collections.abc import Mapping
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_SHIPPED = (
    "docs/runbooks/*.md",
    "grafana/dashboards/*.json",
    "grafana/provisioning/**/*.yaml",
    "prometheus/*.yaml",
    "prometheus/*.yml",
)


def shipped() -> Mapping[str, Path]:
    """Every file by its relative path, such as `grafana/dashboards/adoption-overview.json`."""
    folder = bundled()
    found = sorted(path for pattern in _SHIPPED for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): path for path in found}


def bundled() -> Path:
    """The folder that holds them: inside the package if it is installed, the checkout itself else."""
    installed = _PACKAGE / "data"
    return installed if installed.is_dir() else _PACKAGE.parent
