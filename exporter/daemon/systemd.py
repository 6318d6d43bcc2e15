"""Tells systemd how the daemon is: the datagrams of sd_notify(3), where the environment asks for them."""

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

BEAT_SECONDS = 5.0

# So many beats may be late, since a large publication holds Python for seconds.
_MISSED_BEATS = 4
# A service manager that does not read must not stop the daemon.
_PATIENCE_SECONDS = 1.0


def notify(environ: Mapping[str, str], *states: str) -> bool:
    """Sends states such as `READY=1` to the socket that NOTIFY_SOCKET names; says whether they were sent.

    A name that begins with @ is an abstract socket of Linux. Never raises: nobody may listen any more.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(_PATIENCE_SECONDS)
        sender.connect(address)
        sender.sendall("\n".join(states).encode())
        return True
    return False


def watchdog_seconds(environ: Mapping[str, str], pid: int) -> int | None:
    """How often to send `WATCHDOG=1`: twice in the time after which systemd gives the process up; None for never."""
    patience = environ.get("WATCHDOG_USEC", "")
    if not patience.isdecimal() or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return max(1, int(patience) // 2_000_000)


@dataclass
class Watchdog:
    """Knows whether the daemon is `alive`: the scheduler makes it `beat`, and the web's event loop lets it `pet`.

    A scheduler that starts no more jobs shows on `/-/healthy`, and it and a web that answers no more end in a restart
    by systemd, which is told `WATCHDOG=1` only while both live.
    """

    environ: Mapping[str, str]
    monotonic: Callable[[], float]
    beaten: float = field(init=False)

    def __post_init__(self) -> None:
        self.beat()

    def beat(self) -> None:
        """Notes that the scheduler runs jobs; due every `BEAT_SECONDS`."""
        self.beaten = self.monotonic()

    def alive(self) -> bool:
        """Whether the last beat is young."""
        return self.monotonic() - self.beaten < BEAT_SECONDS * _MISSED_BEATS

    async def pet(self) -> None:
        """Tells systemd that all is well, if it is."""
        if self.alive():
            notify(self.environ, "WATCHDOG=1")
