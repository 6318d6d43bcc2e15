"""What the documentation says is so."""

import ast
import re
from pathlib import Path

import click
from click.testing import CliRunner

from exporter.cli import commands
from exporter.commands.catalogue import metrics
from exporter.config.load import load_config
from exporter.vendors import SETTINGS

ROOT = Path(__file__).parents[2]


def test_the_page_of_metrics_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(metrics).output

    assert (ROOT / "docs" / "metrics.md").read_text().endswith(printed)


def test_the_readme_names_both_commands() -> None:
    readme = (ROOT / "README.md").read_text()

    assert "make demo" in readme
    assert "make test" in readme


def test_the_readme_shows_every_picture_and_each_is_of_a_dashboard_or_of_the_status_page() -> None:
    readme = (ROOT / "README.md").read_text()
    dashboards = {file.stem for file in (ROOT / "grafana" / "dashboards").glob("*.json")}
    pictures = {file.stem for file in (ROOT / "docs" / "pictures").glob("*.png")}

    assert {"adoption-overview", "adoption-exporter", "status-page"} <= pictures <= dashboards | {"status-page"}
    assert set(re.findall(r"\(docs/pictures/([a-z-]+)\.png\)", readme)) == pictures


def test_every_command_that_the_readme_runs_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"(?:-m exporter|`adoption-exporter) ([a-z-]+)", readme))

    assert named <= {*commands.list_commands(click.Context(commands))}


def test_the_configuration_in_the_readme_is_valid(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    token = tmp_path / "token"
    token.write_text("secret")
    file = tmp_path / "config.yaml"
    file.write_text(block.replace("/run/secrets/augment", str(token)))

    assert list(load_config(file, SETTINGS).sources) == ["augment-prod"]


def test_the_recipe_for_history_names_the_retention_without_which_prometheus_deletes_it() -> None:
    readme = (ROOT / "README.md").read_text()
    recipe = readme[readme.index("## History") : readme.index("\n\n", readme.index("promtool tsdb create-blocks-from"))]

    assert "--storage.tsdb.retention.time=3y" in recipe
    assert [name for name in ("Mimir", "Thanos", "Grafana Cloud", "VictoriaMetrics") if f"| {name}" not in readme] == []


def test_every_file_and_function_that_the_architecture_follows_a_day_through_exists() -> None:
    rows = [line.split("|") for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines() if line.startswith("| ")]
    missing = []
    for _, _, files, functions, _ in rows[1:]:
        trees = [ast.parse((ROOT / "exporter" / file).read_text()) for file in re.findall(r"`(.+?)`", files)]
        defined = {name for tree in trees for name in definitions(tree)}
        missing += [name for name in re.findall(r"`(.+?)`", functions) if name not in defined]

    assert len(rows) > 10
    assert missing == []


def test_the_tree_of_the_architecture_has_every_package() -> None:
    tree = (ROOT / "ARCHITECTURE.md").read_text().split("```")[1]
    ground = {path.stem for path in (ROOT / "exporter").glob("*.py")} - {"__init__", "__main__", "cli"}
    packages = {path.parent.name for path in (ROOT / "exporter").glob("*/__init__.py")}

    assert set(re.findall(r"^  (\w+)/", tree, re.MULTILINE)) == packages
    assert set(tree.splitlines()[2].strip().split("   ")[0].split()) == ground


def definitions(tree: ast.Module) -> set[str]:
    """The functions and classes of a module, and its methods as `Class.method`."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    top = [node for node in tree.body if isinstance(node, kinds)]
    methods = {f"{one.name}.{node.name}" for one in top for node in one.body if isinstance(node, kinds)}
    return {node.name for node in top} | methods
