"""Writes what is in the image: sbom.cdx.json (CycloneDX) and licenses.txt, with one line for each package.

    sbom.py VENV STATUS FOLDER

VENV is the environment with the installed exporter, STATUS the folder of dpkg's status files, which may be empty.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

PROJECT = "adoption-exporter"
# What these declare is no SPDX identifier; read in their license files on 2026-11-30.
LICENSES = {"Jinja2": "BSD-3-Clause", "protobuf": "BSD-3-Clause", "python-dateutil": "BSD-3-Clause"}


def main(venv: Path, status: Path, folder: Path) -> None:
    bom = environment(venv)
    for component in bom["components"]:
        if not spdx(component) and component["name"] in LICENSES:
            component["licenses"] = [{"license": {"id": LICENSES[component["name"]], "acknowledgement": "concluded"}}]
    unknown = [component["name"] for component in bom["components"] if not spdx(component)]
    if unknown:
        sys.exit(f"the license of {', '.join(unknown)} is not known: read it and add it to LICENSES in {__file__}")
    (project,) = (component for component in bom["components"] if component["name"] == PROJECT)
    bom["components"].remove(project)
    bom["metadata"]["component"] = {**project, "type": "application"}
    lines = [f"{one['name']} {one['version']}: {', '.join(spdx(one))}" for one in (project, *bom["components"])]
    for component in debian(status):
        bom["components"].append(component)
        copyright_file = f"/usr/share/doc/{component['name']}/copyright"
        lines.append(f"{component['name']} {component['version']} (Debian): see {copyright_file}")
    text = json.dumps(bom, indent=1, sort_keys=True)
    invalid = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if invalid is not None:
        sys.exit(f"this is no CycloneDX: {invalid}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sbom.cdx.json").write_text(f"{text}\n")
    (folder / "licenses.txt").write_text("".join(f"{line}\n" for line in lines))


def environment(venv: Path) -> Any:
    """The SBOM of an environment, the same each time: it has no date and no number."""
    cyclonedx = [sys.executable, "-m", "cyclonedx_py", "environment", "--sv", "1.6", "--output-reproducible"]
    # Validated once, with what is added to it.
    command = [*cyclonedx, "--no-validate", venv / "bin" / "python"]
    return json.loads(subprocess.check_output(command))  # noqa: S603 - the Dockerfile names the environment


def spdx(component: dict[str, Any]) -> list[str]:
    """The SPDX identifiers and expressions under which a component stands."""
    licenses = component.get("licenses", ())
    found = [one.get("expression") or one.get("license", {}).get("id") for one in licenses]
    return [one for one in found if one is not None]


def debian(status: Path) -> Iterator[dict[str, Any]]:
    """Debian's packages as components."""
    for file in sorted(status.glob("*")):
        package = HeaderParser().parsestr(file.read_text())
        name, version, architecture = package["Package"], package["Version"], package["Architecture"]
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
        yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
