"""Does with the chart what Helm does, by Helm's own code: checks values, renders, packs.

Helm is written in Go, and a Go program brings threads and signal handlers of its own. So it runs in another process,
which this module is too: `python -m tests.support.helm` reads a request from standard input.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.support.daemons import PATIENCE

CHECKOUT = Path(__file__).parents[2]
CHART = CHECKOUT / "deploy" / "helm" / "adoption-exporter"
RELEASE = "adoption-exporter"


@dataclass(frozen=True)
class Rendered:
    """What `helm install` would make: the text of each template by its file, and Helm's own words where it refuses."""

    files: Mapping[str, str]
    refused: str = ""

    @cached_property
    def manifests(self) -> list[dict[str, Any]]:
        """Every manifest of it."""
        texts = [text for name, text in sorted(self.files.items()) if name.endswith(".yaml")]
        # Dashboards are large: libyaml reads them ten times as fast.
        return [manifest for text in texts for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]


def render(values: Mapping[str, Any] | None = None, chart: Path = CHART, release: str = RELEASE) -> Rendered:
    """The chart with these values."""
    (rendered,) = render_each([values or {}], chart, release)
    return rendered


def render_each(
    values: Sequence[Mapping[str, Any] | str], chart: Path = CHART, release: str = RELEASE
) -> list[Rendered]:
    """The chart with each of these values; a text is flags of a command line, `--set` and `--set-file`."""
    request = {"do": "render", "chart": str(chart), "values": values, "release": release}
    return [Rendered(**answer) for answer in _answer(request)["each"]]


def lint() -> list[str]:
    """What `helm lint --strict` finds wrong with the chart, but that it has no picture."""
    found: list[str] = _answer({"do": "lint", "chart": str(CHART)})["found"]
    return found


def package(folder: Path) -> Path:
    """The archive that `helm package` makes of the chart in a folder."""
    return Path(_answer({"do": "package", "chart": str(CHART), "folder": str(folder)})["path"])


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.helm"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=CHECKOUT,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _main() -> None:
    import helm_python as helm

    request = json.load(sys.stdin)
    answer: dict[str, Any] = {}
    if request["do"] == "lint":
        messages = helm.lint(request["chart"], strict=True)["messages"]
        answer["found"] = [one["error"] for one in messages if one["error"] != "icon is recommended"]
    elif request["do"] == "package":
        answer["path"] = helm.package(request["chart"], destination=request["folder"])
    else:
        answer["each"] = [_rendered(request, values) for values in request["values"]]
    json.dump(answer, sys.stdout)


def _rendered(request: Mapping[str, Any], values: dict[str, Any] | str) -> dict[str, Any]:
    import helm_python as helm

    parse = {"--set": helm.parse_set_string, "--set-file": helm.parse_set_file}
    if isinstance(values, str):
        words = values.split()
        given = [parse[flag](expression) for flag, expression in zip(words[::2], words[1::2], strict=True)]
        values = {key: value for one in given for key, value in one.items()}
    try:
        with helm.Chart.load(request["chart"]) as chart:
            chart.validate_schema(values)
            return {"files": chart.render(values, name=request["release"], namespace="tools")}
    except helm.HelmError as error:
        return {"files": {}, "refused": str(error)}


if __name__ == "__main__":
    _main()
