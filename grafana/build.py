"""Writes grafana/dashboards/*.json. Run it after a change: `python -m grafana.build`."""

import json
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.company import company
from grafana.health import health
from grafana.money import money
from grafana.overview import overview
from grafana.teams import teams_board
from grafana.vendor import vendor_board
from grafana.vendors import VENDORS

FOLDER = Path(__file__).parent / "dashboards"


def dashboards() -> Iterator[Dashboard]:
    """Every dashboard."""
    yield overview()
    yield from (vendor_board(vendor) for vendor in VENDORS)
    yield company()
    yield teams_board()
    yield money()
    yield health()


def rendered() -> dict[str, str]:
    """The text of every file, by its name."""
    return {f"{made.uid}.json": json.dumps(made, cls=JSONEncoder, indent=2) + "\n" for made in dashboards()}


def main() -> None:
    """Writes the files."""
    for name, text in rendered().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
