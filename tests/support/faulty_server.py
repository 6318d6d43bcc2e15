"""A raw-socket HTTP server for faults that a correct server does not have; one answer per connection."""

import itertools
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.daemons import PATIENCE

Answer = Callable[[socket.socket], None]

OK = b"HTTP/1.1 200 OK\r\n"


@dataclass
class Served:
    """The server's URL and the request heads that it has read so far."""

    url: str
    heads: list[str] = field(default_factory=list)


@contextmanager
def serve(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Serves on a free port of 127.0.0.1: the n-th connection gets the n-th answer, later ones the last."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Served(f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}")
        closing = threading.Event()
        thread = threading.Thread(target=_accept, args=(listener, tls, answers, served, closing))
        thread.start()
        try:
            yield served
        finally:
            closing.set()
            with suppress(OSError), socket.create_connection(listener.getsockname(), timeout=PATIENCE):
                pass
            thread.join()


def raw(data: bytes) -> Answer:
    """Sends exactly these bytes and closes."""
    return lambda connection: connection.sendall(data)


def body(content: bytes, *headers: str, status: str = "200 OK") -> Answer:
    """A complete and correct answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers, "Connection: close", "", ""]
    return raw("\r\n".join(lines).encode() + content)


def cut(content: bytes, missing: int = 1, *headers: str) -> Answer:
    """An answer that declares more bytes than it sends."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(content) + missing}", *headers, "", ""]
    return raw("\r\n".join(lines).encode() + content)


def cut_chunks(content: bytes) -> Answer:
    """A chunked answer without its last chunk."""
    return raw(OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(content), content))


def reset(connection: socket.socket) -> None:
    """Closes with a TCP reset instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silence(connection: socket.socket) -> None:
    """Reads without an answer until the client goes away."""
    while connection.recv(4096):
        pass


def endless(piece: bytes, *headers: str, pause: float = 0) -> Answer:
    """A body without an end: the same piece again and again, `pause` seconds apart, until the client goes away."""

    def answer(connection: socket.socket) -> None:
        connection.sendall("\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode())
        gone = threading.Event()
        while not gone.wait(pause):
            connection.sendall(piece)

    return answer


def _accept(
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    answers: tuple[Answer, ...],
    served: Served,
    closing: threading.Event,
) -> None:
    for number in itertools.count():
        connection, _ = listener.accept()
        connection.settimeout(PATIENCE)
        with ExitStack() as closed, suppress(OSError):
            closed.enter_context(connection)
            if closing.is_set():
                return
            if tls is not None:
                connection = closed.enter_context(tls.wrap_socket(connection, server_side=True))
            served.heads.append(_head(connection))
            answers[min(number, len(answers) - 1)](connection)


def _head(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
        data += more
    return data.decode("latin-1")
