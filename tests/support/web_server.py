"""The web server on a free port of loopback, and clients that behave badly."""

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
    """Serves an application until the block ends; `send_buffer` is how many bytes the kernel takes for a client."""
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


def connect(address: Address, said: bytes = b"") -> socket.socket:
    """A connection on which something was said."""
    connection = socket.create_connection((address.host, address.port), timeout=PATIENCE)
    connection.sendall(said)
    return connection


def hears(connection: socket.socket, wanted: bytes) -> bool:
    """Whether a connection brings something."""
    found = b""
    while wanted not in found and (more := connection.recv(65536)):
        found += more
    return wanted in found


def heard(connection: socket.socket) -> bytes:
    """What a connection brings until it is closed."""
    found = b""
    try:
        while more := connection.recv(65536):
            found += more
    except ConnectionResetError:
        pass
    return found
