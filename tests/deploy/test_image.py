"""The image, and the unit under a real systemd, without a registry: minutes, so only `make image-test` does it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.support.daemons import PATIENCE, wait_until

CHECKOUT = Path(__file__).parents[2]
IMAGE = "localhost/adoption-exporter-test"
BASE = "localhost/adoption-exporter-test-base"
MOST_BYTES = 320_000_000
ADDRESS = "127.0.0.1:18723"
VENDOR = "127.0.0.1:18724"
# procps has the kill of the unit, and is on every Debian but a minimal one.
DEBIAN = ["ca-certificates", "python3", "python3-venv", "systemd-sysv", "dbus", "procps"]
UNIT = "adoption-exporter.service"
STARTED = ("running\n", "degraded\n")
POLLED = 'adoption_exporter_poll_success{source="tool",vendor="augment"} 1.0'
CONFIG = f"""
web: {{listen_address: "{ADDRESS}"}}
sources:
  tool:
    vendor: augment
    base_url: http://{VENDOR}/augment
    token_file: ${{CREDENTIALS_DIRECTORY}}/token_augment
    requests_per_minute: 100000
"""

# What pip and the certificates of this machine need: a mirror or a proxy in between is no business of the Dockerfile.
MOUNTED = ["/etc/ssl/certs", "/etc/pip.conf"]
ENVIRON = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
PODMAN = ["podman", "--cgroup-manager", "cgroupfs", "--runtime", "/usr/sbin/runc"]
LIMITS = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]
RUN = [
    *(*PODMAN, "run", "--rm", "--no-healthcheck", "--network", "host", *LIMITS),
    *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp"),
    *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
]

pytestmark = [pytest.mark.image, pytest.mark.servers("buildah", "podman", "runc", "debootstrap")]


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a Debian of debootstrap's making."""
    root = tmp_path_factory.mktemp("debian") / "root"
    said("debootstrap", "--variant=minbase", f"--include={','.join(DEBIAN)}", "bookworm", root)
    return root


@pytest.fixture(scope="module")
def image(debian: Path) -> str:
    """The name of the image, built on that Debian."""
    base = said("buildah", "from", "scratch").strip()
    said("buildah", "add", "--quiet", base, debian, "/")
    said("buildah", "commit", "--quiet", base, BASE)
    said("buildah", "rm", base)
    mounts = [f"--volume={path}:{path}:ro" for path in MOUNTED if Path(path).exists()]
    said("buildah", "bud", "--format=docker", *mounts, f"--build-arg=BASE_IMAGE={BASE}", f"--tag={IMAGE}", CHECKOUT)
    return IMAGE


def test_the_image_is_small(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    size = int(said(*PODMAN, "image", "inspect", "--format={{.Size}}", image))

    with capsys.disabled():
        print(f"\nThe image has {size / 1e6:.0f} MB.")  # noqa: T201 - what one runs this for
    assert size < MOST_BYTES


def test_the_image_runs_as_nobody_in_particular(image: str) -> None:
    (about,) = json.loads(said(*PODMAN, "image", "inspect", image))

    assert (about["User"], about["Config"]["WorkingDir"]) == ("65532:65532", "/var/lib/adoption-exporter")
    assert about["Healthcheck"]["Test"] == ["CMD", "adoption-exporter", "healthcheck"]


def test_the_image_holds_no_shell_no_package_manager_and_no_build_tool(image: str) -> None:
    with mounted(image) as folder:
        files = {path.name for path in folder.rglob("*") if path.is_file()}
        packages = {path.name for path in (folder / "var/lib/dpkg/status.d").iterdir()}

    assert (
        files & {"sh", "bash", "dash", "busybox", "apt", "dpkg", "pip", "ensurepip", "setuptools", "gcc", "ld"} == set()
    )
    assert {"libc6", "libpython3.11-minimal", "libssl3"} <= packages


def test_the_image_says_which_packages_it_holds(image: str) -> None:
    with mounted(image) as folder:
        told = json.loads((folder / "usr/share/doc/adoption-exporter/sbom.cdx.json").read_text())
        licenses = (folder / "usr/share/doc/adoption-exporter/licenses.txt").read_text()
        debian = {path.name for path in (folder / "var/lib/dpkg/status.d").iterdir()}
        without = [name for name in debian if not (folder / f"usr/share/doc/{name}/copyright").is_file()]

    named = {component["name"] for component in told["components"]}
    assert without == []
    assert debian | {"polars", "psycopg-binary"} <= named
    assert len(licenses.splitlines()) == len(told["components"]) + 1


def test_the_demo_polls_every_vendor_without_a_right_and_a_disk(image: str) -> None:
    exposition = said(*RUN, image, "demo", "--once")

    polls = re.findall(r"^adoption_exporter_poll_success\{.*\} (.*)$", exposition, re.MULTILINE)
    assert len(polls) >= 4
    assert set(polls) == {"1.0"}


def test_the_daemon_answers_its_health_check_and_stops_at_once(image: str) -> None:
    with container(image, "demo", "--web.listen-address", ADDRESS) as name:
        wait_until(lambda: answers(f"http://{ADDRESS}/-/ready"))

        metrics = metrics_text()
        said(*PODMAN, "exec", name, "adoption-exporter", "healthcheck", "--url", f"http://{ADDRESS}")
        before = monotonic()
        said(*PODMAN, "stop", f"--time={2 * PATIENCE:.0f}", name)

    assert "adoption_active_users{" in metrics
    assert monotonic() - before < PATIENCE


def test_the_image_writes_its_dashboards(image: str) -> None:
    written = said(*RUN, image, "dashboards", "--output", "/tmp").split()

    assert {Path(path).name for path in written} > {"alerts.yaml", "recording.yaml"}


def test_the_unit_runs_under_systemd_with_its_credentials_and_comes_back_when_it_hangs(
    debian: Path, image: str
) -> None:
    with mounted(image) as folder:
        shutil.copytree(folder / "opt", debian / "opt", symlinks=True, dirs_exist_ok=True)
    shutil.copy(CHECKOUT / "systemd" / UNIT, debian / "etc/systemd/system")
    (debian / f"etc/systemd/system/{UNIT}.d").mkdir()
    (debian / f"etc/systemd/system/{UNIT}.d/impatient.conf").write_text("[Service]\nWatchdogSec=20s\nRestartSec=0\n")
    (debian / "etc/adoption-exporter/tokens").mkdir(parents=True)
    (debian / "etc/adoption-exporter/tokens/augment").write_text("demo-token\n")
    (debian / "etc/adoption-exporter/config.yaml").write_text(CONFIG)

    with systemd(debian) as run:
        run("systemd-run", "--quiet", "/opt/adoption-exporter/bin/adoption-exporter", "simulate", "--listen", VENDOR)
        run("systemctl", "start", UNIT)
        wait_until(lambda: POLLED in metrics_text())
        metrics = metrics_text()
        run("systemctl", "reload", UNIT)
        reloaded = run("systemctl", "is-active", UNIT)
        run("systemctl", "kill", "--signal=STOP", UNIT)
        wait_until(lambda: "NRestarts=1" in run("systemctl", "show", UNIT))
        run("systemctl", "stop", UNIT)
        ended = run("systemctl", "show", "--property=Result", UNIT)

    assert "adoption_active_users{" in metrics
    assert "process_start_time_seconds" in metrics
    assert (reloaded, ended) == ("active\n", "Result=success\n")


@contextmanager
def systemd(root: Path) -> Iterator[Callable[..., str]]:
    """Boots systemd in a container of a root file system; what is given runs a command in it."""
    flags = ["--detach", "--systemd=always", "--privileged", "--network=host"]
    name = said(*PODMAN, "run", *flags, *LIMITS, "--rootfs", root, "/sbin/init").strip()

    def run(*command: str) -> str:
        return said(*PODMAN, "exec", name, *command)

    try:
        wait_until(lambda: said(*PODMAN, "exec", name, "sh", "-c", "systemctl is-system-running || true") in STARTED)
        # As on a real machine: systemd hands credentials over through mounts that spread.
        run("mount", "--make-rshared", "/")
        yield run
    finally:
        subprocess.run([*PODMAN, "rm", "--force", name], env=ENVIRON, capture_output=True)


@contextmanager
def mounted(image: str) -> Iterator[Path]:
    """The files of an image."""
    yield Path(said(*PODMAN, "image", "mount", image).strip())
    said(*PODMAN, "image", "umount", image)


@contextmanager
def container(image: str, *arguments: str) -> Iterator[str]:
    """A running container, as its name."""
    name = said(*RUN, "--detach", image, *arguments).strip()
    try:
        yield name
    finally:
        subprocess.run([*PODMAN, "rm", "--force", name], env=ENVIRON, capture_output=True)


def said(*command: str | Path) -> str:
    """What a program printed; its errors where it failed."""
    done = subprocess.run(command, env=ENVIRON, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, f"{command[:3]}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def metrics_text() -> str:
    return httpx.get(f"http://{ADDRESS}/metrics", timeout=PATIENCE).text


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=PATIENCE, trust_env=False).is_success
    except httpx.TransportError:
        return False
