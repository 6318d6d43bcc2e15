"""The daemon's life: listen, start, wait for a signal, and stop within five seconds even in the middle of a poll."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from time import monotonic, sleep

import uvicorn

from exporter.app import Exporter
from exporter.log import event
from exporter.sd_notify import BEAT_SECONDS, Watchdog, notify, watchdog_seconds
from exporter.sections import Address
from exporter.signals import caught
from exporter.web.application import application

logger = logging.getLogger(__name__)

ENDING = (signal.SIGTERM, signal.SIGINT)

_WEB_STOP_SECONDS = 1
_POLL_STOP_SECONDS = 2.0
_PUSH_STOP_SECONDS = 3.0


def listen(address: Address) -> socket.socket:
    """A listening socket; raises OSError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in address.host or not address.host else socket.AF_INET
    dual = family == socket.AF_INET6 and not address.host
    listener = socket.create_server((address.host, address.port), family=family, dualstack_ipv6=dual, backlog=1024)
    # asyncio does this for its own sockets only; without it an answer on a kept connection may wait 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run(exporter: Exporter, listener: socket.socket, started: Callable[[str], None]) -> None:
    """Serves and polls until SIGTERM or SIGINT. `started` hears the URL once values of the last run are served.

    A poll that waits for a vendor's answer is left behind: what it stored are whole days, and nothing else counts.
    """
    watchdog = Watchdog(os.environ, monotonic)
    watchdog_pause = watchdog_seconds(os.environ, os.getpid())
    server = uvicorn.Server(
        uvicorn.Config(
            application(exporter.pages()),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_WEB_STOP_SECONDS,
            callback_notify=watchdog.pet if watchdog_pause else None,
            timeout_notify=watchdog_pause or 0,
        )
    )
    web = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    with caught(ENDING) as signals:
        exporter.scheduler.every(BEAT_SECONDS, "heartbeat", watchdog.beat)
        exporter.start()
        web.start()
        url = _url(listener)
        event(logger, logging.INFO, "listening", url=url)
        notify(os.environ, "READY=1", f"STATUS=Serving {url}")
        started(url)
        signals.wait()
        notify(os.environ, "STOPPING=1")
        event(logger, logging.INFO, "stopping")
        exporter.end()
        ended = monotonic()
        server.should_exit = True
        web.join(_WEB_STOP_SECONDS + 1)
        if exporter.pusher is not None:
            exporter.pusher.wait(ended + _PUSH_STOP_SECONDS - monotonic())
        _leave_polls(exporter, ended + _POLL_STOP_SECONDS)


def _leave_polls(exporter: Exporter, deadline: float) -> None:
    """Gives polls a moment to end; what they stored are whole days, so a poll may be cut anywhere."""
    while exporter.polling and monotonic() < deadline:
        sleep(0.02)
    if exporter.polling:
        # A thread that waits in a socket cannot be woken, and Python would wait for it.
        logging.shutdown()
        os._exit(0)
    exporter.store.close()


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared with, not bound to
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
