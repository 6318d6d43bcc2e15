"""Notifies systemd by the datagrams of sd_notify(3), where the environment asks for them."""

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

BEAT_SECONDS = 5.0

# A large publication delays beats by seconds.
_MISSED_BEATS = 4
# A service manager that does not read must not stop the daemon.
_SEND_SECONDS = 1.0


def notify(environ: Mapping[str, str], *states: str) -> bool:
    """Sends states such as `READY=1` to the socket in NOTIFY_SOCKET; returns whether they were sent.

    A name that begins with @ is an abstract socket of Linux. Never raises: the service manager may be gone.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(_SEND_SECONDS)
        sender.connect(address)
        sender.sendall("\n".join(states).encode())
        return True
    return False


def watchdog_seconds(environ: Mapping[str, str], pid: int) -> int | None:
    """The seconds between two `WATCHDOG=1`: half the time after which systemd kills the process; None for never."""
    limit = environ.get("WATCHDOG_USEC", "")
    if not limit.isdecimal() or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return max(1, int(limit) // 2_000_000)


@dataclass
class Watchdog:
    """Whether the daemon is `alive`: the scheduler calls `beat`, and the web's event loop calls `pet`.

    `/-/healthy` fails when the scheduler starts no more jobs. systemd gets `WATCHDOG=1` only while both run, and else
    restarts the daemon.
    """

    environ: Mapping[str, str]
    monotonic: Callable[[], float]
    beaten: float = field(init=False)

    def __post_init__(self) -> None:
        self.beat()

    def beat(self) -> None:
        """Records that the scheduler runs jobs; called every `BEAT_SECONDS`."""
        self.beaten = self.monotonic()

    def alive(self) -> bool:
        """Whether the last beat is recent."""
        return self.monotonic() - self.beaten < BEAT_SECONDS * _MISSED_BEATS

    async def pet(self) -> None:
        """Sends `WATCHDOG=1` while alive."""
        if self.alive():
            notify(self.environ, "WATCHDOG=1")
