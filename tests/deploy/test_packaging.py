"""The wheel and the sdist, and the exporter as it is installed from the wheel."""

import ast
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from exporter import __version__

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "exporter"
SHIPPED = [
    "docs/runbooks/*.md",
    "grafana/dashboards/*.json",
    "grafana/provisioning/**/*.yaml",
    "prometheus/*.yaml",
    "prometheus/*.yml",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was made of the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, CHECKOUT, folder=folder)
    return folder


@pytest.fixture(scope="module")
def program(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console script in an environment with the wheel, and with the libraries of this Python."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, folder=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "adoption-exporter"


def test_a_wheel_and_an_sdist_are_built(built: Path) -> None:
    assert sorted(path.name for path in built.iterdir()) == [
        f"adoption_exporter-{__version__}-py3-none-any.whl",
        f"adoption_exporter-{__version__}.tar.gz",
    ]


def test_the_wheel_holds_the_package_the_dashboards_and_the_rules_and_nothing_else(built: Path) -> None:
    package = {path.relative_to(CHECKOUT).as_posix() for path in PACKAGE.rglob("*") if path.is_file()}
    (wheel,) = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert names == {name for name in package if "__pycache__" not in name} | {
        f"exporter/data/{path.relative_to(CHECKOUT).as_posix()}" for path in shipped(CHECKOUT)
    } | {"exporter/data/docs/configuration.yaml"}
    assert {"exporter/py.typed", "exporter/commands/demo.yaml"} <= names


def test_the_sdist_holds_what_it_takes_to_test_and_to_run(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {
        "LICENSE",
        "Makefile",
        "README.md",
        "config.example.yaml",
        "exporter/cli.py",
        "pyproject.toml",
        "requirements-dev.txt",
        "systemd/adoption-exporter.service",
        "tests/deploy/test_packaging.py",
    } <= names


def test_every_imported_library_is_a_declared_dependency() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    declared = {normal(re.split(r"[\[<>=!~ ]", dependency)[0]) for dependency in project["dependencies"]}
    # protobuf and requests are what the OTLP exporters send with; grpcio too. markupsafe is what Jinja escapes with.
    # cryptography is what PyJWT signs with.
    through_others = {
        "cryptography",
        "googleapis-common-protos",
        "grpcio",
        "markupsafe",
        "protobuf",
        "pydantic-core",
        "requests",
    }
    known = packages_distributions()
    used = {
        normal(distribution)
        for path in PACKAGE.rglob("*.py")
        for name in imported(path)
        for distribution in known.get(name, [f"the unknown {name}"])
        if name not in sys.stdlib_module_names and name != "exporter"
    }
    ours = {name for name in used if not name.startswith("opentelemetry-")}

    assert ours - through_others <= declared
    assert declared - used - {"psycopg"} == set()


def test_the_installed_program_knows_its_version(program: Path, tmp_path: Path) -> None:
    assert run(program, "--version", folder=tmp_path) == f"adoption-exporter {__version__}\n"


def test_the_installed_program_polls_the_simulated_vendors(program: Path, tmp_path: Path) -> None:
    exposition = run(program, "demo", "--once", folder=tmp_path)

    successes = re.findall(r"^adoption_exporter_poll_success\{.*\} (.*)$", exposition, re.MULTILINE)
    assert set(successes) == {"1.0"}
    assert list(tmp_path.iterdir()) == []


def test_the_installed_program_writes_the_dashboards_and_rules_of_the_checkout(program: Path, tmp_path: Path) -> None:
    told = run(program, "dashboards", "--output", tmp_path / "new" / "folder", folder=tmp_path)

    written = {path: path.read_bytes() for path in (tmp_path / "new" / "folder").rglob("*") if path.is_file()}
    assert [Path(line) for line in told.splitlines()] == sorted(written)
    assert {path.relative_to(tmp_path / "new" / "folder"): data for path, data in written.items()} == {
        path.relative_to(CHECKOUT): path.read_bytes() for path in shipped(CHECKOUT)
    }


def test_the_checkout_writes_them_too_over_older_ones(tmp_path: Path) -> None:
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "prometheus" / "alerts.yaml").write_text("of an earlier version")

    run(sys.executable, "-m", "exporter", "dashboards", "--output", tmp_path, folder=CHECKOUT)

    assert {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == {
        path.relative_to(CHECKOUT): path.read_bytes() for path in shipped(CHECKOUT)
    }


def test_a_folder_that_cannot_be_written_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "grafana").write_text("in the way")
    (tmp_path / "prometheus").write_text("in the way")
    command = [sys.executable, "-m", "exporter", "dashboards", "--output", str(tmp_path)]

    said = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)

    assert (said.returncode, len(said.stderr.splitlines())) == (2, 1)


def shipped(folder: Path) -> list[Path]:
    return sorted(path for pattern in SHIPPED for path in folder.glob(pattern))


def run(*command: str | Path, folder: Path) -> str:
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1200)
    assert said.returncode == 0, said.stderr
    return said.stdout


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.partition(".")[0] for name in plain | {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
