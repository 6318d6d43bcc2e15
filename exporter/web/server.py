"""The HTTP server: uvicorn, behind a door that lets nobody stay for ever and lets the next one in even when full."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

# uvicorn warns of every request that is no HTTP, which port scanners send all day long.
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

STOP_SECONDS = 1
# For closed sockets to be cleared away where the process may open no more of them.
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Limits:
    """How many connections at once, and how many seconds each may take for a stage.

    `handshake` is that of TLS, `head` until a request's head is there, `answer` until the client has taken it all, and
    `idle` between two requests: longer than the two minutes that are the longest sensible scrape interval.
    """

    connections: int = 512
    handshake: float = 10.0
    head: float = 10.0
    answer: float = 60.0
    idle: float = 130.0


class Server(uvicorn.Server):
    """Serves an application on listening sockets; `tls` is asked anew for each connection, None means plain HTTP."""

    def __init__(self, app: ASGIApp, tls: Callable[[], ssl.SSLContext | None], limits: Limits | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                # Beyond our own, which also ends a connection whose client does not read.
                timeout_keep_alive=3600,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._tls = tls
        self._limits = limits or Limits()
        self._door = _Door(self._limits.connections)
        self._tasks: set[asyncio.Task[None]] = set()
        self._every: tuple[float, Callable[[], Awaitable[None]]] | None = None
        self._called = float("-inf")

    def call_every(self, seconds: float, call: Callable[[], Awaitable[None]]) -> None:
        """Has something called again and again while the server answers."""
        self._every = seconds, call

    async def on_tick(self, counter: int) -> bool:
        """Runs ten times a second. uvicorn's own way to be called goes by a clock that may be set."""
        if self._every is not None:
            seconds, call = self._every
            now = asyncio.get_running_loop().time()
            if now - self._called >= seconds:
                self._called = now
                await call()
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts accepting connections; uvicorn's own way knows one TLS configuration and no deadline."""
        self.servers = []
        for listener in sockets or []:
            listener.setblocking(False)
            self._start(self._accept(listener))
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more, and ends those who wait."""
        for task in self._tasks:
            task.cancel()
        await super().shutdown(sockets)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            connection = _Connection(self.config, self.server_state, self._door, self._limits)
            if not self._door.enter(connection):
                accepted.close()
                continue
            task = self._start(self._open(connection, accepted))
            task.add_done_callback(partial(self._clear_away, connection, accepted))
            connection.hang_up = task.cancel
            # Accepting does not wait where many are at the door, and whoever is inside must be heard before they are.
            await asyncio.sleep(0)

    async def _open(self, connection: "_Connection", accepted: socket.socket) -> None:
        tls = self._tls()
        handshake = None if tls is None else self._limits.handshake
        # What fails here is a client that has gone, or speaks no TLS in time: nobody whom an answer could reach.
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=tls, ssl_handshake_timeout=handshake, ssl_shutdown_timeout=handshake
            )

    def _clear_away(self, connection: "_Connection", accepted: socket.socket, _opening: asyncio.Task[None]) -> None:
        """Closes what did not become a connection; one that did does so itself."""
        if not connection.is_made:
            self._door.leave(connection)
            accepted.close()

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Connection(H11Protocol):
    """uvicorn's connection with a deadline for the stage that it is in."""

    def __init__(self, config: uvicorn.Config, state: ServerState, door: "_Door", limits: Limits) -> None:
        super().__init__(config, state, {})
        self.hang_up: Callable[[], object]
        self.is_made = False
        self._door = door
        self._limits = limits
        self._stage: tuple[str, object] = ("", None)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Starts the clock."""
        super().connection_made(transport)
        self.is_made = True
        self.hang_up = transport.abort
        self._follow()

    def data_received(self, data: bytes) -> None:
        """Takes bytes, which may be a request, a part of one, or no HTTP at all."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Begins to wait for the next request, or to answer one that was sent ahead."""
        super().on_response_complete()
        self._follow()

    def pause_writing(self) -> None:
        """Begins to wait for the client to read."""
        super().pause_writing()
        self._door.note(self, busy=False)

    def resume_writing(self) -> None:
        """Goes on with the answer, since the client reads."""
        super().resume_writing()
        self._door.note(self, busy=self._stage[0] == "answer")

    def connection_lost(self, exc: Exception | None) -> None:
        """Leaves."""
        super().connection_lost(exc)
        self._door.leave(self)
        if self._deadline is not None:
            self._deadline.cancel()

    def _follow(self) -> None:
        """Sets another deadline where another stage has begun; more bytes of the same request do not postpone it."""
        if self.cycle is not None and not self.cycle.response_complete:
            stage, seconds = "answer", self._limits.answer
        elif self.cycle is None or self.conn.trailing_data[0] or self._stage == ("head", self.cycle):
            stage, seconds = "head", self._limits.head
        else:
            stage, seconds = "idle", self._limits.idle
        if self._stage == (stage, self.cycle):
            return
        self._stage = (stage, self.cycle)
        self._door.note(self, busy=stage == "answer")
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.hang_up)


class _Door:
    """Who is inside; those who wait for their client, to ask or to read, in the order in which they began to wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[_Connection, None] = {}
        self._busy: set[_Connection] = set()

    def enter(self, connection: _Connection) -> bool:
        """Lets somebody in, for whom the longest waiting leaves where it is full; False where all are busy."""
        if len(self._waiting) + len(self._busy) >= self._most:
            longest = next(iter(self._waiting), None)
            if longest is None:
                return False
            self.leave(longest)
            longest.hang_up()
        self._waiting[connection] = None
        return True

    def note(self, connection: _Connection, *, busy: bool) -> None:
        """Notes that a request is being answered, or that a client is waited for; ignores who was sent away."""
        if connection not in self._waiting and connection not in self._busy:
            return
        self.leave(connection)
        if busy:
            self._busy.add(connection)
        else:
            self._waiting[connection] = None

    def leave(self, connection: _Connection) -> None:
        """Notes that somebody has left."""
        self._busy.discard(connection)
        self._waiting.pop(connection, None)
