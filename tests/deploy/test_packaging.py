"""The wheel and the sdist, and the exporter as it is installed from the wheel."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import Distribution, PathDistribution, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from exporter import __version__
from exporter.simulator.augment import augment_app
from exporter.simulator.server import serve
from tests.support.companies import busy, utc_now

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
    extras = {extra: names for extra, names in project["optional-dependencies"].items() if extra != "all"}
    dependencies = [*project["dependencies"], *(name for names in extras.values() for name in names)]
    declared = {normal(re.split(r"[\[<>=!~ ]", dependency)[0]) for dependency in dependencies}
    # protobuf and requests are what the OTLP exporters send with. markupsafe is what Jinja escapes with.
    # cryptography is what PyJWT signs with.
    through_others = {
        "cryptography",
        "googleapis-common-protos",
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
    assert project["optional-dependencies"]["all"] == [f"adoption-exporter[{','.join(sorted(extras))}]"]


@pytest.fixture(scope="module")
def plain_program(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console script in an environment with the wheel and what it requires without extras, and nothing else."""
    folder = tmp_path_factory.mktemp("plain")
    venv.create(folder, symlinks=True)
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder / "bin" / "python")]
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, folder=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (metadata,) = site.glob("adoption_exporter-*.dist-info")
    for library in required(PathDistribution(metadata)):
        for file in distribution(library).files or ():
            if ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                (site / file).symlink_to(file.locate())
    return folder / "bin" / "adoption-exporter"


def test_without_extras_the_installed_program_polls_a_vendor(plain_program: Path, tmp_path: Path) -> None:
    with serve(augment_app(busy(), utc_now)) as server:
        config = configured(tmp_path, f"base_url: {server.url}")
        exposition = run(plain_program, "once", "--config.file", config, "--history", "1d", folder=tmp_path)

    assert 'adoption_exporter_poll_success{source="tool",vendor="augment"} 1.0' in exposition


@pytest.mark.parametrize(
    ("extra", "key", "config"),
    [
        ("grpc", "otlp.protocol", "otlp: {protocol: grpc}"),
        ("postgres", "state.url", 'state: {url: "postgresql://exporter@db.example.com/adoption"}'),
        ("github-app", "sources.app.app.private_key_file", ""),
    ],
)
@pytest.mark.parametrize("command", [["run", "--config.file"], ["check-config"]])
def test_without_an_extra_a_sentence_says_which_one_a_configuration_needs(
    command: list[str], extra: str, key: str, config: str, plain_program: Path, tmp_path: Path
) -> None:
    app = "app: {client_id: Iv1, private_key_file: app.pem}" if extra == "github-app" else "token: t"
    path = configured(tmp_path, "requests_per_minute: 10", f"app: {{vendor: copilot, organizations: [acme], {app}}}")
    path.write_text(f"{path.read_text()}{config}\n")
    (tmp_path / "app.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\n")

    done = subprocess.run([plain_program, *command, path], cwd=tmp_path, capture_output=True, text=True, timeout=1200)

    needs = f"needs libraries that are not installed: pip install 'adoption-exporter[{extra}]'"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{path}: {key}: {needs}\n")


def test_a_collector_over_grpc_that_a_variable_names_needs_the_extra_too(plain_program: Path, tmp_path: Path) -> None:
    path = configured(tmp_path, "requests_per_minute: 10")
    path.write_text(f"{path.read_text()}otlp: {{}}\n")

    done = subprocess.run(
        [plain_program, "run", "--config.file", path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=1200,
        env={**os.environ, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    )

    needs = "needs libraries that are not installed: pip install 'adoption-exporter[grpc]'"
    assert (done.returncode, done.stderr) == (2, f"environment: OTEL_EXPORTER_OTLP_PROTOCOL: {needs}\n")


def test_the_installed_program_writes_a_configuration(plain_program: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    told = run(plain_program, "init", "--vendor", "augment", "--token-file", "token", folder=tmp_path)

    assert told.startswith("config.yaml: ok, 1 source configured\n")


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


def configured(folder: Path, block: str, *sources: str) -> Path:
    path = folder / "config.yaml"
    source = f"tool: {{vendor: augment, token: demo-token, {block}}}"
    path.write_text("\n".join(["sources:", f"  {source}", *(f"  {other}" for other in sources), ""]))
    return path


def required(package: Distribution) -> set[str]:
    """The libraries that a package requires without extras, with those that they require in turn."""
    found: set[str] = set()
    waiting = [(package, "")]
    while waiting:
        one, extra = waiting.pop()
        for requirement in map(Requirement, one.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                for wanted in ("", *requirement.extras):
                    if (name := f"{normal(requirement.name)}[{wanted}]") not in found:
                        found.add(name)
                        waiting.append((distribution(requirement.name), wanted))
    return {name.partition("[")[0] for name in found}


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
