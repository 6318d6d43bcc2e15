"""Writes the table of values into the README of the Helm chart: `python -m docs.chart`, from the top of the repository.

Defaults are those of values.yaml, meanings those of values.schema.json.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[1] / "deploy" / "helm" / "adoption-exporter"
PAGE = CHART / "README.md"
_HEADING = "## Values\n"
_TABLE = "| key | default | meaning |\n|---|---|---|\n"
_LONGEST = 60


def page() -> str:
    """The README with its table as it should be: the table is its end."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    head, _, _ = PAGE.read_text().partition(_HEADING)
    rows = [f"| `{key}` | {_shown(default)} | {meaning} |\n" for key, default, meaning in leaves(values, schema)]
    return f"{head}{_HEADING}\n{_TABLE}{''.join(rows)}"


def leaves(values: Mapping[str, Any], schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Every key that the schema does not divide further, with its default and its meaning."""
    for name, value in values.items():
        known = schema["properties"][name]
        if "properties" in known:
            yield from leaves(value, known, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value, known["description"]


def _shown(default: object) -> str:
    text = json.dumps(default)
    return f"`{text}`" if len(text) <= _LONGEST else "see [values.yaml](values.yaml)"


if __name__ == "__main__":
    PAGE.write_text(page())
