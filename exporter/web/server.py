"""The HTTP server: uvicorn with a deadline for each connection and a limit on their number."""

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

# uvicorn logs a warning for every invalid request, and port scanners send many.
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

STOP_SECONDS = 1
# Waits for sockets to close when the process has no file descriptors left.
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Limits:
    """The number of connections at once, and the seconds that each stage of one may take.

    `handshake` is TLS, `head` lasts until a request's head has arrived, `answer` until the client has taken the whole
    response, `idle` from one request to the next: longer than two minutes, the longest sensible scrape interval.
    """

    connections: int = 512
    handshake: float = 10.0
    head: float = 10.0
    answer: float = 60.0
    idle: float = 130.0


class Server(uvicorn.Server):
    """Serves an application on listening sockets. `tls` is called for each connection; None means plain HTTP."""

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
                # Longer than `Limits.idle`, which also ends a connection whose client does not read.
                timeout_keep_alive=3600,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._tls = tls
        self._limits = limits or Limits()
        self._open_connections = _OpenConnections(self._limits.connections)
        self._tasks: set[asyncio.Task[None]] = set()
        self._every: tuple[float, Callable[[], Awaitable[None]]] | None = None
        self._called = float("-inf")

    def call_every(self, seconds: float, call: Callable[[], Awaitable[None]]) -> None:
        """Calls `call` every so many seconds while the server runs."""
        self._every = seconds, call

    async def on_tick(self, counter: int) -> bool:
        """Runs ten times a second; uses the monotonic clock, while uvicorn's own callback uses the wall clock."""
        if self._every is not None:
            seconds, call = self._every
            now = asyncio.get_running_loop().time()
            if now - self._called >= seconds:
                self._called = now
                await call()
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts accepting connections; uvicorn's own method has one TLS configuration and no deadline."""
        self.servers = []
        for listener in sockets or []:
            listener.setblocking(False)
            self._start(self._accept(listener))
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops accepting connections and closes those that wait."""
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
            connection = _Connection(self.config, self.server_state, self._open_connections, self._limits)
            if not self._open_connections.admit(connection):
                accepted.close()
                continue
            task = self._start(self._open(connection, accepted))
            task.add_done_callback(partial(self._clear_away, connection, accepted))
            connection.hang_up = task.cancel
            # With many clients waiting, accepting never blocks: the open connections must get their share of the loop.
            await asyncio.sleep(0)

    async def _open(self, connection: "_Connection", accepted: socket.socket) -> None:
        tls = self._tls()
        handshake = None if tls is None else self._limits.handshake
        # The client is gone or did not finish its TLS handshake in time: no response could reach it.
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=tls, ssl_handshake_timeout=handshake, ssl_shutdown_timeout=handshake
            )

    def _clear_away(self, connection: "_Connection", accepted: socket.socket, _opening: asyncio.Task[None]) -> None:
        """Closes a socket that did not become a connection; a connection closes its own."""
        if not connection.is_made:
            self._open_connections.remove(connection)
            accepted.close()

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Connection(H11Protocol):
    """uvicorn's connection with a deadline for its current stage."""

    def __init__(
        self, config: uvicorn.Config, state: ServerState, open_connections: "_OpenConnections", limits: Limits
    ) -> None:
        super().__init__(config, state, {})
        self.hang_up: Callable[[], object]
        self.is_made = False
        self._open_connections = open_connections
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
        """Takes bytes: a request, a part of one, or no HTTP at all."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Starts waiting for the next request, or answers a pipelined one."""
        super().on_response_complete()
        self._follow()

    def pause_writing(self) -> None:
        """Starts waiting for the client to read."""
        super().pause_writing()
        self._open_connections.mark(self, busy=False)

    def resume_writing(self) -> None:
        """Continues the response, since the client reads."""
        super().resume_writing()
        self._open_connections.mark(self, busy=self._stage[0] == "answer")

    def connection_lost(self, exc: Exception | None) -> None:
        """Removes the connection."""
        super().connection_lost(exc)
        self._open_connections.remove(self)
        if self._deadline is not None:
            self._deadline.cancel()

    def _follow(self) -> None:
        """Sets a new deadline if a new stage has begun; more bytes of the same request do not postpone it."""
        if self.cycle is not None and not self.cycle.response_complete:
            stage, seconds = "answer", self._limits.answer
        elif self.cycle is None or self.conn.trailing_data[0] or self._stage == ("head", self.cycle):
            stage, seconds = "head", self._limits.head
        else:
            stage, seconds = "idle", self._limits.idle
        if self._stage == (stage, self.cycle):
            return
        self._stage = (stage, self.cycle)
        self._open_connections.mark(self, busy=stage == "answer")
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.hang_up)


class _OpenConnections:
    """The open connections; `_waiting` has those that wait for their client to send or read, longest wait first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[_Connection, None] = {}
        self._busy: set[_Connection] = set()

    def admit(self, connection: _Connection) -> bool:
        """Admits a connection; when full, closes the one that has waited longest. False if all are busy."""
        if len(self._waiting) + len(self._busy) >= self._most:
            longest = next(iter(self._waiting), None)
            if longest is None:
                return False
            self.remove(longest)
            longest.hang_up()
        self._waiting[connection] = None
        return True

    def mark(self, connection: _Connection, *, busy: bool) -> None:
        """Marks a connection as answering a request or as waiting for its client; ignores one that was closed."""
        if connection not in self._waiting and connection not in self._busy:
            return
        self.remove(connection)
        if busy:
            self._busy.add(connection)
        else:
            self._waiting[connection] = None

    def remove(self, connection: _Connection) -> None:
        """Removes a closed connection."""
        self._busy.discard(connection)
        self._waiting.pop(connection, None)
