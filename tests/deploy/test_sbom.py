"""The image's list of packages and licenses, made of the libraries of this Python."""

import json
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
DEBIAN = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u10\n"


def test_the_sbom_and_the_licenses_name_every_required_package(tmp_path: Path) -> None:
    libraries = pinned()
    (tmp_path / "status").mkdir()
    (tmp_path / "status" / "libc6").write_text(DEBIAN)
    # The script validates what it writes.
    made = sbom(environment(tmp_path, "Apache-2.0", *libraries), tmp_path)
    bom = json.loads((tmp_path / "made" / "sbom.cdx.json").read_text())
    licenses = dict(line.split(": ") for line in (tmp_path / "made" / "licenses.txt").read_text().splitlines())

    assert made.returncode == 0, made.stderr
    root = bom["metadata"]["component"]
    assert (bom["bomFormat"], root["name"], root["version"]) == ("CycloneDX", "adoption-exporter", "1.2.3")
    assert {(one["name"].lower(), one["version"]) for one in bom["components"]} == {
        *((name, version) for name, version in libraries.items()),
        ("libc6", "2.36-9+deb12u10"),
    }
    assert len(licenses) == len(libraries) + 2
    assert licenses["adoption-exporter 1.2.3"] == "Apache-2.0"
    assert licenses[f"protobuf {libraries['protobuf']}"] == "BSD-3-Clause"
    assert licenses["libc6 2.36-9+deb12u10 (Debian)"] == "see /usr/share/doc/libc6/copyright"


def test_a_package_whose_license_is_not_known_makes_no_sbom(tmp_path: Path) -> None:
    made = sbom(environment(tmp_path, "Like the last one"), tmp_path)

    assert made.returncode == 1
    assert "the license of adoption-exporter is not known: read it and add it to LICENSES" in made.stderr
    assert not (tmp_path / "made").exists()


def pinned() -> dict[str, str]:
    """The packages of requirements.txt that this platform and Python need, with their versions."""
    lines = (CHECKOUT / "requirements.txt").read_text().splitlines()
    wanted = [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate()]
    names = [distribution(one.name).name for one in needed]
    return {name.lower(): str(one.specifier).removeprefix("==") for name, one in zip(names, needed, strict=True)}


def environment(folder: Path, declared: str, *libraries: str) -> Path:
    """An environment in which the exporter and these libraries seem to be installed, by their metadata alone."""
    path = folder / "environment"
    venv.create(path, symlinks=True)
    (site,) = path.glob("lib/python*/site-packages")
    for name in libraries:
        (metadata,) = {
            Path(str(file.locate())).parent for file in distribution(name).files or () if file.name == "METADATA"
        }
        (site / metadata.name).symlink_to(metadata)
    own = site / "adoption_exporter-1.2.3.dist-info"
    own.mkdir()
    (own / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: adoption-exporter\nVersion: 1.2.3\nLicense: {declared}\n"
    )
    return path


def sbom(environment: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    script = CHECKOUT / "deploy/image/sbom.py"
    command = [sys.executable, *map(str, (script, environment, folder / "status", folder / "made"))]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)
