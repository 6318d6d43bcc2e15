"""Holds the layers: which package of `exporter/` may import which. ARCHITECTURE.md shows them."""

import ast
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "exporter"

# From the ground up: a package may import itself, its row, and nothing else of ours. Everything may import the
# ground, which imports nothing of ours but `model`, and the version in `__init__`. `poll`, `otlp` and `web` never meet.
GROUND = "errors redaction model metrics hosts"
LAYERS = {
    "errors": "",
    "hosts": "",
    "redaction": "",
    "model": "",
    "metrics": "model",
    "log": "redaction",
    "config": f"log {GROUND}",
    "transport": f"log {GROUND}",
    "state": f"log {GROUND}",
    "vendors": f"transport config log {GROUND}",
    "samples": f"state config log {GROUND}",
    "publish": f"samples state config log {GROUND}",
    "poll": f"publish samples vendors state transport config log {GROUND}",
    "otlp": f"publish samples state transport config log {GROUND}",
    "web": f"publish config log {GROUND}",
    "daemon": f"web otlp poll publish samples vendors state transport config log {GROUND}",
    "simulator": "",
    "commands": f"simulator daemon web otlp poll publish samples vendors state transport config log {GROUND}",
    "cli": f"commands config state log {GROUND}",
    "__main__": "cli",
}


def test_every_package_has_a_layer_and_every_layer_a_package() -> None:
    found = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}

    assert found - {"__init__"} == set(LAYERS)


def test_no_package_imports_what_its_layer_does_not_allow() -> None:
    forbidden = [
        f"{path.relative_to(CHECKOUT)} imports exporter.{imported}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for imported in sorted(set(packages_imported_by(path)))
        if imported not in {package_of(path), *LAYERS.get(package_of(path), "").split()}
    ]

    assert not forbidden, "\n".join(forbidden)


def test_a_layer_lies_above_all_that_it_imports() -> None:
    below: set[str] = set()
    for package, imports in LAYERS.items():
        assert set(imports.split()) <= below, package
        below.add(package)


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def packages_imported_by(path: Path) -> Iterator[str]:
    """The packages of ours that a file imports, anywhere in it; a relative import is named with its dots."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            # The version stands in the package itself.
            modules = [
                f"exporter.{alias.name}" if module == "exporter" else module
                for alias in node.names
                if (module, alias.name) != ("exporter", "__version__")
            ]
        else:
            continue
        for module in modules:
            top, _, rest = module.partition(".")
            if top in ("exporter", ""):
                yield rest.partition(".")[0]
