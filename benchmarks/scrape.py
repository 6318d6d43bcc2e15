"""Scrapes 100,000 series, gzipped, over one kept connection: the exporter, nginx, client_golang and prometheus_client.

    python -m benchmarks.scrape [--series 100000] [--profile]

nginx serves the same bytes as a file. The other two serve as many series of one gauge, as their documentation tells to.
Each is a process of its own on loopback, and the exporter and nginx are scraped in turn, so that both have
the same machine. `--profile` prints where the exporter's time goes instead. Needs nginx, and go with client_golang
(Debian: nginx-light, golang-go, golang-github-prometheus-client-golang-dev); what is missing is not measured.
"""

import argparse
import cProfile
import gc
import multiprocessing
import os
import pstats
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from benchmarks.claim import Baseline, Figure, missing, report
from benchmarks.publishing import source
from exporter.config.sections import Address
from exporter.daemon.run import listen
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.publish.status import Reload
from exporter.web.access import Guard, WebAccess
from exporter.web.application import Pages, application
from exporter.web.server import Server

SERIES = 100_000
TURNS = 300
# Of those that write their series anew for every scrape.
FEW_TURNS = 3
MOST_OF_NGINX = 3.0
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n"

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{}}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port};
    location /metrics {{ root {folder}; default_type text/plain; add_header Content-Encoding gzip; }}
  }}
}}
"""
GO = """
package main

import (
	"net/http"
	"os"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "usage", Help: "Events."}, []string{"source", "series"})
	prometheus.MustRegister(gauge)
	series, _ := strconv.Atoi(os.Args[2])
	for index := 0; index < series; index++ {
		gauge.WithLabelValues("one", strconv.Itoa(index)).Set(float64(index % 10000))
	}
	http.Handle("/metrics", promhttp.Handler())
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
"""


class Client:
    """One kept connection, which costs little beside the server that is measured."""

    def __init__(self, port: int) -> None:
        self._socket = _connected(port)
        self._buffer = memoryview(bytearray(64 * 2**20))

    def scrape(self) -> tuple[float, bytes]:
        """The seconds that a scrape took, and the body."""
        began = time.perf_counter()
        self._socket.sendall(REQUEST)
        size = end = 0
        while not end:
            size += self._received(size)
            end = bytes(self._buffer[: min(size, 4096)]).find(b"\r\n\r\n") + 1
        head = bytes(self._buffer[:end]).lower()
        assert head.startswith((b"http/1.1 200", b"http/1.0 200")), head
        if b"content-length:" in head:
            whole = end + 3 + int(head.partition(b"content-length:")[2].split()[0])
            while size < whole:
                size += self._received(size)
        else:
            while bytes(self._buffer[size - 5 : size]) != b"0\r\n\r\n":
                size += self._received(size)
        took = time.perf_counter() - began
        return took, bytes(self._buffer[end + 3 : size])

    def _received(self, size: int) -> int:
        received = self._socket.recv_into(self._buffer[size:])
        if not received:
            raise ConnectionError("the server closed the connection")
        return received


def _connected(port: int) -> socket.socket:
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=120)
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing listens on {port}")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def exporter_server(series: int) -> tuple[Server, socket.socket, ExpositionCache]:
    """The exporter's web server over one source, as the daemon has it, its listener and what it serves."""
    cache, self_metrics = ExpositionCache(), SelfMetrics()
    cache.publish("one", source("one", series, 1))
    self_metrics.source("one", "augment")
    pages = Pages(cache, self_metrics, lambda: True, lambda: True, _none, dict, Reload)
    gc.freeze()
    guard = Guard(application(pages), WebAccess.open(None))
    return Server(guard, lambda: None), listen(Address("127.0.0.1", 0)), cache


def _none() -> None:
    return None


def serve_exporter(series: int, pipe: Connection) -> None:
    """Serves until the process is ended; sends its port first."""
    server, listener, _ = exporter_server(series)
    pipe.send(listener.getsockname()[1])
    server.run(sockets=[listener])


def serve_prometheus_client(series: int, pipe: Connection) -> None:
    """The same with prometheus_client's own server."""
    registry = CollectorRegistry()
    gauge = Gauge("usage", "Events.", ["source", "series"], registry=registry)
    for index in range(series):
        gauge.labels("one", str(index)).set(index % 10_000)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    pipe.send(server.server_port)
    thread.join()


@contextmanager
def in_python(target: Callable[[int, Connection], None], series: int) -> Iterator[tuple[int, Connection]]:
    """Runs a server in a fresh process; gives its port and a pipe to it."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=target, args=(series, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        process.terminate()
        process.join()


@contextmanager
def running(*command: str) -> Iterator[None]:
    """Runs a program until the block ends."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def nginx(body: bytes) -> Iterator[int]:
    """nginx with a file; gives its port."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        # Its worker is another user where this one is root.
        folder.chmod(0o755)
        (folder / "metrics").write_bytes(body)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        with running("nginx", "-p", name, "-c", str(folder / "nginx.conf")):
            yield port


@contextmanager
def client_golang(series: int) -> Iterator[int]:
    """A program with client_golang; gives its port."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "main.go").write_text(GO)
        environ = {**os.environ, "GO111MODULE": "off", "GOPATH": f"{name}/go:/usr/share/gocode", "GOCACHE": f"{name}/c"}
        build = ["go", "build", "-o", str(folder / "server"), str(folder / "main.go")]
        subprocess.run(build, env=environ, check=True, capture_output=True, text=True)
        with running(str(folder / "server"), str(port), str(series)):
            yield port


def measure(series: int = SERIES) -> Iterator[Figure]:
    """Scrapes each of them, and yields the medians."""
    claim = f"a scrape of {series:,} series, gzip, one kept connection, median"
    with ExitStack() as stack:
        ours = Client(stack.enter_context(in_python(serve_exporter, series))[0])
        body = ours.scrape()[1]
        without_nginx = missing("nginx")
        if without_nginx:
            yield Figure(claim, None, "ms", most_ratio=MOST_OF_NGINX, note=without_nginx)
            took, baseline = median(ours.scrape()[0] for _ in range(TURNS)), None
        else:
            theirs = Client(stack.enter_context(nginx(body)))
            # The first ones warm up both.
            turns = [(ours.scrape()[0], theirs.scrape()[0]) for _ in range(TURNS)][TURNS // 10 :]
            took = median(mine for mine, _ in turns)
            baseline = Baseline("nginx, the same bytes as a file", 1000 * median(other for _, other in turns))
            yield Figure(claim, 1000 * took, "ms", most_ratio=MOST_OF_NGINX, baseline=baseline)
        port, _ = stack.enter_context(in_python(serve_prometheus_client, series))
        # It keeps no connection.
        baseline = Baseline("prometheus_client", 1000 * median(Client(port).scrape()[0] for _ in range(FEW_TURNS)))
        yield Figure("the same", 1000 * took, "ms", most_ratio=1, baseline=baseline)
        without_go = missing("go")
        if without_go:
            yield Figure("the same against client_golang", None, "ms", most_ratio=1, note=without_go)
            return
        port = stack.enter_context(client_golang(series))
        baseline = Baseline("client_golang", 1000 * median(Client(port).scrape()[0] for _ in range(FEW_TURNS)))
        yield Figure("the same", 1000 * took, "ms", most_ratio=1, baseline=baseline)


def profile(series: int) -> None:
    """Prints in which functions the exporter's server spends its time."""
    server, listener, _ = exporter_server(series)

    def scrapes() -> None:
        client = Client(listener.getsockname()[1])
        for _ in range(TURNS):
            client.scrape()
        server.should_exit = True

    threading.Thread(target=scrapes).start()
    profiler = cProfile.Profile()
    profiler.runcall(server.run, sockets=[listener])
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


def main(arguments: Sequence[str]) -> int:
    """Measures and prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=SERIES)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.profile:
        profile(asked.series)
        return 0
    return report(measure(asked.series))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
