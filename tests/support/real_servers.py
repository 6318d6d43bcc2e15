"""Starts and stops the real programs around the exporter, on loopback and a free port."""

import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import httpx

from tests.support import wrong_clock
from tests.support.daemons import PATIENCE, get

COMMANDS = {
    "prometheus": ["prometheus"],
    "promtool": ["promtool"],
    "alertmanager": ["alertmanager", "prometheus-alertmanager"],  # Debian prefixes the name
    "systemd-analyze": ["systemd-analyze"],
    "buildah": ["buildah"],
    "podman": ["podman"],
    "runc": ["runc"],
    "debootstrap": ["debootstrap"],
    "victoria-metrics": ["victoria-metrics"],
    "rotel": ["rotel-agent"],
    "chromium": ["chromium", "chromium-browser"],
    "postgresql": ["pg_ctl"],  # Debian keeps PostgreSQL's server off the path, by version
}


def installed(program: str) -> str | None:
    """The path of a program in `COMMANDS`, of libfaketime or of Helm; None where it is not installed."""
    if program == "libfaketime":
        # It is a library, which `faketime` preloads.
        library = wrong_clock.library()
        return None if library is None else str(library)
    if program == "helm":
        # It is a library of Python, with Helm's own code in it.
        found_module = find_spec("helm_python")
        return None if found_module is None else found_module.origin
    debian = os.pathsep.join(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))
    path = f"{os.environ['PATH']}{os.pathsep}{debian}"
    found = (shutil.which(command, path=path) for command in COMMANDS[program])
    return next((path for path in found if path), None)


@contextmanager
def prometheus(config: str, folder: Path, *flags: str) -> Iterator[str]:
    """A ready Prometheus with this configuration text, as its URL; `folder` keeps its configuration, data and log."""
    with _serving("prometheus", config, folder, [f"--storage.tsdb.path={folder / 'prometheus'}", *flags]) as url:
        yield url


@contextmanager
def alertmanager(config: str, folder: Path) -> Iterator[str]:
    """A ready Alertmanager of one node with this configuration text, as its URL; `folder` as for `prometheus`."""
    flags = [f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address="]
    with _serving("alertmanager", config, folder, flags) as url:
        yield url


def promtool(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The result of `promtool`; `check metrics` exits with 3 if it only has advice."""
    return subprocess.run(
        [_path("promtool"), *arguments], input=stdin, capture_output=True, text=True, timeout=PATIENCE
    )


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    """A ready VictoriaMetrics that names OTLP metrics as Prometheus does, as its URL."""
    address = f"127.0.0.1:{_free_port()}"
    flags = [
        f"-storageDataPath={folder / 'victoria-metrics'}",
        f"-httpListenAddr={address}",
        "-opentelemetry.usePrometheusNaming",
        "-retentionPeriod=100y",
        "-memory.allowedBytes=256MiB",
    ]
    with _running("victoria-metrics", flags, folder, f"http://{address}/health"):
        yield f"http://{address}"


@contextmanager
def rotel(folder: Path, forward_to: str) -> Iterator[tuple[str, str]]:
    """A ready OpenTelemetry collector that passes metrics on to an OTLP/HTTP URL, as its gRPC and HTTP URLs."""
    grpc, http = (f"127.0.0.1:{_free_port()}" for _ in range(2))
    flags = [
        "start",
        f"--otlp-grpc-endpoint={grpc}",
        f"--otlp-http-endpoint={http}",
        f"--pid-file={folder / 'rotel.pid'}",
        f"--log-file={folder / 'rotel-agent.log'}",
        "--exporter=otlp",
        "--otlp-exporter-protocol=http",
        *(f"--otlp-exporter-{signal}-endpoint={forward_to}" for signal in ("metrics", "traces", "logs")),
    ]
    with _running("rotel", flags, folder, f"http://{http}/"):
        yield f"http://{grpc}", f"http://{http}"


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A ready PostgreSQL of its own, as the URL of a database; `folder` keeps its log.

    It refuses to run as root, so root runs it as user postgres, who may not enter the folders of pytest.
    """
    binaries = Path(_path("postgresql")).parent
    log, port = folder / "postgresql.log", _free_port()
    data = Path(tempfile.mkdtemp(prefix="postgresql-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(data, "postgres")

    def run(*command: str | Path) -> None:
        with log.open("a") as output:
            done = subprocess.run([*as_user, *command], cwd="/", stdout=output, stderr=output, timeout=PATIENCE)
        assert done.returncode == 0, f"{command}:\n{log.read_text()[-2000:]}"

    run(binaries / "initdb", "-D", data, "-A", "trust", "-U", "exporter", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {data}"
    run(binaries / "pg_ctl", "-D", data, "-o", options, "-l", data / "log", "-w", "-t", f"{PATIENCE:.0f}", "start")
    try:
        yield f"postgresql://exporter@127.0.0.1:{port}/postgres"
    finally:
        run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(data)


@contextmanager
def _serving(program: str, config: str, folder: Path, flags: Sequence[str]) -> Iterator[str]:
    settings = folder / f"{program}.yml"
    settings.write_text(config)
    address = f"127.0.0.1:{_free_port()}"
    arguments = [f"--config.file={settings}", f"--web.listen-address={address}", *flags]
    with _running(program, arguments, folder, f"http://{address}/-/ready"):
        yield f"http://{address}"


@contextmanager
def _running(program: str, arguments: Sequence[str], folder: Path, ready: str) -> Iterator[None]:
    log = folder / f"{program}.log"
    command = [_path(program), *arguments]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, cwd=folder) as process:
        try:
            _wait_until_ready(ready, process, log)
            yield
        finally:
            _stop(process)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits for any response but 5xx: a 404 shows a running server too."""
    deadline = monotonic() + PATIENCE
    while process.poll() is None and monotonic() < deadline:
        try:
            if not get(url).is_server_error:
                return
        except httpx.TransportError:
            pass
        sleep(0.05)
    raise AssertionError(f"{url} did not become ready (exit status {process.returncode}):\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def _path(program: str) -> str:
    path = installed(program)
    if path is None:
        raise AssertionError(f"{program} is not installed: does the test carry @pytest.mark.servers({program!r})?")
    return path


def _free_port() -> int:
    """A free port outside the range of outgoing connections, which could take it before the program does."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
