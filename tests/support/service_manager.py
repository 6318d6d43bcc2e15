"""systemd's end of the notification socket."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def service_manager(address: Path) -> Iterator[Iterator[str]]:
    """The messages as they arrive, until none arrives for ten seconds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(address))
        receiver.settimeout(10)
        yield messages(receiver)


def messages(receiver: socket.socket) -> Iterator[str]:
    while True:
        try:
            message = receiver.recv(1000).decode()
        except TimeoutError:
            return
        yield message
        if message == "STOPPING=1":
            receiver.settimeout(0.1)
