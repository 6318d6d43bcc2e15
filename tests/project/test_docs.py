"""What the documentation says is so."""

import ast
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from docs import configuration
from exporter.cli import commands
from exporter.commands.catalogue import metrics
from exporter.commands.keys import Key, sections
from exporter.config.load import load_config
from exporter.vendors import SETTINGS

ROOT = Path(__file__).parents[2]
KEYS = [key for _, keys in sections() for key in keys]
PAGES = sorted(
    page.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md")
    for page in ROOT.glob(pattern)
    if "node_modules" not in page.parts
)


def test_the_page_of_metrics_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(metrics).output

    assert (ROOT / "docs" / "metrics.md").read_text().endswith(printed)


def test_the_page_of_the_configuration_is_what_the_settings_say() -> None:
    assert configuration.PAGE.read_text() == configuration.page()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_example_on_it_is_valid_and_says_what_it_is(key: Key, tmp_path: Path) -> None:
    if "file" in configuration.kind(key.field):
        pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / str(key.example)).write_bytes(pem)

    key.adapter.validate_python(key.example, context={"folder": tmp_path})

    assert key.meaning != ""


def test_every_vendor_has_a_page_that_the_readme_links_to() -> None:
    readme = (ROOT / "README.md").read_text()
    pages = {page.stem for page in (ROOT / "docs" / "vendors").glob("*.md")}

    assert pages == set(SETTINGS) == set(re.findall(r"\(docs/vendors/([a-z-]+)\.md\)", readme))


def test_the_readme_names_both_commands() -> None:
    readme = (ROOT / "README.md").read_text()

    assert "make demo" in readme
    assert "make test" in readme


def test_the_readme_has_at_most_900_words() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 900


def test_the_page_of_dashboards_shows_every_picture_and_each_is_of_a_dashboard_or_of_the_status_page() -> None:
    page = (ROOT / "docs" / "boards.md").read_text()
    dashboards = {file.stem for file in (ROOT / "grafana" / "dashboards").glob("*.json")}
    pictures = {file.stem for file in (ROOT / "docs" / "pictures").glob("*.png")}

    drawn = {picture.removesuffix("-light").removesuffix("-phone") for picture in pictures}
    assert {"adoption-overview", "adoption-exporter", "status-page"} <= drawn <= dashboards | {"status-page"}
    assert set(re.findall(r"\(pictures/([a-z-]+)\.png\)", page)) == pictures


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_between_pages_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        name, _, heading = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        if "://" not in target and not (file.exists() and (not heading or heading in headings(file))):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_that_a_page_runs_exists(page: Path) -> None:
    named = set(
        re.findall(
            r"(?:-m exporter|(?:`|^ {4}|/bin/)adoption-exporter) ([a-z][a-z-]*)", (ROOT / page).read_text(), re.M
        )
    )

    assert named <= {*commands.list_commands(click.Context(commands))}


def test_the_configuration_in_the_readme_is_valid(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    token = tmp_path / "token"
    token.write_text("secret")
    file = tmp_path / "config.yaml"
    file.write_text(block.replace("/run/secrets/augment", str(token)))

    assert list(load_config(file, SETTINGS).sources) == ["augment-prod"]


def test_the_recipe_for_history_names_the_retention_without_which_prometheus_deletes_it() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    recipe = page[page.index("## History") : page.index("\n\n", page.index("promtool tsdb create-blocks-from"))]

    assert "--storage.tsdb.retention.time=3y" in recipe
    assert [name for name in ("Mimir", "Thanos", "Grafana Cloud", "VictoriaMetrics") if f"| {name}" not in page] == []


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


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and GitLab make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def definitions(tree: ast.Module) -> set[str]:
    """The functions and classes of a module, and its methods as `Class.method`."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    top = [node for node in tree.body if isinstance(node, kinds)]
    methods = {f"{one.name}.{node.name}" for one in top for node in one.body if isinstance(node, kinds)}
    return {node.name for node in top} | methods
