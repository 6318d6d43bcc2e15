"""What the documentation says is so."""

import re
from pathlib import Path

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

    assert named <= commands.commands.keys()


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
