"""Several replicas on one PostgreSQL that are killed, suspended and cut off from it, for as long as is wanted.

    python -m tests.reliability.replicas [--seconds 300] [--seed 1] [--replicas 3]

Real daemons poll a vendor whose every answer is newer than the one before. No stored day may ever become older, no two
undisturbed replicas may read a source at once, and in the end all publish the same, which is what the vendor shows.
Prints the figures and exits with 1 where something is wrong. Needs PostgreSQL.
"""

import argparse
import asyncio
import random
import signal
import socket
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from sqlalchemy import make_url
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exporter.model import Amount, AmountKey
from exporter.simulator.server import serve
from exporter.state.store import Store
from tests.support import real_servers
from tests.support.claude_code_server import ACTIVITY, MEMBERS
from tests.support.companies import calm
from tests.support.daemons import Daemon, daemon, wait_until

SOURCES = ("one", "two", "three")
# What a cut or a stop may still explain: longer than a poll takes.
DISTURBED = 20.0
CONFIG = """
poll: {{interval: 3s, history: 2d}}
state: {{url: "{state}"}}
people: {{company: false}}
sources:
"""
SOURCE = '  {name}: {{vendor: claude-code, api: console, base_url: "{server}/{name}", token: {token}, {more}}}\n'


class Asked(NamedTuple):
    """A request to the vendor, by which replica, from when to when."""

    source: str
    replica: str
    begin: float
    end: float


@dataclass
class NewerVendor:
    """Each answer has a number that is higher than that of every answer before, until it `stops`."""

    chance: random.Random
    asked: list[Asked] = field(default_factory=list)
    version: int = 0
    stopped: bool = False

    def app(self) -> Starlette:
        """The vendor's server; each source has a path of its own."""
        routes = [Route(f"/{{source}}{ACTIVITY}", self._rows), Route(f"/{{source}}{MEMBERS}", self._members)]
        return Starlette(routes=routes)

    async def _rows(self, request: Request) -> Response:
        begin = monotonic()
        if not self.stopped:
            self.version += 1
        version = self.version
        # The slowest answers take longer than the interval of the polls.
        await asyncio.sleep(self.chance.choice((0.0, 0.05, 0.3, 4.0)) if not self.stopped else 0)
        source, replica = request.path_params["source"], request.headers["x-api-key"]
        self.asked.append(Asked(source, replica, begin, monotonic()))
        core = {"commits_by_claude_code": 0, "pull_requests_by_claude_code": 0, "num_sessions": version}
        row = {
            "date": f"{request.query_params['starting_at']}T00:00:00Z",
            "actor": {"type": "user_actor", "email_address": "ann@example.com"},
            "customer_type": "api",
            "terminal_type": "vscode",
            "core_metrics": {**core, "lines_of_code": {"added": 0, "removed": 0}},
            "tool_actions": {},
            "model_breakdown": [],
        }
        return JSONResponse({"data": [row], "has_more": False, "next_page": None})

    async def _members(self, _: Request) -> Response:
        return JSONResponse({"data": [], "has_more": False, "first_id": None, "last_id": None})


class Proxy:
    """Forwards to a server; `cut` ends every connection that goes through it."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Ends every connection."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Accepts no more connections."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for one, other in ((client, server), (server, client)):
                    self._open.add(one)
                    threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.discard(one)
        one.close()


@dataclass
class Replica:
    """A daemon with its way to PostgreSQL; `disturbed` is when it was last cut off, stopped or killed."""

    name: str
    folder: Path
    proxy: Proxy
    running: Daemon | None = None
    closing: ExitStack = field(default_factory=ExitStack)
    disturbed: list[float] = field(default_factory=list)
    stopped_until: float | None = None

    def start(self) -> None:
        """Starts the daemon, anew after a kill."""
        config = str(self.folder / "config.yaml")
        self.running = self.closing.enter_context(daemon(self.folder, "run", "--config.file", config))

    def send(self, number: int) -> None:
        """Sends a signal."""
        assert self.running is not None
        self.disturbed.append(monotonic())
        self.running.process.send_signal(number)

    def kill(self) -> None:
        """Kills the daemon, with no time for anything."""
        self.disturbed.append(monotonic())
        self.closing.close()
        self.running = None


@dataclass
class Found:
    """What was done and seen; `wrong` must stay empty."""

    done: Counter[str] = field(default_factory=Counter)
    readings: int = 0
    requests: int = 0
    overlaps: int = 0
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The figures in words."""
        done = ", ".join(f"{name} {number}" for name, number in sorted(self.done.items()))
        return [
            f"requests to the vendor: {self.requests}; {done}",
            f"stored days looked at: {self.readings}; wrong: {len(self.wrong)}",
            f"requests of a replica that was cut off or suspended beside those of the next: {self.overlaps}",
        ]


class Watch:
    """Looks at the stored days all the while: none may become older."""

    def __init__(self, url: str, found: Found) -> None:
        self._store, self._found = Store.open(url), found
        self._newest: dict[tuple[str, object], int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._store.close()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            for source in SOURCES:
                days = list(self._store.days(source, "all"))
                for day, facts in self._store.facts(source, "all", days).items():
                    version = int(facts.amounts[AmountKey(Amount("usage", "sessions"))])
                    before = self._newest.get((source, day), 0)
                    self._found.readings += 1
                    self._newest[source, day] = max(before, version)
                    if version < before:
                        self._found.wrong.append(f"{source} {day}: {version} has replaced {before}")


def torture(seconds: float, seed: int, number: int, folder: Path) -> Found:
    """Runs so many replicas for so long, and then until they agree."""
    chance, found, vendor = random.Random(seed), Found(), NewerVendor(random.Random(seed))
    with ExitStack() as closing:
        url = closing.enter_context(real_servers.postgresql(folder))
        server = closing.enter_context(serve(vendor.app()))
        Store.open(url).close()
        replicas = [closing.enter_context(_replica(f"replica-{one}", url, server.url, folder)) for one in range(number)]
        closing.enter_context(Watch(url, found))
        end = monotonic() + seconds
        while monotonic() < end:
            _wait(chance.uniform(0.2, 3))
            _disturb(chance.choice(replicas), chance, found)
        for replica in replicas:
            _resume(replica)
            if replica.running is None:
                replica.start()
        vendor.stopped = True
        wait_until(lambda: len({_published(one) for one in replicas}) == 1 and _is_newest(replicas[0], vendor))
    found.requests = len(vendor.asked)
    _count_overlaps(vendor.asked, {one.name: one.disturbed for one in replicas}, found)
    return found


@contextmanager
def _replica(name: str, url: str, server: str, folder: Path) -> Iterator[Replica]:
    own = folder / name
    own.mkdir()
    port = make_url(url).port
    assert port is not None
    proxy = Proxy(port)
    text = CONFIG.format(state=url.replace(f":{port}/", f":{proxy.port}/"))
    for source in SOURCES:
        text += SOURCE.format(
            name=source, server=server, token=name, more=f"ready_at: {calm()}, requests_per_minute: 1000000"
        )
    (own / "config.yaml").write_text(text)
    replica = Replica(name, own, proxy)
    replica.start()
    try:
        yield replica
    finally:
        _resume(replica)
        replica.closing.close()
        proxy.close()


def _disturb(replica: Replica, chance: random.Random, found: Found) -> None:
    if replica.stopped_until is not None:
        if monotonic() > replica.stopped_until:
            _resume(replica)
        return
    if replica.running is None:
        replica.start()
        return
    what = chance.choice(("kill -9", "suspended", "cut off", "cut off"))
    found.done[what] += 1
    match what:
        case "kill -9":
            replica.kill()
        case "suspended":
            replica.send(signal.SIGSTOP)
            replica.stopped_until = monotonic() + chance.choice((1, 5, 75))
            if chance.random() < 0.5:
                # The server ends what a suspended process holds after a minute; a cut connection, at once.
                replica.proxy.cut()
        case _:
            replica.disturbed.append(monotonic())
            replica.proxy.cut()


def _resume(replica: Replica) -> None:
    if replica.stopped_until is not None and replica.running is not None:
        replica.send(signal.SIGCONT)
    replica.stopped_until = None


def _published(replica: Replica) -> object:
    assert replica.running is not None
    return tuple(sorted(replica.running.values("adoption_usage").items()))


def _is_newest(replica: Replica, vendor: NewerVendor) -> bool:
    assert replica.running is not None
    values = replica.running.values("adoption_usage")
    newest = [value for labels, value in values.items() if {("window", "1d"), ("activity", "sessions")} <= {*labels}]
    return newest == [float(vendor.version)] * len(SOURCES)


def _count_overlaps(asked: Sequence[Asked], disturbed: dict[str, list[float]], found: Found) -> None:
    for source in SOURCES:
        mine = sorted((one for one in asked if one.source == source), key=lambda one: one.begin)
        for index, one in enumerate(mine):
            for other in mine[index + 1 :]:
                if other.begin >= one.end:
                    break
                if other.replica == one.replica:
                    continue
                moments = [*disturbed[one.replica], *disturbed[other.replica]]
                if any(one.begin - DISTURBED < moment < other.end for moment in moments):
                    found.overlaps += 1
                else:
                    found.wrong.append(f"{source}: {one.replica} and {other.replica} read at once")


def _wait(seconds: float) -> None:
    until = monotonic() + seconds
    wait_until(lambda: monotonic() > until)


def main(arguments: Sequence[str]) -> int:
    """Runs, prints, and gives 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = torture(options.seconds, options.seed, options.replicas, Path(folder))
    for line in [*found.wrong[:20], *found.lines()]:
        print(line)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
