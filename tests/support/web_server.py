"""The web server on a free port of loopback, and raw connections to it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp

from exporter.config.sections import Address
from exporter.daemon.run import listen
from exporter.web.server import Limits, Server
from tests.support.daemons import PATIENCE


@contextmanager
def serving(
    app: ASGIApp,
    limits: Limits | None = None,
    tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    host: str = "127.0.0.1",
    send_buffer: int | None = None,
) -> Iterator[Address]:
    """Serves an application until the block ends; `send_buffer` is the kernel's buffer for a client, in bytes."""
    listener = listen(Address(host, 0))
    if send_buffer is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    server = Server(app, tls, limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Address(*listener.getsockname()[:2])
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def connect(address: Address, sent: bytes = b"") -> socket.socket:
    """A connection on which these bytes were sent."""
    connection = socket.create_connection((address.host, address.port), timeout=PATIENCE)
    connection.sendall(sent)
    return connection


def receives(connection: socket.socket, wanted: bytes) -> bool:
    """Whether the connection delivers these bytes before it closes."""
    found = b""
    while wanted not in found and (more := connection.recv(65536)):
        found += more
    return wanted in found


def received(connection: socket.socket) -> bytes:
    """Everything that the connection delivers until it is closed."""
    found = b""
    try:
        while more := connection.recv(65536):
            found += more
    except ConnectionResetError:
        pass
    return found
